//! Why a client gets no file, and what it gets instead.

use rustix::io::Errno;

use crate::http::status::Status;

/// Why there is no file to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The path is invalid: 400.
    Malformed,
    /// There is none, or none that is shown: 404.
    Missing,
    /// There is something, and it is not served: a file that we may not read, a link that leads
    /// outside, a pipe, a socket, a device. 403.
    Forbidden,
    /// The client refuses every coding that it is there in, the plain file included: 406.
    NotAcceptable,
    /// There are no descriptors or no memory for it at the moment: 503.
    Exhausted,
    /// The file system fails: 500.
    Broken,
}

impl Failure {
    pub(super) fn status(self) -> Status {
        match self {
            Failure::Malformed => Status::BAD_REQUEST,
            Failure::Missing => Status::NOT_FOUND,
            Failure::Forbidden => Status::FORBIDDEN,
            Failure::NotAcceptable => Status::NOT_ACCEPTABLE,
            Failure::Exhausted => Status::SERVICE_UNAVAILABLE,
            Failure::Broken => Status::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Errno> for Failure {
    /// A name that is too long for the file system is one that nothing has. A link out of the
    /// root is refused by the kernel with `XDEV`, one that we do not follow with `LOOP`.
    fn from(reason: Errno) -> Failure {
        match reason {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::INVAL => Failure::Missing,
            Errno::ACCESS | Errno::PERM | Errno::XDEV | Errno::LOOP | Errno::NXIO => {
                Failure::Forbidden
            }
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN => Failure::Exhausted,
            _ => Failure::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_becomes_a_status() {
        for (reason, status) in [
            (Errno::NOENT, 404),
            (Errno::NOTDIR, 404),
            (Errno::NAMETOOLONG, 404),
            (Errno::ACCESS, 403),
            (Errno::XDEV, 403),
            (Errno::LOOP, 403),
            (Errno::NXIO, 403),
            (Errno::MFILE, 503),
            (Errno::NFILE, 503),
            (Errno::NOMEM, 503),
            (Errno::AGAIN, 503),
            (Errno::IO, 500),
            (Errno::STALE, 500),
        ] {
            assert_eq!(Failure::from(reason).status().code(), status, "{reason}");
        }
    }
}
