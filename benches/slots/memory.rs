//! What this process has of the machine's memory, and of the allocator's.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes held at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Of the machine's memory.
    pub resident: i64,
    /// Of the allocator's, whether anything has been written there or not.
    pub allocated: i64,
}

impl Held {
    /// What is held now.
    pub fn now() -> Held {
        let resident = resident();
        let stats = ALLOCATOR.stats();
        Held { resident, allocated: stats.bytes_allocated as i64 - stats.bytes_deallocated as i64 }
    }

    /// What is held more than there was before.
    pub fn above(self, before: Held) -> Held {
        Held {
            resident: self.resident - before.resident,
            allocated: self.allocated - before.allocated,
        }
    }
}

/// For this file the kernel looks at what is mapped. Its running total, in `statm`, may be kept
/// apart for each core, and then lags behind by dozens of pages, each of 36 slots.
fn resident() -> i64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("Linux says it here");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).expect("its second line");
    let kib: i64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    kib * 1024
}
