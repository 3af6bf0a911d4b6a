//! What is wrong with bytes that are not an acceptable request, and what to tell a person at a
//! prompt about it.

use std::fmt;

use super::method::Method;
use super::status::Status;
use crate::metrics::CloseReason;
use crate::peer::{PackedPeer, Peer};

/// The longest piece of what was received that a fault's text repeats, in bytes: one line of a
/// terminal.
const QUOTED_BYTES_MAX: usize = 60;

/// The first byte of a TLS connection.
const TLS_HANDSHAKE: &[u8] = b"\x16";

/// Bytes that are no acceptable request: what is wrong, and the bytes.
///
/// Its `Display` is a short text for the person who typed them: what was received, what is missing.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'b> {
    pub(crate) kind: FaultKind,
    pub(crate) received: &'b [u8],
    pub(crate) peer: &'b PackedPeer,
}

/// What can be wrong with a request. Each says which section of which RFC decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The first line is no request line (RFC 9112 §3).
    RequestLine,
    /// A line of the head is no field line (RFC 9112 §5).
    FieldLine,
    /// A line ends in LF without CR (RFC 9112 §2.2 lets us refuse it).
    LoneLineFeed,
    /// The version is not HTTP/1 (RFC 9110 §15.6.6).
    VersionNotSupported,
    /// The target is longer than [`Limits::target_bytes_max`](crate::Limits::target_bytes_max).
    TargetTooLong,
    /// The target has none of the forms of RFC 9112 §3.2.
    TargetInvalid,
    /// The head is longer than [`Limits::head_bytes_max`](crate::Limits::head_bytes_max).
    HeadTooLarge,
    /// There are more than [`Limits::fields_max`](crate::Limits::fields_max) fields.
    TooManyFields,
    /// An HTTP/1.1 request without `Host` (RFC 9112 §3.2).
    HostMissing,
    /// More than one `Host` (RFC 9112 §3.2).
    HostRepeated,
    /// A `Host` that names no host (RFC 9112 §3.2).
    HostInvalid,
    /// A `Content-Length` that is no number or begins with a zero too many, or several (RFC 9112
    /// §6.3).
    LengthInvalid,
    /// More than one `Content-Type` (RFC 9110 §5.3, §8.3): two readers could choose differently.
    ContentTypeRepeated,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 §6.1).
    LengthWithCoding,
    /// `Transfer-Encoding` in HTTP/1.0 (RFC 9112 §6.1).
    CodingInOldVersion,
    /// A `Transfer-Encoding` that does not end in one `chunked` (RFC 9112 §6.3).
    ChunkedNotLast,
    /// A transfer coding that we do not know (RFC 9112 §6.1).
    CodingUnknown,
    /// The content is longer than [`Limits::body_bytes_max`](crate::Limits::body_bytes_max).
    BodyTooLarge,
    /// The chunks do not follow RFC 9112 §7.1.
    ChunkInvalid,
    /// More trailers than a head may have fields, or longer ones (RFC 9112 §7.1.2).
    TrailersTooLarge,
    /// An expectation other than `100-continue` (RFC 9110 §10.1.1).
    ExpectationUnknown,
    /// A method that this server does not know (RFC 9110 §9.1). The connection goes on.
    MethodUnknown,
    /// CONNECT or TRACE (RFC 9110 §9.3.6, §9.3.8). After TRACE the connection goes on.
    MethodRefused,
    /// The head stopped arriving before its end (RFC 9110 §15.5.9).
    HeadStalled,
    /// The content stopped arriving before its end.
    BodyStalled,
    /// The peer closed its side before the head's end (RFC 9112 §8).
    HeadUnfinished,
    /// The peer closed its side before the content's end (RFC 9112 §8).
    BodyUnfinished,
}

impl<'b> Fault<'b> {
    /// What is wrong.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The status that says so.
    pub fn status(&self) -> Status {
        self.kind.status()
    }

    /// The bytes, up to and including the one that decided; empty if only empty lines have come;
    /// the method alone if that is what is refused.
    pub fn received(&self) -> &'b [u8] {
        self.received
    }

    /// The other end of the connection that is answered, as
    /// [`Request::peer`](crate::Request::peer) says it.
    pub fn peer(&self) -> Peer {
        (*self.peer).into()
    }
}

impl FaultKind {
    /// The status that says so.
    pub fn status(self) -> Status {
        match self {
            FaultKind::RequestLine
            | FaultKind::FieldLine
            | FaultKind::LoneLineFeed
            | FaultKind::TargetInvalid
            | FaultKind::HostMissing
            | FaultKind::HostRepeated
            | FaultKind::HostInvalid
            | FaultKind::LengthInvalid
            | FaultKind::ContentTypeRepeated
            | FaultKind::LengthWithCoding
            | FaultKind::CodingInOldVersion
            | FaultKind::ChunkedNotLast
            | FaultKind::ChunkInvalid
            | FaultKind::HeadUnfinished
            | FaultKind::BodyUnfinished => Status::BAD_REQUEST,
            FaultKind::VersionNotSupported => Status::HTTP_VERSION_NOT_SUPPORTED,
            FaultKind::TargetTooLong => Status::URI_TOO_LONG,
            FaultKind::HeadTooLarge | FaultKind::TooManyFields | FaultKind::TrailersTooLarge => {
                Status::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            FaultKind::CodingUnknown | FaultKind::MethodUnknown => Status::NOT_IMPLEMENTED,
            FaultKind::BodyTooLarge => Status::CONTENT_TOO_LARGE,
            FaultKind::ExpectationUnknown => Status::EXPECTATION_FAILED,
            FaultKind::MethodRefused => Status::METHOD_NOT_ALLOWED,
            FaultKind::HeadStalled | FaultKind::BodyStalled => Status::REQUEST_TIMEOUT,
        }
    }

    /// Why the connection ends after the answer to this.
    pub(crate) fn close_reason(self) -> CloseReason {
        match self.status() {
            Status::REQUEST_TIMEOUT if self == FaultKind::BodyStalled => CloseReason::BodyTimeout,
            Status::REQUEST_TIMEOUT => CloseReason::HeadTimeout,
            _ => CloseReason::Fault,
        }
    }

    /// What is wrong or missing, and what to do about it: one sentence.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            FaultKind::RequestLine => {
                "That is not a request line. It needs a method, a target and a version, separated \
                 by one space each."
            }
            FaultKind::FieldLine => {
                "That is not a field line. It needs a name, a colon without space before it, and a \
                 value, all on one line and without control characters."
            }
            FaultKind::LoneLineFeed => {
                "Every line must end in CR LF, but one ends in LF alone; with nc, the option -C \
                 sends both."
            }
            FaultKind::VersionNotSupported => "This server speaks HTTP/1.1 and HTTP/1.0 only.",
            FaultKind::TargetTooLong => "The target is longer than this server takes; shorten it.",
            FaultKind::TargetInvalid => {
                "That is not a target. It needs a path that begins with a slash, or an http:// \
                 URL, without a fragment, and with two hexadecimal digits behind every percent \
                 sign of the path."
            }
            FaultKind::HeadTooLarge => "The head is longer than this server takes; shorten it.",
            FaultKind::TooManyFields => "The head has more fields than this server takes.",
            FaultKind::HostMissing => "HTTP/1.1 needs a Host line, for example: Host: localhost",
            FaultKind::HostRepeated => "There may be only one Host line.",
            FaultKind::HostInvalid => "The value of Host is not a host name; try: Host: localhost",
            FaultKind::LengthInvalid => {
                "There may be one Content-Length, and its value is a decimal number without \
                 leading zeros."
            }
            FaultKind::ContentTypeRepeated => "There may be only one Content-Type line.",
            FaultKind::LengthWithCoding => {
                "Content-Length and Transfer-Encoding contradict each other; send one of them."
            }
            FaultKind::CodingInOldVersion => "HTTP/1.0 has no Transfer-Encoding.",
            FaultKind::ChunkedNotLast => "Transfer-Encoding has to be chunked, once and last.",
            FaultKind::CodingUnknown => {
                "The only transfer coding that this server knows is chunked."
            }
            FaultKind::BodyTooLarge => "The body is longer than this server takes.",
            FaultKind::ChunkInvalid => {
                "The chunks are broken: each is its size in hexadecimal, CR LF, that many bytes, \
                 CR LF; the last has size 0."
            }
            FaultKind::TrailersTooLarge => "There are more trailers than this server takes.",
            FaultKind::ExpectationUnknown => "The only known expectation is 100-continue.",
            FaultKind::MethodUnknown => "This server does not know that method; try GET.",
            FaultKind::MethodRefused => "This server refuses CONNECT and TRACE; try GET.",
            FaultKind::HeadStalled => {
                "The request stopped before its end: an empty line has to follow its last line."
            }
            FaultKind::BodyStalled => "The body stopped before its end.",
            FaultKind::HeadUnfinished => {
                "The request ended before the empty line that ends its head."
            }
            FaultKind::BodyUnfinished => "The request ended before its body was complete.",
        }
    }

    /// What an `Allow` field with the answer to this has to say (RFC 9110 §15.5.6).
    pub(crate) fn allow(self) -> Option<&'static str> {
        (self.status() == Status::METHOD_NOT_ALLOWED).then_some(Method::ALLOWED)
    }
}

impl Fault<'_> {
    /// The line that the fault is about: of a head with a bad line the last that was looked at,
    /// else the first. Without the empty lines before a request.
    fn line(&self) -> &[u8] {
        let start = self.received.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
        let from_start = &self.received[start.unwrap_or(self.received.len())..];
        let ended = from_start.strip_suffix(b"\n").unwrap_or(from_start);
        let mut lines = ended.split(|byte| *byte == b'\n');
        let is_of_last_line = matches!(self.kind, FaultKind::FieldLine | FaultKind::LoneLineFeed);
        let line = if is_of_last_line { lines.next_back() } else { lines.next() };
        let line = line.unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line)
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line();
        let quoted = &line[..line.len().min(QUOTED_BYTES_MAX)];
        let cut = if quoted.len() < line.len() { "…" } else { "" };
        writeln!(f, "{}\n", self.status())?;
        match line.is_empty() {
            true => writeln!(f, "Received: nothing but empty lines")?,
            // In quotation marks, so that spaces show.
            false => writeln!(f, "Received: \"{}{cut}\"", quoted.escape_ascii())?,
        }
        writeln!(f, "{}", self.kind.advice())?;
        if line.starts_with(TLS_HANDSHAKE) {
            writeln!(f, "It looks like the beginning of TLS: use http://, not https://.")?;
        }
        f.write_str("\nA whole request looks like this, with an empty line at its end:\n\n")?;
        f.write_str("GET / HTTP/1.1\nHost: localhost\n\n")
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn the_line_that_is_wrong_is_the_one_that_is_quoted() {
        let peer = &PackedPeer::from(Peer::from(SocketAddr::from(([127, 0, 0, 1], 40_000))));
        let text = |kind, received: &str| {
            let received = received.as_bytes();
            Fault { kind, received, peer }.to_string()
        };
        let quote = |kind, received: &str| {
            text(kind, received).lines().nth(2).expect("a third line").to_owned()
        };
        for (kind, received, quoted) in [
            (FaultKind::RequestLine, "GET / HTTP/1.1 ", "Received: \"GET / HTTP/1.1 \""),
            (FaultKind::RequestLine, "\r\n ", "Received: \" \""),
            (FaultKind::FieldLine, "GET / HTTP/1.1\r\nHost ", "Received: \"Host \""),
            (FaultKind::LoneLineFeed, "GET / HTTP/1.1\n", "Received: \"GET / HTTP/1.1\""),
            (FaultKind::HeadStalled, "", "Received: nothing but empty lines"),
            (FaultKind::HostMissing, "GET / HTTP/1.1\r\n\r\n", "Received: \"GET / HTTP/1.1\""),
        ] {
            assert_eq!(quote(kind, received), quoted);
        }
        let hello = text(FaultKind::RequestLine, "\x16");
        assert!(hello.contains("TLS"), "{hello}");
    }
}
