//! The tests' writer of chunked content (RFC 9112 §7.1).
//!
//! What a test sends in chunks it writes with this, so that one place decides how chunks look:
//! the digits above 9 of every other chunk are capital letters, because both are allowed.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

/// What ends chunked content without trailers.
pub const LAST: &[u8] = b"0\r\n\r\n";

/// Content in chunks, as far as it is written.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    bytes: Vec<u8>,
    count: usize,
}

impl Chunks {
    /// Nothing is written yet.
    pub fn new() -> Chunks {
        Chunks::default()
    }

    /// One chunk more, which must have data: no data would end the content. `extension` stands
    /// behind its size.
    pub fn push(&mut self, data: &[u8], extension: &str) {
        assert!(!data.is_empty(), "an empty chunk is the last");
        self.size_line(data.len(), extension);
        self.bytes.extend_from_slice(data);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// The end: the last chunk with its `extension`, and `trailers`, each with its line end.
    pub fn end(mut self, extension: &str, trailers: &str) -> Vec<u8> {
        self.size_line(0, extension);
        self.bytes.extend_from_slice(trailers.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes
    }

    fn size_line(&mut self, size: usize, extension: &str) {
        let digits = match self.count % 2 {
            0 => format!("{size:x}"),
            _ => format!("{size:X}"),
        };
        self.bytes.extend_from_slice(format!("{digits}{extension}\r\n").as_bytes());
        self.count += 1;
    }
}

/// `content` whole, in chunks of these sizes, over and over.
pub fn chunked(content: &[u8], sizes: &[usize], extension: &str, trailers: &str) -> Vec<u8> {
    let mut chunks = Chunks::new();
    let mut left = content;
    for size in sizes.iter().cycle().take_while(|size| **size > 0) {
        let (data, rest) = left.split_at((*size).min(left.len()));
        if data.is_empty() {
            break;
        }
        chunks.push(data, extension);
        left = rest;
    }
    assert!(left.is_empty(), "no size of a chunk is zero");
    chunks.end(extension, trailers)
}

/// One chunk, without the end of the content.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunks = Chunks::new();
    chunks.push(data, "");
    chunks.bytes
}
