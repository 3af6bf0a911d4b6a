//! The seeded simulation: all of the server that has state, among simulated sockets and peers.
//!
//! Each seed is one run of [`crowd::run`], and does the same each time. A seed that fails is
//! replayed, with a trace of all that happens, by the command that the failure prints.
//!
//! - `random`, `hub`: where chance and time come from;
//! - `wire`, `stream`: a connection as the kernel and the network see it, and the server's end;
//! - `script`, `peer`: what peers send, and how they judge what they get;
//! - `model`, `handler`, `watch`: what must be answered, what was handled, what is late;
//! - `setting`, `crowd`: what kind of a run it is, and the run.
#![allow(clippy::unwrap_used)]

mod crowd;
mod handler;
mod hub;
mod model;
mod peer;
mod random;
mod script;
mod setting;
mod stream;
mod watch;
mod wire;

use std::{panic, thread};

use crate::crowd::Outcome;
use crate::hub::Trace;

/// Enough that each kind of peer meets each kind of run, and done within a coffee's first sip.
const SEEDS: u64 = 2000;

/// Runs one seed, and says how to replay it if it fails.
fn run(seed: u64, trace: Trace) -> Outcome {
    match panic::catch_unwind(|| crowd::run(seed, trace)) {
        Ok(outcome) => outcome,
        Err(failure) => {
            eprintln!(
                "seed {seed} fails; to replay it:\n\
                 ONELOOP_SEED={seed} cargo test --test simulation -- --nocapture"
            );
            panic::resume_unwind(failure)
        }
    }
}

#[test]
fn every_seed_ends_well() {
    if let Ok(seed) = std::env::var("ONELOOP_SEED") {
        println!("{:?}", run(seed.parse().expect("a number"), Trace::Told));
        return;
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = |first: usize| {
        let mut sum = Outcome::default();
        (first as u64..SEEDS).step_by(threads).for_each(|seed| sum.add(&run(seed, Trace::Silent)));
        sum
    };
    let mut all = Outcome::default();
    thread::scope(|scope| {
        let shares: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        for share in shares {
            all.add(&share.join().unwrap());
        }
    });
    println!("{all:?}");
    assert!(all.is_varied(), "the runs meet what they are there for: {all:?}");
}
