//! How lines are written without waiting, to whatever is there: a pipe, a socket, a terminal, a file.
//!
//! The only file that writes to one of these while the loop runs. We share an open pipe or terminal
//! with the program that started us, and with it the flag that makes it non-blocking, which others do
//! not expect. So the flag is never set. `pwritev2` takes it for one call, for pipes and for sockets.
//! Where the kernel has no such call, we open a pipe or a terminal a second time, for us alone; a socket
//! has another call; for the rest we first ask whether there is room. A regular file cannot be asked at
//! all: a write to it may wait for its disk.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::metrics::LogMetrics;
use crate::system_calls::again;
use crate::time::Time;

/// What is written at once where there is only known to be some room: a pipe takes as much.
const POLLED_BYTES_MAX: usize = 4096;

/// What is written to.
#[derive(Debug)]
pub(super) enum Target {
    StandardOutput(io::Stdout),
    StandardError(io::Stderr),
    File { file: File, path: PathBuf },
}

impl Target {
    pub(super) fn name(&self) -> Cow<'_, str> {
        match self {
            Target::StandardOutput(_) => "standard output".into(),
            Target::StandardError(_) => "standard error".into(),
            Target::File { path, .. } => path.to_string_lossy(),
        }
    }

    /// Where it can be opened again, for us alone.
    fn path(&self) -> &Path {
        match self {
            Target::StandardOutput(_) => Path::new("/proc/self/fd/1"),
            Target::StandardError(_) => Path::new("/proc/self/fd/2"),
            Target::File { path, .. } => path,
        }
    }
}

impl AsFd for Target {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Target::StandardOutput(stream) => stream.as_fd(),
            Target::StandardError(stream) => stream.as_fd(),
            Target::File { file, .. } => file.as_fd(),
        }
    }
}

/// Whether both are the same file, pipe or socket, as far as that can be known.
pub(super) fn are_same(one: impl AsFd, other: impl AsFd) -> bool {
    match (fstat(one), fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Only the server's user writes it, and his group may read it. It is never truncated, so what others
/// append to it, or cut off at its start, does it no harm.
pub(super) fn open_to_append(log_file: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
    Ok(File::from(open(log_file, flags, mode)?))
}

/// One call, and what is counted of it.
pub(super) struct Writing<'w> {
    pub(super) method: &'w mut Method,
    pub(super) clock: &'w dyn Fn() -> Time,
    pub(super) metrics: &'w mut LogMetrics,
}

impl Writing<'_> {
    pub(super) fn try_once(&mut self, target: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        let began = matches!(self.method, Method::File).then(self.clock);
        let written = again(|| self.method.try_on(target, bytes))?;
        if let Some(began) = began {
            let took = (self.clock)().since(began);
            self.metrics.longest_write = self.metrics.longest_write.max(took);
        }
        self.metrics.bytes += written as u64;
        Ok(written)
    }
}

/// How it is written to.
#[derive(Debug)]
pub(super) enum Method {
    /// By a call that does not wait, whatever it is. It is tried first.
    WithoutWaiting,
    /// It is a pipe or a terminal, opened a second time so that writing does not wait.
    Reopened(OwnedFd),
    /// It is a socket.
    Socket,
    /// It is a regular file: nothing tells whether its disk would have to be waited for.
    File,
    /// It is something else. If there is room, writing a little does not wait.
    Polled,
}

impl Method {
    /// The one that fits what the target is, where the first is not known.
    pub(super) fn find(target: &Target) -> Method {
        let Ok(stat) = fstat(target) else { return Method::Polled };
        let may_be_reopened = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => return Method::Socket,
            FileType::RegularFile => return Method::File,
            FileType::Fifo => true,
            // Opening another device could do anything.
            FileType::CharacterDevice => io::IsTerminal::is_terminal(&target.as_fd()),
            FileType::Directory | FileType::Symlink | FileType::BlockDevice | FileType::Unknown => {
                false
            }
        };
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match may_be_reopened.then(|| open(target.path(), flags, Mode::empty())) {
            Some(Ok(own)) => Method::Reopened(own),
            Some(Err(_)) | None => Method::Polled,
        }
    }

    /// Whether this error says that the call itself is unknown, here or for such a file.
    pub(super) fn is_unknown_for(&self, reason: &io::Error) -> bool {
        // A sandbox may refuse what it does not know.
        let unknown = [Errno::OPNOTSUPP, Errno::NOSYS, Errno::PERM, Errno::INVAL];
        matches!(self, Method::WithoutWaiting)
            && Errno::from_io_error(reason).is_some_and(|number| unknown.contains(&number))
    }

    fn try_on(&self, target: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Method::WithoutWaiting => write_without_waiting(target, bytes),
            Method::Reopened(own) => Ok(rustix::io::write(own, bytes)?),
            // Rust's programs ignore SIGPIPE, so the flag that macOS lacks is not needed.
            Method::Socket => Ok(rustix::net::send(target, bytes, SendFlags::DONTWAIT)?),
            Method::File => Ok(rustix::io::write(target, bytes)?),
            Method::Polled if !has_room(target, Duration::ZERO) => {
                Err(ErrorKind::WouldBlock.into())
            }
            Method::Polled => {
                Ok(rustix::io::write(target, &bytes[..bytes.len().min(POLLED_BYTES_MAX)])?)
            }
        }
    }
}

/// Writes where the last write has ended, as all who share the open file do.
#[cfg(target_os = "linux")]
fn write_without_waiting(target: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    use rustix::io::{ReadWriteFlags, pwritev2};
    Ok(pwritev2(target, &[io::IoSlice::new(bytes)], u64::MAX, ReadWriteFlags::NOWAIT)?)
}

#[cfg(not(target_os = "linux"))]
fn write_without_waiting(_: BorrowedFd<'_>, _: &[u8]) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

/// Waits for room, at most for `longest`. Says whether there is some, or an error to be learnt.
pub(super) fn has_room(target: BorrowedFd<'_>, longest: Duration) -> bool {
    let mut room = [PollFd::from_borrowed_fd(target, PollFlags::OUT)];
    let longest = Timespec::try_from(longest).unwrap_or_default();
    poll(&mut room, Some(&longest)).is_ok_and(|ready| ready > 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::pipe;
    use std::os::unix::net::UnixStream;

    use rustix::fs::fcntl_getfl;

    use super::*;

    #[test]
    fn a_full_pipe_or_socket_refuses_a_write_and_keeps_its_flags() {
        let (_reader, pipe) = pipe().expect("a pipe");
        let (_peer, socket) = UnixStream::pair().expect("sockets");
        for target in [OwnedFd::from(pipe), OwnedFd::from(socket)] {
            let before = fcntl_getfl(&target).expect("flags");
            assert!(!before.contains(OFlags::NONBLOCK));
            let refused = loop {
                if let Err(reason) = write_without_waiting(target.as_fd(), &[b'x'; 4096]) {
                    break reason.kind();
                }
            };
            assert_eq!(refused, ErrorKind::WouldBlock);
            assert_eq!(fcntl_getfl(&target).expect("flags"), before);
        }
    }
}
