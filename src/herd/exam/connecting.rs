//! A connection that is established, or why there is none: the server refuses it, or this machine.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;

use super::peer::TimeLimits;
use super::verdict::{Problem, failed};
use crate::clock::Clock;
use crate::load::sources::{Buffers, Sources};

/// How long to wait before another try, when the queue of a Unix socket is full.
const RETRY: Duration = Duration::from_millis(2);

/// What this machine refuses a client, whatever the server does.
const OWN_LIMITS: [Errno; 7] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOBUFS,
    Errno::NOMEM,
    Errno::ADDRNOTAVAIL,
    Errno::ADDRINUSE,
    Errno::PERM,
];

/// Connects within this time, and within what is left of the stage's.
pub fn connected(
    sources: &mut Sources,
    buffers: Buffers,
    time: Duration,
    limits: &TimeLimits,
) -> Result<TcpStream, Problem> {
    let (wait, interrupt) = (Clock::start(), &limits.interrupt);
    let left = || wait.left(time).min(limits.left());
    let stream = loop {
        match sources.connect(buffers) {
            Ok(stream) => break stream,
            // The queue of a Unix socket is full.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !left().is_zero() => {
                interrupt.pause(RETRY.min(left()));
            }
            Err(error) => return Err(not_connected(&error)),
        }
    };
    while !interrupt.await_socket(stream.as_fd(), PollFlags::OUT, left()) {
        if left().is_zero() {
            return failed("cannot connect: timed out");
        }
    }
    match stream.take_error() {
        Ok(None) => Ok(stream),
        Ok(Some(error)) | Err(error) => Err(not_connected(&error)),
    }
}

/// Why there is no connection: the server refuses it, or this machine allows no more.
fn not_connected(error: &io::Error) -> Problem {
    let remedy = match Errno::from_io_error(error) {
        Some(Errno::MFILE) => "raise the examiner's descriptor limit (ulimit -n)",
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => "its ports have run out; wait a minute",
        Some(reason) if OWN_LIMITS.contains(&reason) => "it is the examiner's own machine's limit",
        Some(Errno::AGAIN) => return Problem::Failed("cannot connect: timed out".to_owned()),
        Some(_) | None => return Problem::Failed(format!("cannot connect: {error}")),
    };
    Problem::NotTried(format!("this machine allows no further client: {error}: {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_refuses_is_told_apart_from_what_the_server_refuses() {
        let problem = |reason: Errno| not_connected(&io::Error::from(reason));
        for reason in OWN_LIMITS {
            assert!(matches!(problem(reason), Problem::NotTried(_)), "{reason:?}");
        }
        for reason in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::TIMEDOUT, Errno::AGAIN] {
            assert!(matches!(problem(reason), Problem::Failed(_)), "{reason:?}");
        }
    }
}
