//! Reading what the system may interrupt: a process that is stopped and goes on finds each `recv`
//! interrupted that has a timeout (`signal(7)`).

use std::io::{ErrorKind, Read, Result};

/// Reads once, and again if that is interrupted.
pub fn read_some(source: &mut impl Read, buf: &mut [u8]) -> Result<usize> {
    loop {
        match source.read(buf) {
            Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
