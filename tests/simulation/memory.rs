//! How much memory the server holds, by the allocator's account of this thread; pages that it maps
//! are not in that, and it counts them itself.
//!
//! What the simulation itself allocates while the server calls it is left out. The allocator's
//! counts do not survive a panic, so a run that may fail has a thread of its own.

use allocation_counter::{measure, opt_out};

/// What the server has allocated and not given back.
#[derive(Debug, Default)]
pub struct Account {
    held: i64,
}

impl Account {
    /// Does `work`, and counts what it allocates.
    pub fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut result = None;
        let change = measure(|| result = Some(work()));
        self.held += change.bytes_current;
        result.expect("the work was done")
    }

    /// In bytes, beyond what it had before the first work.
    pub fn held(&self) -> usize {
        usize::try_from(self.held).unwrap_or_default()
    }
}

/// Does `work` without counting: it is none of the server's.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    let mut result = None;
    opt_out(|| result = Some(work()));
    result.expect("the work was done")
}

/// The size of a page of memory, in bytes.
pub const PAGE_BYTES: usize = 4096;

/// The memory that the server may take for so many bytes of one client: whole pages, but for a few
/// bytes.
pub fn in_pages(bytes: usize) -> usize {
    if bytes > 512 { bytes.next_multiple_of(PAGE_BYTES) } else { bytes }
}
