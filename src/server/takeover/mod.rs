//! A new process takes over the listeners of an old one, by a Unix socket at a path that both know.
//!
//! Owns that socket, and what is said there. Knows no engine and no client: what is to become of the
//! listeners is decided in `handing_over`, beside this folder. The loop never waits here; a process
//! that starts does, for a bounded time.
//!
//! `message` is what both sides say, `passing` how descriptors go with it, `taking` the new process
//! and `giving` the old one.
//!
//! Invariant: until the old process has sent `yours`, nothing has changed for it, whatever the new one
//! does. After that it accepts nothing more.

mod giving;
mod message;
mod passing;
mod taking;

use std::io;

use rustix::process::geteuid;

use crate::peer::UnixPeer;

pub(super) use giving::{Giver, Wish};
pub(super) use message::{Described, FileId, Offer, Role};
pub(super) use taking::{Successor, Taken};

/// Fails if the other process is of another user: it could be given what it must not have, or give us a
/// listener that is no place of ours.
fn check_user(uid: Option<u32>) -> io::Result<()> {
    let own = geteuid().as_raw();
    match uid {
        Some(uid) if uid != own => Err(io::Error::other(format!(
            "one process is of user {uid} and the other of user {own}; run both as the same user"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The other process, for the log.
fn named(peer: UnixPeer) -> String {
    peer.pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
}
