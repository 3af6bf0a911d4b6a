//! What may go wrong in a measurement: the machine refused something, or a server did not do what
//! it must.

use std::fmt;
use std::io;

use crate::herd::answer::Wrong;

/// Ends one measurement; the others go on, and the report names it.
#[derive(Debug)]
pub enum Failure {
    /// A system call that this program needs has failed.
    Machine {
        /// What was being done.
        attempt: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// The server did something else than to answer correctly.
    Server(String),
}

impl Failure {
    /// For `map_err`: keeps what was attempted beside the kernel's answer.
    pub fn machine<E: Into<io::Error>>(attempt: impl Into<String>) -> impl FnOnce(E) -> Failure {
        |error| Failure::Machine { attempt: attempt.into(), error: error.into() }
    }

    /// A server's fault in words.
    pub fn server(fault: impl Into<String>) -> Failure {
        Failure::Server(fault.into())
    }
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Failure {
        let shown = String::from_utf8_lossy(&wrong.shown);
        Failure::server(format!("answered wrong: {}: {shown:?}", wrong.reason))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Machine { attempt, error } => write!(f, "cannot {attempt}: {error}"),
            Failure::Server(fault) => write!(f, "the server {fault}"),
        }
    }
}

impl std::error::Error for Failure {}
