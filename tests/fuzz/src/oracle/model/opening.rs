//! What a peer says if its connection has to begin with a PROXY header, and what has to come of that.

use oneloop::{CloseReason, Limits};

use super::conversation::{Conversation, Reader};
use super::ending::Rest;
use super::proxy_header::{self, Header};

impl Conversation {
    /// The same of a client whose connection has to begin with a PROXY header.
    pub fn read_proxied(
        input: &[u8],
        limits: &Limits,
        is_alone: &dyn Fn(usize) -> bool,
    ) -> Conversation {
        let mut reader = Reader::new(input, limits, is_alone);
        reader.proxy_header();
        reader.messages()
    }

    /// Whether the server knows more of the client than its connection says once `said` bytes have come.
    pub fn is_told(&self, said: usize) -> bool {
        self.told.is_some() && said >= self.requests_at
    }
}

impl Reader<'_> {
    /// Reads what has to come before the first message, or as much of it as there is.
    fn proxy_header(&mut self) {
        match proxy_header::read(self.input) {
            Header::Whole { bytes, client } => {
                self.hold(bytes - 1);
                self.at = bytes;
                self.conversation.requests_at = bytes;
                self.conversation.told = client;
            }
            Header::Part => {
                self.hold(self.input.len());
                self.conversation.requests_at = self.input.len();
                self.wait(Rest::Header(self.input.len()));
            }
            Header::Wrong { at } => {
                self.hold(at - 1);
                self.conversation.requests_at = self.input.len();
                self.conversation.closed_at = Some(at);
                self.conversation.rest = Rest::Over(CloseReason::NoProxyHeader);
            }
        }
    }
}
