//! Where to listen: for clients, and for those who look at what the server does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::unix::{InvalidUnixName, UnixName, UnixSocket};

/// One place to listen at: where it is, and what its connections begin with.
///
/// As text (its [`FromStr`](std::str::FromStr) and [`Display`](std::fmt::Display)) it is an endpoint,
/// and then its options, each behind a comma:
///
/// | text | what it is |
/// |---|---|
/// | `8888` | this port of every address |
/// | `127.0.0.1:8888`, `[::1]:8888` | this address and port |
/// | `unix:/run/oneloop.sock` | a Unix socket at this path; no comma can be in it |
/// | `unix:@oneloop` | a Unix socket with an abstract name |
/// | `fd:web` | a listener by this name that the process was started with |
/// | `,mode=0660` | the mode of a Unix socket's file, in octal digits |
/// | `,group=www-data` | the group of a Unix socket's file, by name or number |
/// | `,proxy` | each connection begins with a PROXY header |
///
/// ```
/// use oneloop::Listen;
///
/// let listen: Listen = "unix:/run/oneloop.sock,mode=0600".parse()?;
/// assert_eq!(listen.to_string(), "unix:/run/oneloop.sock,mode=0600");
/// assert_eq!("8888".parse(), Ok(Listen::everywhere(8888)));
/// let error = "8888,9999".parse::<Listen>().expect_err("a second place");
/// assert_eq!(error.column(), 6);
/// # Ok::<(), oneloop::config::InvalidListen>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listen {
    /// Where connections come in.
    pub endpoint: Endpoint,
    /// Each connection begins with a PROXY header, which tells its client's address. Default: no.
    pub proxy: bool,
}

/// Where connections come in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// This port on every address of the machine: dual-stack, or IPv4 alone where there is no
    /// IPv6. Port 0 lets the system choose.
    Everywhere(u16),
    /// Exactly this address. Port 0 lets the system choose.
    At(SocketAddr),
    /// A Unix socket.
    Unix(UnixSocket),
    /// A listener that the process was started with, by the name that it was given.
    Inherited(String),
}

impl Listen {
    /// This port on every address of the machine: dual-stack, or IPv4 alone where there is no
    /// IPv6. Port 0 lets the system choose.
    pub fn everywhere(port: u16) -> Listen {
        Endpoint::Everywhere(port).into()
    }

    /// Exactly this address. Port 0 lets the system choose.
    pub fn at(address: SocketAddr) -> Listen {
        Endpoint::At(address).into()
    }

    /// A Unix socket at this path, to which its owner and group may connect.
    ///
    /// # Errors
    /// If no socket can be there: the path is empty or too long, or has a NUL.
    pub fn unix(path: impl AsRef<Path>) -> Result<Listen, InvalidUnixName> {
        Ok(Endpoint::Unix(UnixSocket::new(UnixName::path(path)?)).into())
    }
}

impl Endpoint {
    /// The path of a Unix socket as seen from the root, if it has one.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Endpoint::Unix(socket) => std::path::absolute(socket.name.as_path()?).ok(),
            Endpoint::Everywhere(_) | Endpoint::At(_) | Endpoint::Inherited(_) => None,
        }
    }

    /// By what two processes know that it is the same: as it is written, without options, and a path as
    /// seen from the root.
    pub(crate) fn told(&self) -> String {
        let told = match self {
            Endpoint::Unix(socket) => {
                let name = self.path().and_then(|path| UnixName::path(path).ok());
                name.unwrap_or(socket.name).to_string()
            }
            Endpoint::Everywhere(_) | Endpoint::At(_) | Endpoint::Inherited(_) => {
                Listen::from(self.clone()).to_string()
            }
        };
        // It is told in a line.
        told.replace(char::is_control, "?")
    }

    /// The port by which other machines can reach it, as far as that is known before it is bound.
    pub fn port_for_others(&self) -> Option<u16> {
        match self {
            Endpoint::Everywhere(port) => Some(*port),
            Endpoint::At(address) => {
                (!address.ip().to_canonical().is_loopback()).then_some(address.port())
            }
            Endpoint::Unix(_) | Endpoint::Inherited(_) => None,
        }
    }
}

impl From<Endpoint> for Listen {
    fn from(endpoint: Endpoint) -> Listen {
        Listen { endpoint, proxy: false }
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Listen {
        Listen::at(address)
    }
}

/// Where the server shows what it does: see [`Config::admin`](super::Config::admin).
///
/// Everyone who can reach it sees which clients are connected, and can pause the server. So it must be
/// a place of this machine alone, unless the configuration says that anyone may reach it.
///
/// ```
/// use std::net::SocketAddr;
///
/// use oneloop::config::{AdminListener, Reach};
/// use oneloop::{Config, Listen};
///
/// let mut config = Config::default();
/// let address = SocketAddr::from(([127, 0, 0, 1], 9000));
/// config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
/// assert!(config.check().is_ok());
///
/// config.admin = Some(AdminListener::new(Listen::everywhere(9000), Reach::ThisMachine));
/// assert!(config.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdminListener {
    /// Where it is.
    pub listen: Listen,
    /// Who may be able to connect to it.
    pub reach: Reach,
}

impl AdminListener {
    /// At this place, for whom `reach` says.
    pub fn new(listen: impl Into<Listen>, reach: Reach) -> AdminListener {
        AdminListener { listen: listen.into(), reach }
    }
}

/// Who may be able to connect to the [admin listener](AdminListener).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Programs on this machine: the place is a loopback address or a Unix socket.
    ThisMachine,
    /// Everyone whom the network lets through. You confirm that this is intended.
    Anyone,
}
