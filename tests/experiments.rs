//! The README's experiments of the kind "delete this line, and see which test fails".
//!
//! Each is a plant (`experiments/*.plant`; `support/planting.rs` says what is in such a file) whose
//! sentence is followed by a line that names the test which it makes fail: `fails: FILE TEST`. That
//! each applies, and that its test is there, is checked with all other tests. To see them fail, in
//! a copy of this repository, takes a build for each, so it is done when asked, all or one by name:
//!
//! ```text
//! ONELOOP_EXPERIMENTS=all cargo test --test experiments -- --nocapture
//! ONELOOP_EXPERIMENTS=edge-forgotten cargo test --test experiments -- --nocapture
//! ```
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/planting.rs"]
mod planting;

use std::fs;
use std::process::Command;

use planting::{Bed, Plant, say};

/// How many there are: a check that makes none of them must not pass.
const EXPERIMENTS: usize = 9;

/// How much of a line is shown, in characters: some tests show whole answers.
const LINE_MAX: usize = 160;

/// A plant, and what it makes fail.
struct Experiment {
    plant: Plant,
    /// The test program: a file or a folder under `tests`.
    program: String,
    test: String,
}

fn experiments() -> Vec<Experiment> {
    let plants = Plant::all_in("tests/experiments").into_iter();
    let experiments = plants.map(|plant| {
        let (_, fails) = plant.breaks.split_once("\nfails: ").expect("a test that fails");
        let (program, test) = fails.split_once(' ').expect("its file, and its name");
        let (program, test) = (program.to_owned(), test.to_owned());
        Experiment { plant, program, test }
    });
    experiments.collect()
}

#[test]
fn every_experiment_applies_and_fails_its_test_if_that_is_asked() {
    let experiments = experiments();
    assert_eq!(experiments.len(), EXPERIMENTS);
    for Experiment { plant, program, test } in &experiments {
        plant.assert_applies("ONELOOP_EXPERIMENTS=all cargo test --test experiments");
        let path = planting::root().join("tests").join(program);
        let path = if path.is_dir() { path.join("main.rs") } else { path.with_extension("rs") };
        let is_there = fs::read_to_string(path).unwrap().contains(&format!("fn {test}("));
        assert!(is_there, "{} names {test}, which is not in {program}", plant.name);
    }
    if let Some(asked) = std::env::var_os("ONELOOP_EXPERIMENTS") {
        let is_asked = |it: &Experiment| asked == "all" || asked == *it.plant.name;
        let asked_for: Vec<Experiment> = experiments.into_iter().filter(is_asked).collect();
        assert!(!asked_for.is_empty(), "there is no experiment {asked:?}");
        let survived = make(&asked_for);
        assert!(survived.is_empty(), "these do not make their tests fail: {survived:#?}");
    }
}

/// The README shows each of them, and none that is not there.
#[test]
fn the_readme_knows_every_experiment() {
    let readme = fs::read_to_string(planting::root().join("README.md")).unwrap();
    let linked = readme.matches("(tests/experiments/").count();
    assert_eq!(linked, EXPERIMENTS, "links to experiments");
    for Experiment { plant, test, .. } in experiments() {
        let link = format!("(tests/experiments/{}.plant)", plant.name);
        let row = readme.lines().find(|line| line.contains(&link)).expect(&link);
        assert!(row.contains(&format!("`{test}`")), "beside {link} stands another test");
    }
}

/// Makes one after the other, and says which do not make their test fail.
fn make(experiments: &[Experiment]) -> Vec<String> {
    let bed = Bed::dig("experiments");
    let mut survived = Vec::new();
    for Experiment { plant, program, test } in experiments {
        let run = || {
            let mut command = Command::new(bed.build(program));
            command.args([test.as_str(), "--nocapture"]).env("RUST_BACKTRACE", "0");
            command.current_dir(bed.tree()).env_remove("ONELOOP_EXPERIMENTS");
            planting::run(command)
        };
        let (status, words) = run().expect("nothing is planted, and it ends");
        assert!(
            status.success() && words.contains("1 passed") && !words.contains("NOT RUN"),
            "nothing is planted, and {test} does not pass:\n{words}"
        );
        let Plant { name, breaks, .. } = plant;
        match bed.with(plant, run) {
            Some((status, _)) if status.success() => survived.push(format!("{name}: {breaks}")),
            Some((_, words)) => say(&format!("{name}: {test} fails:\n{}", what_it_said(&words))),
            None => say(&format!("{name}: {test} goes on for ever")),
        }
    }
    survived
}

/// What the test said of its failure: its first panic, and the lines behind that.
fn what_it_said(words: &str) -> String {
    let panic = words.lines().skip_while(|line| !line.contains("panicked at"));
    let lines = panic.take(4).map(|line| line.chars().take(LINE_MAX).collect::<String>());
    lines.map(|line| format!("    {line}\n")).collect()
}
