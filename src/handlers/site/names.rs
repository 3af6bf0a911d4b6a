//! The names in an open directory, one after the other.
//!
//! Where the system allows it, we read a buffer of names by a call of our own: rustix's `Dir`
//! repeats an interrupted call without a bound.

use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// The names that are left in an open directory, in no order.
pub(super) struct Names {
    directory: Opened,
    /// Those that have been read, the next one last.
    #[cfg(target_os = "linux")]
    read: Vec<Box<[u8]>>,
}

#[cfg(target_os = "linux")]
type Opened = OwnedFd;
#[cfg(not(target_os = "linux"))]
type Opened = rustix::fs::Dir;

#[cfg(target_os = "linux")]
impl Names {
    pub(super) fn new(directory: OwnedFd) -> Result<Names, Errno> {
        Ok(Names { directory, read: Vec::new() })
    }

    /// The next name; none if that was all.
    pub(super) fn next(&mut self) -> Option<Result<Box<[u8]>, Errno>> {
        if self.read.is_empty()
            && let Err(reason) = self.read_more()
        {
            return Some(Err(reason));
        }
        self.read.pop().map(Ok)
    }

    /// The directory.
    pub(super) fn directory(&self) -> Result<&OwnedFd, Errno> {
        Ok(&self.directory)
    }

    /// Reads as many names as fit into a buffer. None are left if it reads none.
    fn read_more(&mut self) -> Result<(), Errno> {
        use rustix::fs::RawDir;

        use crate::system_calls::TRIES_MAX;

        /// As much as the C library reads at once: some hundred names.
        const BUFFER_BYTES: usize = 32 * 1024;

        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        let mut names = RawDir::new(&self.directory, buffer.spare_capacity_mut());
        let mut tries = 1;
        loop {
            match names.next() {
                // It was removed while we had it open: nothing is in it.
                None | Some(Err(Errno::NOENT)) => break,
                Some(Err(Errno::INTR)) if tries < TRIES_MAX => {
                    tries += 1;
                    continue;
                }
                Some(Err(reason)) => return Err(reason),
                Some(Ok(entry)) => self.read.push(entry.file_name().to_bytes().into()),
            }
            if names.is_buffer_empty() {
                break;
            }
        }
        self.read.reverse();
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
impl Names {
    pub(super) fn new(directory: OwnedFd) -> Result<Names, Errno> {
        Ok(Names { directory: rustix::fs::Dir::new(directory)? })
    }

    /// The next name; none if that was all.
    pub(super) fn next(&mut self) -> Option<Result<Box<[u8]>, Errno>> {
        let entry = self.directory.next()?;
        Some(entry.map(|entry| entry.file_name().to_bytes().into()))
    }

    /// The directory.
    pub(super) fn directory(&self) -> Result<rustix::fd::BorrowedFd<'_>, Errno> {
        self.directory.fd()
    }
}
