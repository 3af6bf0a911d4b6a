//! The decoder of chunked content (RFC 9112 §7.1): what is data, what stands around it, and where it
//! all ends.
//!
//! It takes every byte it is given, so no byte of a line is looked at twice, however the content was
//! cut into pieces.

use super::chars::{is_field_value_byte, is_space_byte, is_token_byte};
use super::fault::FaultKind;
use crate::config::Limits;

/// The longest line that gives a chunk's size, extensions and its CR included, in bytes. Above:
/// 400. We know of no program that uses extensions; this has room for a signature.
const CHUNK_LINE_BYTES_MAX: u32 = 256;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    Yes,
    No,
}

/// What some bytes of chunked content were.
pub(super) struct Parts {
    /// How many of them were taken: all, unless the content has ended.
    pub(super) taken: usize,
    /// How many of these are framing.
    pub(super) framing: usize,
    pub(super) done: Done,
}

/// What comes next in chunked content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Bytes of the content itself; how many.
    Data(usize),
    /// Bytes of what is around them; how many.
    Framing(usize),
    /// The last bytes of that; how many.
    End(usize),
}

/// The chunked decoder (RFC 9112 §7.1), a byte at a time except for data and for plain lines.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    part: ChunkPart,
    /// Data bytes still to come of this chunk; while its size is read, the size so far.
    size: u64,
    /// Bytes of this size line, to be held under [`CHUNK_LINE_BYTES_MAX`].
    line_bytes: u32,
    /// Bytes of extensions and trailers in the whole body, held under the limit of a head.
    aside_bytes: usize,
    /// Trailer fields, held under the limit of a head's.
    trailers: usize,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChunkPart {
    #[default]
    SizeStart,
    Size,
    Extension(Extension),
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailers(Trailer),
    End,
}

/// A part in `chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`, whose
/// value is a token or a quoted string. `BWS` is white space that a recipient has to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    BeforeSemicolon,
    NameStart,
    Name,
    AfterName,
    ValueStart,
    Value,
    Quoted,
    QuotedPair,
    AfterQuoted,
}

/// A part in the trailer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trailer {
    LineStart,
    Name,
    Value,
    LineFeed,
    LastLineFeed,
}

impl Chunks {
    /// Decodes `content` in part, of which the first `decoded` bytes are done. Says how many
    /// bytes it has taken in all, and whether the body has ended there.
    pub(super) fn decode(
        &mut self,
        content: &mut [u8],
        decoded: &mut usize,
        limits: &Limits,
    ) -> Result<(usize, Done), FaultKind> {
        let mut at = *decoded;
        while at < content.len() {
            match self.next(&content[at..], *decoded, limits)? {
                Part::Data(bytes) => {
                    content.copy_within(at..at + bytes, *decoded);
                    (*decoded, at) = (*decoded + bytes, at + bytes);
                }
                Part::Framing(bytes) => at += bytes,
                Part::End(bytes) => return Ok((at + bytes, Done::Yes)),
            }
        }
        Ok((at, Done::No))
    }

    /// Hands the data in `arrived` to `on_data`, piece by piece, and adds it to the `decoded` bytes
    /// before it.
    #[inline(always)]
    pub(super) fn parts(
        &mut self,
        arrived: &[u8],
        decoded: &mut usize,
        limits: &Limits,
        mut on_data: impl FnMut(&[u8]),
    ) -> Result<Parts, FaultKind> {
        let (mut taken, mut framing) = (0, 0);
        while taken < arrived.len() {
            match self.next(&arrived[taken..], *decoded, limits)? {
                Part::Data(bytes) => {
                    on_data(&arrived[taken..taken + bytes]);
                    (*decoded, taken) = (*decoded + bytes, taken + bytes);
                }
                Part::Framing(bytes) => (framing, taken) = (framing + bytes, taken + bytes),
                Part::End(bytes) => {
                    let (taken, framing) = (taken + bytes, framing + bytes);
                    return Ok(Parts { taken, framing, done: Done::Yes });
                }
            }
        }
        Ok(Parts { taken, framing, done: Done::No })
    }

    /// What stands at the start of `bytes`, which is not empty, after `decoded` bytes of content.
    #[inline(always)]
    fn next(&mut self, bytes: &[u8], decoded: usize, limits: &Limits) -> Result<Part, FaultKind> {
        if self.part == ChunkPart::Data {
            let piece = bytes.len().min(usize::try_from(self.size).unwrap_or(usize::MAX));
            self.size -= piece as u64;
            if self.size == 0 {
                self.part = ChunkPart::DataReturn;
            }
            return Ok(Part::Data(piece));
        }
        let taken = match self.take_line(bytes, decoded, limits)? {
            Some(line_bytes) => line_bytes,
            None => {
                self.part = self.after(bytes[0], decoded, limits)?;
                1
            }
        };
        Ok(if self.part == ChunkPart::End { Part::End(taken) } else { Part::Framing(taken) })
    }

    /// Takes the three lines that chunked content is usually made of, if `bytes` begin with a whole
    /// one: a size without extensions, the line end behind data, and the empty line at the end. Says
    /// how many bytes that is. Byte by byte, a line costs ten times as much.
    #[inline(always)]
    fn take_line(
        &mut self,
        bytes: &[u8],
        decoded: usize,
        limits: &Limits,
    ) -> Result<Option<usize>, FaultKind> {
        if self.part == ChunkPart::SizeStart {
            let Some((size, line_bytes)) = size_line(bytes) else { return Ok(None) };
            if size > (limits.body_bytes_max - decoded) as u64 {
                return Err(FaultKind::BodyTooLarge);
            }
            self.size = size;
            self.part = match size {
                0 => ChunkPart::Trailers(Trailer::LineStart),
                _ => ChunkPart::Data,
            };
            return Ok(Some(line_bytes));
        }
        if !bytes.starts_with(b"\r\n") {
            return Ok(None);
        }
        if self.part == ChunkPart::DataReturn {
            self.line_bytes = 0;
            self.part = ChunkPart::SizeStart;
            return Ok(Some(2));
        }
        let is_last = self.part == ChunkPart::Trailers(Trailer::LineStart)
            && self.aside_bytes + 2 <= limits.head_bytes_max;
        if is_last {
            self.part = ChunkPart::End;
        }
        Ok(is_last.then_some(2))
    }

    /// The part behind `byte`, which is no data. Kept off the way of plain lines.
    #[inline(never)]
    fn after(&mut self, byte: u8, decoded: usize, limits: &Limits) -> Result<ChunkPart, FaultKind> {
        let bad = Err(FaultKind::ChunkInvalid);
        match self.part {
            ChunkPart::SizeStart | ChunkPart::Size => self.in_size(byte, decoded, limits),
            ChunkPart::Extension(at) => {
                self.notice_line_byte()?;
                self.notice_aside(limits, FaultKind::ChunkInvalid)?;
                in_extension(at, byte)
            }
            ChunkPart::SizeLineFeed => match (byte, self.size) {
                (b'\n', 0) => Ok(ChunkPart::Trailers(Trailer::LineStart)),
                (b'\n', _) => Ok(ChunkPart::Data),
                _ => bad,
            },
            ChunkPart::DataReturn if byte == b'\r' => Ok(ChunkPart::DataLineFeed),
            ChunkPart::DataLineFeed if byte == b'\n' => {
                self.line_bytes = 0;
                Ok(ChunkPart::SizeStart)
            }
            ChunkPart::DataReturn | ChunkPart::DataLineFeed => bad,
            ChunkPart::Trailers(at) => {
                self.notice_aside(limits, FaultKind::TrailersTooLarge)?;
                self.in_trailers(at, byte, limits)
            }
            ChunkPart::Data | ChunkPart::End => {
                unreachable!("decode takes data itself and stops at the end")
            }
        }
    }

    /// `chunk-size = 1*HEXDIG`, and what may stand behind it.
    fn in_size(
        &mut self,
        byte: u8,
        decoded: usize,
        limits: &Limits,
    ) -> Result<ChunkPart, FaultKind> {
        self.notice_line_byte()?;
        if let Some(digit) = hex_digit(byte) {
            let shifted = self.size.checked_mul(16).ok_or(FaultKind::ChunkInvalid)?;
            self.size = shifted | u64::from(digit);
            return Ok(ChunkPart::Size);
        }
        if self.part == ChunkPart::SizeStart {
            return Err(FaultKind::ChunkInvalid);
        }
        if self.size > (limits.body_bytes_max - decoded) as u64 {
            return Err(FaultKind::BodyTooLarge);
        }
        after_part(byte, Extension::BeforeSemicolon)
    }

    fn notice_line_byte(&mut self) -> Result<(), FaultKind> {
        self.line_bytes += 1;
        match self.line_bytes > CHUNK_LINE_BYTES_MAX {
            true => Err(FaultKind::ChunkInvalid),
            false => Ok(()),
        }
    }

    fn notice_aside(&mut self, limits: &Limits, above: FaultKind) -> Result<(), FaultKind> {
        self.aside_bytes += 1;
        match self.aside_bytes > limits.head_bytes_max {
            true => Err(above),
            false => Ok(()),
        }
    }

    /// Trailer fields are checked, counted and dropped: none of them can be framing (RFC 9110
    /// §6.5.1).
    fn in_trailers(
        &mut self,
        at: Trailer,
        byte: u8,
        limits: &Limits,
    ) -> Result<ChunkPart, FaultKind> {
        let next = match (at, byte) {
            (Trailer::LineStart, b'\r') => Trailer::LastLineFeed,
            (Trailer::LineStart, byte) if is_token_byte(byte) => {
                self.trailers += 1;
                if self.trailers > limits.fields_max {
                    return Err(FaultKind::TrailersTooLarge);
                }
                Trailer::Name
            }
            (Trailer::Name, b':') => Trailer::Value,
            (Trailer::Name, byte) if is_token_byte(byte) => Trailer::Name,
            (Trailer::Value, b'\r') => Trailer::LineFeed,
            (Trailer::Value, byte) if is_field_value_byte(byte) => Trailer::Value,
            (Trailer::LineFeed, b'\n') => Trailer::LineStart,
            (Trailer::LastLineFeed, b'\n') => return Ok(ChunkPart::End),
            _ => return Err(FaultKind::ChunkInvalid),
        };
        Ok(ChunkPart::Trailers(next))
    }
}

/// The size in a line without extensions that `bytes` begin with, if the line is whole, and the
/// length of the line.
fn size_line(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut size = 0;
    // A size of 16 digits or more may not fit: such a one is read byte by byte.
    for (digits, byte) in bytes.iter().take(16).enumerate() {
        match hex_digit(*byte) {
            Some(digit) => size = size << 4 | u64::from(digit),
            None if digits > 0 && bytes[digits..].starts_with(b"\r\n") => {
                return Some((size, digits + 2));
            }
            None => return None,
        }
    }
    None
}

/// What this digit stands for. Nearly all are decimal, and found by one comparison.
#[inline(always)]
fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The part behind a byte of a chunk extension.
fn in_extension(at: Extension, byte: u8) -> Result<ChunkPart, FaultKind> {
    let next = match (at, byte) {
        (Extension::BeforeSemicolon | Extension::AfterName, b';') => Extension::NameStart,
        (Extension::Name | Extension::AfterName, b'=') => Extension::ValueStart,
        (Extension::NameStart | Extension::Name, byte) if is_token_byte(byte) => Extension::Name,
        (Extension::ValueStart | Extension::Value, byte) if is_token_byte(byte) => Extension::Value,
        (Extension::ValueStart, b'"') => Extension::Quoted,
        (Extension::Quoted, b'"') => Extension::AfterQuoted,
        (Extension::Quoted, b'\\') => Extension::QuotedPair,
        (Extension::Quoted | Extension::QuotedPair, byte) if is_field_value_byte(byte) => {
            Extension::Quoted
        }
        (Extension::Name, byte) => return after_part(byte, Extension::AfterName),
        (Extension::Value | Extension::AfterQuoted, byte) => {
            return after_part(byte, Extension::BeforeSemicolon);
        }
        // White space may surround `;` and `=`, and nothing else.
        (
            Extension::BeforeSemicolon
            | Extension::NameStart
            | Extension::AfterName
            | Extension::ValueStart,
            byte,
        ) if is_space_byte(byte) => at,
        _ => return Err(FaultKind::ChunkInvalid),
    };
    Ok(ChunkPart::Extension(next))
}

/// Behind a size, a name or a value: the line ends, white space leads to `spaced`, or the next
/// extension begins.
fn after_part(byte: u8, spaced: Extension) -> Result<ChunkPart, FaultKind> {
    match byte {
        b'\r' => Ok(ChunkPart::SizeLineFeed),
        b';' => Ok(ChunkPart::Extension(Extension::NameStart)),
        byte if is_space_byte(byte) => Ok(ChunkPart::Extension(spaced)),
        _ => Err(FaultKind::ChunkInvalid),
    }
}
