//! The memory of a crowd's slots, which goes back once the crowd has gone.
//!
//! What lies below the key of a remaining client stays: keys do not move. So what counts is not how
//! many clients are left, but how high up the slab the highest of them is.

use slab::Slab;

/// Address space reserved for the slots, in bytes. What is not touched of it costs nothing. A block
/// of more than 32 MiB is one that glibc's allocator always maps by itself: it is never copied
/// when a crowd grows, and all of it goes back to the system when the crowd has gone.
const RESERVED_BYTES: usize = 33 * 1024 * 1024;

/// The starting capacity of the lists of keys: one that grew with a crowd could come to lie above
/// other memory and keep the allocator from giving that back.
pub(super) const KEYS_RESERVED: usize = 2048;

/// Fewer slots than this are not worth giving back.
const CROWD_MIN: usize = 256;

/// Slots go back when at most one in this many of them is below the highest key. Trying costs a
/// look at each slot, so this bounds it to a few looks for each client that came.
const GIVEN_BACK_FACTOR: usize = 8;

/// How far up a slab is in use, and has been.
#[derive(Debug)]
pub(super) struct SlabMemory {
    /// Behind the highest key in use, or above.
    end: usize,
    /// The highest that was since slots were last given back: these take memory.
    touched: usize,
    /// The capacity that was reserved.
    reserved: usize,
    /// The highest key in use when that was last looked for. While a client has it, nothing can be
    /// given back, and no search is needed: else every newcomer above would cost one.
    keeper: usize,
}

impl SlabMemory {
    /// An empty slab with slots reserved, and what its memory is.
    pub(super) fn reserve<T>() -> (Slab<T>, SlabMemory) {
        let slab = Slab::with_capacity(RESERVED_BYTES / size_of::<T>());
        let reserved = slab.capacity();
        (slab, SlabMemory { end: 0, touched: 0, reserved, keeper: 0 })
    }

    /// No key in use is as high as this.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// A key has been given out.
    pub(super) fn on_taken(&mut self, key: usize) {
        self.end = self.end.max(key + 1);
        self.touched = self.touched.max(self.end);
    }

    /// Keys have been freed: gives slots back if a crowd has gone.
    pub(super) fn on_freed<T>(&mut self, slab: &mut Slab<T>) {
        let given_back = slab.capacity() != self.reserved;
        if self.touched <= CROWD_MIN && !given_back {
            return;
        }
        if slab.is_empty() {
            (*slab, *self) = SlabMemory::reserve();
            return;
        }
        if self.is_too_high(self.keeper) && slab.contains(self.keeper) {
            return;
        }
        while self.end > 0 && !slab.contains(self.end - 1) {
            self.end -= 1;
        }
        self.keeper = self.end.saturating_sub(1);
        if self.touched > CROWD_MIN && !self.is_too_high(self.keeper) {
            slab.shrink_to_fit();
            self.touched = self.end;
        }
    }

    /// Whether nothing is given back while a client has this key.
    fn is_too_high(&self, key: usize) -> bool {
        key >= self.touched / GIVEN_BACK_FACTOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROWD: usize = 10_000;

    fn crowd() -> (Slab<u64>, SlabMemory) {
        let (mut slab, mut slab_memory) = SlabMemory::reserve();
        for number in 0..CROWD as u64 {
            let key = slab.insert(number);
            slab_memory.on_taken(key);
        }
        (slab, slab_memory)
    }

    #[test]
    fn a_crowd_that_has_gone_leaves_what_was_reserved() {
        let (mut slab, mut slab_memory) = crowd();
        let reserved = slab.capacity();
        slab.clear();
        slab_memory.on_freed(&mut slab);
        assert_eq!((slab.capacity(), slab_memory.touched), (reserved, 0));
    }

    #[test]
    fn slots_go_back_when_the_highest_client_goes_however_many_are_left_below() {
        let (mut slab, mut slab_memory) = crowd();
        slab.retain(|key, _| key < 100 || (1500..1550).contains(&key) || key == CROWD - 1);
        slab_memory.on_freed(&mut slab);
        assert!(slab.capacity() >= CROWD, "the highest key is still in use");
        slab.remove(CROWD - 1);
        slab_memory.on_freed(&mut slab);
        assert!(slab.capacity() >= CROWD, "1,550 of 10,000 are more than one in eight");
        for key in 1500..1550 {
            slab.remove(key);
            slab_memory.on_freed(&mut slab);
        }
        assert_eq!((slab.len(), slab_memory.touched), (100, 100));
        assert!(slab.capacity() < CROWD / GIVEN_BACK_FACTOR, "{}", slab.capacity());
    }

    #[test]
    fn newcomers_above_cost_no_search_while_somebody_keeps_the_slots() {
        let (mut slab, mut slab_memory) = crowd();
        slab.retain(|key, _| key == CROWD / 4);
        slab_memory.on_freed(&mut slab);
        assert_eq!(slab_memory.end, CROWD / 4 + 1);
        for _ in 0..3 {
            let key = slab.insert(0);
            slab_memory.on_taken(key);
            assert_eq!(key, CROWD - 1, "the slot that was freed last is taken first");
            slab.remove(key);
            slab_memory.on_freed(&mut slab);
            assert_eq!(slab_memory.end, CROWD, "no search for the highest key");
        }
        let newcomer = slab.insert(0);
        slab_memory.on_taken(newcomer);
        slab.remove(CROWD / 4);
        slab_memory.on_freed(&mut slab);
        assert_eq!(slab_memory.end, CROWD, "now it is the newcomer who keeps them");
        assert!(slab.capacity() >= CROWD);
    }

    #[test]
    fn a_slab_that_was_shrunk_is_reserved_again_when_it_is_empty() {
        let (mut slab, mut slab_memory) = crowd();
        let reserved = slab.capacity();
        slab.retain(|key, _| key == 0);
        slab_memory.on_freed(&mut slab);
        assert!(slab.capacity() < reserved);
        slab.remove(0);
        slab_memory.on_freed(&mut slab);
        assert_eq!(slab.capacity(), reserved);
    }

    #[test]
    fn a_few_clients_are_never_worth_it() {
        let (mut slab, mut slab_memory) = SlabMemory::reserve::<u64>();
        for _ in 0..3 {
            let keys: Vec<usize> =
                (0..CROWD_MIN as u64).map(|number| slab.insert(number)).collect();
            keys.iter().for_each(|key| slab_memory.on_taken(*key));
            let before = slab.capacity();
            for key in keys {
                slab.remove(key);
            }
            slab_memory.on_freed(&mut slab);
            assert_eq!((slab.capacity(), slab_memory.touched), (before, CROWD_MIN));
        }
    }
}
