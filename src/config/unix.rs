//! How a Unix socket is named, and what it is to be like.

use std::ffi::OsStr;
use std::fmt::{self, Debug, Display, Formatter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The room for a name in the kernel (unix(7)): a path ends with a NUL there, an abstract name begins
/// with one.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NAME_BYTES: usize = 108;
/// Other systems have 104 at least.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NAME_BYTES: usize = 104;

/// The name of a Unix socket: a path, or on Linux a name that no file has.
///
/// Its [`Display`] is how a place to listen is written: `unix:/run/oneloop.sock`, `unix:@oneloop`.
///
/// ```
/// use oneloop::config::UnixName;
///
/// let name = UnixName::path("/run/oneloop.sock")?;
/// assert_eq!(name.to_string(), "unix:/run/oneloop.sock");
/// assert!(UnixName::path("/".repeat(200)).is_err(), "the kernel has room for 107 bytes");
/// # Ok::<(), oneloop::config::InvalidUnixName>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnixName {
    /// As the kernel has it: a NUL at the beginning is that of an abstract name.
    bytes: [u8; NAME_BYTES],
    len: u8,
}

impl UnixName {
    /// How many bytes a path may have, and an abstract name.
    pub const BYTES_MAX: usize = NAME_BYTES - 1;

    /// The socket at this path.
    ///
    /// # Errors
    /// If no socket can be there: the path is empty or too long, or has a NUL.
    pub fn path(path: impl AsRef<Path>) -> Result<UnixName, InvalidUnixName> {
        UnixName::new(path.as_ref().as_os_str().as_bytes(), 0)
    }

    /// The socket with this abstract name, which ends with the socket. Linux only.
    ///
    /// # Errors
    /// If the name is empty or too long, or has a NUL.
    pub fn of_abstract(name: impl AsRef<[u8]>) -> Result<UnixName, InvalidUnixName> {
        UnixName::new(name.as_ref(), 1)
    }

    /// The name that stands from `start` on.
    fn new(name: &[u8], start: usize) -> Result<UnixName, InvalidUnixName> {
        if name.is_empty() {
            return Err(InvalidUnixName::Empty);
        }
        if name.contains(&0) {
            return Err(InvalidUnixName::HasNul);
        }
        if name.len() > UnixName::BYTES_MAX {
            return Err(InvalidUnixName::TooLong { bytes: name.len() });
        }
        let mut bytes = [0; NAME_BYTES];
        let end = start + name.len();
        bytes[start..end].copy_from_slice(name);
        Ok(UnixName { bytes, len: end as u8 })
    }

    /// Its path, if it has one.
    pub fn as_path(&self) -> Option<&Path> {
        let bytes = &self.bytes[..usize::from(self.len)];
        (bytes[0] != 0).then(|| Path::new(OsStr::from_bytes(bytes)))
    }

    /// Its abstract name, if it has one.
    pub fn as_abstract(&self) -> Option<&[u8]> {
        self.bytes[..usize::from(self.len)].strip_prefix(&[0])
    }
}

impl Display for UnixName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (mark, name) = match (self.as_abstract(), self.as_path()) {
            (Some(name), _) => ("@", name),
            (None, Some(path)) => ("", path.as_os_str().as_bytes()),
            (None, None) => ("", &[][..]),
        };
        write!(f, "unix:{mark}")?;
        // It stays one line of text, whatever a program has named a socket that is inherited.
        String::from_utf8_lossy(name).chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => f.write_char(c),
        })
    }
}

impl Debug for UnixName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Why no Unix socket can have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUnixName {
    /// It has no bytes.
    Empty,
    /// It has a NUL, which ends a path.
    HasNul,
    /// It has more bytes than [`UnixName::BYTES_MAX`].
    #[non_exhaustive]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
}

impl Display for InvalidUnixName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            InvalidUnixName::Empty => f.write_str("the name of a socket is empty"),
            InvalidUnixName::HasNul => f.write_str("the name of a socket has a NUL"),
            InvalidUnixName::TooLong { bytes } => {
                let max = UnixName::BYTES_MAX;
                write!(f, "the name of a socket has {bytes} bytes; at most {max} are possible")
            }
        }
    }
}

impl std::error::Error for InvalidUnixName {}

/// A Unix socket to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixSocket {
    /// Its name.
    pub name: UnixName,
    /// Who may connect: those who may write to it, by the mode of its file. An abstract name has
    /// none, so everyone on this machine may connect there. Default: [`UnixSocket::MODE`].
    pub mode: u32,
    /// Whose its file is, besides its owner. `None`: the process's own group.
    pub group: Option<Group>,
}

impl UnixSocket {
    /// Its owner and group may connect.
    pub const MODE: u32 = 0o660;

    /// A socket with this name, to which its owner and group may connect.
    pub fn new(name: UnixName) -> UnixSocket {
        UnixSocket { name, mode: UnixSocket::MODE, group: None }
    }
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Group {
    /// By name, as it stands in `/etc/group`.
    Name(String),
    /// By number.
    Id(u32),
}

impl Display for Group {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Group::Name(name) => f.write_str(name),
            Group::Id(id) => write!(f, "{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_path_or_abstract_and_fits_into_the_kernel() {
        let path = UnixName::path("/run/a.sock").expect("a path");
        assert_eq!((path.as_path(), path.as_abstract()), (Some(Path::new("/run/a.sock")), None));
        let hidden = UnixName::of_abstract("a").expect("a name");
        assert_eq!((hidden.as_path(), hidden.as_abstract()), (None, Some(&b"a"[..])));
        assert_ne!(UnixName::path("a"), Ok(hidden));
        type Make = fn(&str) -> Result<UnixName, InvalidUnixName>;
        let makes: [Make; 2] = [|name| UnixName::path(name), |name| UnixName::of_abstract(name)];
        for make in makes {
            let max = "n".repeat(UnixName::BYTES_MAX);
            assert!(make(&max).expect("the longest").to_string().ends_with(&max));
            let bytes = max.len() + 1;
            assert_eq!(make(&format!("{max}n")), Err(InvalidUnixName::TooLong { bytes }));
            assert_eq!(make(""), Err(InvalidUnixName::Empty));
            assert_eq!(make("a\0b"), Err(InvalidUnixName::HasNul));
        }
    }

    #[test]
    fn a_name_is_shown_in_one_line() {
        let name = UnixName::path(OsStr::from_bytes(b"/a\nb\xFF")).expect("a path");
        assert_eq!(name.to_string(), "unix:/a\\nb\u{FFFD}");
    }
}
