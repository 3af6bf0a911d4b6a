//! The README's experiments of the kind "delete this line, and see which test fails".
//!
//! Each is a plant (`experiments/*.plant`; `support/plant.rs` says what is in such a file) whose
//! sentence is followed by a line that names the test which it makes fail: `fails: FILE TEST`. What
//! that test then says stands in the last column of the table in `experiments/README.md`, in backticks: the parts of
//! its message that are the same each time.
//!
//! That each applies, that its test is there, and that the words in backticks stand in the code, is
//! checked with all other tests. To see them fail
//! and say that, in a copy of this repository, takes a build for each, so it is done when asked, all
//! or one by name:
//!
//! ```text
//! ONELOOP_EXPERIMENTS=all cargo test --test experiments -- --nocapture
//! ONELOOP_EXPERIMENTS=edge-forgotten cargo test --test experiments -- --nocapture
//! ```
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/planting.rs"]
mod planting;

use std::fs;
use std::path::Path;
use std::process::Command;

use planting::{Bed, Plant, say};

/// How many there are: a check that makes none of them must not pass.
const EXPERIMENTS: usize = 9;

/// What the system says, and no file of ours.
const SYSTEMS_WORDS: [&str; 2] = ["Broken pipe", "Resource temporarily unavailable"];

/// How much of a line is shown, in characters: some tests show whole answers.
const LINE_MAX: usize = 160;

/// How many lines of a test's message are shown.
const LINES_MAX: usize = 4;

/// A plant, and what it makes fail.
struct Experiment {
    plant: Plant,
    /// The test program: a file or a folder under `tests`.
    program: String,
    test: String,
    /// What the README shows of the test's message.
    says: Vec<String>,
}

fn experiments() -> Vec<Experiment> {
    let readme = fs::read_to_string(planting::root().join("tests/experiments/README.md")).unwrap();
    let plants = Plant::all_in("tests/experiments").into_iter();
    let experiments = plants.map(|plant| {
        let (_, fails) = plant.breaks.split_once("\nfails: ").expect("a test that fails");
        let (program, test) = fails.split_once(' ').expect("its file, and its name");
        let (program, test) = (program.to_owned(), test.to_owned());
        let says = quoted(last_cell(row(&readme, &plant)));
        Experiment { plant, program, test, says }
    });
    experiments.collect()
}

/// The README's row of this plant.
fn row<'r>(readme: &'r str, plant: &Plant) -> &'r str {
    let link = format!("({}.plant)", plant.name);
    readme.lines().find(|line| line.contains(&link)).expect(&link)
}

fn last_cell(row: &str) -> &str {
    row.trim().trim_end_matches('|').rsplit(" | ").next().unwrap()
}

/// What stands in backticks in this text.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// This file, or all code of this folder and of those in it, but for what builds leave behind.
fn code_under(path: &Path) -> String {
    if path.is_dir() && !path.ends_with("target") {
        let entries = fs::read_dir(path).unwrap();
        return entries.map(|entry| code_under(&entry.unwrap().path())).collect();
    }
    match path.extension().is_some_and(|kind| kind == "rs") {
        true => fs::read_to_string(path).unwrap(),
        false => String::new(),
    }
}

#[test]
fn every_experiment_applies_and_fails_its_test_if_that_is_asked() {
    let experiments = experiments();
    assert_eq!(experiments.len(), EXPERIMENTS);
    for Experiment { plant, program, test, .. } in &experiments {
        plant.assert_applies("ONELOOP_EXPERIMENTS=all cargo test --test experiments");
        let path = planting::root().join("tests").join(program);
        // A program is a file or a folder, or a file with modules in a folder.
        let is_there = [path.with_extension("rs"), path]
            .iter()
            .filter(|path| path.exists())
            .any(|path| code_under(path).contains(&format!("fn {test}(")));
        assert!(is_there, "{} names {test}, which is not in {program}", plant.name);
    }
    if let Some(asked) = std::env::var_os("ONELOOP_EXPERIMENTS") {
        let is_asked = |it: &Experiment| asked == "all" || asked == *it.plant.name;
        let asked_for: Vec<Experiment> = experiments.into_iter().filter(is_asked).collect();
        assert!(!asked_for.is_empty(), "there is no experiment {asked:?}");
        let otherwise = make(&asked_for);
        assert!(otherwise.is_empty(), "not as the README says:\n{}", otherwise.join("\n"));
    }
}

/// The README shows each of them, and none that is not there.
#[test]
fn the_readme_knows_every_experiment() {
    let readme = fs::read_to_string(planting::root().join("tests/experiments/README.md")).unwrap();
    let linked = readme.matches(".plant)").count();
    assert_eq!(linked, EXPERIMENTS, "links to experiments");
    for Experiment { plant, test, says, .. } in experiments() {
        let row = row(&readme, &plant);
        assert!(row.contains(&format!("`{test}`")), "another test stands in this row: {row}");
        assert!(!says.is_empty(), "nothing that the test says is in this row's backticks: {row}");
    }
}

/// A test that fails shows the words of an assertion, which stand in the code. Figures do not.
#[test]
fn the_words_that_the_readme_shows_are_those_of_the_code() {
    let code =
        code_under(&planting::root().join("src")) + &code_under(&planting::root().join("tests"));
    for Experiment { plant, says, .. } in experiments() {
        let is_word = |part: &&String| !part.contains(|c: char| c.is_ascii_digit());
        for part in says.iter().filter(is_word) {
            let is_known = code.contains(part.as_str()) || SYSTEMS_WORDS.contains(&part.as_str());
            assert!(is_known, "{}: `{part}` is shown, which no assertion says", plant.name);
        }
    }
}

/// Makes one after the other, and says which are not as the README has it.
fn make(experiments: &[Experiment]) -> Vec<String> {
    let bed = Bed::dig("experiments");
    experiments.iter().filter_map(|experiment| make_one(&bed, experiment).err()).collect()
}

/// Makes one, and says what it did if that is not what the README has.
fn make_one(bed: &Bed, experiment: &Experiment) -> Result<(), String> {
    let Experiment { plant, program, test, says } = experiment;
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
    let Some((status, words)) = bed.with(plant, run) else {
        return Err(format!("{name}: {test} goes on for ever"));
    };
    if status.success() {
        return Err(format!("{name}: {test} passes, though: {breaks}"));
    }
    let message = message(&words);
    let shown = beginning(&message);
    match says.iter().find(|part| !message.contains(part.as_str())) {
        Some(part) => Err(format!(
            "{name}: the README shows `{part}`, which is not in what {test} says now. Show in the \
             last column, in backticks, what is the same each time in:\n{shown}"
        )),
        None => {
            say(&format!("{name}: {test} fails:\n{shown}"));
            Ok(())
        }
    }
}

/// What a test said of its failure: from its first panic to the next note or empty line.
fn message(words: &str) -> String {
    let panic = words.lines().skip_while(|line| !line.contains("panicked at"));
    let is_over = |line: &&str| line.is_empty() || line.starts_with("note: ");
    panic.take_while(|line| !is_over(line)).map(|line| format!("{line}\n")).collect()
}

/// The first lines of a message, which may be long and many.
fn beginning(message: &str) -> String {
    let lines = message.lines().take(LINES_MAX);
    let lines = lines.map(|line| line.chars().take(LINE_MAX).collect::<String>());
    lines.map(|line| format!("    {line}\n")).collect()
}
