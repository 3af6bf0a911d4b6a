//! The new process: it asks for the listeners, says when it has started, and is told that they are its
//! own.
//!
//! All of this is before the loop, so it may wait, but only for [`PATIENCE`]: the old process may be
//! stopped, or busy with a handler that blocks.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::message::{self, FileId, GREETING, Offer, Role};
use super::passing::{Received, send};
use super::{check_user, named};
use crate::peer::UnixPeer;
use crate::server::unix_socket;

/// How long the old process may take for each answer. Its loop comes round in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process that takes over, until it is told that the listeners are its own.
#[derive(Debug)]
pub(in crate::server) struct Successor {
    socket: Socket,
    path: PathBuf,
    old: UnixPeer,
    offer: Offer,
    /// A listener for each place, until it is taken.
    descriptors: Vec<Option<OwnedFd>>,
}

/// A listener that is taken over.
#[derive(Debug)]
pub(in crate::server) struct Taken {
    pub(in crate::server) socket: OwnedFd,
    /// The file to be removed at the end, once it is ours.
    pub(in crate::server) file: Option<FileId>,
}

impl Successor {
    /// Asks the process that listens at `path` for its listeners. `None`: none listens there.
    ///
    /// # Errors
    /// If one listens there and does not hand them over; in words that say what to do.
    pub(in crate::server) fn ask(path: &Path) -> io::Result<Option<Successor>> {
        Successor::ask_for(path, PATIENCE)
    }

    fn ask_for(path: &Path, patience: Duration) -> io::Result<Option<Successor>> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Connecting waits as well, if the queue is full.
        socket.set_write_timeout(Some(patience))?;
        socket.set_read_timeout(Some(patience))?;
        match socket.connect(&SockAddr::unix(path)?) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // Nor can anything that is no socket be connected to; it is refused when we bind it.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(None),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(silent(UnixPeer::default(), patience));
            }
            Err(error) => {
                let sentence = format!("{error}; run both processes as the same user");
                return Err(io::Error::new(error.kind(), sentence));
            }
        }
        let old = unix_socket::peer(&socket);
        check_user(old.uid)?;
        let mut successor = Successor {
            socket,
            path: path.to_owned(),
            old,
            offer: Offer::default(),
            descriptors: Vec::new(),
        };
        successor.hear_offer(patience)?;
        Ok(Some(successor))
    }

    fn hear_offer(&mut self, patience: Duration) -> io::Result<()> {
        // If it has refused this process already, it has said why.
        let _ = send(&self.socket, &format!("{GREETING}\n"), &[]);
        let mut received = Received::default();
        while !message::is_whole_offer(&received.text) {
            let came = received.receive(&self.socket);
            if !came.map_err(|error| self.explained(error, patience))? {
                return Err(failed("it ended before it had handed anything over; start again"));
            }
        }
        self.offer = Offer::parse(&received.text).map_err(failed)?;
        if self.offer.places.len() != received.descriptors.len() {
            let (places, descriptors) = (self.offer.places.len(), received.descriptors.len());
            return Err(failed(format!(
                "of {places} listeners {descriptors} arrived; raise the limit of descriptors \
                 (ulimit -n)"
            )));
        }
        self.descriptors = received.descriptors.into_iter().map(Some).collect();
        Ok(())
    }

    /// Takes the listener that the old process has for this place, if it has one.
    pub(in crate::server) fn take(&mut self, role: Role, place: &str) -> Option<Taken> {
        let mut all = self.offer.places.iter().zip(&mut self.descriptors);
        let (found, descriptor) = all.find(|(offered, descriptor)| {
            descriptor.is_some() && offered.role == role && offered.place == place
        })?;
        Some(Taken { socket: descriptor.take()?, file: found.file })
    }

    /// How long the service manager's watchdog of the old process may hear nothing.
    pub(in crate::server) fn watchdog(&self) -> Option<Duration> {
        self.offer.watchdog
    }

    /// Which process it takes over from, for the log.
    pub(in crate::server) fn old(&self) -> String {
        named(self.old)
    }

    /// Where that process listens.
    pub(in crate::server) fn path(&self) -> &Path {
        &self.path
    }

    /// Says that this process has started, and waits until the listeners that it has taken are its own.
    /// The others are closed here.
    ///
    /// # Errors
    /// If the old process does not give them away: it goes on serving.
    pub(in crate::server) fn become_owner(&mut self) -> io::Result<()> {
        let taken = self.descriptors.iter().enumerate().filter(|(_, it)| it.is_none());
        let taken: Vec<usize> = taken.map(|(number, _)| number).collect();
        self.descriptors.clear();
        // If it has given up, it has said why.
        let _ = send(&self.socket, &message::ready(&taken), &[]);
        let mut received = Received::default();
        while !received.text.contains('\n') {
            match received.receive(&self.socket) {
                Ok(true) => {}
                // It has ended, and said nothing: no other process has the listeners.
                Ok(false) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(self.explained(error, PATIENCE)),
            }
        }
        message::parse_yours(&received.text).map_err(failed)
    }

    fn explained(&self, error: io::Error, patience: Duration) -> io::Error {
        match [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) {
            true => silent(self.old, patience),
            false => error,
        }
    }
}

fn silent(old: UnixPeer, patience: Duration) -> io::Error {
    let sentence = format!(
        "{} does not answer within {patience:?}; see whether it is stopped or blocked, or end it \
         and start again",
        named(old)
    );
    io::Error::new(ErrorKind::TimedOut, sentence)
}

fn failed(reason: impl Into<String>) -> io::Error {
    io::Error::other(reason.into())
}
