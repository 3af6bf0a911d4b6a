//! Numbers with units: durations and sizes. What is shown here reads back as the same value.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Names of units of time, and how many microseconds each has. The longest that divides a duration is
/// shown.
const TIMES: [(&str, u64); 5] =
    [("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1)];

/// Names of units of size, and how many bytes each has.
const SIZES: [(&str, u64); 9] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("kB", 1000),
    ("B", 1),
    ("", 1),
];

/// Ten to the power of six: a decimal has at most six digits behind its point.
const MILLION: u64 = 1_000_000;

/// A duration such as `2s`, to the microsecond.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let units = with_unit(text, &TIMES)?;
    Some(Duration::from_micros(units))
}

/// A number of bytes such as `10KiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    with_unit(text, &SIZES)
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    let (_, each) = units.iter().find(|(name, _)| *name == unit)?;
    let product = u128::from(millionths(number)?) * u128::from(*each) / u128::from(MILLION);
    u64::try_from(product).ok()
}

/// A decimal such as `0.1`, in millionths.
pub(super) fn millionths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_decimal =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|d| d.is_ascii_digit());
    if !is_decimal(whole) || !is_decimal(part) || part.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.checked_mul(MILLION)?.checked_add(part)
}

/// A duration as it is written.
pub(super) struct ShownDuration(pub(super) Duration);

/// A size as it is written.
pub(super) struct ShownSize(pub(super) u64);

impl Display for ShownDuration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let micros = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        let fitting = TIMES.iter().find(|(_, each)| micros > 0 && micros.is_multiple_of(*each));
        let (name, each) = fitting.unwrap_or(&("s", MILLION));
        write!(f, "{}{name}", micros / each)
    }
}

impl Display for ShownSize {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let binary = SIZES[..3].iter();
        let fitting = binary.copied().find(|(_, each)| self.0 > 0 && self.0.is_multiple_of(*each));
        let (name, each) = fitting.unwrap_or(("", 1));
        write!(f, "{}{name}", self.0 / each)
    }
}
