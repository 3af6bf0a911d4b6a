//! Finds a request's head in bytes. The only file that names `httparse`.
//!
//! A head is looked at as a whole, from its first byte, each time a line of it has been completed;
//! the caller keeps count of how far the last look went. That makes the work linear in lines, not
//! quadratic in drips, and needs no state here.
//!
//! Verdicts do not depend on how the bytes were cut into pieces: a fault is always what the
//! *shortest* faulty beginning of the input says ([`locate`]).
//!
//! On top of what httparse checks, a line must end in CR LF. A recipient may take a lone LF for a
//! line end (RFC 9112 §2.2: MAY). But request smuggling lives on peers that disagree about where
//! lines end, so it is refused.

use std::mem::MaybeUninit;

use httparse::Header;

use super::fault::FaultKind;
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

/// The fault of the shortest beginning of `input` that has one. `input` must have one.
///
/// Where a rule of ours is broken is found by counting. Only where httparse takes the bytes no longer
/// has to be searched: by doubling and then halving, so the work grows with where the fault lies, not
/// with how much came after it.
#[cold]
fn locate(input: &[u8], limits: &Limits) -> Missing {
    // Should the caller and this function ever disagree about the input, it is refused all the same:
    // no bytes that a client sends may end the server.
    let otherwise = (input.len(), FaultKind::RequestLine);
    let (mut faulty, kind) = first_broken_rule(input, limits).unwrap_or(otherwise);
    let Some(kind_of_all) = syntax_fault(&input[..faulty], limits) else {
        return Missing::Fault(kind, faulty);
    };
    let known_faulty = faulty;
    faulty = 1;
    while faulty < known_faulty && syntax_fault(&input[..faulty], limits).is_none() {
        faulty = (faulty * 2).min(known_faulty);
    }
    let mut sound = faulty / 2;
    while sound + 1 < faulty {
        let middle = sound + (faulty - sound) / 2;
        match syntax_fault(&input[..middle], limits) {
            Some(_) => faulty = middle,
            None => sound = middle,
        }
    }
    Missing::Fault(syntax_fault(&input[..faulty], limits).unwrap_or(kind_of_all), faulty)
}

/// The shortest beginning of `input` that is against a rule which httparse does not know.
fn first_broken_rule(input: &[u8], limits: &Limits) -> Option<(usize, FaultKind)> {
    let target = longest_target_end(input, limits).map(|end| (end, FaultKind::TargetTooLong));
    let is_long = input.len() >= limits.head_bytes_max;
    let head = is_long.then_some((limits.head_bytes_max, FaultKind::HeadTooLarge));
    let limit = target.into_iter().chain(head).min_by_key(|(end, _)| *end);
    let before = &input[..limit.map_or(input.len(), |(end, _)| end)];
    let line_feed = lone_line_feed(before).map(|at| (at + 1, FaultKind::LoneLineFeed));
    line_feed.or(limit)
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

/// Whether some line ends in LF without CR.
fn has_lone_line_feed(bytes: &[u8]) -> bool {
    lone_line_feed(bytes).is_some()
}

/// Where the first line ends that ends in LF without CR.
fn lone_line_feed(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + bytes[from..].iter().position(|byte| *byte == b'\n')?;
        if at == 0 || bytes[at - 1] != b'\r' {
            return Some(at);
        }
        from = at + 1;
    }
}

/// How many lines have ended, leading empty ones aside.
fn line_feeds_after_start(window: &[u8]) -> usize {
    after_empty_lines(window).iter().filter(|byte| **byte == b'\n').count()
}

/// RFC 9112 §2.2: empty lines before a request line are ignored.
fn after_empty_lines(window: &[u8]) -> &[u8] {
    let start = window.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    &window[start.unwrap_or(window.len())..]
}

/// Where the target goes on that is as long as it may be; `None` if it does not, as far as it has
/// arrived.
fn longest_target_end(window: &[u8], limits: &Limits) -> Option<usize> {
    let is_word_end = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n');
    let line = after_empty_lines(window);
    let start = window.len() - line.len() + line.iter().position(is_word_end)? + 1;
    let end = start + limits.target_bytes_max + 1;
    let longest = window.get(start..end)?;
    (!longest.iter().any(is_word_end)).then_some(end)
}

/// What stands where the version should.
enum VersionSeen {
    /// A beginning of `HTTP/` digit `.` digit.
    Unfinished,
    /// HTTP/1.x with x above 1; where in the input its digit stands.
    HigherMinor(usize),
    /// A version, but none of HTTP/1.
    OtherMajor,
    /// Something else.
    None,
}

fn version_so_far(window: &[u8]) -> VersionSeen {
    let line = after_empty_lines(window);
    let mut spaces = line.iter().enumerate().filter(|(_, byte)| **byte == b' ');
    let Some((space, _)) = spaces.nth(1) else { return VersionSeen::None };
    let word = &line[space + 1..];
    let shape = b"HTTP/0.0";
    let fits = word.iter().zip(shape).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    });
    match (fits, word.get(5), word.get(7)) {
        (false, _, _) => VersionSeen::None,
        (true, _, None) => VersionSeen::Unfinished,
        (true, Some(b'1'), Some(b'0' | b'1')) => VersionSeen::None,
        (true, Some(b'1'), Some(_)) => {
            VersionSeen::HigherMinor(window.len() - line.len() + space + 1 + 7)
        }
        (true, _, Some(_)) => VersionSeen::OtherMajor,
    }
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
