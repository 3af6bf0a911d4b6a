//! Runs many seeds, on every core or as many as it may have, and makes the first failure as small
//! as it will go.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::crowd;
use crate::hub::Trace;
use crate::marks::Outcome;
use crate::shrink::shrink;

/// Between two lines about how far a long run has come.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(30);

/// Where something wrong was noticed, and what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    place: String,
    what: String,
}

/// Runs all of `seeds`. If any fails, says which is the first, and how to replay the smallest case
/// of it that fails in the same place.
pub fn run(seeds: Range<u64>) -> Result<Outcome, String> {
    let began = Instant::now();
    let (next, failing) = (AtomicU64::new(seeds.start), AtomicU64::new(u64::MAX));
    let (sender, results) = mpsc::channel();
    let mut sum = Outcome::default();
    thread::scope(|scope| {
        for _ in 0..workers() {
            let (sender, next, failing, end) = (sender.clone(), &next, &failing, seeds.end);
            scope.spawn(move || {
                // Nobody may be there to hear it, if somebody else has failed.
                let _ = sender.send(work(next, failing, end));
            });
        }
        drop(sender);
        loop {
            match results.recv_timeout(PROGRESS_INTERVAL) {
                Ok(outcome) => sum.add(outcome),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let taken = next.load(Ordering::Relaxed).min(seeds.end) - seeds.start;
                    let rate = taken as f64 / began.elapsed().as_secs_f64();
                    let (all, first) = (seeds.end - seeds.start, failing.load(Ordering::Relaxed));
                    let found = if first == u64::MAX { "no failure" } else { "a failure" };
                    say(&format!("{taken} of {all} seeds, {rate:.0} a second, {found}\n"));
                }
            }
        }
    });
    match failing.load(Ordering::Relaxed) {
        u64::MAX => Ok(sum),
        seed => Err(describe(seed)),
    }
}

/// On how many threads: `ONELOOP_THREADS`, or one for each core that this process may run on.
fn workers() -> usize {
    match std::env::var("ONELOOP_THREADS") {
        Ok(text) => text.parse::<NonZeroUsize>().expect("ONELOOP_THREADS is a number").get(),
        Err(_) => thread::available_parallelism().map_or(1, usize::from),
    }
}

/// Runs one seed after the other, up to the first that fails.
fn work(next: &AtomicU64, failing: &AtomicU64, end: u64) -> Outcome {
    let mut sum = Outcome::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        // Seeds below the first failing one are all run, so that it is always the same one.
        if seed >= end || seed > failing.load(Ordering::Relaxed) {
            return sum;
        }
        match attempt(&Case::whole(seed)) {
            Ok(outcome) => sum.add(outcome),
            Err(_) => {
                failing.fetch_min(seed, Ordering::Relaxed);
                return sum;
            }
        }
    }
}

/// A failing seed, made small.
fn describe(seed: u64) -> String {
    let fails_at = |case: &Case| {
        // On a thread of its own: the allocator's account does not survive a failure.
        let result = thread::scope(|scope| scope.spawn(|| attempt(case)).join());
        result.expect("a failure is caught").err()
    };
    let whole = Case::whole(seed);
    let Some(failure) = fails_at(&whole) else {
        return format!("seed {seed} fails, but not always: something in it is not from the seed");
    };
    let peers = crowd::size(&whole);
    let small = shrink(&whole, peers, |case| {
        fails_at(case).is_some_and(|other| other.place == failure.place)
    });
    let last = fails_at(&small).unwrap_or(failure);
    let Failure { place, what } = last;
    let left = crowd::size(&small);
    format!(
        "seed {seed} fails\n{what}\nat {place}\n\
         With {left} of its {peers} peers it fails in the same place; to replay that:\n{small}\n"
    )
}

/// Runs one case, and says how it fails.
pub fn run_case(case: &Case) -> Result<Outcome, String> {
    attempt(case).map_err(|Failure { place, what }| format!("{what}\nat {place}\n{case}\n"))
}

thread_local! {
    /// The failure of this thread's attempt: it is not printed.
    static FAILURE: RefCell<Option<Failure>> = const { RefCell::new(None) };
    static ATTEMPTS: Cell<bool> = const { Cell::new(false) };
}

/// Runs one case without a word.
fn attempt(case: &Case) -> Result<Outcome, Failure> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| match ATTEMPTS.get() {
            true => _ = FAILURE.replace(Some(Failure::of(info))),
            false => print(info),
        }));
    });
    ATTEMPTS.set(true);
    let outcome = panic::catch_unwind(|| crowd::run(case, Trace::Silent));
    ATTEMPTS.set(false);
    outcome.map_err(|_| FAILURE.take().expect("the hook has seen it"))
}

impl Failure {
    fn of(info: &PanicHookInfo<'_>) -> Failure {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        Failure { place: place.unwrap_or_default(), what: text.unwrap_or_default() }
    }
}

/// Says something past the harness, which would keep it to itself until the end.
fn say(line: &str) {
    // Nobody may be listening, which is no failure.
    let _ = io::stderr().write_all(line.as_bytes());
}
