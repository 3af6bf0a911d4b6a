//! Lines that wait to be written: a program's log, and what it tells of its requests.
//!
//! Makes no system call and reads no clock. A [`Journal`] holds a bounded number of bytes in
//! `lines`; the server writes them at the end of a turn, as far as that does not block, and as
//! `schedule` says. So a reader that is slow, or has stopped, costs lines, and never holds up a client.

pub(crate) mod access;
mod lines;
pub(crate) mod parts;
pub(crate) mod pen;
pub(crate) mod schedule;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use access::Format;
use lines::Lines;
pub use lines::Notice;
use pen::Pen;

/// How many bytes wait at the most, unless the program says otherwise. A reader may pause for a
/// moment: at 5,000 requests a second this is what half a second of them takes.
pub const BYTES_MAX: usize = 256 * 1024;

/// [`Waiting::Nothing`] and [`Waiting::Patiently`], as numbers.
const NOTHING: u8 = Waiting::Nothing as u8;
const PATIENTLY: u8 = Waiting::Patiently as u8;

/// Lines that wait to be written. Clones share them, so a logger and a server can have one each.
///
/// A line that finds no room is dropped whole, and counted. Where lines are missing, a line says how
/// many. No line is ever torn.
///
/// ```
/// use oneloop::journal::{BYTES_MAX, Journal, Notice};
///
/// let journal = Journal::new(BYTES_MAX, Notice::Text);
/// journal.push(b"a line\n");
/// assert!(!journal.is_empty());
/// ```
#[derive(Clone)]
pub struct Journal(Arc<Shared>);

struct Shared {
    lines: Mutex<Lines>,
    /// What waits, as a number: so a journal costs a turn one look.
    waiting: AtomicU8,
    /// Lines that were dropped since the beginning.
    dropped: AtomicU64,
}

/// What waits in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Waiting {
    Nothing,
    /// Lines for which a moment more or less does not matter.
    Patiently,
    /// Lines that are to be written in this turn: one of them is urgent, or begun, or they are many.
    Urgently,
}

impl Journal {
    /// No lines yet, and at most this many bytes of them. `notice` is what the line looks like that
    /// tells of dropped ones.
    pub fn new(bytes_max: usize, notice: Notice) -> Journal {
        Journal(Arc::new(Shared {
            lines: Mutex::new(Lines::new(bytes_max, notice)),
            waiting: AtomicU8::new(Waiting::Nothing as u8),
            dropped: AtomicU64::new(0),
        }))
    }

    /// What the line looks like from now on that tells of dropped ones.
    pub fn set_notice(&self, notice: Notice) {
        self.lock().set_notice(notice);
    }

    /// Appends a line, which ends with a line feed, or drops it if there is no room. It is to be written
    /// at the end of the turn.
    pub fn push(&self, line: &[u8]) {
        let mut lines = self.lock();
        match lines.push(line) {
            Ok(()) => self.note_waiting(&lines, Waiting::Urgently),
            Err(lines::Full) => self.note_dropped(),
        }
    }

    /// Begins to append lines: no others are appended until the batch is dropped.
    #[inline]
    pub(crate) fn begin(&self) -> Batch<'_> {
        Batch { journal: self, lines: self.lock(), waiting: Waiting::Nothing }
    }

    #[inline]
    fn note_waiting(&self, lines: &Lines, waiting: Waiting) {
        self.set_waiting(match lines.are_many() {
            true => Waiting::Urgently,
            false => self.waiting().max(waiting),
        });
    }

    #[cold]
    fn note_dropped(&self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiting() == Waiting::Nothing
    }

    /// What waits.
    #[inline]
    pub(crate) fn waiting(&self) -> Waiting {
        match self.0.waiting.load(Ordering::Relaxed) {
            NOTHING => Waiting::Nothing,
            PATIENTLY => Waiting::Patiently,
            _ => Waiting::Urgently,
        }
    }

    /// It is set only while the lines are locked.
    fn set_waiting(&self, waiting: Waiting) {
        self.0.waiting.store(waiting as u8, Ordering::Relaxed);
    }

    /// How many lines have been dropped since the beginning.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// How many lines have been written whole since the beginning, those that tell of dropped ones
    /// among them. Costs a look at what waits.
    pub(crate) fn taken(&self) -> u64 {
        self.lock().taken()
    }

    /// How many lines the reader would miss if no more of them were written, and was not told of. Costs
    /// a look at what waits.
    pub(crate) fn untold(&self) -> u64 {
        self.lock().untold()
    }

    /// Whether both are the same lines.
    pub fn is(&self, other: &Journal) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Offers all that waits to `write`, once, and forgets what it has taken.
    ///
    /// # Errors
    /// Those of `write`. Everything goes on waiting then.
    pub fn write_by(&self, write: impl FnOnce(&[u8]) -> io::Result<usize>) -> io::Result<usize> {
        let mut lines = self.lock();
        let taken = write(lines.waiting())?;
        lines.advance(taken);
        self.set_waiting(match lines.waiting() {
            [] => Waiting::Nothing,
            [..] => Waiting::Urgently,
        });
        Ok(taken)
    }

    /// Forgets what waits.
    pub(crate) fn clear(&self) {
        let mut lines = self.lock();
        lines.clear();
        self.set_waiting(Waiting::Nothing);
    }

    /// Nothing is left half done by a panic, so there is nothing to refuse then.
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Journal {
    fn default() -> Journal {
        Journal::new(BYTES_MAX, Notice::Text)
    }
}

/// Lines that are appended together.
pub(crate) struct Batch<'j> {
    journal: &'j Journal,
    lines: MutexGuard<'j, Lines>,
    /// How soon the most urgent of them is to be written to the reader.
    waiting: Waiting,
}

impl Batch<'_> {
    /// Has a line written with its line feed where it waits, or drops it if there is no room. It is to be
    /// written to the reader as soon as `waiting` says.
    #[inline(always)]
    pub(crate) fn make(&mut self, waiting: Waiting, write: impl FnOnce(&mut Pen<'_>)) {
        match self.lines.make(write) {
            Ok(()) => self.waiting = self.waiting.max(waiting),
            Err(lines::Full) => self.journal.note_dropped(),
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.waiting > Waiting::Nothing {
            self.journal.note_waiting(&self.lines, self.waiting);
        }
    }
}

/// For loggers, which hand over each line by one call.
impl io::Write for Journal {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn what_cannot_be_written_waits() {
        let journal = Journal::default();
        assert!(journal.is_empty());
        journal.push(b"one\n");
        let refused = journal.write_by(|_| Err(ErrorKind::WouldBlock.into()));
        assert_eq!(refused.map_err(|it| it.kind()), Err(ErrorKind::WouldBlock));
        assert!(!journal.is_empty());
        let taken = journal.write_by(|bytes| {
            assert_eq!(bytes, b"one\n");
            Ok(bytes.len())
        });
        assert_eq!(taken.ok(), Some(4));
        assert!(journal.is_empty());
    }

    #[test]
    fn lines_may_wait_until_one_may_not_or_they_are_many() {
        let journal = Journal::default();
        let gather = |journal: &Journal, line: &[u8]| {
            journal.begin().make(Waiting::Patiently, |pen| pen.put(line));
        };
        gather(&journal, b"one\n");
        assert_eq!(journal.waiting(), Waiting::Patiently);
        journal.push(b"two\n");
        gather(&journal, b"three\n");
        assert_eq!(journal.waiting(), Waiting::Urgently);
        // The reader has no room for the rest of a line: it is still to be written soon.
        journal.write_by(|_| Ok(9)).expect("they are taken");
        assert_eq!(journal.waiting(), Waiting::Urgently);
        journal.write_by(|rest| Ok(rest.len())).expect("they are taken");
        assert_eq!(journal.waiting(), Waiting::Nothing);

        for (bytes_max, many) in [(BYTES_MAX, lines::MANY_BYTES), (4096, 2048)] {
            let journal = Journal::new(bytes_max, Notice::Text);
            gather(&journal, &vec![b'x'; many - 1]);
            assert_eq!(journal.waiting(), Waiting::Patiently, "{bytes_max}");
            gather(&journal, b"\n");
            assert_eq!(journal.waiting(), Waiting::Urgently, "{bytes_max}");
        }
    }

    #[test]
    fn clones_share_lines_and_their_count() {
        let journal = Journal::new(100, Notice::Text);
        let clone = journal.clone();
        clone.push(&[b'x'; 101]);
        assert_eq!(journal.dropped(), 1);
        assert!(journal.is(&clone) && !journal.is(&Journal::default()));
    }
}
