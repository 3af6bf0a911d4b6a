//! The header of a proxy, in front of what a peer has to say.

use std::time::Duration;

use oneloop::Config;

use super::{Merit, Pace, Piece, Script};
use crate::framing::{self, Message};
use crate::proxied::{HeaderFate, Proxied};

impl Script {
    /// Puts the header in front of everything.
    pub fn begin_with(&mut self, proxied: Proxied, config: &Config) {
        let header_bytes = proxied.header.len();
        if proxied.fate == HeaderFate::Cut {
            (self.bytes, self.pieces) = (Vec::new(), Vec::new());
        }
        self.bytes.splice(0..0, proxied.header.iter().copied());
        for piece in &mut self.pieces {
            piece.end += header_bytes;
            piece.holds_at = piece.holds_at.map(|at| at + header_bytes);
        }
        if let Some(pace) = proxied.pace {
            self.pieces.insert(0, Piece { holds_at: None, end: header_bytes, pace });
            // It may take longer than there is time for.
            self.merit = Merit::Slow;
        } else {
            // It comes with the first request, unless that drips.
            let at_once = Pace::Any { bytes_max: header_bytes, pause_max: Duration::ZERO };
            let behind = self.pieces.first().map_or(at_once, |piece| piece.pace);
            let pace = behind.without_pauses();
            if self.pieces.is_empty() || pace != behind {
                self.pieces.insert(0, Piece { holds_at: None, end: header_bytes, pace });
            }
        }
        self.proxied = Some(proxied);
        self.read_messages(config);
    }

    /// Where its first request may begin.
    pub fn requests_at(&self) -> usize {
        self.proxied.as_ref().map_or(0, |proxied| proxied.header.len())
    }

    /// After how many bytes its header is whole, if there is one and that ever happens.
    pub fn header_whole_at(&self) -> usize {
        match self.proxied.as_ref().map(|proxied| proxied.fate) {
            None | Some(HeaderFate::Whole) => self.requests_at(),
            Some(HeaderFate::Cut | HeaderFate::Wrong { .. }) => usize::MAX,
        }
    }

    /// Has the model say what stands behind the header, if that is ever looked at.
    pub(super) fn read_messages(&mut self, config: &Config) {
        let at = self.requests_at();
        self.messages = match self.header_whole_at() {
            usize::MAX => Vec::new(),
            _ => {
                let requests = self.bytes.get(at..).unwrap_or_default();
                let messages = framing::messages(requests, &config.limits);
                messages.into_iter().map(|message| behind(message, at)).collect()
            }
        };
    }
}

/// The same message, so many bytes later in what its peer sends.
fn behind(message: Message, bytes: usize) -> Message {
    Message {
        from: message.from + bytes,
        start: message.start + bytes,
        head_end: message.head_end.saturating_add(bytes),
        end: message.end.saturating_add(bytes),
        ..message
    }
}
