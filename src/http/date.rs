//! The `Date` field, formatted once a second and then only copied; and other fields' dates.

use std::io::Write;
use std::time::{Duration, SystemTime};

/// How most answers begin.
const OK_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

const TEXT_BYTES: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();
const DATE_LINE_BYTES: usize = "Date: ".len() + TEXT_BYTES + "\r\n".len();

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

    /// The date alone: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub(crate) fn text(&self) -> &[u8; TEXT_BYTES] {
        let text = &self.line()["Date: ".len()..];
        text.first_chunk().expect("the line has a whole date")
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
/// understand (RFC 9110 §5.6.7). `now` decides the century of a year of two digits.
///
/// Names are compared with their case, as the RFC says. A time before 1970 is none.
#[cfg(feature = "site")]
pub(crate) fn parse(value: &[u8], now: SystemTime) -> Option<SystemTime> {
    let text = str::from_utf8(value).ok()?;
    // A leap second is always a day's last one. `SystemTime` has none: it is the next day's first.
    match text.split_once(" 23:59:60") {
        Some((date, rest)) => {
            let second_before = format!("{date} 23:59:59{rest}");
            parse_form(&second_before, now)?.checked_add(Duration::from_secs(1))
        }
        None => parse_form(text, now),
    }
}

#[cfg(feature = "site")]
fn parse_form(text: &str, now: SystemTime) -> Option<SystemTime> {
    // No other form has dashes.
    match text.contains('-') {
        true => parse_rfc850(text, now),
        false => httpdate::parse_http_date(text).ok(),
    }
}

/// The day's names in the obsolete form of RFC 850. The others begin in the same way.
#[cfg(feature = "site")]
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `Sunday, 06-Nov-94 08:49:37 GMT`: the latest time that has this year's last two digits and is not
/// more than 50 years ahead. Which day of the week it says is not compared with the century.
#[cfg(feature = "site")]
fn parse_rfc850(text: &str, now: SystemTime) -> Option<SystemTime> {
    let (day_name, rest) = text.trim().split_once(", ")?;
    let (date, time) = rest.split_once(' ')?;
    let (day, rest) = date.split_once('-')?;
    let (month, digits) = rest.split_once('-')?;
    if !DAYS.contains(&day_name) || digits.len() != 2 {
        return None;
    }
    let in_year = |year: u16| {
        // One of these is the right day of the week; with another the date would be wrong.
        DAYS.iter().find_map(|name| {
            let text = format!("{}, {day} {month} {year:04} {time}", &name[..3]);
            httpdate::parse_http_date(&text).ok()
        })
    };
    let digits =
        digits.parse::<u16>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let this_year: u16 = format(now)[12..16].parse().ok()?;
    let century = this_year - this_year % 100;
    let years = [century + 100 + digits, century + digits, century - 100 + digits];
    let is_near = |year: &u16| match year.checked_sub(this_year) {
        Some(51..) => false,
        // The 50 years are over on the day that is today in this year.
        Some(50) => in_year(this_year).is_none_or(|time| time <= now),
        Some(..50) | None => true,
    };
    in_year(years.into_iter().find(is_near)?)
}

/// A clock before 1970 or past 9999 is wrong; the nearest date HTTP can say will do.
fn sayable(time: SystemTime) -> httpdate::HttpDate {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    httpdate::HttpDate::from(time.clamp(SystemTime::UNIX_EPOCH, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_the_rfc_is_written_as_in_the_rfc() {
        let date = Date::new(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        assert_eq!(date.line(), b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    }

    #[cfg(feature = "site")]
    fn at(text: &str) -> SystemTime {
        httpdate::parse_http_date(text).expect("a date")
    }

    #[cfg(feature = "site")]
    #[test]
    fn all_three_forms_of_a_date_say_the_same_time() {
        let now = at("Mon, 30 Nov 2026 12:00:00 GMT");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes(), now), Some(time), "{text}");
        }
        assert_eq!(parse(format(time).as_bytes(), now), Some(time));
        for text in [
            &b""[..],
            b"0",
            b"Sun, 06 Nov 1994",
            b"\xff",
            b"-",
            b"Sunday, 06-Nov-94",
            b"Sunday, 06-Nov-1994 08:49:37 GMT",
            b"Sunday, 06-Nov-+4 08:49:37 GMT",
            b"Sunday, 31-Feb-94 08:49:37 GMT",
            b"Sun, 06-Nov-94 08:49:37 GMT",
            b"Sunday, 06-Nov-94 08:49:37",
            b"Sunday, 06-Nov-94-1 08:49:37 GMT",
        ] {
            assert_eq!(parse(text, now), None, "{}", String::from_utf8_lossy(text));
        }
    }

    #[cfg(feature = "site")]
    #[test]
    fn each_form_has_its_letters_case_spaces_and_day_of_the_week() {
        let now = at("Mon, 30 Nov 2026 12:00:00 GMT");
        let midnight = Some(at("Sun, 01 Jan 2017 00:00:00 GMT"));
        let one_digit = Some(at("Sun, 06 Nov 1994 08:49:37 GMT"));
        for (text, expected) in [
            // asctime pads a day of one digit with a space, or has two digits.
            ("Sun Nov  6 08:49:37 1994", one_digit),
            ("Sun Nov 06 08:49:37 1994", one_digit),
            ("Wed Nov 16 08:49:37 1994", Some(at("Wed, 16 Nov 1994 08:49:37 GMT"))),
            ("Sun Nov 6 08:49:37 1994", None),
            ("Sun Nov  6 08:49:37 94", None),
            ("Sun Nov  6 08:49:37 1994 GMT", None),
            ("Sun Nov  6 08:49:37 GMT 1994", None),
            ("Sun Nov  6 8:49:37 1994", None),
            // A leap second can only be a day's last.
            ("Sat, 31 Dec 2016 23:59:60 GMT", midnight),
            ("Saturday, 31-Dec-16 23:59:60 GMT", midnight),
            ("Sat Dec 31 23:59:60 2016", midnight),
            ("Sat, 31 Dec 2016 23:59:61 GMT", None),
            ("Sat, 31 Dec 2016 23:58:60 GMT", None),
            ("Sat, 31 Dec 2016 11:59:60 GMT", None),
            ("Sat, 31 Dec 2016 23:59:600 GMT", None),
            ("Sat, 31 Dec 2016 24:00:00 GMT", None),
            (" 23:59:60", None),
            // No such day, month or hour.
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Thu, 29 Feb 2024 00:00:00 GMT", Some(at("Thu, 29 Feb 2024 00:00:00 GMT"))),
            ("Wed, 29 Feb 2023 00:00:00 GMT", None),
            ("Sun, 06 Foo 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:60:37 GMT", None),
            // A day of the week that is not this date's: which of the two is right is not known.
            ("Mon, 06 Nov 1994 08:49:37 GMT", None),
            ("Mon Nov  6 08:49:37 1994", None),
            // In this form it depends on the century, which the year does not say: not compared.
            ("Monday, 06-Nov-94 08:49:37 GMT", one_digit),
            // Case matters, and so do spaces and the zone.
            ("sun, 06 nov 1994 08:49:37 gmt", None),
            ("Sun, 06 Nov 1994 08:49:37 gmt", None),
            ("SUN, 06 NOV 1994 08:49:37 GMT", None),
            ("sunday, 06-nov-94 08:49:37 GMT", None),
            ("sun nov  6 08:49:37 1994", None),
            ("Sun,  06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 08:49:37 +0000", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("1994-11-06T08:49:37Z", None),
            ("784111777", None),
            ("Wed, 31 Dec 1969 23:59:59 GMT", None),
        ] {
            assert_eq!(parse(text.as_bytes(), now), expected, "{text}");
        }
    }

    #[cfg(feature = "site")]
    #[test]
    fn a_year_of_two_digits_is_past_only_if_it_would_be_more_than_fifty_years_ahead() {
        let now = at("Mon, 30 Nov 2026 12:00:00 GMT");
        for (text, expected) in [
            ("Monday, 30-Nov-26 12:00:00 GMT", "Mon, 30 Nov 2026 12:00:00 GMT"),
            ("Friday, 15-Jun-74 12:00:00 GMT", "Fri, 15 Jun 2074 12:00:00 GMT"),
            // Fifty years to the second, and one more.
            ("Monday, 30-Nov-76 12:00:00 GMT", "Mon, 30 Nov 2076 12:00:00 GMT"),
            ("Monday, 30-Nov-76 12:00:01 GMT", "Tue, 30 Nov 1976 12:00:01 GMT"),
            ("Saturday, 29-Feb-76 12:00:00 GMT", "Sat, 29 Feb 2076 12:00:00 GMT"),
            ("Friday, 01-Jan-77 00:00:00 GMT", "Sat, 01 Jan 1977 00:00:00 GMT"),
            ("Friday, 31-Dec-99 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT"),
            ("Saturday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"),
        ] {
            assert_eq!(parse(text.as_bytes(), now), Some(at(expected)), "{text}");
        }
        let later = at("Sat, 01 Jan 2095 00:00:00 GMT");
        let text = b"Monday, 06-Nov-00 08:49:37 GMT";
        assert_eq!(parse(text, later), Some(at("Sat, 06 Nov 2100 08:49:37 GMT")));
        let early = SystemTime::UNIX_EPOCH;
        let text = b"Sunday, 06-Nov-94 08:49:37 GMT";
        assert_eq!(parse(text, early), Some(at("Sun, 06 Nov 1994 08:49:37 GMT")));
        let _ = parse(text, early + Duration::from_secs(400_000_000_000));
    }

    #[test]
    fn an_absurd_clock_is_no_panic() {
        let before = Date::new(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        let after = Date::new(SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000));
        assert_eq!(before.line(), b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
        assert_eq!(after.line(), b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
    }
}
