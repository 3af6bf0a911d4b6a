//! Which bytes of a file a `Range` field asks for (RFC 9110 §14).
//!
//! There is never more than one part in an answer. Several ranges that overlap or touch are one
//! part; several that do not are answered with the whole file, as a server may (§14.2). So no byte
//! is sent twice for one request, however many ranges it names.

use crate::http::chars::list_elements;

/// The most ranges that one field may name; one that names more is ignored. Readers of documents
/// name a handful.
const RANGES_MAX: usize = 16;

/// What is to be sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: the field is not there, makes no sense, or would need several parts.
    Whole,
    /// These bytes.
    Part(Part),
    /// None of the ranges begins within the file: 416.
    Unsatisfiable,
}

/// Bytes of a file, counted from 0; `last` is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Part {
    /// How many bytes these are: one at the least.
    pub(super) fn len(self) -> u64 {
        self.last - self.first + 1
    }
}

/// What a single range comes to.
enum Ranged {
    Satisfiable(Part),
    Unsatisfiable,
    /// From the first byte on, of an empty file: all of it, which no `Content-Range` can say.
    OfNothing,
}

/// What the `value` of a `Range` field asks for of a file of `len` bytes.
pub(super) fn wanted(value: &[u8], len: u64) -> Wanted {
    parts(value, len).unwrap_or(Wanted::Whole)
}

/// `None` if the field is to be ignored.
fn parts(value: &[u8], len: u64) -> Option<Wanted> {
    let unit_end = value.iter().position(|byte| *byte == b'=')?;
    if !value[..unit_end].eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let mut parts = [Part { first: 0, last: 0 }; RANGES_MAX];
    let (mut named, mut count) = (0, 0);
    for element in list_elements(&value[unit_end + 1..]) {
        named += 1;
        if named > RANGES_MAX {
            return None;
        }
        match range(element, len)? {
            Ranged::Satisfiable(part) => {
                parts[count] = part;
                count += 1;
            }
            Ranged::Unsatisfiable => {}
            Ranged::OfNothing => return None,
        }
    }
    match (named, &mut parts[..count]) {
        (0, _) => None,
        (_, []) => Some(Wanted::Unsatisfiable),
        (_, parts) => joined(parts).map(Wanted::Part),
    }
}

/// One range: `first-last`, `first-` or `-suffix`. `None` if it is no range.
fn range(text: &[u8], len: u64) -> Option<Ranged> {
    let dash = text.iter().position(|byte| *byte == b'-')?;
    let (first, last) = (&text[..dash], &text[dash + 1..]);
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(match (suffix, len) {
            (0, _) => Ranged::Unsatisfiable,
            (_, 0) => Ranged::OfNothing,
            _ => Ranged::Satisfiable(Part { first: len.saturating_sub(suffix), last: len - 1 }),
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(match (first, len) {
        // Strictly, no byte is there to begin at. Clients that ask so for every file mean the file.
        (0, 0) => Ranged::OfNothing,
        _ if first < len => Ranged::Satisfiable(Part { first, last: last.min(len - 1) }),
        _ => Ranged::Unsatisfiable,
    })
}

/// A number of any length: one that does not fit is beyond every file's end all the same.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0_u64, |number, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

/// The one part that these are together, if they leave no gap.
fn joined(parts: &mut [Part]) -> Option<Part> {
    parts.sort_unstable();
    let (first, rest) = parts.split_first()?;
    rest.iter().try_fold(*first, |joined, part| {
        (part.first <= joined.last + 1)
            .then_some(Part { first: joined.first, last: joined.last.max(part.last) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn part(first: u64, last: u64) -> Wanted {
        Wanted::Part(Part { first, last })
    }

    /// What is asked for of a file of 1,000 bytes.
    const OF_A_THOUSAND: [(&str, Wanted); 54] = [
        ("bytes=0-0", part(0, 0)),
        ("bytes=0-499", part(0, 499)),
        ("bytes=500-999", part(500, 999)),
        ("bytes=999-999", part(999, 999)),
        ("bytes=0-999", part(0, 999)),
        ("bytes=0-1000", part(0, 999)),
        ("bytes=500-", part(500, 999)),
        ("bytes=0-", part(0, 999)),
        ("bytes=999-", part(999, 999)),
        ("bytes=-1", part(999, 999)),
        ("bytes=-500", part(500, 999)),
        ("bytes=-1000", part(0, 999)),
        ("bytes=-1001", part(0, 999)),
        ("bytes=-99999999999999999999999", part(0, 999)),
        ("bytes=5-99999999999999999999999", part(5, 999)),
        ("bytes=0005-0006", part(5, 6)),
        ("BYTES=1-2", part(1, 2)),
        ("bytes= 1-2", part(1, 2)),
        ("bytes=1-2 ", part(1, 2)),
        ("bytes=1-2,", part(1, 2)),
        ("bytes=,,1-2", part(1, 2)),
        // Not satisfiable.
        ("bytes=1000-", Wanted::Unsatisfiable),
        ("bytes=1000-1000", Wanted::Unsatisfiable),
        ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
        ("bytes=-0", Wanted::Unsatisfiable),
        ("bytes=-0,1000-", Wanted::Unsatisfiable),
        // Several that are one.
        ("bytes=0-1,2-3", part(0, 3)),
        ("bytes=2-3,0-1", part(0, 3)),
        ("bytes=0-9,5-14", part(0, 14)),
        ("bytes=0-99,10-19", part(0, 99)),
        ("bytes=0-0,0-0,0-0,0-0", part(0, 0)),
        ("bytes=0-,-1", part(0, 999)),
        ("bytes=1000-,3-4", part(3, 4)),
        ("bytes=-0, 3-4", part(3, 4)),
        ("bytes=-10,980-989", part(980, 999)),
        // Several that are not: the whole file, once.
        ("bytes=0-0,2-2", Wanted::Whole),
        ("bytes=0-0,-1", Wanted::Whole),
        ("bytes=0-9,20-29,10-19", part(0, 29)),
        ("bytes=0-9,21-29,10-19", Wanted::Whole),
        // No ranges at all.
        ("", Wanted::Whole),
        ("bytes", Wanted::Whole),
        ("bytes=", Wanted::Whole),
        ("bytes=,", Wanted::Whole),
        ("bytes=-", Wanted::Whole),
        ("bytes=a-b", Wanted::Whole),
        ("bytes=1", Wanted::Whole),
        ("bytes=2-1", Wanted::Whole),
        ("bytes=1-2,x", Wanted::Whole),
        ("bytes=1-2,4-3", Wanted::Whole),
        ("bytes=+1-2", Wanted::Whole),
        ("bytes=1--2", Wanted::Whole),
        ("bytes=1 - 2", Wanted::Whole),
        ("bytes =1-2", Wanted::Whole),
        ("lines=1-2", Wanted::Whole),
    ];

    #[test]
    fn what_is_asked_for_of_a_thousand_bytes() {
        for (value, expected) in OF_A_THOUSAND {
            assert_eq!(wanted(value.as_bytes(), 1000), expected, "{value}");
        }
    }

    #[test]
    fn an_empty_file_is_whole_from_its_beginning_on_and_has_no_later_byte() {
        for (value, expected) in [
            ("bytes=0-", Wanted::Whole),
            ("bytes=0-0", Wanted::Whole),
            ("bytes=0-1", Wanted::Whole),
            ("bytes=0-18446744073709551615", Wanted::Whole),
            ("bytes=-1", Wanted::Whole),
            ("bytes=5-, 0-", Wanted::Whole),
            ("bytes=1-", Wanted::Unsatisfiable),
            ("bytes=1-1, 2-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
        ] {
            assert_eq!(wanted(value.as_bytes(), 0), expected, "{value}");
        }
    }

    #[test]
    fn the_largest_file_there_can_be_overflows_nothing() {
        let len = u64::MAX;
        assert_eq!(wanted(b"bytes=0-,5-", len), part(0, len - 1));
        assert_eq!(wanted(b"bytes=-18446744073709551615", len), part(0, len - 1));
        assert_eq!(wanted(b"bytes=18446744073709551614-", len), part(len - 1, len - 1));
        assert_eq!(wanted(b"bytes=18446744073709551615-", len), Wanted::Unsatisfiable);
    }

    #[test]
    fn more_ranges_than_anybody_needs_are_ignored() {
        let ranges = |count| format!("bytes={}", vec!["0-0"; count].join(","));
        assert_eq!(wanted(ranges(RANGES_MAX).as_bytes(), 1), part(0, 0));
        assert_eq!(wanted(ranges(RANGES_MAX + 1).as_bytes(), 1), Wanted::Whole);
        let beyond = format!("bytes={}", vec!["9-9"; RANGES_MAX + 1].join(","));
        assert_eq!(wanted(beyond.as_bytes(), 1), Wanted::Whole);
    }
}
