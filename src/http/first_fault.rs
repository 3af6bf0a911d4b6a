//! Finds the first fault in bytes that cannot become a request's head any more.
//!
//! `parse` calls this once it knows that there is one. The verdict is that of the
//! *shortest* faulty beginning, however the bytes were cut into pieces. A head that has come whole and
//! has no fault needs nothing of this, unless empty lines stand before it.

use super::fault::FaultKind;
use crate::config::Limits;

/// The fault of the shortest beginning of `input` that has one, and how long that is. `input` must have
/// one. `syntax_fault` says what httparse does not take in a beginning.
///
/// Where a rule of ours is broken is found by counting. Only where httparse takes the bytes no longer
/// has to be searched: by doubling and then halving, so the work grows with where the fault lies, not
/// with how much came after it.
#[cold]
pub(super) fn first_fault(
    input: &[u8],
    limits: &Limits,
    syntax_fault: fn(&[u8], &Limits) -> Option<FaultKind>,
) -> (FaultKind, usize) {
    // Should the caller and this function ever disagree about the input, it is refused all the same:
    // no bytes that a client sends may end the server.
    let otherwise = (input.len(), FaultKind::RequestLine);
    let (mut faulty, kind) = first_broken_rule(input, limits).unwrap_or(otherwise);
    let Some(kind_of_all) = syntax_fault(&input[..faulty], limits) else {
        return (kind, faulty);
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
    (syntax_fault(&input[..faulty], limits).unwrap_or(kind_of_all), faulty)
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

/// Whether some line ends in LF without CR.
pub(super) fn has_lone_line_feed(bytes: &[u8]) -> bool {
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
pub(super) fn line_feeds_after_start(window: &[u8]) -> usize {
    after_empty_lines(window).iter().filter(|byte| **byte == b'\n').count()
}

/// RFC 9112 §2.2: empty lines before a request line are ignored.
fn after_empty_lines(window: &[u8]) -> &[u8] {
    let start = window.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    &window[start.unwrap_or(window.len())..]
}

/// Where the target goes on that is as long as it may be; `None` if it does not, as far as it has
/// arrived.
pub(super) fn longest_target_end(window: &[u8], limits: &Limits) -> Option<usize> {
    let is_word_end = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n');
    let line = after_empty_lines(window);
    let start = window.len() - line.len() + line.iter().position(is_word_end)? + 1;
    let end = start + limits.target_bytes_max + 1;
    let longest = window.get(start..end)?;
    (!longest.iter().any(is_word_end)).then_some(end)
}

/// What stands where the version should.
pub(super) enum VersionSeen {
    /// A beginning of `HTTP/` digit `.` digit.
    Unfinished,
    /// HTTP/1.x with x above 1; where in the input its digit stands.
    HigherMinor(usize),
    /// A version, but none of HTTP/1.
    OtherMajor,
    /// Something else.
    None,
}

pub(super) fn version_so_far(window: &[u8]) -> VersionSeen {
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
