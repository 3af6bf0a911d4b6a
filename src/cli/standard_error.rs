//! Standard error, for the log and for the telling of steps: a write never waits for its reader.
//!
//! We share the open pipe or terminal with the program that started us, and with it the flag that
//! makes it non-blocking, which others do not expect. So we open a pipe or a terminal a second
//! time, for us alone; a socket takes a flag for each call. Where neither works, we first ask
//! whether there is room. A file on a disk may wait for the disk.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::net::SendFlags;

use super::journal::{Form, Journal};

/// Where our own standard error can be opened again.
const PATH: &str = "/proc/self/fd/2";

/// What is written at once where there is only known to be some room: a pipe takes as much.
const POLLED_BYTES_MAX: usize = 4096;

/// How soon it is tried again to write what waits.
const RETRY: Duration = Duration::from_millis(100);

/// How long the end of the program may wait for the reader of its last lines.
const FAREWELL: Duration = Duration::from_millis(200);

/// Standard error. All clones write to the same one, line by line.
#[derive(Clone, Debug)]
pub struct StandardError(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    journal: Mutex<Journal>,
    /// Whether something is left in the journal.
    waits: AtomicBool,
    method: Method,
}

/// How it is written to.
#[derive(Debug)]
enum Method {
    /// It is a pipe or a terminal, opened a second time so that writing does not wait.
    Reopened(OwnedFd),
    /// It is a socket.
    Socket,
    /// It is something else. If there is room, writing waits for a disk at most.
    Polled,
}

impl StandardError {
    /// Finds out what it is.
    pub fn open() -> StandardError {
        let (journal, waits) = (Mutex::default(), AtomicBool::new(false));
        StandardError(Arc::new(Shared { journal, waits, method: Method::find() }))
    }

    /// Tries to write what waits, if anything does. Says when to try again.
    pub fn go_on(&self) -> Option<Duration> {
        if !self.0.waits.load(Ordering::Relaxed) {
            return None;
        }
        self.write_line(b"");
        self.0.waits.load(Ordering::Relaxed).then_some(RETRY)
    }

    /// The program ends: gives the reader a last, short time to take what waits.
    pub fn finish(&self) {
        if self.go_on().is_some() {
            wait_for_room(FAREWELL);
            self.go_on();
        }
    }

    /// From now on all lines are objects of JSON.
    pub fn set_json(&self) {
        self.0.journal.lock().unwrap_or_else(PoisonError::into_inner).set_form(Form::Json);
    }

    /// Writes a line, which ends with a line feed, or keeps it until there is room.
    pub fn write_line(&self, line: &[u8]) {
        let mut journal = self.0.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.is_empty() {
            journal.push(line);
        }
        journal.write_by(|bytes| self.0.method.try_write(bytes));
        self.0.waits.store(!journal.is_empty(), Ordering::Relaxed);
    }
}

/// For the logger, which hands over each line by one call.
impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Method {
    fn find() -> Method {
        let stderr = io::stderr();
        let Ok(stat) = fstat(&stderr) else { return Method::Polled };
        let may_be_reopened = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => return Method::Socket,
            FileType::Fifo => true,
            // Opening another device could do anything.
            FileType::CharacterDevice => io::IsTerminal::is_terminal(&stderr),
            FileType::RegularFile
            | FileType::Directory
            | FileType::Symlink
            | FileType::BlockDevice
            | FileType::Unknown => false,
        };
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match may_be_reopened.then(|| open(PATH, flags, Mode::empty())) {
            Some(Ok(own)) => Method::Reopened(own),
            Some(Err(_)) | None => Method::Polled,
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        match self {
            Method::Reopened(own) => Ok(rustix::io::write(own, bytes)?),
            Method::Socket => {
                // Rust's programs ignore SIGPIPE, so the flag that macOS lacks is not needed.
                Ok(rustix::net::send(&stderr, bytes, SendFlags::DONTWAIT)?)
            }
            Method::Polled if !wait_for_room(Duration::ZERO) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Method::Polled => {
                let bytes = &bytes[..bytes.len().min(POLLED_BYTES_MAX)];
                Ok(rustix::io::write(&stderr, bytes)?)
            }
        }
    }
}

/// Waits for room, at most for `longest`. Says whether there is some, or an error to be learnt.
fn wait_for_room(longest: Duration) -> bool {
    let stderr = io::stderr();
    let mut room = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)];
    let longest = Timespec::try_from(longest).unwrap_or_default();
    poll(&mut room, Some(&longest)).is_ok_and(|ready| ready > 0)
}
