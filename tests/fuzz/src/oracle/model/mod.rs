//! What the server has to make of a stream of bytes, written from RFC 9112 and the README alone.
//!
//! Where the server is fast this is slow: it reads a byte at a time, keeps everything, and has no
//! limits but those it is given. [`conversation`] is the whole; [`head`] and [`chunks`] are the
//! two grammars, [`control`] and [`target`] what a head means, [`names`] what a path names in a
//! directory, and [`proxy_header`] what a proxy says before the first request.
//!
//! It also says *when*: a fault is told by the first byte after which the input cannot become a
//! request any more, and the server has to answer right then, however the bytes were cut.

pub mod chunks;
pub mod control;
pub mod conversation;
mod ending;
pub mod head;
pub mod names;
mod opening;
pub mod proxy_header;
pub mod target;

use oneloop::FaultKind;

/// How a peer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It closes its side.
    HalfClose,
    /// It says nothing more until its time is over.
    Silence,
    /// It resets the connection.
    Reset,
}

/// Why a reader has stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The input ends, and may go on well.
    More,
    /// What is wrong, and after how many bytes it is known. Where several things are wrong with
    /// the same byte, or with the same head, the server may name any of them.
    Fault { kinds: Vec<FaultKind>, at: usize },
}

impl Stop {
    fn fault(kind: FaultKind, at: usize) -> Stop {
        Stop::Fault { kinds: vec![kind], at }
    }
}

/// `token` of RFC 9110 §5.6.2 is made of these.
pub fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
        || "!#$%&'*+-.^_`|~".contains(char::from(byte))
}

/// `field-value` of RFC 9110 §5.5 is made of these: no control characters but the tab.
pub fn is_value(byte: u8) -> bool {
    byte == 9 || (byte >= 32 && byte != 127)
}

/// White space within a line.
pub fn is_space(byte: u8) -> bool {
    byte == 32 || byte == 9
}

/// Without the white space around it.
pub fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_space(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_space(*last)
    {
        bytes = rest;
    }
    bytes
}
