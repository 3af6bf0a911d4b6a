//! One test for each defect that was found, numbered in the order in which they were.

#![allow(clippy::unwrap_used)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use oneloop::engine::{Clients, Stream, Time};
use oneloop::handlers::FixedText;
use oneloop::{CloseReason, Limits, Timeouts};

/// A peer that never says anything and never reads anything.
struct Silent;

impl Read for Silent {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Write for Silent {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Silent {
    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A deadline that ends a connection at once took it out of the timers without freeing it.
#[test]
fn r1_a_client_whose_deadline_closes_it_is_freed() {
    let timeouts = Timeouts::default();
    let mut clients = Clients::new(Limits::default(), timeouts.clone(), SystemTime::UNIX_EPOCH);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    clients.admit(Silent, peer, Time::START, |_, _| Ok(())).unwrap();
    let late = Time::START + timeouts.first_byte * 2;
    clients.expire(late + Duration::from_secs(1), &mut FixedText::new(*b"text"));
    clients.free();
    assert_eq!(clients.len(), 0);
    assert_eq!(clients.metrics().closed(CloseReason::FirstByteTimeout), 1);
}
