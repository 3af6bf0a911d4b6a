//! A request's head, byte by byte (RFC 9112 §2.2, §3, §5), as strictly as the README says.

use oneloop::{FaultKind, Limits, Version};

use super::{Stop, is_token, is_value, trimmed};

/// A head that is well-formed.
#[derive(Debug)]
pub struct Head {
    pub method: String,
    pub target: String,
    pub version: Version,
    /// Names as they were written, values without the white space around them.
    pub fields: Vec<(String, Vec<u8>)>,
    /// In bytes, the empty line included.
    pub len: usize,
}

/// Reads the head that `input` begins with; empty lines before it have been dropped.
pub fn read(input: &[u8], limits: &Limits) -> Result<Head, Stop> {
    let mut bytes = Bytes { input, at: 0, limits };
    if let Some(b'\r' | b'\n') = input.first() {
        // An empty line that is none.
        bytes.end_line(FaultKind::RequestLine)?;
    }
    let method = bytes.method()?;
    let target = bytes.target()?;
    let version = bytes.version()?;
    bytes.end_line(FaultKind::RequestLine)?;
    let mut fields = Vec::new();
    while let Some(field) = bytes.field(fields.len())? {
        fields.push(field);
    }
    Ok(Head { method, target, version, fields, len: bytes.at })
}

/// Where the digit of a minor version above 1 stands, if it has come: such requests are read, and
/// shown, as HTTP/1.1.
pub fn higher_minor(input: &[u8], limits: &Limits) -> Option<usize> {
    let mut bytes = Bytes { input, at: 0, limits };
    bytes.method().and_then(|_| bytes.target()).and_then(|_| bytes.version()).ok()?;
    let digit = bytes.at - 1;
    (input[digit] > b'1').then_some(digit)
}

struct Bytes<'a> {
    input: &'a [u8],
    at: usize,
    limits: &'a Limits,
}

impl Bytes<'_> {
    fn next(&mut self) -> Result<u8, Stop> {
        if self.at == self.limits.head_bytes_max {
            return Err(self.fault(FaultKind::HeadTooLarge));
        }
        let byte = self.input.get(self.at).ok_or(Stop::More)?;
        self.at += 1;
        Ok(*byte)
    }

    /// The byte that was read last cannot stand there.
    fn fault(&self, kind: FaultKind) -> Stop {
        Stop::fault(kind, self.at)
    }

    fn method(&mut self) -> Result<String, Stop> {
        let mut method = String::new();
        loop {
            match self.next()? {
                b' ' if !method.is_empty() => return Ok(method),
                byte if is_token(byte) => method.push(char::from(byte)),
                _ => return Err(self.fault(FaultKind::RequestLine)),
            }
        }
    }

    /// Anything that is no white space and no control, as long as it is UTF-8: what is a target
    /// is judged elsewhere.
    fn target(&mut self) -> Result<String, Stop> {
        let mut target = Vec::new();
        loop {
            match self.next()? {
                b' ' if !target.is_empty() => break,
                byte if byte > b' ' && byte != 127 => target.push(byte),
                _ => return Err(self.fault(FaultKind::RequestLine)),
            }
            if target.len() > self.limits.target_bytes_max {
                return Err(self.fault(FaultKind::TargetTooLong));
            }
        }
        String::from_utf8(target).map_err(|_| self.fault(FaultKind::RequestLine))
    }

    fn version(&mut self) -> Result<Version, Stop> {
        for expected in *b"HTTP/" {
            if self.next()? != expected {
                return Err(self.fault(FaultKind::RequestLine));
            }
        }
        let major = self.digit()?;
        if self.next()? != b'.' {
            return Err(self.fault(FaultKind::RequestLine));
        }
        match (major, self.digit()?) {
            (b'1', b'0') => Ok(Version::Http10),
            (b'1', _) => Ok(Version::Http11),
            _ => Err(self.fault(FaultKind::VersionNotSupported)),
        }
    }

    fn digit(&mut self) -> Result<u8, Stop> {
        let byte = self.next()?;
        match byte.is_ascii_digit() {
            true => Ok(byte),
            false => Err(self.fault(FaultKind::RequestLine)),
        }
    }

    /// CR LF, and nothing else. What else stands here is `otherwise`, a lone LF aside.
    fn end_line(&mut self, otherwise: FaultKind) -> Result<(), Stop> {
        match self.next()? {
            b'\n' => return Err(self.fault(FaultKind::LoneLineFeed)),
            b'\r' if self.next()? == b'\n' => return Ok(()),
            _ => {}
        }
        Err(self.fault(otherwise))
    }

    /// One field line; `None` at the empty line that ends the head. `before`: how many there are.
    fn field(&mut self, before: usize) -> Result<Option<(String, Vec<u8>)>, Stop> {
        let mut name = String::new();
        loop {
            match self.next()? {
                b'\r' | b'\n' if name.is_empty() => {
                    self.at -= 1;
                    self.end_line(FaultKind::FieldLine)?;
                    return Ok(None);
                }
                b':' if !name.is_empty() => break,
                byte if is_token(byte) => name.push(char::from(byte)),
                _ => return Err(self.fault(FaultKind::FieldLine)),
            }
        }
        let mut value = Vec::new();
        let ended = loop {
            match self.next()? {
                b'\r' | b'\n' => {
                    self.at -= 1;
                    break self.end_line(FaultKind::FieldLine);
                }
                byte if is_value(byte) => value.push(byte),
                _ => return Err(self.fault(FaultKind::FieldLine)),
            }
        };
        let line_is_over = self.input[self.at - 1] == b'\n';
        if line_is_over && before == self.limits.fields_max {
            return Err(self.fault(FaultKind::TooManyFields));
        }
        ended?;
        Ok(Some((name, trimmed(&value).to_vec())))
    }
}
