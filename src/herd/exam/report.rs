//! What has come of the stages.

use std::time::Duration;

use super::stages::Stage;
use super::transcript::Transcript;
use super::verdict::{Problem, Verdict};

/// What has come of one stage.
pub struct Marked {
    pub number: usize,
    pub stage: &'static Stage,
    pub verdict: Verdict,
    pub transcript: Transcript,
    pub took: Duration,
}

impl Marked {
    /// In a word, as programs read it.
    pub fn outcome(&self) -> &'static str {
        match self.verdict {
            Ok(_) => "passed",
            Err(Problem::Failed(_)) => "failed",
            Err(Problem::NotTried(_)) => "not_tried",
        }
    }

    pub fn has_failed(&self) -> bool {
        matches!(self.verdict, Err(Problem::Failed(_)))
    }

    /// What there is to say about it, if anything.
    pub fn told(&self) -> &str {
        match &self.verdict {
            Ok(told) => told,
            Err(problem) => problem.told(),
        }
    }
}

/// How many passed, failed, and were not tried.
pub fn counts(all: &[Marked]) -> [usize; 3] {
    let of = |outcome| all.iter().filter(|marked| marked.outcome() == outcome).count();
    [of("passed"), of("failed"), of("not_tried")]
}
