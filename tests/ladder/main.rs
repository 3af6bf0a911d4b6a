//! The ladder of `src/ladder`: each program does what it claims, is broken by what its head says breaks
//! it, and the next one is not.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod differences;
#[path = "../support/exam.rs"]
mod exam;
mod program;
mod stages;

use program::Program;
use stages::{STAGES, Stage};

/// A program does all that the stages before its own ask for, and not what its own asks for. The last
/// one has none of its own.
fn examine(step: usize) {
    let passes = |stage: &Stage| stage.ask(&Program::start(step));
    for stage in STAGES.iter().take(step) {
        passes(stage)
            .unwrap_or_else(|why| panic!("step {step} fails at '{}': {why}", stage.name()));
    }
    if let Some(stage) = STAGES.get(step) {
        assert!(passes(stage).is_err(), "nothing breaks step {step} at '{}'", stage.name());
    }
}

macro_rules! steps {
    ($($name:ident $step:literal,)*) => {
        $(#[test] fn $name() { examine($step); })*
    };
}

steps! {
    step_1_blocking 1,
    step_2_threads 2,
    step_3_spinning 3,
    step_4_poll 4,
    step_5_state 5,
    step_6_room 6,
    step_7_run_queue 7,
    step_8_deadlines 8,
    step_9_eviction 9,
    step_10_lingering 10,
    step_11_server 11,
}

/// A step is small: the first seven are at most 120 lines of code, and the last that is written out at
/// most 175.
#[test]
fn each_step_is_short() {
    for step in 1..=program::STEPS {
        let text = program::source(step);
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = text.lines().filter(is_code).count();
        let lines_max = if step <= 7 { 120 } else { 175 };
        assert!(lines <= lines_max, "step {step} has {lines} lines");
        for head in ["//! See it: ", "//! New: ", "//! What breaks it: "] {
            let is_needed = match head {
                "//! New: " => step > 1,
                "//! What breaks it: " => step < 10,
                _ => true,
            };
            assert!(!is_needed || text.contains(head), "step {step} lacks '{head}'");
        }
    }
}
