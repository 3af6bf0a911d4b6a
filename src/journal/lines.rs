//! The lines themselves: a bounded number of bytes, and only whole lines.
//!
//! Invariant: what waits, together with the notice of what was dropped behind it, is never more than
//! the bound, and `written` ≤ `filled`. What lies before `written` has been taken, so the line in which
//! it ends is finished first.

use super::pen::Pen;

/// How many bytes are written without waiting for more: a call a hundred lines costs each next to
/// nothing, and a pipe still has room for three times as much.
pub(super) const MANY_BYTES: usize = 16 * 1024;

/// How long a line is at most that is made where it waits, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;

/// Room that is left for the line that tells of dropped ones, in bytes.
const NOTICE_BYTES_MAX: usize = 160;

/// What the line looks like that tells of dropped ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A sentence.
    #[default]
    Text,
    /// An object, as all lines are then.
    Json,
    /// Names and values, as all lines are then.
    Logfmt,
    /// An event of a trace, as all lines are then.
    Trace,
}

/// There was no room for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A line that tells of dropped ones.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// Where it ends in the bytes.
    end: usize,
    /// How many were dropped.
    lines: u64,
}

/// Lines that wait, in order.
#[derive(Debug)]
pub(super) struct Lines {
    /// Room for all that may wait. The kernel gives the memory when it is first written to.
    room: Box<[u8]>,
    /// How much at the start of `room` is filled.
    filled: usize,
    /// How much at the start of `room` has been taken.
    written: usize,
    /// Room for a line that is made apart from the others: empty until there is one.
    apart: Vec<u8>,
    bytes_max: usize,
    /// Lines that were dropped behind the last one, and have not been told of.
    dropped: u64,
    /// The lines that tell of dropped ones and wait.
    notices: Vec<Told>,
    /// Lines that have been appended since the beginning.
    appended: u64,
    notice: Notice,
}

impl Lines {
    pub(super) fn new(bytes_max: usize, notice: Notice) -> Lines {
        // At once: it lies below what a crowd takes, and nothing is allocated for a line.
        let room = vec![0; bytes_max.max(NOTICE_BYTES_MAX)].into();
        Lines {
            room,
            filled: 0,
            written: 0,
            apart: Vec::new(),
            bytes_max,
            dropped: 0,
            notices: Vec::new(),
            appended: 0,
            notice,
        }
    }

    pub(super) fn set_notice(&mut self, notice: Notice) {
        self.notice = notice;
    }

    /// Appends a line, which ends with a line feed, or drops it whole.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<(), Full> {
        let waiting = self.filled - self.written;
        if waiting + line.len() + NOTICE_BYTES_MAX > self.bytes_max {
            self.dropped += 1;
            return Err(Full);
        }
        if self.filled + line.len() + NOTICE_BYTES_MAX > self.bytes_max {
            self.forget_written();
        }
        if self.dropped > 0 {
            self.tell_of_dropped();
        }
        self.append(line);
        Ok(())
    }

    /// Has a line written with its line feed, or drops it whole. Usually it is written where it waits, so
    /// it is not copied.
    #[inline(always)]
    pub(super) fn make(&mut self, write: impl FnOnce(&mut Pen<'_>)) -> Result<(), Full> {
        // There may be no room for it: only when it is written is it known how long it is.
        let end_max = self.filled + LINE_BYTES_MAX + NOTICE_BYTES_MAX;
        let is_apart = end_max > self.bytes_max || self.dropped > 0;
        let room = match is_apart {
            true => self.room_apart(),
            false => &mut self.room[self.filled..],
        };
        let bytes = room.len();
        let mut pen = Pen::new(room);
        write(&mut pen);
        let length = bytes - pen.bytes_left();
        if is_apart {
            return self.push_apart(length);
        }
        self.filled += length;
        self.appended += 1;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn room_apart(&mut self) -> &mut [u8] {
        self.apart.resize(LINE_BYTES_MAX, 0);
        &mut self.apart
    }

    #[cold]
    #[inline(never)]
    fn push_apart(&mut self, length: usize) -> Result<(), Full> {
        let apart = std::mem::take(&mut self.apart);
        let pushed = self.push(&apart[..length]);
        self.apart = apart;
        pushed
    }

    /// What has still to be written.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.room[self.written..self.filled]
    }

    /// Whether so much waits that it pays to write it: never more than half of what there is room for.
    #[inline]
    pub(super) fn are_many(&self) -> bool {
        self.filled - self.written >= MANY_BYTES.min(self.bytes_max / 2)
    }

    /// The first `bytes` of what waits have been written.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        assert!(self.written <= self.filled, "no more is taken than was offered");
        if self.waiting().is_empty() {
            self.forget_written();
            // There is room for this line, and no other need come to have it written.
            self.tell_of_dropped();
        }
    }

    /// Forgets what waits, and what was dropped.
    pub(super) fn clear(&mut self) {
        self.notices.clear();
        (self.filled, self.written, self.dropped) = (0, 0, 0);
    }

    fn forget_written(&mut self) {
        self.room.copy_within(self.written..self.filled, 0);
        self.filled -= self.written;
        self.notices.retain_mut(|told| {
            let waits = told.end > self.written;
            told.end = told.end.saturating_sub(self.written);
            waits
        });
        self.written = 0;
    }

    fn tell_of_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            let lines = if dropped == 1 { "line was" } else { "lines were" };
            let says =
                format!("{dropped} {lines} dropped here: the reader of this log was too slow");
            let line = match self.notice {
                Notice::Text => format!("oneloop: {says}\n"),
                Notice::Json => {
                    format!("{{\"step\":\"dropped\",\"lines\":{dropped},\"says\":\"{says}\"}}\n")
                }
                Notice::Logfmt => format!("dropped={dropped} says=\"{says}\"\n"),
                // Of the process, at no time of its own: the journal has no clock.
                Notice::Trace => {
                    let labels = format!("{{\"labels\":\"{says}\"}}");
                    let label = "\"ph\":\"M\",\"name\":\"process_labels\",\"pid\":1";
                    format!("{{{label},\"args\":{labels}}},\n")
                }
            };
            debug_assert!(line.len() <= NOTICE_BYTES_MAX, "{line}");
            self.append(line.as_bytes());
            self.notices.push(Told { end: self.filled, lines: dropped });
        }
    }

    fn append(&mut self, line: &[u8]) {
        self.room[self.filled..][..line.len()].copy_from_slice(line);
        self.filled += line.len();
        self.appended += 1;
    }

    /// How many lines have been written whole since the beginning. Costs a look at what waits.
    pub(super) fn taken(&self) -> u64 {
        self.appended.saturating_sub(self.lines_waiting())
    }

    /// How many lines the reader would miss if no more of them were written, and was not told of: those
    /// that wait, and those of which a line that waits was to tell. Costs a look at what waits.
    pub(super) fn untold(&self) -> u64 {
        let notices = self.notices.iter().filter(|told| told.end > self.written);
        let (notices, dropped) =
            notices.fold((0, self.dropped), |(count, sum), told| (count + 1, sum + told.lines));
        self.lines_waiting() - notices + dropped
    }

    fn lines_waiting(&self) -> u64 {
        self.waiting().iter().filter(|byte| **byte == b'\n').count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUND: usize = 4096;

    /// What comes out if the reader takes this many bytes.
    fn taken(lines: &mut Lines, bytes_max: usize) -> String {
        let bytes = lines.waiting().len().min(bytes_max);
        let out = lines.waiting()[..bytes].to_vec();
        lines.advance(bytes);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_come_whole_and_in_order_however_slowly_they_are_taken() {
        let mut lines = Lines::new(BOUND, Notice::Text);
        lines.push(b"one\n").expect("room");
        lines.push(b"two\n").expect("room");
        assert_eq!(taken(&mut lines, 3), "one");
        lines.push(b"three\n").expect("room");
        assert_eq!(taken(&mut lines, 9), "\ntwo\nthre");
        assert_eq!(taken(&mut lines, 9), "e\n");
        assert!(lines.waiting().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_where_it_would_stand() {
        let mut lines = Lines::new(BOUND, Notice::Text);
        let line = [&[b'x'; 999][..], b"\n"].concat();
        let dropped = (0..10).filter(|_| lines.push(&line).is_err()).count();
        assert_eq!(dropped, 7);
        assert_eq!(taken(&mut lines, BOUND).len(), 3000);
        let notice = "oneloop: 7 lines were dropped here: the reader of this log was too slow\n";
        assert_eq!(taken(&mut lines, BOUND), notice);
        lines.push(b"next\n").expect("room");
        assert_eq!(taken(&mut lines, BOUND), "next\n");
    }

    #[test]
    fn a_line_of_every_length_around_the_bound_fits_or_is_dropped_whole() {
        let longest = BOUND - NOTICE_BYTES_MAX;
        for (bytes, fits) in [(longest - 1, true), (longest, true), (longest + 1, false)] {
            let mut lines = Lines::new(BOUND, Notice::Text);
            assert_eq!(lines.push(&vec![b'x'; bytes]).is_ok(), fits, "{bytes}");
            assert_eq!(lines.waiting().len(), if fits { bytes } else { 0 });
        }
    }

    /// Makes a line.
    fn make(lines: &mut Lines, line: &[u8]) -> Result<(), Full> {
        lines.make(|pen| pen.put(line))
    }

    /// How many bytes wait if lines of these lengths are made, and how many lines.
    fn wait_if_made(lengths: &[usize], bytes_max: usize) -> (usize, u64) {
        let mut lines = Lines::new(bytes_max, Notice::Text);
        for length in lengths {
            let line = [&vec![b'x'; length - 1][..], b"\n"].concat();
            let _ = make(&mut lines, &line);
        }
        (lines.waiting().len(), lines.appended)
    }

    #[test]
    fn a_line_is_made_where_it_waits_or_apart_and_dropped_if_there_is_no_room() {
        let bound = 2 * LINE_BYTES_MAX;
        let most = bound - NOTICE_BYTES_MAX;
        assert_eq!(wait_if_made(&[100, LINE_BYTES_MAX], bound), (LINE_BYTES_MAX + 100, 2));
        assert_eq!(wait_if_made(&[LINE_BYTES_MAX, 100, 200], bound), (LINE_BYTES_MAX + 300, 3));
        for (last, fits) in [(-1, true), (0, true), (1, false)] {
            let last = (most - LINE_BYTES_MAX).strict_add_signed(last);
            let waits = LINE_BYTES_MAX + if fits { last } else { 0 };
            assert_eq!(wait_if_made(&[LINE_BYTES_MAX, last], bound).0, waits, "{last}");
        }
    }

    #[test]
    fn a_line_that_is_made_behind_dropped_ones_stands_behind_their_notice() {
        let mut lines = Lines::new(4 * LINE_BYTES_MAX, Notice::Text);
        lines.push(&[b'x'; 4 * LINE_BYTES_MAX]).expect_err("too long");
        make(&mut lines, b"next\n").expect("room");
        assert!(taken(&mut lines, 1000).ends_with("too slow\nnext\n"));
    }

    #[test]
    fn among_objects_it_is_an_object_and_among_names_a_name() {
        for (notice, begins) in [
            (Notice::Json, r#"{"step":"dropped","lines":1,"#),
            (Notice::Logfmt, "dropped=1 says="),
            (Notice::Trace, r#"{"ph":"M","name":"process_labels","pid":1,"#),
        ] {
            let mut lines = Lines::new(BOUND, notice);
            lines.push(&[b'\n'; BOUND]).expect_err("too long");
            lines.push(b"{}\n").expect("room");
            let told = taken(&mut lines, BOUND);
            assert!(told.starts_with(begins) && told.ends_with("\n{}\n"), "{told}");
        }
    }

    /// How many lines were dropped, if this line tells of that.
    fn dropped(line: &str) -> Option<u64> {
        let number = line.strip_prefix("oneloop: ")?.split(' ').next()?;
        Some(number.parse().expect("a number"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn each_line_comes_out_whole_or_is_counted_where_it_is_missing(
            steps in prop::collection::vec((0..700usize, 0..2000usize), 1..200)
        ) {
            let mut lines = Lines::new(BOUND, Notice::Text);
            let mut out = String::new();
            for (number, (length, takes)) in steps.iter().enumerate() {
                let line = format!("{number} {}\n", "x".repeat(*length));
                let _ = lines.push(line.as_bytes());
                prop_assert!(lines.waiting().len() <= BOUND && lines.filled <= BOUND);
                out += &taken(&mut lines, *takes);
                // As if it ended here.
                let whole = &out[..out.rfind('\n').map_or(0, |end| end + 1)];
                let told: u64 = whole.lines().map(|line| dropped(line).unwrap_or(1)).sum();
                prop_assert_eq!(told + lines.untold(), number as u64 + 1);
            }
            while !lines.waiting().is_empty() {
                out += &taken(&mut lines, 1000);
            }
            // Read it as a person would: each line is the next one, or says how many are missing.
            let mut next = 0;
            for line in out.lines() {
                if let Some(dropped) = dropped(line) {
                    next += dropped as usize;
                    continue;
                }
                let (number, xs) = line.split_once(' ').expect("a line of ours");
                prop_assert_eq!(number, next.to_string());
                prop_assert_eq!(xs.len(), steps[next].0);
                next += 1;
            }
            prop_assert_eq!(next, steps.len());
        }
    }
}
