//! Numbers as people read them.

use std::time::Duration;

/// Three digits and the unit that suits them: `312 µs`, `1.24 ms`, `10.2 s`.
pub fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos() as f64;
    match nanoseconds {
        0.0 => "0".to_owned(),
        ..999_500.0 => format!("{} µs", digits(nanoseconds / 1e3)),
        ..999_500_000.0 => format!("{} ms", digits(nanoseconds / 1e6)),
        _ => format!("{} s", digits(nanoseconds / 1e9)),
    }
}

/// Bytes: `148 B`, `12.3 MiB`.
pub fn bytes(bytes: u64) -> String {
    let (mut number, mut units) = (bytes as f64, ["B", "KiB", "MiB", "GiB"].into_iter());
    let mut unit = units.next();
    while number >= 1023.5
        && let Some(next) = units.next()
    {
        number /= 1024.0;
        unit = Some(next);
    }
    let number = if bytes < 1024 { bytes.to_string() } else { digits(number) };
    format!("{number} {}", unit.unwrap_or_default())
}

/// With commas: `150,000`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What can stand in one line of a terminal, whatever it was.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Three significant digits, or more before the point.
fn digits(number: f64) -> String {
    match number {
        ..9.995 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let told = |nanoseconds| time(Duration::from_nanos(nanoseconds));
        assert_eq!(told(0), "0");
        assert_eq!(told(850), "0.85 µs");
        assert_eq!(told(312_400), "312 µs");
        assert_eq!(told(999_499), "999 µs");
        assert_eq!(told(999_500), "1.00 ms");
        assert_eq!(told(1_240_000), "1.24 ms");
        assert_eq!(told(10_156_000_000), "10.2 s");
        assert_eq!(told(3_600_000_000_000), "3600 s");
    }

    #[test]
    fn bytes_and_counts_are_short() {
        assert_eq!(bytes(148), "148 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(12_900_000), "12.3 MiB");
        assert_eq!(bytes(1 << 40), "1024 GiB");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(150_000), "150,000");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn whatever_came_is_one_line() {
        assert_eq!(escaped(b"a\r\n\x1b[2J\xff\""), r#"a\r\n\x1b[2J\xff\""#);
    }
}
