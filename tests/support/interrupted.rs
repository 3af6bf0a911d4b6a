//! Calls that the system may interrupt: a process that is stopped and goes on finds each `recv`
//! interrupted that has a timeout (`signal(7)`).

use std::io::{ErrorKind, Read, Result};

/// What `call` says, which is called again as long as it is interrupted.
pub fn uninterrupted(mut call: impl FnMut() -> Result<usize>) -> Result<usize> {
    loop {
        match call() {
            Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
            said => return said,
        }
    }
}

/// Reads once, and again if that is interrupted.
pub fn read_some(source: &mut impl Read, buf: &mut [u8]) -> Result<usize> {
    uninterrupted(|| source.read(buf))
}
