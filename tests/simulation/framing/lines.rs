//! What a whole line looks like, and whether a beginning can still become one.
//!
//! Whole lines are recognised by splitting them where the RFC's grammar has its separators. A
//! beginning is sound if one of a few endings makes it whole: so where a fault lies follows from
//! what is right, and no byte-by-byte parser has to be believed.

/// A kind of line, all of which end in CR LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// RFC 9112 §3, or the empty line that may stand in front of it.
    Request,
    /// RFC 9112 §5, or the empty line behind them all. Also a trailer.
    Field,
    /// RFC 9112 §7.1: a chunk's size and extensions.
    Size,
}

impl Line {
    /// The length of the shortest beginning of `bytes` that cannot become such a line, if there
    /// is one. They are one line, or the beginning of one.
    pub fn first_unsound(self, bytes: &[u8]) -> Option<usize> {
        if self.is_sound(bytes) {
            return None;
        }
        // Whatever can still become a line has only beginnings that can.
        let (mut sound, mut unsound) = (0, bytes.len());
        while sound + 1 < unsound {
            let middle = sound + (unsound - sound) / 2;
            match self.is_sound(&bytes[..middle]) {
                true => sound = middle,
                false => unsound = middle,
            }
        }
        Some(unsound)
    }

    fn is_sound(self, bytes: &[u8]) -> bool {
        let becomes_whole = |ending: &&str| self.is_whole(&[bytes, ending.as_bytes()].concat());
        self.is_whole(bytes) || self.endings().iter().any(becomes_whole)
    }

    fn is_whole(self, line: &[u8]) -> bool {
        let Some(text) = text_of(line) else { return false };
        match self {
            Line::Request => text.is_empty() || request(text).is_some(),
            Line::Field => text.is_empty() || field(text).is_some(),
            Line::Size => size(text).is_some(),
        }
    }

    /// What can be missing of such a line, from whichever place it stops at.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Line::Request => &[
                "\n",
                "\r\n",
                "M / HTTP/1.1\r\n",
                " / HTTP/1.1\r\n",
                "/ HTTP/1.1\r\n",
                " HTTP/1.1\r\n",
                "HTTP/1.1\r\n",
                "TTP/1.1\r\n",
                "TP/1.1\r\n",
                "P/1.1\r\n",
                "/1.1\r\n",
                "1.1\r\n",
                ".1\r\n",
                "1\r\n",
            ],
            Line::Field => &["\n", "\r\n", ":\r\n"],
            Line::Size => {
                &["\n", "\r\n", "0\r\n", "a\r\n", "\"\r\n", "a\"\r\n", ";a\r\n", "=a\r\n"]
            }
        }
    }
}

/// A line without its end, if that is the only one in it.
pub fn text_of(line: &[u8]) -> Option<&[u8]> {
    let text = line.strip_suffix(b"\r\n")?;
    (!text.contains(&b'\r') && !text.contains(&b'\n')).then_some(text)
}

/// `method SP request-target SP HTTP-version`: the first two, and the version's digits.
pub fn request(text: &[u8]) -> Option<(&[u8], &[u8], [u8; 2])> {
    let mut parts = text.split(|byte| *byte == b' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    let [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] = *version else { return None };
    let digits = major.is_ascii_digit() && minor.is_ascii_digit();
    let of_target = |byte: &u8| byte.is_ascii_graphic() || !byte.is_ascii();
    let fits = is_token(method) && !target.is_empty() && target.iter().all(of_target);
    (fits && digits && parts.next().is_none()).then_some((method, target, [major, minor]))
}

/// `field-name ":" OWS field-value OWS`.
pub fn field(text: &[u8]) -> Option<(String, &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&text[..colon], &text[colon + 1..]);
    let printable = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
    let fits = is_token(name) && value.iter().all(printable);
    let name = || String::from_utf8_lossy(name).to_ascii_lowercase();
    fits.then(|| (name(), value.trim_ascii()))
}

/// `chunk-size [ chunk-ext ]`: the size, and how many digits say it.
pub fn size(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let size = std::str::from_utf8(&text[..digits]).ok()?;
    let size = u64::from_str_radix(size, 16).ok()?;
    are_extensions(&text[digits..]).then_some((size, digits))
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`.
fn are_extensions(text: &[u8]) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some(rest) = after_space(text).strip_prefix(b";") else { return false };
    let Some(rest) = after_token(after_space(rest)) else { return false };
    match after_space(rest).strip_prefix(b"=") {
        None => are_extensions(rest),
        Some(value) => {
            let value = after_space(value);
            after_quoted(value).or_else(|| after_token(value)).is_some_and(are_extensions)
        }
    }
}

fn after_space(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[spaces..]
}

fn after_token(text: &[u8]) -> Option<&[u8]> {
    let len = text.iter().take_while(|byte| is_token(&[**byte])).count();
    (len > 0).then(|| &text[len..])
}

/// `DQUOTE *( qdtext / quoted-pair ) DQUOTE`.
fn after_quoted(text: &[u8]) -> Option<&[u8]> {
    let mut bytes = text.strip_prefix(b"\"")?.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return Some(bytes.as_slice()),
            b'\\' => _ = bytes.next().filter(is_quotable)?,
            byte if is_quotable(&byte) => {}
            _ => return None,
        }
    }
    None
}

fn is_quotable(byte: &&u8) -> bool {
    matches!(**byte, b'\t' | b' '..=b'~' | 0x80..)
}

pub fn is_token(text: &[u8]) -> bool {
    let of_token = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
    !text.is_empty() && text.iter().all(of_token)
}
