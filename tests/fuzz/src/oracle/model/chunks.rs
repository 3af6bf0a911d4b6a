//! Chunked content (RFC 9112 §7.1), byte by byte.

use oneloop::{FaultKind, Limits};

use super::{Stop, is_space, is_token, is_value};

/// The longest line that gives a chunk's size, its CR included, in bytes.
const SIZE_LINE_BYTES_MAX: usize = 256;

/// What has been decoded, and from where.
#[derive(Debug)]
pub struct Chunks<'a> {
    input: &'a [u8],
    limits: &'a Limits,
    /// How many bytes of the input have been read.
    pub at: usize,
    pub content: Vec<u8>,
    /// How much content there was after each byte that was read.
    pub growth: Vec<usize>,
    /// Bytes of extensions and trailers so far: together they may be as many as a head's.
    aside: usize,
}

impl<'a> Chunks<'a> {
    pub fn new(input: &'a [u8], limits: &'a Limits) -> Chunks<'a> {
        Chunks { input, limits, at: 0, content: Vec::new(), growth: Vec::new(), aside: 0 }
    }

    /// Reads all chunks and the trailers.
    pub fn read(&mut self) -> Result<(), Stop> {
        loop {
            let size = self.size_line()?;
            if size == 0 {
                return self.trailers();
            }
            for _ in 0..size {
                let byte = self.next()?;
                self.content.push(byte);
                if let Some(last) = self.growth.last_mut() {
                    *last += 1;
                }
            }
            self.expect(b'\r')?;
            self.expect(b'\n')?;
        }
    }

    fn next(&mut self) -> Result<u8, Stop> {
        let byte = self.input.get(self.at).ok_or(Stop::More)?;
        self.at += 1;
        self.growth.push(self.content.len());
        Ok(*byte)
    }

    fn invalid(&self) -> Stop {
        Stop::fault(FaultKind::ChunkInvalid, self.at)
    }

    fn expect(&mut self, expected: u8) -> Result<(), Stop> {
        match self.next()? == expected {
            true => Ok(()),
            false => Err(self.invalid()),
        }
    }

    fn size_line(&mut self) -> Result<u64, Stop> {
        let start = self.at;
        let mut size: Option<u64> = None;
        let behind = loop {
            let byte = self.next()?;
            if self.at - start > SIZE_LINE_BYTES_MAX {
                return Err(self.invalid());
            }
            let Some(digit) = char::from(byte).to_digit(16) else { break byte };
            let sum = u128::from(size.unwrap_or(0)) * 16 + u128::from(digit);
            size = Some(u64::try_from(sum).map_err(|_| self.invalid())?);
        };
        let Some(size) = size else { return Err(self.invalid()) };
        let may_follow = behind == b'\r' || behind == b';' || is_space(behind);
        if size > (self.limits.body_bytes_max - self.content.len()) as u64 {
            let mut kinds = vec![FaultKind::BodyTooLarge];
            if !may_follow {
                kinds.push(FaultKind::ChunkInvalid);
            }
            return Err(Stop::Fault { kinds, at: self.at });
        }
        if behind != b'\r' {
            Extensions { chunks: self, start, behind }.read()?;
        }
        self.expect(b'\n')?;
        Ok(size)
    }

    fn next_aside(&mut self) -> Result<u8, Stop> {
        let byte = self.next()?;
        self.aside += 1;
        if self.aside > self.limits.head_bytes_max {
            // The byte may be wrong as well.
            let kinds = vec![FaultKind::TrailersTooLarge, FaultKind::ChunkInvalid];
            return Err(Stop::Fault { kinds, at: self.at });
        }
        Ok(byte)
    }

    /// `trailer-section`, whose fields are dropped, and the empty line.
    fn trailers(&mut self) -> Result<(), Stop> {
        for trailers in 1.. {
            let mut byte = self.next_aside()?;
            if byte == b'\r' {
                break;
            }
            if is_token(byte) && trailers > self.limits.fields_max {
                return Err(Stop::fault(FaultKind::TrailersTooLarge, self.at));
            }
            let name_start = self.at;
            while is_token(byte) {
                byte = self.next_aside()?;
            }
            if byte != b':' || self.at == name_start {
                return Err(self.invalid());
            }
            while byte != b'\r' {
                byte = self.next_aside()?;
                if byte != b'\r' && !is_value(byte) {
                    return Err(self.invalid());
                }
            }
            if self.next_aside()? != b'\n' {
                return Err(self.invalid());
            }
        }
        match self.next_aside()? {
            b'\n' => Ok(()),
            _ => Err(self.invalid()),
        }
    }
}

/// `chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`, up to its CR.
struct Extensions<'c, 'a> {
    chunks: &'c mut Chunks<'a>,
    /// Where the line begins.
    start: usize,
    /// The byte that was read last.
    behind: u8,
}

impl Extensions<'_, '_> {
    fn read(mut self) -> Result<(), Stop> {
        while self.behind != b'\r' {
            self.skip_spaces()?;
            self.take(b';')?;
            self.skip_spaces()?;
            self.token()?;
            let spaced = is_space(self.behind);
            self.skip_spaces()?;
            match self.behind {
                b'=' => {
                    self.next()?;
                    self.skip_spaces()?;
                    match self.behind {
                        b'"' => self.quoted()?,
                        _ => self.token()?,
                    }
                }
                b'\r' if !spaced => {}
                b';' => {}
                _ => return Err(self.chunks.invalid()),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(), Stop> {
        let read = self.chunks.next_aside();
        let line_bytes = self.chunks.at - self.start;
        self.behind = match read {
            Ok(byte) if line_bytes <= SIZE_LINE_BYTES_MAX => byte,
            Err(Stop::More) => return Err(Stop::More),
            Ok(_) | Err(Stop::Fault { .. }) => return Err(self.chunks.invalid()),
        };
        Ok(())
    }

    fn skip_spaces(&mut self) -> Result<(), Stop> {
        while is_space(self.behind) {
            self.next()?;
        }
        Ok(())
    }

    fn take(&mut self, expected: u8) -> Result<(), Stop> {
        match self.behind == expected {
            true => self.next(),
            false => Err(self.chunks.invalid()),
        }
    }

    fn token(&mut self) -> Result<(), Stop> {
        if !is_token(self.behind) {
            return Err(self.chunks.invalid());
        }
        while is_token(self.behind) {
            self.next()?;
        }
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), Stop> {
        self.next()?;
        while self.behind != b'"' {
            if self.behind == b'\\' {
                self.next()?;
            }
            if !is_value(self.behind) {
                return Err(self.chunks.invalid());
            }
            self.next()?;
        }
        self.next()
    }
}
