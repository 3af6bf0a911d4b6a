//! Lines that wait to be written: a program's log, and what it tells of its requests.
//!
//! Makes no system call and reads no clock. A [`Journal`] holds a bounded number of bytes in
//! `lines`; the server writes them at the end of a turn, as far as that does not block. So a reader
//! that is slow, or has stopped, costs lines, and never holds up a client.

pub(crate) mod access;
mod lines;
pub(crate) mod parts;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use access::Format;
use lines::Lines;
pub use lines::Notice;

/// How many bytes wait at the most, unless the program says otherwise. A reader may pause for a
/// moment: at 5,000 requests a second this is what half a second of them takes.
pub const BYTES_MAX: usize = 256 * 1024;

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
    /// Whether any line waits: so an empty journal costs a turn one look.
    waits: AtomicBool,
    /// Lines that were dropped since the beginning.
    dropped: AtomicU64,
}

impl Journal {
    /// No lines yet, and at most this many bytes of them. `notice` is what the line looks like that
    /// tells of dropped ones.
    pub fn new(bytes_max: usize, notice: Notice) -> Journal {
        Journal(Arc::new(Shared {
            lines: Mutex::new(Lines::new(bytes_max, notice)),
            waits: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }))
    }

    /// What the line looks like from now on that tells of dropped ones.
    pub fn set_notice(&self, notice: Notice) {
        self.lock().set_notice(notice);
    }

    /// Appends a line, which ends with a line feed, or drops it if there is no room.
    pub fn push(&self, line: &[u8]) {
        let mut lines = self.lock();
        match lines.push(line) {
            Ok(()) => self.0.waits.store(true, Ordering::Relaxed),
            Err(lines::Full) => _ = self.0.dropped.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.0.waits.load(Ordering::Relaxed)
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
        self.0.waits.store(!lines.waiting().is_empty(), Ordering::Relaxed);
        Ok(taken)
    }

    /// Forgets what waits.
    pub(crate) fn clear(&self) {
        self.lock().clear();
        self.0.waits.store(false, Ordering::Relaxed);
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
    fn clones_share_lines_and_their_count() {
        let journal = Journal::new(100, Notice::Text);
        let clone = journal.clone();
        clone.push(&[b'x'; 101]);
        assert_eq!(journal.dropped(), 1);
        assert!(journal.is(&clone) && !journal.is(&Journal::default()));
    }
}
