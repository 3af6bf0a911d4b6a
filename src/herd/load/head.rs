//! Judges an answer's head by RFC 9112, and says how its body is framed.
//!
//! Written from the RFC, and sharing nothing with the server's own encoder: what that gets wrong
//! must not be right here.

/// What a head says that matters for reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// 100 to 599.
    pub status: u16,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the server has said that it will close the connection after this answer.
    pub last: bool,
}

/// Where a body ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After this many bytes.
    Length(u64),
    /// Where the chunks say so.
    Chunked,
    /// With the connection.
    UntilEnd,
}

/// Reads a head without the empty line at its end.
pub fn parse(head: &[u8]) -> Result<Head, &'static str> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let status_line = lines.next().and_then(|line| without_return(line, head));
    let (minor, status) =
        status_line.and_then(parse_status_line).ok_or("the status line is invalid")?;
    let mut fields = Fields { last: minor == 0, ..Fields::default() };
    for line in lines {
        let line = without_return(line, head).ok_or("a line does not end in CR LF")?;
        fields.take(line)?;
    }
    Ok(Head { status, framing: fields.framing(status)?, last: fields.last })
}

/// The line before its CR. Only the head's last line is without one: its end was cut off.
fn without_return<'a>(line: &'a [u8], head: &[u8]) -> Option<&'a [u8]> {
    match line.as_ptr_range().end == head.as_ptr_range().end {
        true => Some(line),
        false => line.strip_suffix(b"\r"),
    }
}

/// `HTTP/1.x`, a space, three digits, a space, and any reason. Gives the minor version, the status.
fn parse_status_line(line: &[u8]) -> Option<(u8, u16)> {
    let [minor @ b'0'..=b'9', b' ', a @ b'1'..=b'5', b, c, b' ', reason @ ..] =
        line.strip_prefix(b"HTTP/1.")?
    else {
        return None;
    };
    if !b.is_ascii_digit() || !c.is_ascii_digit() || !reason.iter().copied().all(is_text) {
        return None;
    }
    let digit = |digit: &u8| u16::from(digit - b'0');
    Some((minor - b'0', digit(a) * 100 + digit(b) * 10 + digit(c)))
}

/// What the fields have said so far.
#[derive(Default)]
struct Fields {
    length: Option<u64>,
    chunked: bool,
    last: bool,
}

impl Fields {
    fn take(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("a field has no colon")?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err("a field's name has an invalid character, or is empty");
        }
        if !value.iter().copied().all(is_text) {
            return Err("a field's value has control characters");
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = parse_length(value).ok_or("Content-Length is not a number")?;
            if self.length.replace(length).is_some() {
                return Err("there are two Content-Length fields");
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err("Transfer-Encoding is not exactly 'chunked'");
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    self.last = true;
                } else if option.eq_ignore_ascii_case(b"keep-alive") {
                    self.last = false;
                }
            }
        }
        Ok(())
    }

    fn framing(&self, status: u16) -> Result<Framing, &'static str> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err("there are both Content-Length and Transfer-Encoding"),
            (Some(_), false) if status < 200 || status == 204 => {
                Err("there is Content-Length in an answer that can have no content")
            }
            _ if status < 200 || status == 204 || status == 304 => Ok(Framing::Length(0)),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, true) => Ok(Framing::Chunked),
            (None, false) => Ok(Framing::UntilEnd),
        }
    }
}

/// Digits only: no sign, no space, no list. No server sends more than 18 digits.
fn parse_length(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a field's value or a reason (RFC 9110 §5.5): visible, space, tab, obs-text.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, framing: Framing) -> Result<Head, &'static str> {
        Ok(Head { status, framing, last: false })
    }

    #[test]
    fn the_framing_follows_from_the_fields() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 31"), head(200, Framing::Length(31)));
        assert_eq!(
            parse(b"HTTP/1.1 404 Not Found\r\nX: \xc3\xa9\r\nTransfer-Encoding:Chunked"),
            head(404, Framing::Chunked)
        );
        assert_eq!(parse(b"HTTP/1.1 200 "), head(200, Framing::UntilEnd));
        assert_eq!(parse(b"HTTP/1.1 304 \r\nContent-Length: 5"), head(304, Framing::Length(0)));
        assert_eq!(parse(b"HTTP/1.1 204 No Content"), head(204, Framing::Length(0)));
        assert_eq!(parse(b"HTTP/1.1 100 Continue"), head(100, Framing::Length(0)));
    }

    #[test]
    fn the_last_answer_says_so_or_is_of_an_old_version() {
        let last = |head: &[u8]| parse(head).map(|head| head.last);
        assert_eq!(last(b"HTTP/1.1 200 OK\r\nConnection: Foo, Close"), Ok(true));
        assert_eq!(last(b"HTTP/1.0 200 OK"), Ok(true));
        assert_eq!(last(b"HTTP/1.0 200 OK\r\nConnection: keep-alive"), Ok(false));
    }

    #[test]
    fn what_is_no_head_is_told_from_one() {
        for wrong in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 No",
            "HTTP/1.1 600 No",
            "HTTP/1.1 2x0 No",
            "HTTP/2 200 OK",
            "http/1.1 200 OK",
            "HTTP/1.1  200 OK",
            "HTTP/1.1 200 O\rK",
            "HTTP/1.1 200 OK\nX: y",
            "HTTP/1.1 200 OK\nX: y\r\nA: b",
            "HTTP/1.1 200 OK\r\nX: y\nA: b",
            "HTTP/1.1 200 OK\r\nX y",
            "HTTP/1.1 200 OK\r\nX : y",
            "HTTP/1.1 200 OK\r\n: y",
            "HTTP/1.1 200 OK\r\n X: y",
            "HTTP/1.1 200 OK\r\nX: a\0b",
            "HTTP/1.1 200 OK\r\nContent-Length: +3",
            "HTTP/1.1 200 OK\r\nContent-Length: ",
            "HTTP/1.1 200 OK\r\nContent-Length: 3, 3",
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
            "HTTP/1.1 204 No Content\r\nContent-Length: 0",
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
