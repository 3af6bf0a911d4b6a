//! A lock on a directory, held while a socket in it is looked at and replaced.
//!
//! Two servers that start at once at the same stale socket would both find it stale, and the second would
//! replace the first one's live socket. Only servers that ask for the lock heed it, and the kernel gives
//! it back when its holder ends. So it must never keep a server from starting: where it cannot be had,
//! the server does without.

use std::path::Path;
use std::time::Duration;

use rustix::event;
use rustix::event::Timespec;
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

/// How often it is asked for again while another process holds it: for two seconds. A server holds it
/// for less than a millisecond, and some other program for as long as it likes.
const TRIES_MAX: usize = 200;

/// How long one such wait is.
const WAIT: Duration = Duration::from_millis(10);

/// A locked directory. It is unlocked when this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _directory: OwnedFd,
}

/// What came of asking once.
pub(super) enum Asked {
    Locked(Lock),
    /// Another process holds it.
    Taken,
    /// It cannot be had here: the directory cannot be read, or its file system has no locks.
    Never,
}

impl Lock {
    /// Asks for the lock of the directory in which `path` is, without waiting.
    pub(super) fn ask(path: &Path) -> Asked {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(directory) = open(directory, flags, Mode::empty()) else { return Asked::Never };
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Asked::Locked(Lock { _directory: directory }),
            Err(Errno::AGAIN | Errno::INTR) => Asked::Taken,
            Err(_) => Asked::Never,
        }
    }

    /// Waits for it, at most for two seconds.
    pub(super) fn wait(path: &Path) -> Option<Lock> {
        for _ in 0..TRIES_MAX {
            match Lock::ask(path) {
                Asked::Locked(lock) => return Some(lock),
                Asked::Never => return None,
                Asked::Taken => {
                    let wait = Timespec::try_from(WAIT).ok();
                    // If the system refuses, it is asked again at once.
                    let _ = event::poll(&mut [], wait.as_ref());
                }
            }
        }
        None
    }
}
