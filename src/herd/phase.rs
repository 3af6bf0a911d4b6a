//! The parts of a run, and what comes after each.

use oneloop::engine::Time;

use crate::plan::Plan;
use crate::tally::Part;

/// The parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Only the good clients act that keep their connections.
    Calm,
    /// The others connect.
    Arriving,
    /// All are connected that keep or hold their connections.
    Full,
    /// No request is made; answers are waited for, at most until then.
    Ending { until: Time },
    /// There is nothing left to wait for.
    Over,
}

impl Phase {
    /// The phase with which the plan begins.
    pub fn first(plan: &Plan) -> Phase {
        match plan.calm.is_zero() {
            true => Phase::Arriving,
            false => Phase::Calm,
        }
    }

    /// To which part of the run it belongs; the end of a run to that which it ends.
    pub fn part(self) -> Option<Part> {
        match self {
            Phase::Calm => Some(Part::Calm),
            Phase::Arriving => Some(Part::Arriving),
            Phase::Full => Some(Part::Full),
            Phase::Ending { .. } | Phase::Over => None,
        }
    }

    /// Whether requests are still to be made.
    pub fn is_on(self) -> bool {
        self.part().is_some()
    }
}
