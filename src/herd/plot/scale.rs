//! Which numbers stand at an axis, and what they are called there.

use std::time::Duration;

use crate::units::count;

/// How many numbers an axis of time has at most, besides 0.
const SECONDS_MAX: f64 = 8.0;

/// Steps between the numbers of an axis of time, in seconds. Beyond a day there is no run.
const SECONDS: [f64; 20] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1800.0, 3600.0, 7200.0, 14_400.0,
];

/// How many numbers an axis from 0 has, besides 0.
const NUMBERS_MAX: f64 = 4.0;

/// Where the numbers of an axis of time stand, in seconds.
pub fn seconds(length: f64) -> Vec<f64> {
    let steps = SECONDS.into_iter().find(|step| length / step <= SECONDS_MAX);
    multiples(steps.unwrap_or(86_400.0), length)
}

/// What a number of an axis of time is called: with its unit, and without needless digits.
pub fn second(seconds: f64) -> String {
    match seconds {
        0.0 => "0".to_owned(),
        ..0.9995 => format!("{:.0} ms", seconds * 1e3),
        ..60.0 => format!("{} s", short(seconds)),
        ..3600.0 => format!("{} min", short(seconds / 60.0)),
        _ => format!("{} h", short(seconds / 3600.0)),
    }
}

/// Where the numbers of an axis from 0 stand, and where the axis ends: at the first of them that is not
/// below `max`.
pub fn from_zero(max: f64) -> (Vec<f64>, f64) {
    let max = max.max(1.0);
    let power = 10_f64.powf((max / NUMBERS_MAX).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|digit| digit * power);
    // Nothing is counted by halves.
    let mut steps = steps.into_iter().filter(|step| *step >= 1.0 && step.fract() == 0.0);
    let step = steps.find(|step| max / step <= NUMBERS_MAX).unwrap_or(power * 10.0);
    let top = (max / step).ceil() * step;
    (multiples(step, top), top)
}

/// What a number of an axis from 0 is called.
pub fn number(number: f64) -> String {
    count(number as u64)
}

/// Where the numbers of an axis of times stand that runs by powers of ten: at 1, 2 and 5 of each where
/// there are few powers.
pub fn times(low: Duration, high: Duration) -> Vec<Duration> {
    let spans = |digits: &'static [u64]| {
        let powers = (0..14).map(|power| 10_u64.pow(power));
        let all = powers.flat_map(move |power| digits.iter().map(move |digit| digit * power));
        all.map(Duration::from_nanos).filter(move |time| (low..=high).contains(time))
    };
    match spans(&[1]).count() {
        0 | 1 => spans(&[1, 2, 5]).collect(),
        2 => spans(&[1, 3]).collect(),
        _ => spans(&[1]).collect(),
    }
}

/// What a number of an axis of times is called.
pub fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos() as f64;
    match nanoseconds {
        ..1e3 => format!("{nanoseconds:.0} ns"),
        ..1e6 => format!("{:.0} µs", nanoseconds / 1e3),
        ..1e9 => format!("{:.0} ms", nanoseconds / 1e6),
        _ => format!("{:.0} s", nanoseconds / 1e9),
    }
}

/// 0 and every multiple up to `last`, which may be missed by rounding.
fn multiples(step: f64, last: f64) -> Vec<f64> {
    let numbers = (last / step + 1e-6).floor() as u32;
    (0..=numbers).map(|number| f64::from(number) * step).collect()
}

/// Without digits behind the point that say nothing.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_of_time_has_round_numbers() {
        let named = |length: f64| seconds(length).into_iter().map(second).collect::<Vec<_>>();
        assert_eq!(named(1.0003), ["0", "200 ms", "400 ms", "600 ms", "800 ms", "1 s"]);
        assert_eq!(named(10.0), ["0", "2 s", "4 s", "6 s", "8 s", "10 s"]);
        assert_eq!(named(90.0), ["0", "20 s", "40 s", "1 min", "1.3 min"]);
        assert_eq!(named(3600.0), ["0", "10 min", "20 min", "30 min", "40 min", "50 min", "1 h"]);
        for length in [0.004, 0.3, 7.0, 45.0, 299.0, 86_400.0] {
            assert!((1..=9).contains(&seconds(length).len()), "{length}");
        }
    }

    #[test]
    fn an_axis_from_zero_ends_above_its_highest_value() {
        for (max, top, numbers) in [
            (0.0, 1.0, 2),
            (1.0, 1.0, 2),
            (3.0, 3.0, 4),
            (64.0, 80.0, 5),
            (10_220.0, 15_000.0, 4),
            (130_000.0, 150_000.0, 4),
        ] {
            let (found, end) = from_zero(max);
            assert_eq!((end, found.len()), (top, numbers), "{max}: {found:?}");
            assert!(found[0] == 0.0 && found.iter().all(|it| it.fract() == 0.0), "{found:?}");
        }
        let named = [0.0, 2500.0, 50_000.0, 150_000.0, 20_000_000.0].map(number);
        assert_eq!(named, ["0", "2,500", "50,000", "150,000", "20,000,000"]);
    }

    #[test]
    fn an_axis_of_times_has_some_numbers_whatever_its_ends_are() {
        let named = |low: u64, high| {
            let times = times(Duration::from_micros(low), Duration::from_micros(high));
            times.into_iter().map(time).collect::<Vec<_>>()
        };
        assert_eq!(named(210, 810), ["500 µs"]);
        assert_eq!(named(20, 900), ["20 µs", "50 µs", "100 µs", "200 µs", "500 µs"]);
        assert_eq!(named(80, 1500), ["100 µs", "300 µs", "1 ms"]);
        assert_eq!(
            named(5, 20_000_000),
            ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]
        );
    }
}
