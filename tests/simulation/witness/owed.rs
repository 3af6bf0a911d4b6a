//! Answers that are given and not all written: in whole, or piece by piece as their source gives
//! them.

use oneloop::CloseReason;

use super::{Witness, Wrong};
use crate::answers::CONTINUE;
use crate::streamed::{Outcome, Streamed};

/// Bytes of an answer that are given.
#[derive(Debug)]
pub(super) struct Due {
    bytes: Vec<u8>,
    /// How many of them, the last ones, are sent from a file.
    file_bytes: usize,
    /// Whether the peer can tell that the answer ends with them.
    is_end: bool,
}

impl Due {
    /// How many of them the server has to hold.
    fn held_bytes(&self) -> usize {
        self.bytes.len() - self.file_bytes
    }
}

/// How bytes come to be owed, and cease to be.
impl Witness {
    /// An answer is given, or the head of one. So many of its last bytes are sent from a file.
    pub(super) fn give(&mut self, answer: Vec<u8>, file_bytes: usize) {
        let is_whole = self.streamed.as_ref().is_none_or(Streamed::is_whole);
        self.owe(Due { bytes: answer, file_bytes, is_end: is_whole });
    }

    fn owe(&mut self, due: Due) {
        self.largest_answer = self.largest_answer.max(due.held_bytes());
        self.due.push_back(due);
        let due_bytes = self.due.iter().map(Due::held_bytes).sum();
        self.due_bytes_peak = self.due_bytes_peak.max(due_bytes);
    }

    /// The source of the last answer has given so many bytes.
    pub fn on_piece(&mut self, bytes: usize, is_last: bool) -> Result<(), Wrong> {
        let owes = self.owes();
        let Some(streamed) = &mut self.streamed else {
            return Err("a source is asked behind the end of its answer".to_owned());
        };
        // The first piece may be sent together with the head.
        if owes && self.asked > 0 {
            return Err("a source is asked before its last piece is out".to_owned());
        }
        self.asked += 1;
        self.pieces += 1;
        // What turns out to be too much has been in memory all the same.
        self.largest_answer = self.largest_answer.max(bytes);
        let was_whole = streamed.is_whole();
        let (part, outcome) = streamed.on_piece(bytes, is_last);
        let is_end = streamed.is_whole() && !was_whole;
        match outcome {
            Outcome::GoesOn => {}
            Outcome::Complete => self.streamed = None,
            Outcome::Broken => {
                (self.streamed, self.last) = (None, Some(CloseReason::SourceBroken));
                self.logged.on_broken();
            }
        }
        self.logged.on_piece(part.len());
        match self.due.back_mut() {
            _ if !part.is_empty() => self.owe(Due { bytes: part, file_bytes: 0, is_end }),
            Some(due) => due.is_end |= is_end,
            None if is_end => self.ends.push(self.written),
            None => {}
        }
        self.hushed = !self.is_streaming() && !self.owes();
        self.logged.on_step(self.is_streaming());
        Ok(())
    }

    /// The server writes nothing. That is how it goes on behind an end of no bytes.
    pub fn on_empty_write(&mut self) -> Result<(), Wrong> {
        match std::mem::take(&mut self.hushed) {
            true => Ok(()),
            false => Err("a write of nothing".to_owned()),
        }
    }

    /// The server writes.
    pub fn on_write(&mut self, mut bytes: &[u8]) -> Result<(), Wrong> {
        while !bytes.is_empty() {
            let expected = match self.due.front() {
                Some(due) => &due.bytes[self.begun..],
                None if self.may_continue() => &CONTINUE[self.begun..],
                None => return Err(format!("nobody is owed {}", bytes.escape_ascii())),
            };
            let (now, later) = bytes.split_at(bytes.len().min(expected.len()));
            if now != &expected[..now.len()] {
                let (now, expected) = (now.escape_ascii(), expected.escape_ascii());
                return Err(format!("written is {now}\n instead of {expected}"));
            }
            bytes = later;
            self.written += now.len();
            self.begun += now.len();
            if !self.due.is_empty() {
                self.logged.on_taken(now.len());
            }
            let whole = self.due.front().map_or(CONTINUE.len(), |due| due.bytes.len());
            if self.begun == whole {
                self.begun = 0;
                match self.due.pop_front() {
                    Some(due) if due.is_end => self.ends.push(self.written),
                    Some(_) => {}
                    None => self.continues.push((self.handled, self.written)),
                }
            }
        }
        // A 100 lies behind answers, in their memory.
        if !self.owes() && !self.may_continue() {
            self.due_bytes_peak = 0;
        }
        self.logged.on_step(self.is_streaming());
        Ok(())
    }
}

/// What is owed.
impl Witness {
    /// Whether the server has begun to tell something and not told all of it.
    pub fn owes(&self) -> bool {
        !self.due.is_empty() || self.begun > 0
    }

    /// How many bytes that is.
    pub fn owed_bytes(&self) -> usize {
        self.due.iter().map(|due| due.bytes.len()).sum::<usize>().saturating_sub(self.begun)
    }

    /// Whether part of that is sent from a file.
    pub(super) fn owes_file(&self) -> bool {
        self.due.iter().any(|due| due.file_bytes > 0)
    }

    /// Whether more of the last answer is to come from its source.
    pub fn is_streaming(&self) -> bool {
        self.streamed.is_some()
    }

    /// Whether the last answer has not begun.
    pub fn is_late(&self) -> bool {
        self.late.is_some()
    }

    /// Whether nothing is owed until that gives more, or begins.
    pub fn is_pausing(&self) -> bool {
        (self.is_streaming() || self.is_late()) && !self.owes()
    }

    /// Whether the last answer has ended, and the server has not gone on by a write of nothing.
    pub fn is_hushed(&self) -> bool {
        self.hushed
    }

    /// Whether an answer is under way.
    pub fn is_answering(&self) -> bool {
        self.owes() || self.is_streaming() || self.is_late() || self.hushed
    }
}
