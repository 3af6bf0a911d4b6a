//! How descriptors go from one process to another: beside the bytes of a Unix socket, as `SCM_RIGHTS`
//! (unix(7)).
//!
//! What arrives is owned at once, so none is left open on any way out of here. Each is closed when the
//! process runs another program.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::config::Config;
use crate::system_calls::again;

/// The longest message: places with the longest names, as many as there may be.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;

const SPACE: usize = rustix::cmsg_space!(ScmRights(Config::TAKEOVER_PLACES_MAX));

/// Sends `text`, and the descriptors with its first byte. It does not wait: a message that finds no room
/// as a whole is an error.
pub(super) fn send(
    socket: impl AsFd,
    text: &str,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let sent = again(|| {
        let mut space = [MaybeUninit::uninit(); SPACE];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let rights = SendAncillaryMessage::ScmRights(descriptors);
        if !descriptors.is_empty() && !control.push(rights) {
            return Err(io::Error::other("too many listeners for one message"));
        }
        let bytes = [IoSlice::new(text.as_bytes())];
        Ok(sendmsg(&socket, &bytes, &mut control, SendFlags::DONTWAIT)?)
    })?;
    match sent == text.len() {
        true => Ok(()),
        false => Err(ErrorKind::WriteZero.into()),
    }
}

/// A message as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) text: String,
    pub(super) descriptors: Vec<OwnedFd>,
}

impl Received {
    /// Receives more of it, for which it waits as long as the socket says. False: there is no more.
    pub(super) fn receive(&mut self, socket: impl AsFd) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); SPACE];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = again(|| {
            let mut room = [IoSliceMut::new(&mut bytes)];
            Ok(recvmsg(&socket, &mut room, &mut control, FLAGS)?.bytes)
        })?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        close_on_exec(&self.descriptors)?;
        self.text.push_str(&String::from_utf8_lossy(&bytes[..got]));
        match self.text.len() > MESSAGE_BYTES_MAX {
            true => Err(io::Error::new(ErrorKind::InvalidData, "it says too much")),
            false => Ok(got > 0),
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
const FLAGS: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const FLAGS: RecvFlags = RecvFlags::empty();

#[cfg(not(target_vendor = "apple"))]
fn close_on_exec(_: &[OwnedFd]) -> io::Result<()> {
    Ok(())
}

/// Apple's systems have no flag for it.
#[cfg(target_vendor = "apple")]
fn close_on_exec(descriptors: &[OwnedFd]) -> io::Result<()> {
    use rustix::io::{FdFlags, fcntl_setfd};
    Ok(descriptors.iter().try_for_each(|it| fcntl_setfd(it, FdFlags::CLOEXEC))?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn as_many_descriptors_as_there_may_be_places_arrive_with_a_long_text() {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let text = "x".repeat(20_000);
        let passed = vec![ours.as_fd(); Config::TAKEOVER_PLACES_MAX];
        send(&ours, &text, &passed).expect("room for it");
        let mut received = Received::default();
        while received.text.len() < text.len() {
            assert!(received.receive(&theirs).expect("it is there"));
        }
        assert_eq!(received.text, text);
        assert_eq!(received.descriptors.len(), Config::TAKEOVER_PLACES_MAX);
        for descriptor in &received.descriptors {
            let flags = rustix::io::fcntl_getfd(descriptor).expect("it is open");
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
        drop(ours);
        assert!(received.descriptors.len() > 1, "they keep the other end open");
        received.descriptors.clear();
        assert!(!received.receive(&theirs).expect("an end"), "it was closed everywhere");
    }

    #[test]
    fn a_message_that_finds_no_room_is_an_error_and_does_not_wait() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
        let long = "x".repeat(16_000);
        let refused = loop {
            if let Err(error) = send(&ours, &long, &[]) {
                break error;
            }
        };
        assert!([ErrorKind::WouldBlock, ErrorKind::WriteZero].contains(&refused.kind()));
    }
}
