//! An answer as a client reads it.

use std::ops::Range;

/// What a client is sent for one request: see [`ask`](super::ask).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    raw: Vec<u8>,
    status: u16,
    /// Where its fields are, of which each is a line.
    fields: Range<usize>,
    body: Vec<u8>,
    is_whole: bool,
    is_last: bool,
}

/// How an answer says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Length(usize),
    LastChunk,
    OfConnection,
}

impl Answer {
    /// Its status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first field with this name, in any case of letters.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Its fields, in their order. A value that is no UTF-8 is left out.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        fields(&self.raw[self.fields.clone()])
    }

    /// Its content, without the framing of chunks.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Its content as text.
    ///
    /// # Panics
    /// If it is no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the content is text")
    }

    /// Everything that was sent, byte by byte, with interim answers before it.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether it came to its end, by its length, its last chunk, or the end of the connection.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether the server ends the connection behind it.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// Reads what has been sent so far, and then perhaps the end of the connection. `None` if a head
    /// has not come yet.
    pub(super) fn read(raw: &[u8], is_to_head: bool, is_last: bool) -> Option<Answer> {
        let mut start = 0;
        let (status, fields_at, body_at) = loop {
            let length = find(&raw[start..], b"\r\n\r\n")?;
            let line_end = find(&raw[start..], b"\r\n")?;
            let code = raw.get(start + "HTTP/1.1 ".len()..)?.get(..3)?;
            let status: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
            let head_end = start + length + 4;
            if status >= 200 {
                break (status, start + line_end + 2..start + length + 2, head_end);
            }
            start = head_end;
        };
        let named = |name: &str| {
            let mut all = fields(&raw[fields_at.clone()]);
            all.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let end = match named("Content-Length").map(str::parse) {
            _ if is_to_head || matches!(status, 204 | 304) => End::Length(0),
            Some(length) => End::Length(length.ok()?),
            None if named("Transfer-Encoding").is_some() => End::LastChunk,
            None => End::OfConnection,
        };
        let sent = &raw[body_at..];
        let (body, is_whole) = match end {
            End::Length(length) => (sent[..length.min(sent.len())].to_vec(), sent.len() >= length),
            End::LastChunk => unchunked(sent),
            End::OfConnection => (sent.to_vec(), is_last),
        };
        Some(Answer { raw: raw.to_vec(), status, fields: fields_at, body, is_whole, is_last })
    }
}

/// The fields in these lines.
fn fields(lines: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let lines =
        lines.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window == sought)
}

/// The content of as many chunks as are there, and whether the last one is.
fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line_end) = find(rest, b"\r\n") {
        let size = std::str::from_utf8(&rest[..line_end]).unwrap_or_default();
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { break };
        if size == 0 {
            return (body, true);
        }
        let chunk = &rest[line_end + 2..];
        body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        rest = chunk.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
