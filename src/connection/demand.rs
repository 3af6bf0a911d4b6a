//! What a connection asks of the loop around it, and what it has to be told.

use crate::metrics::CloseReason;

/// What a connection wants done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Demand {
    /// Receive, and report by `on_bytes` or `on_eof`.
    Receive,
    /// Nothing but a budget: what has come is kept, and not looked at yet. Report by `on_resume`.
    Resume,
    /// Send what `owed` says, and report by `on_sent`.
    Send,
    /// The same, and then send what `file_piece` says, and report by `on_file_sent`.
    SendFile,
    /// Nothing but to wait for the time that `deadline` says, and then report by `on_deadline`; or
    /// for the loss of the connection.
    Pause,
    /// Receive and throw away, and report by `on_discarded` or `on_eof`.
    Discard,
    /// Close.
    Close(CloseReason),
}

/// Whether the kernel may hold input that we have not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// It holds none, as far as we know.
    Nothing,
    /// It may hold some.
    Perhaps,
}
