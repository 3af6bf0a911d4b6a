//! Whether a request's conditions hold (RFC 9110 §13), in the order of §13.2.2.
//!
//! Pure functions of the fields and of what the file has been found to be.

use std::time::{Duration, SystemTime};

use super::request_fields::{Lines, RequestFields, Single};
use crate::http::date;

/// What the conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There are none, or they hold.
    Proceed,
    /// The client has it already: 304.
    NotModified,
    /// It is not what the client thinks: 412.
    Failed,
}

/// By what one state of a file is told from every other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validators<'v> {
    /// An entity tag, in its quotation marks, behind `W/` if it is weak.
    pub(super) entity_tag: &'v str,
    /// When the file was changed, to the second, as `Last-Modified` says it; if that is known. If
    /// not, no condition of a date decides anything (RFC 9110 §13.1.3, §13.1.4).
    pub(super) modified: Option<SystemTime>,
}

/// Judges the conditions of a GET or a HEAD. `now` is the time of day.
pub(super) fn judge(
    asked: &RequestFields<'_>,
    current: Validators<'_>,
    now: SystemTime,
) -> Verdict {
    let date = |field: Single<'_>| field.value().and_then(|value| date::parse(value, now));
    // Steps 1 and 2: a tag outweighs a date, of which a second has only one.
    if asked.if_match.is_there() {
        if !any_tag(&asked.if_match, |tag| tag.strong == Some(current.entity_tag.as_bytes())) {
            return Verdict::Failed;
        }
    } else if let Some(since) = date(asked.if_unmodified_since)
        && current.modified.is_some_and(|modified| modified > since)
    {
        return Verdict::Failed;
    }
    // Steps 3 and 4.
    if asked.if_none_match.is_there() {
        let opaque = current.entity_tag.strip_prefix("W/").unwrap_or(current.entity_tag);
        return match any_tag(&asked.if_none_match, |tag| tag.opaque == opaque.as_bytes()) {
            true => Verdict::NotModified,
            false => Verdict::Proceed,
        };
    }
    match (current.modified, date(asked.if_modified_since)) {
        (Some(modified), Some(since)) if modified <= since => Verdict::NotModified,
        (Some(_) | None, Some(_) | None) => Verdict::Proceed,
    }
}

/// Step 5: whether a range may be answered, because what the client has of the file is of this
/// very state. `now` is the time of day.
pub(super) fn range_holds(if_range: Single<'_>, current: Validators<'_>, now: SystemTime) -> bool {
    let value = match if_range {
        Single::Absent => return true,
        Single::Once(value) => value,
        Single::Repeated => return false,
    };
    if value.starts_with(b"\"") || value.starts_with(b"W/") {
        // Compared strongly, so a weak tag never matches, the same one neither.
        return value.starts_with(b"\"") && value == current.entity_tag.as_bytes();
    }
    // A date is good only if the file cannot have changed again within its second (§8.8.2.2).
    current.modified.is_some_and(|modified| {
        let is_strong = modified + Duration::from_secs(1) <= now;
        is_strong && date::parse(value, now) == Some(modified)
    })
}

/// A tag in a list.
struct Tag<'b> {
    /// With its quotation marks, without the mark of weakness.
    opaque: &'b [u8],
    /// The same, if it is strong.
    strong: Option<&'b [u8]>,
}

/// Whether a tag of the list fits. `*` fits whatever there is. A list is read up to what is no
/// tag.
fn any_tag(lines: &Lines<'_>, fits: impl Fn(&Tag<'_>) -> bool) -> bool {
    lines.values().any(|value| {
        if value == b"*" {
            return true;
        }
        let mut rest = value;
        while let Some((tag, behind)) = next_tag(rest) {
            if fits(&tag) {
                return true;
            }
            rest = behind;
        }
        false
    })
}

/// The first tag of a list, and what follows it. A tag may have commas in it.
fn next_tag(list: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let is_between = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
    let start = list.iter().position(|byte| !is_between(byte))?;
    let tag = &list[start..];
    let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
    let inner = opaque.strip_prefix(b"\"")?;
    let len = inner.iter().position(|byte| *byte == b'"')? + 2;
    let (opaque, behind) = opaque.split_at(len);
    if behind.first().is_some_and(|byte| !is_between(byte)) {
        return None;
    }
    let strong = (!tag.starts_with(b"W/")).then_some(opaque);
    Some((Tag { opaque, strong }, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn modified() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn now() -> SystemTime {
        modified() + Duration::from_secs(32 * 365 * 86_400)
    }

    fn current() -> Validators<'static> {
        Validators { entity_tag: TAG, modified: Some(modified()) }
    }

    fn judged(fields: &[(&'static str, &'static str)]) -> Verdict {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        judge(&RequestFields::of(fields), current(), now())
    }

    #[test]
    fn one_condition_by_itself() {
        use Verdict::{Failed, NotModified, Proceed};
        let table = [
            ("If-None-Match", "\"abc\"", NotModified),
            ("If-None-Match", "W/\"abc\"", NotModified),
            ("If-None-Match", "*", NotModified),
            ("If-None-Match", "\"x\", \"abc\"", NotModified),
            ("If-None-Match", "\"x\",\"abc\",\"y\"", NotModified),
            ("If-None-Match", ", ,\"abc\"", NotModified),
            ("If-None-Match", "\"x,y\", W/\"abc\"", NotModified),
            ("If-None-Match", "\"x\"", Proceed),
            ("If-None-Match", "\"ABC\"", Proceed),
            ("If-None-Match", "abc", Proceed),
            ("If-None-Match", "w/\"abc\"", Proceed),
            ("If-None-Match", "\"abc", Proceed),
            ("If-None-Match", "\"x\"\"abc\"", Proceed),
            ("If-None-Match", "\"x, \"abc\"", Proceed),
            ("If-None-Match", "", Proceed),
            ("If-Match", "\"abc\"", Proceed),
            ("If-Match", "*", Proceed),
            ("If-Match", "\"x\", \"abc\"", Proceed),
            ("If-Match", "W/\"abc\"", Failed),
            ("If-Match", "\"x\"", Failed),
            ("If-Match", "abc", Failed),
            ("If-Match", "", Failed),
            ("If-Modified-Since", BEFORE, Proceed),
            ("If-Modified-Since", SAME, NotModified),
            ("If-Modified-Since", AFTER, NotModified),
            ("If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
            ("If-Modified-Since", "Sunday, 06-Nov-44 08:49:37 GMT", NotModified),
            ("If-Modified-Since", "Sunday, 06-Nov-88 08:49:37 GMT", Proceed),
            ("If-Modified-Since", "Sun Nov  6 08:49:37 1994", NotModified),
            ("If-Modified-Since", "Fri, 31 Dec 9999 23:59:59 GMT", NotModified),
            ("If-Modified-Since", "yesterday", Proceed),
            ("If-Modified-Since", "", Proceed),
            ("If-Modified-Since", "784111777", Proceed),
            ("If-Unmodified-Since", BEFORE, Failed),
            ("If-Unmodified-Since", SAME, Proceed),
            ("If-Unmodified-Since", AFTER, Proceed),
            ("If-Unmodified-Since", "never", Proceed),
        ];
        for (name, value, expected) in table {
            assert_eq!(judged(&[(name, value)]), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_weak_tag_is_good_for_what_is_compared_weakly_only() {
        let current = Validators { entity_tag: "W/\"abc\"", ..current() };
        for (name, verdict) in
            [("If-None-Match", Verdict::NotModified), ("If-Match", Verdict::Failed)]
        {
            for value in [&b"\"abc\""[..], b"W/\"abc\""] {
                let fields = [(name, value)].into_iter();
                assert_eq!(judge(&RequestFields::of(fields), current, now()), verdict, "{name}");
                assert!(!range_holds(Single::Once(value), current, now()));
            }
        }
    }

    #[test]
    fn without_a_date_no_condition_of_a_date_decides_anything() {
        let current = Validators { modified: None, ..current() };
        for name in ["If-Modified-Since", "If-Unmodified-Since"] {
            for date in [BEFORE, SAME, AFTER, "Fri, 31 Dec 9999 23:59:59 GMT"] {
                let fields = [(name, date.as_bytes())].into_iter();
                assert_eq!(judge(&RequestFields::of(fields), current, now()), Verdict::Proceed);
                assert!(!range_holds(Single::Once(date.as_bytes()), current, now()));
            }
        }
    }

    #[test]
    fn several_conditions_in_their_order() {
        use Verdict::{Failed, NotModified, Proceed};
        let (good, bad) = ("\"abc\"", "\"x\"");
        let table: [(&[(&str, &str)], Verdict); 13] = [
            (&[], Proceed),
            (&[("If-Match", good), ("If-Unmodified-Since", BEFORE)], Proceed),
            (&[("If-Match", bad), ("If-Unmodified-Since", AFTER)], Failed),
            (&[("If-None-Match", bad), ("If-Modified-Since", AFTER)], Proceed),
            (&[("If-None-Match", good), ("If-Modified-Since", BEFORE)], NotModified),
            (&[("If-Match", good), ("If-None-Match", good)], NotModified),
            (&[("If-Match", bad), ("If-None-Match", good)], Failed),
            (&[("If-Unmodified-Since", BEFORE), ("If-None-Match", good)], Failed),
            (&[("If-Unmodified-Since", AFTER), ("If-Modified-Since", AFTER)], NotModified),
            (&[("If-None-Match", bad), ("If-None-Match", good)], NotModified),
            (&[("If-Match", bad), ("If-Match", good)], Proceed),
            (&[("If-Modified-Since", AFTER), ("If-Modified-Since", AFTER)], Proceed),
            (&[("If-Unmodified-Since", BEFORE), ("If-Unmodified-Since", BEFORE)], Proceed),
        ];
        for (fields, expected) in table {
            assert_eq!(judged(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_range_is_answered_only_if_the_rest_is_of_the_same_state() {
        let second = Duration::from_secs(1);
        let table = [
            ("\"abc\"", true),
            ("\"x\"", false),
            ("W/\"abc\"", false),
            ("abc", false),
            ("*", false),
            (SAME, true),
            (BEFORE, false),
            (AFTER, false),
            ("", false),
        ];
        for (value, expected) in table {
            let holds = range_holds(Single::Once(value.as_bytes()), current(), modified() + second);
            assert_eq!(holds, expected, "{value}");
        }
        let at_once = range_holds(Single::Once(SAME.as_bytes()), current(), modified());
        assert!(!at_once, "the file may change again within the same second");
        assert!(range_holds(Single::Absent, current(), modified()));
        assert!(!range_holds(Single::Repeated, current(), modified() + second));
    }
}
