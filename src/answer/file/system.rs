//! The system calls for files. Nothing else here decides anything.
//!
//! `cachestat` and `mincore` could say at once how much of a range is cached. They are only for a
//! process that may write to the file or owns it, which a server should not; and no crate wraps
//! them safely. A read that must not wait needs only the right to read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::io::Errno;

use crate::system_calls::{Call, again, note};

/// What is fetched begins and ends at multiples of this, in bytes. As long as no more lies between
/// two bytes that are looked for, little ranges that have been asked for leave no gap there.
pub(super) const STRETCH_BYTES: u64 = 256 * 1024;

/// What came of a look at the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cached {
    /// This many bytes are there; none if the file ends before them, or cannot be read.
    Bytes(usize),
    /// The next byte is not there. The kernel may have begun to fetch it.
    #[cfg_attr(
        not(any(target_os = "linux", test)),
        expect(dead_code, reason = "only Linux tells what its page cache lacks")
    )]
    Missing,
    /// The disk fails.
    #[cfg_attr(
        not(any(target_os = "linux", test)),
        expect(dead_code, reason = "elsewhere a read that fails says so itself")
    )]
    Failed,
    /// The file system cannot tell, or the system does not let us ask.
    Unknown,
}

/// What came of asking the kernel to fetch something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetch {
    /// It fetches it, or has it.
    Begun,
    /// It does not let us ask for that.
    Refused,
}

/// Reads from `offset` on, whether the bytes are in memory or have to be waited for. No bytes: the
/// file ends there.
///
/// # Errors
/// If the disk fails, or the system refuses.
pub(super) fn read(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let read = again(|| file.read_at(bytes, offset));
    read.inspect_err(|reason| note(Call::Read, reason))
}

/// As [`read`], for bytes that the file should have. A directory has none, and neither has a file
/// that was not opened to be read.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_owed(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    match read(file, bytes, offset) {
        Err(reason) if has_no_bytes(&reason) => Ok(0),
        read => read,
    }
}

#[cold]
fn has_no_bytes(reason: &io::Error) -> bool {
    matches!(Errno::from_io_error(reason), Some(Errno::BADF | Errno::ISDIR))
}

/// Reads what the page cache holds from `offset` on, without waiting for anything.
pub(super) fn read_cached(file: &File, bytes: &mut [u8], offset: u64) -> Cached {
    #[cfg(test)]
    if let Some(cached) = pretence::read_cached(file, bytes, offset) {
        return cached;
    }
    platform::read_cached(file, bytes, offset)
}

/// Asks the kernel to fetch what it lacks of these bytes, in the background.
///
/// It takes the time to find memory for them and to hand the reads to the device: 230 µs for a MiB
/// here, with a device that had work for 15 seconds ahead.
pub(super) fn fetch(file: &File, offset: u64, length: u64) -> Fetch {
    #[cfg(test)]
    if pretence::fetch(offset, length) == Some(Fetch::Refused) {
        return Fetch::Refused;
    }
    match platform::fetch(file, offset, length) {
        Ok(()) => Fetch::Begun,
        Err(reason) => {
            note(Call::Fetch, &reason);
            Fetch::Refused
        }
    }
}

/// Asks the kernel to drop what it holds of these bytes, unless it is being read or written.
pub(super) fn forget(file: &File, offset: u64, length: u64) {
    #[cfg(test)]
    pretence::with(|cache| cache.forgotten.push((offset, offset + length)));
    platform::forget(file, offset, length);
}

/// Whether this file is nowhere but in memory.
pub(super) fn is_in_memory(file: &File) -> bool {
    platform::is_in_memory(file)
}

#[cfg(not(target_os = "linux"))]
use elsewhere as platform;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "linux")]
pub(crate) use linux::{send_more, sendfile};

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{ErrorKind, IoSliceMut};
    use std::num::NonZeroU64;
    use std::os::fd::AsFd;

    use rustix::fs::Advice;
    use rustix::io::{ReadWriteFlags, preadv2};
    use rustix::net::SendFlags;

    use super::*;
    use crate::system_calls::{Origin, origin};

    /// File systems that keep their files in memory, by what `statfs` says they are: tmpfs (what
    /// swapping does to it is not ours to mend), ramfs, hugetlbfs.
    const IN_MEMORY: [u64; 3] = [0x0102_1994, 0x8584_58f6, 0x9584_58f6];

    pub(super) fn read_cached(file: &File, bytes: &mut [u8], offset: u64) -> Cached {
        if i64::try_from(offset).is_err() {
            // No file is that long, and to the kernel such numbers are not offsets.
            return Cached::Bytes(0);
        }
        let read = again(|| {
            let into = &mut [IoSliceMut::new(bytes)];
            Ok(preadv2(file, into, offset, ReadWriteFlags::NOWAIT)?)
        });
        match read {
            Ok(bytes) => Cached::Bytes(bytes),
            Err(error) => not_read(&error),
        }
    }

    /// What an error of asking the page cache means.
    #[cold]
    fn not_read(error: &io::Error) -> Cached {
        match Errno::from_io_error(error) {
            Some(Errno::AGAIN) => return Cached::Missing,
            // As a file system says that is not made for it.
            Some(Errno::OPNOTSUPP) => return Cached::Unknown,
            Some(_) | None => note(Call::ReadCached, error),
        }
        match Errno::from_io_error(error) {
            // They may have passed at the next look. If not, the disk's time is over some day.
            Some(Errno::INTR | Errno::NOMEM | Errno::NOBUFS) => Cached::Missing,
            // The disk has failed, or this is nothing that can be read. Waiting for it may take
            // long, and comes to the same.
            Some(Errno::IO | Errno::STALE) => Cached::Failed,
            Some(Errno::BADF | Errno::ISDIR) => Cached::Bytes(0),
            // A sandbox refuses the call, or an older kernel has none. Another one may read.
            Some(_) | None => Cached::Unknown,
        }
    }

    pub(super) fn fetch(file: &File, offset: u64, length: u64) -> io::Result<()> {
        let start = offset - offset % STRETCH_BYTES;
        let end =
            offset.saturating_add(length).div_ceil(STRETCH_BYTES).saturating_mul(STRETCH_BYTES);
        advise(file, start, end - start, Advice::WillNeed)
    }

    pub(super) fn forget(file: &File, offset: u64, length: u64) {
        // If it is refused, the next look finds what this one did.
        let _ = advise(file, offset, length, Advice::DontNeed);
    }

    fn advise(file: &File, offset: u64, length: u64, advice: Advice) -> io::Result<()> {
        let Some(length) = NonZeroU64::new(length) else { return Ok(()) };
        Ok(rustix::fs::fadvise(file, offset, Some(length), advice)?)
    }

    pub(super) fn is_in_memory(file: &File) -> bool {
        rustix::fs::fstatfs(file)
            .is_ok_and(|stat| IN_MEMORY.contains(&(stat.f_type as u64 & 0xffff_ffff)))
    }

    /// Sends up to `bytes_max` bytes of `file` from `offset` on, without copying them. None: the
    /// file ends there, or cannot be read. If the system refuses to send them so, there is no
    /// number: they have to be copied.
    pub(crate) fn sendfile(
        socket: impl AsFd,
        file: &File,
        offset: u64,
        bytes_max: usize,
    ) -> io::Result<Option<usize>> {
        let error = match rustix::fs::sendfile(socket, file, Some(&mut { offset }), bytes_max) {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(reason) => io::Error::from(reason),
        };
        let is_ordinary = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
        if is_ordinary || origin(&error) == Origin::Network {
            return Err(error);
        }
        note(Call::SendFile, &error);
        Ok(None)
    }

    /// Sends bytes, of which more follow at once: the kernel does not make a packet of their end.
    pub(crate) fn send_more(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(socket, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
    }
}

/// Elsewhere nothing can be known of the page cache.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::*;

    pub(super) fn read_cached(_: &File, _: &mut [u8], _: u64) -> Cached {
        Cached::Unknown
    }

    pub(super) fn fetch(_: &File, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn forget(_: &File, _: u64, _: u64) {}

    pub(super) fn is_in_memory(_: &File) -> bool {
        false
    }
}

/// A page cache that does as a test says, on the thread of that test.
#[cfg(test)]
pub(crate) mod pretence {
    use std::cell::RefCell;
    use std::ops::Range;

    use super::*;

    /// What is pretended.
    #[derive(Debug, Default)]
    pub(crate) struct Pretence {
        /// What is missing.
        pub(crate) missing: Option<Range<u64>>,
        /// Whether the file system cannot tell.
        pub(crate) is_unknown: bool,
        /// Whether the kernel does not let us have anything fetched.
        pub(crate) refuses: bool,
        /// What was to be fetched, from where to where, in order.
        pub(crate) fetched: Vec<(u64, u64)>,
        /// What was to be dropped.
        pub(crate) forgotten: Vec<(u64, u64)>,
    }

    thread_local! {
        static CACHE: RefCell<Option<Pretence>> = const { RefCell::new(None) };
    }

    /// From now on these bytes are missing on this thread, whatever is fetched.
    pub(crate) fn miss(missing: impl Into<Option<Range<u64>>>) {
        let missing = missing.into();
        CACHE.replace(Some(Pretence { missing, ..Pretence::default() }));
    }

    /// As it stands, if anything is pretended.
    pub(crate) fn with<T>(act: impl FnOnce(&mut Pretence) -> T) -> Option<T> {
        CACHE.with_borrow_mut(|cache| cache.as_mut().map(act))
    }

    pub(super) fn fetch(offset: u64, length: u64) -> Option<Fetch> {
        with(|cache| {
            cache.fetched.push((offset, offset + length));
            if cache.refuses { Fetch::Refused } else { Fetch::Begun }
        })
    }

    pub(super) fn read_cached(file: &File, bytes: &mut [u8], offset: u64) -> Option<Cached> {
        with(|cache| {
            let end = offset + bytes.len() as u64;
            let of_it = |gap: &&Range<u64>| gap.start < end && offset < gap.end;
            let first = cache.missing.as_ref().filter(of_it).map(|gap| gap.start);
            match first {
                _ if cache.is_unknown => Cached::Unknown,
                Some(gap) if gap <= offset => Cached::Missing,
                Some(gap) => Cached::Bytes(
                    read(file, &mut bytes[..(gap - offset) as usize], offset).unwrap_or(0),
                ),
                None => Cached::Bytes(read(file, bytes, offset).unwrap_or(0)),
            }
        })
    }
}
