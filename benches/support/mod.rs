//! What the benches share: where their clients come from, and a turn of the loop over them.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use oneloop::Handler;
use oneloop::engine::{Engine, Time};
use oneloop::testing::Listener;

/// Where all clients come from.
pub const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40_000));

/// One turn, behind the events that have been noted.
pub fn turn<H: Handler>(engine: &mut Engine<Listener>, now: Time, handler: &mut H) {
    let flow = engine.turn(now, handler, &mut |_, _: &mut _, _, _| Ok(()));
    assert!(flow.is_continue(), "nothing stops it");
    black_box(engine.due(now));
}
