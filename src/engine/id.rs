//! The name of a client. None of the next four billion clients has the same.

/// Names one connection: a slab key, and the generation that tells it from the key's earlier
/// owners. What names a connection that is gone finds a different generation, and does nothing.
///
/// A closed descriptor has no more events, and none of this turn is left when it is closed. But the
/// run queue, and wakers, keep names of clients that have gone. And while a child process between
/// `fork` and `exec` still holds the descriptor, the poll goes on reporting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(u64);

impl ClientId {
    /// The id of the client at `key` of a slab, where `generation` clients came before it.
    ///
    /// # Panics
    /// If the key is above `u32::MAX`.
    #[inline]
    pub fn new(key: usize, generation: u32) -> ClientId {
        let key = u32::try_from(key).expect("fewer than 4 billion clients");
        ClientId(u64::from(generation) << 32 | u64::from(key))
    }

    /// The id as a number, for a poll's token.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The id that was once made into `bits`.
    pub fn from_bits(bits: u64) -> ClientId {
        ClientId(bits)
    }

    /// The slot that the client has in the slab: its key.
    #[inline]
    pub fn slot(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }

    /// How many clients came before it, whatever their slots were: its generation. It begins again
    /// after four billion.
    #[inline]
    pub fn number(self) -> u32 {
        (self.0 >> 32) as u32
    }
}
