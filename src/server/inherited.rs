//! Listeners that the process was started with, as systemd hands them over (`sd_listen_fds(3)`): by
//! names, so that their order does not matter.
//!
//! The environment says how many there are and what they are called. It is read once in the life of
//! the process, and each listener is taken once.

use std::env;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{LazyLock, Mutex, PoisonError};

use listenfd::ListenFd;
use rustix::net::AddressFamily;

use crate::config::UnixName;

/// What a socket is called if its unit gives it no name.
const UNNAMED: &str = "unknown";

static INHERITED: LazyLock<Mutex<Inherited>> = LazyLock::new(|| Mutex::new(Inherited::read()));

struct Inherited {
    descriptors: ListenFd,
    /// In the order of the descriptors; `None`: it has been taken.
    names: Vec<Option<String>>,
}

impl Inherited {
    fn read() -> Inherited {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let descriptors = ListenFd::from_env();
        let mut names = names.split(':').map(|name| match name {
            "" => UNNAMED.to_owned(),
            name => name.to_owned(),
        });
        let names = (0..descriptors.len()).map(|_| names.next().or(Some(UNNAMED.to_owned())));
        Inherited { names: names.collect(), descriptors }
    }
}

/// A listener, by its kind.
pub(super) enum InheritedListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Takes the first listener with this name that has not been taken. It does not block.
///
/// # Errors
/// If there is none, or if it is no listener; in words that say how to mend it.
pub(super) fn take(name: &str) -> io::Result<InheritedListener> {
    let mut inherited = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    let Inherited { descriptors, names } = &mut *inherited;
    let Some(index) = names.iter().position(|it| it.as_deref() == Some(name)) else {
        return Err(none_with(name, names));
    };
    let listener = match descriptors.take_tcp_listener(index) {
        Ok(listener) => listener.map(InheritedListener::Tcp),
        Err(_) => {
            let unix = descriptors.take_unix_listener(index);
            unix.map_err(|_| no_listener(name, "no stream socket"))?.map(InheritedListener::Unix)
        }
    };
    let listener = listener.ok_or_else(|| none_with(name, &[]))?;
    names[index] = None;
    check_listens(&listener, name)?;
    listener.set_nonblocking()?;
    Ok(listener)
}

/// A listener that another process has bound. It does not block.
///
/// # Errors
/// If it is none.
pub(super) fn by_kind(socket: OwnedFd) -> io::Result<InheritedListener> {
    check_listens(&socket, "a listener")?;
    let family = rustix::net::getsockname(&socket)?.address_family();
    let listener = match family == AddressFamily::UNIX {
        true => InheritedListener::Unix(socket.into()),
        false => InheritedListener::Tcp(socket.into()),
    };
    listener.set_nonblocking()?;
    Ok(listener)
}

impl InheritedListener {
    fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            InheritedListener::Tcp(socket) => socket.set_nonblocking(true),
            InheritedListener::Unix(socket) => socket.set_nonblocking(true),
        }
    }
}

impl AsFd for InheritedListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            InheritedListener::Tcp(socket) => socket.as_fd(),
            InheritedListener::Unix(socket) => socket.as_fd(),
        }
    }
}

/// What an inherited Unix listener is called.
pub(super) fn name_of(socket: &UnixListener) -> io::Result<UnixName> {
    let address = socket.local_addr()?;
    let found = match address.as_pathname() {
        Some(path) => UnixName::path(path),
        None => UnixName::of_abstract(abstract_name(&address).unwrap_or_default()),
    };
    found.map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))
}

#[cfg(target_os = "linux")]
fn abstract_name(address: &SocketAddr) -> Option<&[u8]> {
    use std::os::linux::net::SocketAddrExt;
    address.as_abstract_name()
}

/// Other systems have none.
#[cfg(not(target_os = "linux"))]
fn abstract_name(_: &SocketAddr) -> Option<&[u8]> {
    None
}

/// A socket unit with `Accept=yes` hands over connections instead of the listener.
#[cfg(not(target_vendor = "apple"))]
fn check_listens(socket: &impl AsFd, name: &str) -> io::Result<()> {
    match rustix::net::sockopt::socket_acceptconn(socket) {
        Ok(true) => Ok(()),
        Ok(false) => Err(no_listener(name, "a connection")),
        Err(error) => Err(error.into()),
    }
}

/// Apple's systems do not say, and have no socket units. A connection there fails when it is to accept.
#[cfg(target_vendor = "apple")]
fn check_listens(_: &impl AsFd, _: &str) -> io::Result<()> {
    Ok(())
}

fn no_listener(name: &str, found: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidInput,
        format!(
            "what this process was started with as '{name}' is {found}; use ListenStream= and \
             Accept=no in the socket's unit"
        ),
    )
}

fn none_with(name: &str, names: &[Option<String>]) -> io::Error {
    let others: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let others = match others.is_empty() {
        true => "none that is left".to_owned(),
        false => others.join(", "),
    };
    io::Error::new(
        ErrorKind::NotFound,
        format!(
            "this process was started with no socket of that name (there is {others}); set \
             FileDescriptorName={name} in the socket's unit"
        ),
    )
}
