//! What all parts of a run look at: the virtual clock, the part of the turn that is running, and
//! the trace of a replay.

use std::cell::Cell;
use std::time::Duration;

use oneloop::engine::Time;

/// Which part of a turn is running: decides what a call on a stream is allowed to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Between turns: only peers and the network act.
    Outside,
    Drive,
    Expire,
    Free,
    Evict,
    Admit,
    Register,
    CutOff,
}

/// Whether every event is printed: only when one seed is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    Silent,
    Told,
}

/// Shared by everything in a run.
#[derive(Debug)]
pub struct Hub {
    now: Cell<Time>,
    stage: Cell<Stage>,
    trace: Trace,
}

impl Hub {
    pub fn new(trace: Trace) -> Hub {
        Hub { now: Cell::new(Time::START), stage: Cell::new(Stage::Outside), trace }
    }

    pub fn now(&self) -> Time {
        self.now.get()
    }

    pub fn pass(&self, time: Duration) {
        self.now.set(self.now() + time);
    }

    pub fn stage(&self) -> Stage {
        self.stage.get()
    }

    pub fn enter(&self, stage: Stage) {
        self.stage.set(stage);
    }

    /// Prints a line of the trace, if there is one.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if self.trace == Trace::Told {
            let millis = self.now().since(Time::START).as_micros() as f64 / 1000.0;
            println!("{millis:>12.3} ms {:<11} {}", format!("{:?}", self.stage()), line());
        }
    }
}
