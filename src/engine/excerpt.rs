//! The beginning of what a client has sent, as a value that can be shown anywhere.

use std::fmt::{self, Debug, Display, Formatter, Write};

/// The first bytes of something that a client has sent, as many as a line of a terminal has room for.
///
/// Its [`Display`] has printable ASCII as it is and other bytes as `\xHH`, so whatever a client sends,
/// it stays one line of text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Excerpt {
    bytes: [u8; Excerpt::BYTES_MAX],
    len: u8,
    /// There was more.
    is_cut: bool,
}

impl Excerpt {
    /// How many bytes it has at most.
    pub const BYTES_MAX: usize = 80;

    /// The beginning of all these parts, one behind the other.
    pub(super) fn of(parts: &[&[u8]]) -> Excerpt {
        let mut excerpt = Excerpt { bytes: [0; Excerpt::BYTES_MAX], len: 0, is_cut: false };
        for part in parts {
            let at = usize::from(excerpt.len);
            let shown = &part[..part.len().min(Excerpt::BYTES_MAX - at)];
            excerpt.bytes[at..at + shown.len()].copy_from_slice(shown);
            excerpt.len += shown.len() as u8;
            excerpt.is_cut |= shown.len() < part.len();
        }
        excerpt
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Display for Excerpt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for byte in self.bytes() {
            match byte {
                b'\\' => f.write_str("\\x5C")?,
                b' '..=b'~' => f.write_char(char::from(*byte))?,
                _ => write!(f, "\\x{byte:02X}")?,
            }
        }
        f.write_str(if self.is_cut { "..." } else { "" })
    }
}

impl Debug for Excerpt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_sent_it_is_one_line_of_text() {
        let excerpt = Excerpt::of(&[b"GET", b" ", b"/\x1b[2J\\\r\n\xff"]);
        assert_eq!(excerpt.to_string(), "GET /\\x1B[2J\\x5C\\x0D\\x0A\\xFF");
    }

    #[test]
    fn what_is_longer_is_cut() {
        for (bytes, shown) in [(79, 79), (80, 80), (81, 83), (300, 83)] {
            assert_eq!(Excerpt::of(&[&vec![b'x'; bytes]]).to_string().len(), shown);
        }
        assert_eq!(Excerpt::of(&[&[b'x'; 80], b"y"]).to_string().len(), 83);
    }
}
