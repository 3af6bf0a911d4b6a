//! How a single value is written on the command line.
//!
//! Every parser here takes any text without a panic, and refuses with the part of a sentence that
//! shows how to write it; clap puts the value and its option's name before that. What a parser
//! prints as a default, it also reads.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, as `16KiB`, `1.5MB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

/// How units begin that a size may have, in lower case, and how many bytes each has.
const UNITS: [(&str, u64); 5] =
    [("k", 1000), ("m", 1_000_000), ("g", 1_000_000_000), ("t", 1_000_000_000_000), ("", 1)];

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Size, Self::Err> {
        bytes(text).map(Size).ok_or("write a size such as 16KiB, 1MB or 4096")
    }
}

/// A decimal and perhaps a unit, in whole bytes. Without floating-point numbers: reading those takes 17
/// KiB of the program.
fn bytes(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let unit = unit.strip_suffix('b').unwrap_or(unit);
    let each = match unit.strip_suffix('i') {
        Some(begin) => {
            let power = UNITS[..4].iter().position(|(name, _)| *name == begin)?;
            1 << (10 * (power + 1))
        }
        None => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_decimal =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    if !is_decimal(whole) || !is_decimal(part) || part.len() > 6 {
        return None;
    }
    let millionths: u64 = format!("{part:0<6}").parse().ok()?;
    // At most a million times 2^40, which fits.
    let of_part = millionths * each / 1_000_000;
    let bytes = whole.parse::<u64>().ok()?.checked_mul(each)?.checked_add(of_part)?;
    usize::try_from(bytes).ok()
}

impl fmt::Display for Size {
    /// Exact: a default that is shown must be the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            bytes if bytes.is_multiple_of(1 << 20) => write!(f, "{}MiB", bytes >> 20),
            bytes if bytes.is_multiple_of(1 << 10) => write!(f, "{}KiB", bytes >> 10),
            bytes => write!(f, "{bytes}"),
        }
    }
}

/// A span of time, as `10s`, `500ms` or `1min 30s`.
pub fn duration(text: &str) -> Result<humantime::Duration, String> {
    text.trim()
        .parse::<humantime::Duration>()
        .map_err(|_| "write a duration with its unit, such as 10s, 500ms or 2min".into())
}

/// A whole number that fits `N`.
pub fn count<N: FromStr + TryFrom<u64>>(text: &str) -> Result<N, &'static str> {
    match text.trim().parse::<u64>().map(N::try_from) {
        Ok(Ok(number)) => Ok(number),
        Ok(Err(_)) => Err("write a smaller number"),
        Err(_) => Err("write a whole number, such as 100"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_size_takes_a_unit_or_none() {
        assert_eq!("16KiB".parse(), Ok(Size(16 * 1024)));
        assert_eq!("16 kib".parse(), Ok(Size(16 * 1024)));
        assert_eq!("1.5MB".parse(), Ok(Size(1_500_000)));
        assert_eq!("4096".parse(), Ok(Size(4096)));
        assert_eq!("4096 B".parse(), Ok(Size(4096)));
        assert_eq!(" 2K ".parse(), Ok(Size(2000)));
        assert_eq!("0.000001GB".parse(), Ok(Size(1000)));
        assert_eq!("1.999999TiB".parse(), Ok(Size(2_199_022_156_040)));
        assert_eq!("0".parse(), Ok(Size(0)));
        for text in [
            "",
            "KiB",
            "-1",
            "16 apples",
            "1..5K",
            "é",
            ".5K",
            "1.K",
            "1ib",
            "18446744073709551616",
            "16777216TiB",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_as_a_default_reads_back_as_the_same_value() {
        for bytes in [0, 1, 1000, 1023, 1024, 1025, 1536, 1 << 20, (1 << 20) + 1, 3 << 20] {
            assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
        for millis in [1, 500, 1000, 90_000] {
            let shown = humantime::Duration::from(Duration::from_millis(millis)).to_string();
            let read = duration(&shown).expect("a duration");
            assert_eq!(*read, Duration::from_millis(millis));
        }
    }

    #[test]
    fn a_duration_needs_a_unit() {
        assert_eq!(duration("500ms").map(|read| *read), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1min 30s").map(|read| *read), Ok(Duration::from_secs(90)));
        for text in ["", "10", "s", "-1s", "10 apples", "99999999999999999999s", "é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_count_fits_the_type_that_it_is_for() {
        assert_eq!(count::<usize>("0"), Ok(0));
        assert_eq!(count::<i32>("2147483647"), Ok(i32::MAX));
        assert_eq!(count::<i32>("2147483648"), Err("write a smaller number"));
        assert!(count::<i32>("-1").is_err());
        assert!(count::<u32>("many").is_err());
    }
}
