//! How long things took: many durations, kept in little memory, asked for by percentile.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

/// Beyond it everything reads as this: an hour, and no run's deadline is longer.
const NANOSECONDS_MAX: u64 = 3_600_000_000_000;

/// Three significant digits: finer than any noise here, for 260 KiB.
const DIGITS: u8 = 3;

/// Durations from a nanosecond to an hour.
#[derive(Clone, Debug)]
pub struct Times(Histogram<u64>);

impl Times {
    /// None yet.
    pub fn new() -> Times {
        let histogram = Histogram::new_with_bounds(1, NANOSECONDS_MAX, DIGITS);
        Times(histogram.expect("the bounds are constants that the histogram accepts"))
    }

    /// Adds one.
    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all of `others`.
    pub fn add(&mut self, others: &Times) {
        self.0.add(&others.0).expect("both have the same bounds");
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        // It touches every bucket.
        if self.count() > 0 {
            self.0.reset();
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The one that so great a share of all does not exceed; zero if there is none.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share).min(self.0.max()))
    }

    /// What they are on average; zero if there is none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean() as u64)
    }

    /// How many lie up to each of these bounds and above the one before, which stand in order. Those
    /// beyond the last are left out.
    pub fn counts_up_to(&self, bounds: &[Duration]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len()];
        let mut at = 0;
        for value in self.0.iter_recorded() {
            let time = Duration::from_nanos(value.value_iterated_to()).min(self.max());
            while bounds.get(at).is_some_and(|bound| *bound < time) {
                at += 1;
            }
            let Some(count) = counts.get_mut(at) else { break };
            *count += value.count_since_last_iteration();
        }
        counts
    }

    /// The same, and for each that is longer than `usual` those that would have been begun meanwhile, one
    /// each `usual`: the longest of them is shorter by `usual`, the next by twice that, and so on.
    pub fn corrected(&self, usual: Duration) -> Times {
        let usual = u64::try_from(usual.as_nanos()).unwrap_or(u64::MAX);
        Times(self.0.clone_correct(usual))
    }

    /// The shortest; zero if there is none.
    pub fn min(&self) -> Duration {
        match self.count() {
            0 => Duration::ZERO,
            _ => Duration::from_nanos(self.0.min()),
        }
    }

    /// The longest; zero if there is none.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }
}

/// Durations of a span of the run.
#[derive(Debug)]
pub struct Interval<'a> {
    /// What they are of, without commas, spaces and line ends.
    pub tag: &'a str,
    /// From the beginning of the run on.
    pub start: Duration,
    pub length: Duration,
    pub times: &'a Times,
}

/// A log in the format of HdrHistogram, which its own tools read: in nanoseconds, and the longest of each
/// line in milliseconds.
///
/// # Errors
/// When a histogram cannot be serialized, which those of one size can.
pub fn log(comment: &str, intervals: &[Interval<'_>]) -> io::Result<String> {
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut log = IntervalLogWriterBuilder::new();
    log.add_comment(comment).with_max_value_divisor(1e6);
    let mut log = log.begin_log_with(&mut bytes, &mut serializer)?;
    for Interval { tag, start, length, times } in intervals {
        log.write_histogram(&times.0, *start, *length, Tag::new(tag))
            .map_err(|reason| io::Error::other(format!("{reason:?}")))?;
    }
    drop(log);
    String::from_utf8(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn a_log_is_read_back_by_the_tools_of_its_format() {
        let mut times = Times::new();
        for millis in 1..=1000 {
            times.record(Duration::from_millis(millis));
        }
        let none = Times::new();
        let second = Duration::from_secs(1);
        let interval = |tag, start, times| Interval { tag, start, length: 2 * second, times };
        let intervals = [interval("get", second, &times), interval("post", 3 * second, &none)];
        let text = log("herd", &intervals).expect("it is written");
        let mut read = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            if let LogEntry::Interval(entry) = entry.expect("a line of a log") {
                let tag = entry.tag().map(|tag| tag.as_str().to_owned());
                read.push((tag, entry.start_timestamp(), entry.duration(), entry.max()));
                let encoded = base64_of(entry.encoded_histogram());
                let histogram: Histogram<u64> =
                    Deserializer::new().deserialize(&mut &encoded[..]).expect("a histogram");
                let source = if read.len() == 1 { &times } else { &none };
                assert_eq!(histogram, source.0);
            }
        }
        let tag = |name: &str| Some(name.to_owned());
        // Three digits are kept of the longest, which is a bound of its bucket.
        assert_eq!(read[1], (tag("post"), 3 * second, 2 * second, 0.0));
        assert!(read[0].0 == tag("get") && (read[0].3 - 1000.0).abs() < 1.0, "{read:?}");
        assert_eq!(read.len(), 2);
    }

    fn base64_of(text: &str) -> Vec<u8> {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = |digit| DIGITS.iter().position(|other| *other == digit).expect("a digit");
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
        for digit in text.bytes().filter(|digit| *digit != b'=') {
            bits = bits << 6 | value(digit) as u32;
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held) as u8);
            }
        }
        bytes
    }

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let mut times = Times::new();
        for millis in 1..=1000 {
            times.record(Duration::from_millis(millis));
        }
        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let millis = times.quantile(share).as_secs_f64() * 1e3;
            assert!((millis / expected - 1.0).abs() < 0.001, "{share}: {millis}");
        }
        assert_eq!(times.count(), 1000);
        assert!(times.max() >= Duration::from_millis(1000));
    }

    #[test]
    fn a_long_one_is_corrected_by_those_that_would_have_begun_meanwhile() {
        let mut times = Times::new();
        for _ in 0..100 {
            times.record(Duration::from_millis(1));
        }
        times.record(Duration::from_millis(100));
        let corrected = times.corrected(Duration::from_millis(1));
        // 99, 98 … 1 ms besides.
        assert_eq!(corrected.count(), 200);
        let millis = |share| corrected.quantile(share).as_secs_f64() * 1e3;
        assert!((millis(0.75) - 50.0).abs() < 1.0 && (millis(0.99) - 98.0).abs() < 1.0);
        assert_eq!(times.corrected(Duration::from_secs(1)).count(), 101);
        assert_eq!(times.corrected(Duration::ZERO).count(), 101);
    }

    #[test]
    fn each_is_counted_once_up_to_the_bound_that_it_does_not_exceed() {
        let mut times = Times::new();
        [1, 2, 2, 5, 9, 70]
            .into_iter()
            .for_each(|millis| times.record(Duration::from_millis(millis)));
        // A bucket of a thousandth lies around each.
        let bounds = [1, 2, 8, 71].map(|millis| Duration::from_micros(millis * 1001));
        assert_eq!(times.counts_up_to(&bounds), [1, 2, 1, 2]);
        assert_eq!(times.counts_up_to(&bounds[..2]), [1, 2]);
        let mean = times.mean().as_secs_f64() * 1e3;
        assert!((mean / (89.0 / 6.0) - 1.0).abs() < 0.001, "{mean}");
        assert_eq!(
            (Times::new().mean(), Times::new().counts_up_to(&bounds)),
            (Duration::ZERO, vec![0; 4])
        );
    }

    #[test]
    fn none_and_far_too_long_are_no_trouble() {
        let mut times = Times::new();
        assert_eq!((times.min(), times.quantile(0.5), times.max()), Default::default());
        times.record(Duration::MAX);
        assert_eq!(times.count(), 1);
        times.clear();
        assert_eq!((times.count(), times.max()), (0, Duration::ZERO));
    }
}
