//! A small seeded generator: everything that happens in a run follows from one number.
//!
//! This is splitmix64: one addition and three mixing steps, good enough to spread faults, and
//! short enough to be read. It must never be seeded from anything but the run's own seed. Each
//! peer has generators of its own, so that leaving one out does not change the others.

/// A stream of numbers that a seed decides.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// Who draws.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// What kind of a run it is.
    Setting,
    /// What happens to all.
    Crowd,
    /// The peer with this number, and its connection.
    Peer(usize),
    /// The handler, as to when it panics.
    Handler,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// The generator that `stream` has in the run of this seed.
    pub fn of(seed: u64, stream: Stream) -> Random {
        let number = match stream {
            Stream::Setting => 0,
            Stream::Crowd => 1,
            Stream::Peer(number) => 2 + number as u64,
            Stream::Handler => u64::MAX,
        };
        let mut random = Random::new(Random::new(seed).next() ^ number.wrapping_mul(0x9e37_79b9));
        random.fork()
    }

    /// A generator of its own, so that one part's draws do not shift another's.
    pub fn fork(&mut self) -> Random {
        Random::new(self.next())
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From zero to `bound`, `bound` not included.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True once in `times`, on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Puts them into some order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
