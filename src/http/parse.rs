//! Finds a request's head in bytes. The only file that names `httparse`.
//!
//! A head is looked at as a whole, from its first byte, each time a line of it has been completed;
//! the caller keeps count of how far the last look went. That makes the work linear in lines, not
//! quadratic in drips, and needs no state here.
//!
//! Verdicts do not depend on how the bytes were cut into pieces: a fault is always what the
//! *shortest* faulty beginning of the input says. [`first_fault`] finds that.
//!
//! On top of what httparse checks, a line must end in CR LF. A recipient may take a lone LF for a
//! line end (RFC 9112 §2.2: MAY). But request smuggling lives on peers that disagree about where
//! lines end, so it is refused.

use std::mem::MaybeUninit;

use httparse::Header;

use super::fault::FaultKind;
use super::first_fault::{
    VersionSeen, first_fault, has_lone_line_feed, line_feeds_after_start, longest_target_end,
    version_so_far,
};
use super::method::Version;
use crate::config::{FIELDS_CAPACITY, Limits};

/// Room for the fields of one head, on the caller's stack.
pub(crate) struct FieldRoom<'b> {
    headers: [MaybeUninit<Header<'b>>; FIELDS_CAPACITY],
}

impl FieldRoom<'_> {
    pub(crate) fn new() -> Self {
        FieldRoom { headers: [const { MaybeUninit::uninit() }; FIELDS_CAPACITY] }
    }
}

/// The fields of a head, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'b> {
    headers: &'b [Header<'b>],
}

impl<'b> Fields<'b> {
    /// Names as they were written, values without the white space around them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        self.headers.iter().map(|header| (header.name, header.value))
    }
}

/// A head that is syntactically a request's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'b> {
    pub(crate) method: &'b str,
    pub(crate) target: &'b str,
    pub(crate) version: Version,
    pub(crate) fields: Fields<'b>,
    /// From the first byte of the input to the end of the empty line, in bytes.
    pub(crate) len: usize,
}

/// Why no head came out of a look at the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It may become one.
    More,
    /// The version is HTTP/1.x with an x above 1, and its digit stands here. Such a request is
    /// read as HTTP/1.1 (RFC 9110 §2.5): write a `1` there and look again.
    HigherMinor(usize),
    /// It cannot become one any more: why, and how many bytes it takes to know.
    Fault(FaultKind, usize),
}

impl Missing {
    /// What is wrong with bytes that ought to be a whole head.
    pub(crate) fn kind(self) -> FaultKind {
        match self {
            Missing::Fault(kind, _) => kind,
            Missing::More | Missing::HigherMinor(_) => FaultKind::RequestLine,
        }
    }
}

/// Looks for a whole head at the start of `input`.
// Inlined, its outcome need not be written down: a head takes eight words.
#[inline(always)]
pub(crate) fn head<'h, 'b: 'h>(
    input: &'b [u8],
    room: &'h mut FieldRoom<'b>,
    limits: &Limits,
) -> Result<Head<'h>, Missing> {
    let window = &input[..input.len().min(limits.head_bytes_max)];
    let room = &mut room.headers[..limits.fields_max];
    let mut request = httparse::Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(window, room) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Err(unfinished(window, limits)),
        Err(error) => return Err(refused(window, error, limits)),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        // A whole head has all three. If httparse should ever say otherwise, this is no head.
        return Err(Missing::Fault(FaultKind::RequestLine, len));
    };
    let headers: &[Header<'b>] = request.headers;
    if target.len() > limits.target_bytes_max || !lines_end_in_crlf(&window[..len], headers) {
        return Err(locate(window, limits));
    }
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    Ok(Head { method, target, version, fields: Fields { headers }, len })
}

/// httparse accepts it so far: is it over a limit, or against our stricter rules?
#[cold]
fn unfinished(window: &[u8], limits: &Limits) -> Missing {
    if window.len() == limits.head_bytes_max
        || longest_target_end(window, limits).is_some()
        || has_lone_line_feed(window)
    {
        return locate(window, limits);
    }
    Missing::More
}

/// Something that httparse does not take: all but one case of it is a fault.
#[cold]
fn refused(window: &[u8], error: httparse::Error, limits: &Limits) -> Missing {
    if error != httparse::Error::Version {
        return locate(window, limits);
    }
    match version_so_far(window) {
        VersionSeen::Unfinished => unfinished(window, limits),
        VersionSeen::HigherMinor(at) => Missing::HigherMinor(at),
        VersionSeen::OtherMajor | VersionSeen::None => locate(window, limits),
    }
}

/// Where the first fault is in bytes that have one.
#[cold]
fn locate(input: &[u8], limits: &Limits) -> Missing {
    let (kind, bytes) = first_fault(input, limits, syntax_fault);
    Missing::Fault(kind, bytes)
}

/// What httparse does not take in this beginning of a head.
fn syntax_fault(window: &[u8], limits: &Limits) -> Option<FaultKind> {
    let mut room = FieldRoom::new();
    let mut request = httparse::Request::new(&mut []);
    let verdict = request.parse_with_uninit_headers(window, &mut room.headers[..limits.fields_max]);
    match verdict {
        Ok(_) => None,
        Err(httparse::Error::Version) => match version_so_far(window) {
            VersionSeen::Unfinished | VersionSeen::HigherMinor(_) => None,
            VersionSeen::OtherMajor => Some(FaultKind::VersionNotSupported),
            VersionSeen::None => Some(FaultKind::RequestLine),
        },
        Err(httparse::Error::TooManyHeaders) => Some(FaultKind::TooManyFields),
        Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => {
            Some(FaultKind::FieldLine)
        }
        // A bad line end can be any line's: the first line's if it is the first.
        Err(httparse::Error::NewLine) => match line_feeds_after_start(window) {
            0 => Some(FaultKind::RequestLine),
            _ => Some(FaultKind::FieldLine),
        },
        Err(httparse::Error::Token | httparse::Error::Status) => Some(FaultKind::RequestLine),
    }
}

/// Whether every line of a whole head ends in CR LF.
///
/// Where its lines end is known from where its fields begin, so nothing is searched: two bytes a
/// line are looked at. Empty lines in front are the exception, and rare.
fn lines_end_in_crlf(head: &[u8], headers: &[Header<'_>]) -> bool {
    let begins_with_line = head.first().is_some_and(|byte| !matches!(byte, b'\r' | b'\n'));
    if !begins_with_line {
        return !has_lone_line_feed(head);
    }
    let start = head.as_ptr().addr();
    let before_fields = headers.iter().all(|header| {
        let line_start = header.name.as_ptr().addr().wrapping_sub(start);
        head.get(..line_start).and_then(<[u8]>::last_chunk) == Some(b"\r\n")
    });
    before_fields && head.ends_with(b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(input: &[u8]) -> Result<usize, Missing> {
        let mut room = FieldRoom::new();
        head(input, &mut room, &Limits::default()).map(|head| head.len)
    }

    #[test]
    fn a_fault_is_the_same_wherever_the_input_is_cut() {
        let faulty: [(&[u8], FaultKind); 14] = [
            (b"hello\r\n", FaultKind::RequestLine),
            (b"GET /\r\nHost: a\r\n\r\n", FaultKind::RequestLine),
            (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", FaultKind::RequestLine),
            (b"GET / Http/1.1\r\n\r\n", FaultKind::RequestLine),
            (b"GET / HTTP/1.10\r\n\r\n", FaultKind::RequestLine),
            (b"GET / HTTP/2.0\r\n\r\n", FaultKind::VersionNotSupported),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FaultKind::VersionNotSupported),
            (b"\r\n\r\nGET / HTTP/3.0\r\n\r\n", FaultKind::VersionNotSupported),
            (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", FaultKind::FieldLine),
            (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", FaultKind::FieldLine),
            (b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", FaultKind::FieldLine),
            (b"GET / HTTP/1.1\r\nA: \0\r\n\r\n", FaultKind::FieldLine),
            (b"GET / HTTP/1.1\nA: \0\r\n\r\n", FaultKind::LoneLineFeed),
            (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", FaultKind::LoneLineFeed),
        ];
        for (input, kind) in faulty {
            let first = (1..=input.len()).find(|len| look(&input[..*len]) != Err(Missing::More));
            let first = first.expect("a fault");
            for len in first..=input.len() {
                let seen = look(&input[..len]);
                let told = Err(Missing::Fault(kind, first));
                assert_eq!(seen, told, "{}", input[..len].escape_ascii());
            }
        }
    }

    #[test]
    fn what_only_one_reader_finds_faulty_is_refused_and_is_no_panic() {
        let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for len in 0..=input.len() {
            let seen = locate(&input[..len], &Limits::default());
            assert!(matches!(seen, Missing::Fault(FaultKind::RequestLine, _)), "{seen:?}");
        }
    }

    #[test]
    fn a_field_that_lies_outside_of_its_head_ends_no_line_of_it() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
        let elsewhere = Header { name: "A", value: b"b" };
        assert!(!lines_end_in_crlf(head, &[elsewhere]));
        let (before, behind) = (b"0123456789", b"0123456789".to_vec());
        for name in [&before[..], &behind] {
            let name = std::str::from_utf8(name).expect("digits");
            assert!(!lines_end_in_crlf(head, &[Header { name, value: b"b" }]));
        }
    }

    #[test]
    fn a_higher_minor_version_is_pointed_at() {
        let mut input = *b"\r\nGET /a HTTP/1.7\r\nHost: a\r\n\r\n";
        let Err(Missing::HigherMinor(at)) = look(&input) else { panic!("the version is known") };
        assert_eq!(input[at], b'7');
        input[at] = b'1';
        assert_eq!(look(&input), Ok(input.len()));
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let limits = Limits {
            head_bytes_max: 100,
            target_bytes_max: 20,
            fields_max: 2,
            ..Limits::default()
        };
        let check = |input: &[u8]| {
            let mut room = FieldRoom::new();
            match head(input, &mut room, &limits) {
                Ok(head) => Ok(head.len),
                Err(Missing::Fault(kind, _)) => Err(Some(kind)),
                Err(Missing::More | Missing::HigherMinor(_)) => Err(None),
            }
        };
        let with_target = |len: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(len - 1));
        assert!(check(with_target(19).as_bytes()).is_ok());
        assert!(check(with_target(20).as_bytes()).is_ok());
        let too_long = Err(Some(FaultKind::TargetTooLong));
        assert_eq!(check(with_target(21).as_bytes()), too_long);
        assert_eq!(check(&with_target(40).as_bytes()[..26]), too_long, "before the line has ended");

        let of_size = |len: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "v".repeat(len - 23));
        assert_eq!(check(of_size(99).as_bytes()), Ok(99));
        assert_eq!(check(of_size(100).as_bytes()), Ok(100));
        let too_large = Err(Some(FaultKind::HeadTooLarge));
        assert_eq!(check(of_size(101).as_bytes()), too_large);
        assert_eq!(check(&of_size(200).as_bytes()[..99]), Err(None));
        assert_eq!(check(&of_size(200).as_bytes()[..100]), too_large);

        let with_fields = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(n));
        assert!(check(with_fields(1).as_bytes()).is_ok());
        assert!(check(with_fields(2).as_bytes()).is_ok());
        let too_many = Err(Some(FaultKind::TooManyFields));
        assert_eq!(check(with_fields(3).as_bytes()), too_many);
    }

    #[test]
    fn tabs_and_spaces_around_a_value_are_not_part_of_it() {
        let mut room = FieldRoom::new();
        let input = b"GET / HTTP/1.1\r\nA:\t b c \t\r\nD:\r\n\r\n";
        let head = head(input, &mut room, &Limits::default()).expect("a head");
        let fields: Vec<_> = head.fields.iter().collect();
        assert_eq!(fields, [("A", &b"b c"[..]), ("D", b"")]);
    }
}
