//! Finds the content and the end of a chunked body (RFC 9112 §7.1), however it was cut.

/// How far a chunked body has come. Named for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// A chunk's size, of which `digits` have come.
    Size { value: u64, digits: u8 },
    /// The rest of a size's line: extensions, which mean nothing here.
    Extension { value: u64 },
    /// The LF of a size's line.
    SizeEnd { value: u64 },
    /// A chunk's content, of which `left` bytes are to come.
    Content { left: u64 },
    /// The CR behind a chunk's content.
    ContentReturn,
    /// The LF behind it.
    ContentEnd,
    /// A line of the trailers, of which nothing has come if it is empty.
    Trailer { empty: bool },
    /// The LF of a line of the trailers.
    TrailerEnd { empty: bool },
    /// Nothing more.
    Done,
}

/// Sixty bits: no server sends longer chunks.
const SIZE_DIGITS_MAX: u8 = 15;

/// What some bytes were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This many bytes of content.
    Content(usize),
    /// This many bytes of framing.
    Framing(usize),
}

impl Chunks {
    /// Before the first byte.
    pub const START: Chunks = Chunks::Size { value: 0, digits: 0 };

    /// Takes the next bytes, up to the end of a piece at most. There must be some to take.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Piece, &'static str> {
        if let Chunks::Content { left } = *self {
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            *self = match left - len as u64 {
                0 => Chunks::ContentReturn,
                left => Chunks::Content { left },
            };
            return Ok(Piece::Content(len));
        }
        let mut len = 0;
        for byte in bytes {
            *self = self.behind(*byte)?;
            len += 1;
            if matches!(self, Chunks::Content { .. } | Chunks::Done) {
                break;
            }
        }
        Ok(Piece::Framing(len))
    }

    /// Where the body is behind a byte that is no content.
    fn behind(self, byte: u8) -> Result<Chunks, &'static str> {
        match (self, byte) {
            (Chunks::Size { value, digits }, _) => match char::from(byte).to_digit(16) {
                Some(_) if digits == SIZE_DIGITS_MAX => Err("a chunk's size is too long"),
                Some(digit) => {
                    Ok(Chunks::Size { value: value * 16 + u64::from(digit), digits: digits + 1 })
                }
                None if digits == 0 => Err("a chunk has no size"),
                None if byte == b'\r' => Ok(Chunks::SizeEnd { value }),
                None if byte == b';' => Ok(Chunks::Extension { value }),
                None => Err("a chunk's size is not a number"),
            },
            (Chunks::Extension { value }, b'\r') => Ok(Chunks::SizeEnd { value }),
            (Chunks::Extension { .. }, b'\n') => Err("a chunk's size does not end in CR LF"),
            (Chunks::Extension { value }, _) => Ok(Chunks::Extension { value }),
            (Chunks::SizeEnd { value: 0 }, b'\n') => Ok(Chunks::Trailer { empty: true }),
            (Chunks::SizeEnd { value }, b'\n') => Ok(Chunks::Content { left: value }),
            (Chunks::ContentReturn, b'\r') => Ok(Chunks::ContentEnd),
            (Chunks::ContentEnd, b'\n') => Ok(Chunks::START),
            (Chunks::Trailer { empty }, b'\r') => Ok(Chunks::TrailerEnd { empty }),
            (Chunks::Trailer { .. }, b'\n') => Err("a trailer does not end in CR LF"),
            (Chunks::Trailer { .. }, _) => Ok(Chunks::Trailer { empty: false }),
            (Chunks::TrailerEnd { empty: true }, b'\n') => Ok(Chunks::Done),
            (Chunks::TrailerEnd { empty: false }, b'\n') => Ok(Chunks::Trailer { empty: true }),
            (Chunks::SizeEnd { .. } | Chunks::TrailerEnd { .. }, _) => {
                Err("a line of the chunks does not end in CR LF")
            }
            (Chunks::ContentReturn | Chunks::ContentEnd, _) => {
                Err("a chunk is longer than its size")
            }
            (Chunks::Content { .. } | Chunks::Done, _) => {
                unreachable!("content is taken as a whole, and nothing is taken behind the end")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content, and what is left behind the end; or why not.
    fn read(pieces: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
        let (mut chunks, mut content, mut rest) = (Chunks::START, Vec::new(), Vec::new());
        for piece in pieces {
            let mut bytes = *piece;
            while !bytes.is_empty() {
                if chunks == Chunks::Done {
                    rest.extend(bytes);
                    break;
                }
                let len = match chunks.take(bytes)? {
                    Piece::Content(len) => {
                        content.extend(&bytes[..len]);
                        len
                    }
                    Piece::Framing(len) => len,
                };
                bytes = &bytes[len..];
            }
        }
        (chunks == Chunks::Done).then_some((content, rest)).ok_or("no end")
    }

    const WHOLE: &[u8] = b"3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\nT: u\r\n\r\nrest";

    #[test]
    fn a_body_cut_at_every_two_places_is_the_same() {
        for first in 0..=WHOLE.len() {
            for second in first..=WHOLE.len() {
                let cut = read(&[&WHOLE[..first], &WHOLE[first..second], &WHOLE[second..]]);
                assert_eq!(cut, Ok((b"abc0123456789".to_vec(), b"rest".to_vec())));
            }
        }
    }

    #[test]
    fn what_is_no_chunk_is_told_from_one() {
        for wrong in [
            "\r\n",
            "g\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "3\nabc\r\n0\r\n\r\n",
            "3\rxabc",
            "3;\nabc",
            "3\r\nabcd\r\n",
            "3\r\nabc\rx",
            "1234567890123456\r\n",
            "0\r\nT\n\r\n",
            "0\r\nT\r\r\n",
            "0\r\n",
        ] {
            assert!(read(&[wrong.as_bytes()]).is_err(), "{wrong:?}");
        }
    }
}
