//! What can go wrong before the loop runs. No request ever makes one of these errors.

use std::fmt;
use std::io;

/// Why a server could not start.
#[derive(Debug)]
pub enum Error {
    /// The configuration contradicts itself; the sentence says how to mend it.
    Config(String),
    /// An address could not be listened at: which, and the system's reason.
    Bind(String, io::Error),
    /// The system refused something else that a loop needs: what, and its reason.
    System(&'static str, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(sentence) => f.write_str(sentence),
            Error::Bind(address, reason) => write!(f, "cannot listen at {address}: {reason}"),
            Error::System(what, reason) => write!(f, "cannot {what}: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Config(_) => None,
            Error::Bind(_, reason) | Error::System(_, reason) => Some(reason),
        }
    }
}

impl PartialEq for Error {
    /// Two errors are equal if they say the same: `io::Error` has no equality of its own.
    fn eq(&self, other: &Error) -> bool {
        self.to_string() == other.to_string()
    }
}
