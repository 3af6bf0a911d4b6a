//! What can go wrong before the loop runs. No request ever makes one of these errors.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::config::Listen;

/// Why a server could not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The configuration contradicts itself.
    #[non_exhaustive]
    Config {
        /// What contradicts what, and how to mend it.
        sentence: String,
    },
    /// A place cannot be listened at.
    #[non_exhaustive]
    Bind {
        /// Which.
        place: Box<Listen>,
        /// What the system says.
        reason: io::Error,
    },
    /// The process that is to be taken over from does not allow it.
    #[non_exhaustive]
    Takeover {
        /// Where it listens.
        path: PathBuf,
        /// Why, and what to do.
        reason: io::Error,
    },
    /// The system refuses something else that a loop needs.
    #[non_exhaustive]
    System {
        /// What it was asked for, as an end of "cannot …".
        attempt: &'static str,
        /// What it says.
        reason: io::Error,
    },
}

impl Error {
    pub(crate) fn config(sentence: impl Into<String>) -> Error {
        Error::Config { sentence: sentence.into() }
    }

    pub(crate) fn system(attempt: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |reason| Error::System { attempt, reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config { sentence } => f.write_str(sentence),
            Error::Bind { place, reason } => write!(f, "cannot listen at {place}: {reason}"),
            Error::Takeover { path, reason } => {
                write!(f, "cannot take over at {}: {reason}", path.display())
            }
            Error::System { attempt, reason } => write!(f, "cannot {attempt}: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Config { .. } => None,
            Error::Bind { reason, .. }
            | Error::Takeover { reason, .. }
            | Error::System { reason, .. } => Some(reason),
        }
    }
}
