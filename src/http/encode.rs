//! Writes the head of an answer. Appending to a `Vec` that keeps its capacity allocates nothing.

use std::fmt;

use super::chars::{is_field_value_byte, is_token};
use super::control::Persistence;
use super::date::Date;
pub(crate) use super::lists::field;
use super::lists::{self, List, Lists};
use super::status::Status;

/// The interim answer that lets a client send its content (RFC 9110 §15.2.1).
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The chunk that ends a body, without trailers (RFC 9112 §7.1).
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Fields that the connection writes itself, because its framing depends on them.
const RESERVED: [&str; 4] = ["Connection", "Content-Length", "Date", "Transfer-Encoding"];

/// Why something cannot be a field of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidField {
    /// Its name is empty or has a character that names do not have.
    Name,
    /// Its value has a control character, such as a line end.
    Value,
    /// The server writes this field itself.
    Reserved,
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidField::Name => {
                "a field's name is made of letters, digits and some of -_.!#$%&'*+^`|~"
            }
            InvalidField::Value => "a field's value has no control characters, such as line ends",
            InvalidField::Reserved => "the server writes this field itself; leave it out",
        })
    }
}

impl std::error::Error for InvalidField {}

/// Field lines that are checked once and then copied into every answer.
///
/// `Allow`, `Upgrade` and `Vary` are lists: each has one line, with the members of all that is given,
/// also with those that the server says itself. An answer with `Upgrade` names it in `Connection`.
///
/// ```
/// use oneloop::FieldBlock;
/// let fields = FieldBlock::new().with("Cache-Control", "no-store")?;
/// assert!(fields.with("X", "a\r\nSet-Cookie: b").is_err());
/// # Ok::<(), oneloop::InvalidField>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldBlock {
    lines: Vec<u8>,
    lists: Lists,
}

impl FieldBlock {
    /// No fields.
    pub fn new() -> FieldBlock {
        FieldBlock::default()
    }

    /// These fields and one more.
    ///
    /// # Errors
    /// If the name or the value would break the head, or the server writes that field itself.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<FieldBlock, InvalidField> {
        let value = value.as_ref();
        check_field(name, value)?;
        match List::named(name) {
            Some(_) => lists::add(&mut self.lines, 0, &mut self.lists, name, value),
            None => field(&mut self.lines, name, value),
        }
        Ok(self)
    }

    /// These fields, and those of `other` behind them.
    pub fn and(mut self, other: &FieldBlock) -> FieldBlock {
        match self.lists.overlap(other.lists) {
            true => lists::add_lines(&mut self.lines, 0, &mut self.lists, &other.lines),
            false => self.lines.extend_from_slice(&other.lines),
        }
        self.lists.extend(other.lists);
        self
    }

    pub(crate) fn lines(&self) -> &[u8] {
        &self.lines
    }

    pub(crate) fn lists(&self) -> Lists {
        self.lists
    }
}

/// Whether this may be a field of an answer.
pub(crate) fn check_field(name: &str, value: &[u8]) -> Result<(), InvalidField> {
    if !is_token(name.as_bytes()) {
        return Err(InvalidField::Name);
    }
    if !value.iter().all(|byte| is_field_value_byte(*byte)) {
        return Err(InvalidField::Value);
    }
    match RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        true => Err(InvalidField::Reserved),
        false => Ok(()),
    }
}

/// The status line and the `Date`.
#[inline]
pub(crate) fn start(out: &mut Vec<u8>, status: Status, date: &Date) {
    match status == Status::OK {
        true => out.extend_from_slice(date.ok_and_line()),
        false => start_other(out, status, date),
    }
}

/// The same, of an answer that is not 200.
fn start_other(out: &mut Vec<u8>, status: Status, date: &Date) {
    match status.line() {
        Some(line) => out.extend_from_slice(line),
        None => {
            out.extend_from_slice(b"HTTP/1.1 ");
            out.extend_from_slice(itoa::Buffer::new().format(status.code()).as_bytes());
            out.extend_from_slice(b" \r\n");
        }
    }
    out.extend_from_slice(date.line());
}

/// The `Content-Length` line.
pub(crate) fn content_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The line that says that the body comes in chunks.
pub(crate) fn chunked(out: &mut Vec<u8>) {
    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
}

/// Leaves room for the line before a chunk that will probably have `likely` bytes. These are then
/// appended, and [`close_chunk`] called.
pub(crate) fn open_chunk(out: &mut Vec<u8>, likely: usize) {
    out.resize(out.len() + size_line_bytes(likely), b'0');
}

/// Ends the chunk whose line begins at `start`, and which has turned out to have this many `bytes`.
/// An empty chunk is taken back: it would be the last. The bytes are moved only if the line has
/// become shorter or longer than was thought.
pub(crate) fn close_chunk(out: &mut Vec<u8>, start: usize, bytes: usize) {
    let content = out.len() - bytes;
    if bytes == 0 {
        out.truncate(start);
        return;
    }
    let mut line = [b'\n'; 2 * size_of::<usize>() + 2];
    let len = size_line_bytes(bytes);
    line[len - 2] = b'\r';
    let mut rest = bytes;
    for digit in line[..len - 2].iter_mut().rev() {
        *digit = b"0123456789abcdef"[rest % 16];
        rest /= 16;
    }
    out.splice(start..content, line[..len].iter().copied());
    out.extend_from_slice(b"\r\n");
}

/// The length of the line before a chunk of `bytes` bytes.
fn size_line_bytes(bytes: usize) -> usize {
    let digits = bytes.max(1).ilog2() / 4 + 1;
    digits as usize + 2
}

/// The `Connection` line, where one is needed, and the empty line, of a head with these `lists`.
pub(crate) fn end(out: &mut Vec<u8>, persistence: Persistence, lists: Lists) {
    if lists.has(List::Upgrade) {
        return end_with_upgrade(out, persistence);
    }
    // Each its own call: the usual one copies two bytes, and how many is known there.
    match persistence {
        Persistence::Keep => out.extend_from_slice(b"\r\n"),
        Persistence::KeepStated => out.extend_from_slice(b"Connection: keep-alive\r\n\r\n"),
        Persistence::Close => out.extend_from_slice(b"Connection: close\r\n\r\n"),
    }
}

/// RFC 9110 §7.8: `Upgrade` is for this connection alone, so `Connection` names it.
#[cold]
fn end_with_upgrade(out: &mut Vec<u8>, persistence: Persistence) {
    out.extend_from_slice(match persistence {
        Persistence::Keep => b"Connection: upgrade\r\n\r\n",
        Persistence::KeepStated => b"Connection: keep-alive, upgrade\r\n\r\n",
        Persistence::Close => b"Connection: close, upgrade\r\n\r\n",
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_head_is_what_the_rfc_says() {
        let mut out = Vec::new();
        start(&mut out, Status::OK, &Date::new(SystemTime::UNIX_EPOCH));
        field(&mut out, "A", b"b");
        content_length(&mut out, 1024);
        end(&mut out, Persistence::KeepStated, Lists::default());
        let head = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nA: b\r\n\
                    Content-Length: 1024\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&out), head);
    }

    #[test]
    fn a_status_without_a_name_keeps_the_space_before_it() {
        let mut out = Vec::new();
        let status = Status::try_from(299).expect("a final status");
        start(&mut out, status, &Date::new(SystemTime::UNIX_EPOCH));
        assert!(out.starts_with(b"HTTP/1.1 299 \r\n"));
    }

    #[test]
    fn fields_that_would_break_a_head_are_refused() {
        assert_eq!(check_field("X", b"caf\xc3\xa9\t1"), Ok(()));
        for name in ["", "a b", "a:", "a\r\n"] {
            assert_eq!(check_field(name, b""), Err(InvalidField::Name));
        }
        for value in [&b"a\r\nb"[..], b"a\nb", b"a\0", b"\x7f"] {
            assert_eq!(check_field("X", value), Err(InvalidField::Value));
        }
        assert_eq!(check_field("content-LENGTH", b"5"), Err(InvalidField::Reserved));
    }
}
