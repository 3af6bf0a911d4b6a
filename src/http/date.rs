//! The `Date` field, formatted once a second and then only copied; and other fields' dates.

use std::io::Write;
use std::time::SystemTime;

/// How most answers begin.
const OK_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

const DATE_LINE_BYTES: usize = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".len();

/// A `Date` field line, ready to be copied into a head (RFC 9110 §6.6.1); with the status line 200
/// before it, because most answers begin so, and one copy costs less than two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    at: SystemTime,
    lines: [u8; OK_LINE.len() + DATE_LINE_BYTES],
}

impl Date {
    /// Formats `now`, to the second.
    pub(crate) fn new(now: SystemTime) -> Date {
        let mut lines = [b' '; OK_LINE.len() + DATE_LINE_BYTES];
        let (ok, date) = lines.split_at_mut(OK_LINE.len());
        ok.copy_from_slice(OK_LINE);
        write!(&mut date[..], "Date: {}\r\n", sayable(now))
            .expect("an IMF-fixdate is always 29 bytes long");
        Date { at: now, lines }
    }

    /// What it was made from.
    pub(crate) fn at(&self) -> SystemTime {
        self.at
    }

    /// The whole field line with its line end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.lines[OK_LINE.len()..]
    }

    /// The status line 200, and the field line.
    pub(crate) fn ok_and_line(&self) -> &[u8] {
        &self.lines
    }
}

/// This time as HTTP writes it, to the second: `Sun, 06 Nov 1994 08:49:37 GMT`.
#[cfg(feature = "site")]
pub(crate) fn format(time: SystemTime) -> String {
    sayable(time).to_string()
}

/// The time that a field's value says, in any of the three forms that recipients have to
/// understand (RFC 9110 §5.6.7).
#[cfg(feature = "site")]
pub(crate) fn parse(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(str::from_utf8(value).ok()?).ok()
}

/// A clock before 1970 or past 9999 is wrong; the nearest date HTTP can say will do.
fn sayable(time: SystemTime) -> httpdate::HttpDate {
    let last = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    httpdate::HttpDate::from(time.clamp(SystemTime::UNIX_EPOCH, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_date_of_the_rfc_is_written_as_in_the_rfc() {
        let date = Date::new(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        assert_eq!(date.line(), b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    }

    #[cfg(feature = "site")]
    #[test]
    fn all_three_forms_of_a_date_say_the_same_time() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(time), "{text}");
        }
        assert_eq!(parse(format(time).as_bytes()), Some(time));
        for text in [&b""[..], b"0", b"Sun, 06 Nov 1994", b"\xff"] {
            assert_eq!(parse(text), None);
        }
    }

    #[test]
    fn an_absurd_clock_is_no_panic() {
        let before = Date::new(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        let after = Date::new(SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000));
        assert_eq!(before.line(), b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
        assert_eq!(after.line(), b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
    }
}
