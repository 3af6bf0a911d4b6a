//! What a head tells the connection itself: where the content ends, whether the connection goes on
//! afterwards, and whether the client waits for permission to send.
//!
//! The framing rules stand in the order of RFC 9112 §6.3. Where the RFC lets a recipient choose
//! between repairing and refusing, this refuses: a request that two readers could understand
//! differently is how one is smuggled past the other.

use super::chars::{is, list_elements};
use super::fault::FaultKind;
use super::method::{Method, Version};
use super::parse::{Fields, Head};
use super::target::{KnownHost, Target};

/// How the end of the content is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes; without a framing field, after none (RFC 9112 §6.3, rules 6 and 7).
    Length(u64),
    /// After the chunk of size 0 and its trailers (rule 4).
    Chunked,
}

/// What becomes of the connection after the answer (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// It is kept, as HTTP/1.1 does unless told otherwise.
    Keep,
    /// It is kept, and an HTTP/1.0 client has to be told so.
    KeepStated,
    /// It is closed, and the answer says so.
    Close,
}

/// Whether the client waits before it sends its content (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Expectation {
    #[default]
    None,
    Continue,
}

/// What the fields of one head say to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control<'b> {
    /// The method, or why requests with it are refused. The framing counts all the same, so that
    /// the connection can be kept.
    pub(crate) method: Result<Method, FaultKind>,
    pub(crate) target: Target<'b>,
    pub(crate) framing: Framing,
    pub(crate) persistence: Persistence,
    pub(crate) expectation: Expectation,
}

impl<'b> Control<'b> {
    /// Judges `head`, or says what is wrong with it.
    #[inline(always)]
    pub(crate) fn of(head: &Head<'b>, known: &mut KnownHost) -> Result<Control<'b>, FaultKind> {
        let method = Method::from_name(head.method);
        let mut fields = ControlFields::default();
        fields.find(head.fields)?;
        let target = Target::parse(method.unwrap_or(Method::Get), head.target);
        let target = target.ok_or(FaultKind::TargetInvalid)?;
        fields.judge_host(head.version, known)?;
        Ok(Control {
            method: match method {
                None => Err(FaultKind::MethodUnknown),
                Some(Method::Connect | Method::Trace) => Err(FaultKind::MethodRefused),
                Some(method) => Ok(method),
            },
            target,
            framing: fields.framing(head.version)?,
            persistence: match method {
                // What would follow a CONNECT is not HTTP.
                Some(Method::Connect) => Persistence::Close,
                Some(_) | None => fields.persistence(head.version),
            },
            expectation: fields.expectation(head.version),
        })
    }
}

/// The six fields that matter here, collected in one pass over all of them.
#[derive(Default)]
struct ControlFields<'b> {
    host: Option<&'b [u8]>,
    content_length: Option<&'b [u8]>,
    content_type: Option<&'b [u8]>,
    coding: Coding,
    close: bool,
    keep_alive: bool,
    expectation: Expectation,
}

/// What `Transfer-Encoding` lists, over all its lines.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Coding {
    /// There is no such field.
    #[default]
    None,
    /// There is one, and it lists nothing.
    Empty,
    /// `chunked` and nothing else.
    Chunked,
    /// Codings that we do not know.
    Unknown,
    /// Codings that we do not know, then `chunked`.
    UnknownThenChunked,
    /// Something follows `chunked`.
    ChunkedNotLast,
}

impl<'b> ControlFields<'b> {
    #[inline(always)]
    fn find(&mut self, all: Fields<'b>) -> Result<(), FaultKind> {
        for (name, value) in all.iter() {
            let name = name.as_bytes();
            // Most fields are none of ours: their length and their first letter already tell.
            let begins_as_ours = |first: &u8| matches!(first | 0x20, b'c' | b'e' | b't');
            match name.len() {
                4 if is(name, b"host") => {
                    self.host = only(self.host, value, FaultKind::HostRepeated)?;
                }
                6 | 10 | 12 | 14 | 17 if name.first().is_some_and(begins_as_ours) => {
                    self.notice(name, value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Notices a field other than `Host`, which each request has. Not inlined, so that looking for
    /// fields stays short.
    #[inline(never)]
    fn notice(&mut self, name: &[u8], value: &'b [u8]) -> Result<(), FaultKind> {
        match name.len() {
            6 if is(name, b"expect") => self.notice_expect(value)?,
            10 if is(name, b"connection") => self.notice_connection(value),
            12 if is(name, b"content-type") => {
                let repeated = FaultKind::ContentTypeRepeated;
                self.content_type = only(self.content_type, value, repeated)?;
            }
            // Even two equal lengths are refused: a client that sends two cannot be trusted.
            14 if is(name, b"content-length") => {
                self.content_length = only(self.content_length, value, FaultKind::LengthInvalid)?;
            }
            17 if is(name, b"transfer-encoding") => self.coding = self.coding.followed_by(value),
            _ => {}
        }
        Ok(())
    }

    fn notice_connection(&mut self, value: &[u8]) {
        // What browsers say with each request.
        if is(value, b"keep-alive") {
            self.keep_alive = true;
            return;
        }
        for option in list_elements(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn notice_expect(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        for expectation in list_elements(value) {
            if !expectation.eq_ignore_ascii_case(b"100-continue") {
                return Err(FaultKind::ExpectationUnknown);
            }
            self.expectation = Expectation::Continue;
        }
        Ok(())
    }

    /// RFC 9112 §3.2: exactly one `Host` in 1.1, and a valid one wherever there is one.
    #[inline]
    fn judge_host(&self, version: Version, known: &mut KnownHost) -> Result<(), FaultKind> {
        match (self.host, version) {
            (None, Version::Http10) => Ok(()),
            (None, Version::Http11) => Err(FaultKind::HostMissing),
            (Some(host), _) if known.is_valid(host) => Ok(()),
            (Some(_), _) => Err(FaultKind::HostInvalid),
        }
    }

    /// RFC 9112 §6.1 to §6.3, for requests.
    #[inline(always)]
    fn framing(&self, version: Version) -> Result<Framing, FaultKind> {
        match (self.coding, self.content_length) {
            (Coding::None, None) => Ok(Framing::Length(0)),
            (Coding::None, Some(value)) => {
                parse_length(value).map(Framing::Length).ok_or(FaultKind::LengthInvalid)
            }
            (_, _) if version == Version::Http10 => Err(FaultKind::CodingInOldVersion),
            (_, Some(_)) => Err(FaultKind::LengthWithCoding),
            (Coding::Chunked, None) => Ok(Framing::Chunked),
            (Coding::UnknownThenChunked, None) => Err(FaultKind::CodingUnknown),
            (Coding::Empty | Coding::Unknown | Coding::ChunkedNotLast, None) => {
                Err(FaultKind::ChunkedNotLast)
            }
        }
    }

    /// RFC 9112 §9.3: `close` outweighs everything, then the version decides.
    fn persistence(&self, version: Version) -> Persistence {
        match version {
            _ if self.close => Persistence::Close,
            Version::Http11 => Persistence::Keep,
            Version::Http10 if self.keep_alive => Persistence::KeepStated,
            Version::Http10 => Persistence::Close,
        }
    }

    /// RFC 9110 §10.1.1: an HTTP/1.0 client cannot take a 100, so its expectation is ignored.
    fn expectation(&self, version: Version) -> Expectation {
        match version {
            Version::Http10 => Expectation::None,
            Version::Http11 => self.expectation,
        }
    }
}

impl Coding {
    /// These codings and those of one more field line.
    fn followed_by(self, value: &[u8]) -> Coding {
        let before = if self == Coding::None { Coding::Empty } else { self };
        list_elements(value).fold(before, |before, coding| {
            match (before, coding.eq_ignore_ascii_case(b"chunked")) {
                (Coding::None | Coding::Empty, true) => Coding::Chunked,
                (Coding::None | Coding::Empty | Coding::Unknown, false) => Coding::Unknown,
                (Coding::Unknown, true) => Coding::UnknownThenChunked,
                (Coding::Chunked | Coding::UnknownThenChunked | Coding::ChunkedNotLast, _) => {
                    Coding::ChunkedNotLast
                }
            }
        })
    }
}

/// The value of a field that there may be only one of.
fn only<'b>(
    earlier: Option<&'b [u8]>,
    value: &'b [u8],
    repeated: FaultKind,
) -> Result<Option<&'b [u8]>, FaultKind> {
    match earlier {
        None => Ok(Some(value)),
        Some(_) => Err(repeated),
    }
}

/// Digits and nothing else (RFC 9110 §8.6), as long as they fit. A zero in front of other digits is
/// refused: some readers take such a number for an octal one.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || (value.len() > 1 && value[0] == b'0') {
        return None;
    }
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::http::parse::{self, FieldRoom};

    fn control(
        version: &str,
        fields: &str,
    ) -> Result<(Framing, Persistence, Expectation), FaultKind> {
        let input = format!("POST / HTTP/{version}\r\n{fields}\r\n");
        let mut room = FieldRoom::new();
        let head = parse::head(input.as_bytes(), &mut room, &Limits::default()).expect("a head");
        Control::of(&head, &mut KnownHost::default())
            .map(|c| (c.framing, c.persistence, c.expectation))
    }

    #[track_caller]
    fn framing(fields: &str) -> Result<Framing, FaultKind> {
        control("1.1", &format!("Host: a\r\n{fields}")).map(|(framing, _, _)| framing)
    }

    #[test]
    fn a_length_is_digits_that_fit() {
        assert_eq!(framing(""), Ok(Framing::Length(0)));
        assert_eq!(framing("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(framing("Content-Length: \t0 \r\n"), Ok(Framing::Length(0)));
        assert_eq!(
            framing("Content-Length: 18446744073709551615\r\n"),
            Ok(Framing::Length(u64::MAX))
        );
        for bad in [
            "",
            "+5",
            "-5",
            "0x5",
            "5, 5",
            "5,6",
            "5,",
            "5 5",
            "18446744073709551616",
            "five",
            "00",
            "05",
            "018446744073709551615",
            "-0",
            "5.0",
            "1e1",
        ] {
            let fields = format!("Content-Length: {bad}\r\n");
            assert_eq!(framing(&fields), Err(FaultKind::LengthInvalid), "{bad}");
        }
        let twice = "Content-Length: 5\r\nContent-Length: 5\r\n";
        assert_eq!(framing(twice), Err(FaultKind::LengthInvalid));
    }

    #[test]
    fn a_coding_is_chunked_alone() {
        assert_eq!(framing("Transfer-Encoding: cHunKed\r\n"), Ok(Framing::Chunked));
        assert_eq!(framing("Transfer-Encoding: , chunked ,\r\n"), Ok(Framing::Chunked));
        for (value, kind) in [
            ("gzip, chunked", FaultKind::CodingUnknown),
            ("gzip\r\nTransfer-Encoding: chunked", FaultKind::CodingUnknown),
            ("chunked, gzip", FaultKind::ChunkedNotLast),
            ("chunked, chunked", FaultKind::ChunkedNotLast),
            ("chunked, chunked, chunked", FaultKind::ChunkedNotLast),
            ("chunked\r\nTransfer-Encoding: chunked", FaultKind::ChunkedNotLast),
            ("gzip", FaultKind::ChunkedNotLast),
            ("identity", FaultKind::ChunkedNotLast),
            ("chunked;q=1", FaultKind::ChunkedNotLast),
            ("", FaultKind::ChunkedNotLast),
            ("chunked\r\nContent-Length: 5", FaultKind::LengthWithCoding),
        ] {
            assert_eq!(framing(&format!("Transfer-Encoding: {value}\r\n")), Err(kind), "{value}");
        }
        let old = control("1.0", "Transfer-Encoding: chunked\r\n");
        assert_eq!(old, Err(FaultKind::CodingInOldVersion));
    }

    #[test]
    fn close_outweighs_keep_alive_on_any_line() {
        let persistence = |version, fields: &str| {
            control(version, &format!("Host: a\r\n{fields}")).map(|(_, persistence, _)| persistence)
        };
        assert_eq!(persistence("1.1", ""), Ok(Persistence::Keep));
        assert_eq!(persistence("1.0", ""), Ok(Persistence::Close));
        assert_eq!(persistence("1.0", "Connection: Keep-Alive\r\n"), Ok(Persistence::KeepStated));
        for fields in [
            "Connection: CLOSE\r\n",
            "Connection: x, close\r\n",
            "Connection: keep-alive\r\nConnection: close\r\n",
        ] {
            assert_eq!(persistence("1.1", fields), Ok(Persistence::Close), "{fields}");
            assert_eq!(persistence("1.0", fields), Ok(Persistence::Close), "{fields}");
        }
        assert_eq!(persistence("1.1", "Connection: closed\r\n"), Ok(Persistence::Keep));
    }

    #[test]
    fn content_has_one_type_at_most() {
        let once = "Content-Type: text/plain\r\n";
        assert_eq!(framing(once), Ok(Framing::Length(0)));
        for other in ["Content-Type: text/plain\r\n", "content-type:\r\n"] {
            let fields = format!("{once}{other}");
            assert_eq!(framing(&fields), Err(FaultKind::ContentTypeRepeated), "{fields}");
        }
    }

    #[test]
    fn one_valid_host_is_demanded() {
        let host = |version, fields| control(version, fields).map(|_| ());
        assert_eq!(host("1.1", ""), Err(FaultKind::HostMissing));
        assert_eq!(host("1.0", ""), Ok(()));
        assert_eq!(host("1.1", "Host: a\r\nhost: a\r\n"), Err(FaultKind::HostRepeated));
        assert_eq!(host("1.0", "Host: a b\r\n"), Err(FaultKind::HostInvalid));
        assert_eq!(host("1.1", "Host:\r\n"), Err(FaultKind::HostInvalid));
    }

    #[test]
    fn only_one_expectation_is_known_and_only_from_1_1() {
        let expect = |version, value| {
            control(version, &format!("Host: a\r\nExpect: {value}\r\n"))
                .map(|(_, _, expect)| expect)
        };
        assert_eq!(expect("1.1", "100-Continue"), Ok(Expectation::Continue));
        assert_eq!(expect("1.0", "100-continue"), Ok(Expectation::None));
        assert_eq!(expect("1.1", ""), Ok(Expectation::None));
        assert_eq!(expect("1.1", "teapot"), Err(FaultKind::ExpectationUnknown));
        let both = expect("1.1", "teapot\r\nExpect: 100-continue");
        assert_eq!(both, Err(FaultKind::ExpectationUnknown));
    }
}
