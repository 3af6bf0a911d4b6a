//! System calls that fail although no client is to blame.
//!
//! The caller of a system call decides what to do about an error, by the table below. This module
//! has what all callers need: how often to repeat an interrupted call, which errors are the
//! network's, and a note of all others. The server logs each once, as long as it lasts.
//!
#![doc = include_str!("system_calls.md")]

pub(crate) mod log_once;

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::system_calls::log_once::LogOnce;
use crate::time::Time;

/// How often a call is made, at most, that a signal interrupts. A system that says so each time is
/// not believed: the loop would never come back to look at the signal.
pub(crate) const TRIES_MAX: usize = 8;

/// An error that has not come for this long is logged again.
const QUIET: Duration = Duration::from_secs(60);

/// What was tried, and is noted if it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Call {
    /// Waiting for events.
    Poll,
    /// Asking the poll to report a client.
    Register,
    /// The same, when the system is short of what that takes.
    RegisterMore,
    /// Receiving from a client.
    Receive,
    /// Sending to a client.
    Send,
    /// Sending part of a file to a client.
    SendFile,
    /// Ending our side of a connection.
    Shutdown,
    /// Setting the timer.
    SetTimer,
    /// Reading what the page cache holds.
    ReadCached,
    /// Reading, and waiting for it.
    Read,
    /// Having the kernel fetch part of a file.
    Fetch,
    /// Having the kernel hold bytes as a file in memory.
    HoldInKernel,
    /// Opening by a rule of the kernel.
    OpenBeneath,
    /// Opening, or looking at, something in the directory that is served.
    Open,
}

impl Call {
    const ALL: [Call; 14] = [
        Call::Poll,
        Call::Register,
        Call::RegisterMore,
        Call::Receive,
        Call::Send,
        Call::SendFile,
        Call::Shutdown,
        Call::SetTimer,
        Call::ReadCached,
        Call::Read,
        Call::Fetch,
        Call::HoldInKernel,
        Call::OpenBeneath,
        Call::Open,
    ];

    /// What could not be done, as the end of "cannot …", and what is done about it.
    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Call::Poll => ("wait for events", "trying again ten times a second"),
            Call::Register => ("register a client with the poll", "closing such clients"),
            Call::RegisterMore => {
                ("register more clients with the poll", "trying again ten times a second")
            }
            Call::Receive => ("receive from a client", "closing such clients"),
            Call::Send => ("send to a client", "closing such clients"),
            Call::SendFile => ("send a file by sendfile", "copying its bytes instead"),
            Call::Shutdown => ("shut down our side of a connection", "closing such clients"),
            Call::SetTimer => ("set the timer", "using the poll's timeout, which costs more"),
            Call::ReadCached => (
                "ask the page cache by preadv2",
                "reading large files in small pieces; a slow disk delays all clients",
            ),
            Call::Read => ("read a file", "ending its answers early"),
            Call::Fetch => ("prefetch a file by fadvise", "a slow disk delays all clients"),
            Call::HoldInKernel => {
                ("hold a long text in memory of the kernel", "copying it for each answer")
            }
            Call::OpenBeneath => {
                ("open files by openat2", "walking their paths name by name, which costs more")
            }
            Call::Open => ("open a file", "answering 500 or 503"),
        }
    }
}

/// Errors of the network or of a peer: what ends connections every day.
fn is_of_the_network(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NotConnected
            | ErrorKind::TimedOut
    )
}

/// Where the error of a socket comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The network, or the peer.
    Network,
    /// The system.
    System,
}

/// Where this error of a socket comes from.
pub(crate) fn origin(error: &io::Error) -> Origin {
    if is_of_the_network(error) { Origin::Network } else { Origin::System }
}

/// Whether the system is short of memory, or of something it allows only so much of. That passes.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::OutOfMemory | ErrorKind::StorageFull)
}

/// Makes a call, and again if a signal interrupts it.
pub(crate) fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut outcome = call();
    for _ in 1..TRIES_MAX {
        match outcome {
            Err(error) if error.kind() == ErrorKind::Interrupted => outcome = call(),
            Ok(_) | Err(_) => break,
        }
    }
    outcome
}

/// What has been noted on one thread, which is one loop's: the last error of each call, as the
/// system's number, or zero.
struct Notes {
    any: Cell<bool>,
    errors: [Cell<i32>; Call::ALL.len()],
}

/// An error without a number.
const UNNUMBERED: i32 = -1;

thread_local! {
    static NOTES: Notes = const {
        Notes { any: Cell::new(false), errors: [const { Cell::new(0) }; Call::ALL.len()] }
    };
}

/// Notes that a call has failed, for the log, unless the error is one of the network.
#[cold]
pub(crate) fn note(call: Call, error: &io::Error) {
    if origin(error) == Origin::Network {
        return;
    }
    NOTES.with(|notes| {
        notes.errors[call as usize].set(error.raw_os_error().unwrap_or(UNNUMBERED));
        notes.any.set(true);
    });
}

/// Whether anything has been noted on this thread since it was last told.
#[inline]
pub(crate) fn has_noted() -> bool {
    NOTES.with(|notes| notes.any.get())
}

/// What the log has been told.
#[derive(Debug, Default)]
pub(crate) struct Reported([LogOnce; Call::ALL.len()]);

/// A call that fails, and how.
pub(crate) struct Failing {
    call: Call,
    error: io::Error,
}

impl Reported {
    /// What has been noted on this thread and is news at `now`.
    pub(crate) fn take_news(&mut self, now: Time) -> Vec<Failing> {
        let mut news = Vec::new();
        NOTES.with(|notes| {
            notes.any.set(false);
            for call in Call::ALL {
                let number = notes.errors[call as usize].replace(0);
                if number != 0 && self.0[call as usize].note(now, QUIET) {
                    let error = match number {
                        UNNUMBERED => io::Error::other("no reason given"),
                        _ => io::Error::from_raw_os_error(number),
                    };
                    news.push(Failing { call, error });
                }
            }
        });
        news
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, consequence) = self.call.describe();
        write!(f, "cannot {what} ({}): {consequence}", self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    fn after(seconds: u64) -> Time {
        Time::START + Duration::from_secs(seconds)
    }

    fn told(told: &mut Reported, seconds: u64) -> Vec<String> {
        told.take_news(after(seconds)).iter().map(Failing::to_string).collect()
    }

    const EINTR: i32 = 4;
    const ENOSPC: i32 = 28;
    const ECONNRESET: i32 = if cfg!(target_os = "linux") { 104 } else { 54 };

    #[test]
    fn an_error_that_lasts_is_told_once_whatever_else_fails() {
        let mut log = Reported::default();
        assert!(!has_noted());
        for second in 0..100 {
            note(Call::Register, &error(ENOSPC));
            note(Call::Send, &error(ECONNRESET));
            assert!(has_noted());
            let news = told(&mut log, second);
            assert_eq!(news.len(), usize::from(second == 0), "{news:?}");
            assert!(!has_noted());
        }
        note(Call::Poll, &error(EINTR));
        assert!(told(&mut log, 100)[0].starts_with("cannot wait for events (Interrupted"));
        note(Call::Register, &error(ENOSPC));
        assert_eq!(told(&mut log, 150), [""; 0]);
        note(Call::Register, &error(ENOSPC));
        assert_eq!(told(&mut log, 210).len(), 1, "it was over");
    }

    #[test]
    fn a_call_that_is_interrupted_for_ever_is_given_up() {
        let mut calls = 0;
        let outcome: io::Result<()> = again(|| {
            calls += 1;
            Err(error(EINTR))
        });
        assert_eq!(
            (calls, outcome.map_err(|it| it.kind())),
            (TRIES_MAX, Err(ErrorKind::Interrupted))
        );
        let mut calls = 0;
        let outcome = again(|| {
            calls += 1;
            if calls == 3 { Ok(calls) } else { Err(error(EINTR)) }
        });
        assert_eq!(outcome.ok(), Some(3));
    }

    #[test]
    fn each_call_has_its_own_number_and_sentence() {
        let mut sentences = Call::ALL.map(Call::describe).to_vec();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), Call::ALL.len());
        for (number, call) in Call::ALL.into_iter().enumerate() {
            assert_eq!(call as usize, number);
        }
    }
}
