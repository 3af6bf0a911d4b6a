//! The generators of a run. Each part draws from a stream of its own, so that leaving out one peer
//! does not change the others.
//!
//! All of them follow from the run's seed, and none may be seeded from anything else.

use crate::random::Random;

/// Which part of a run draws.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// What kind of run it is.
    Setting,
    /// What happens to all peers.
    Crowd,
    /// The peer with this number, and its connection.
    Peer(usize),
    /// The handler, as to when it panics.
    Handler,
    /// When the server is held, and when a step is taken.
    Hold,
    /// When peers ask once more, about when idle clients are ended.
    Crossing,
    /// What the proxy says of the peer with this number.
    Header(usize),
}

impl Stream {
    /// The generator of this stream in the run of this seed.
    pub fn of_seed(self, seed: u64) -> Random {
        let number = match self {
            Stream::Setting => 0,
            Stream::Crowd => 1,
            Stream::Peer(number) => 2 + number as u64,
            Stream::Handler => u64::MAX,
            Stream::Hold => u64::MAX - 1,
            Stream::Crossing => u64::MAX - 2,
            Stream::Header(number) => u64::MAX / 2 + number as u64,
        };
        let seed = Random::new(seed).bits() ^ number.wrapping_mul(0x9e37_79b9);
        Random::new(seed).fork()
    }
}
