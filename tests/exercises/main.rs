//! Holds the exercises to the code: each hole fits, each is felt, and the production code fills it.
//!
//! That each fits is checked with all other tests. To see that its tests fail with the hole and pass with
//! the solution, and that each bug to be found fails by a seed and has a trace, takes a build for each,
//! so it is done when asked, all or those by name or number:
//!
//! ```text
//! ONELOOP_EXERCISES=all cargo test --test exercises -- --nocapture
//! ONELOOP_EXERCISES=append,3 cargo test --test exercises -- --nocapture
//! ```
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod bench;
mod bugs;
mod hole;
mod holes;
#[path = "../support/plant.rs"]
mod plant;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use bench::Bench;
use bugs::BUGS;
use hole::Hole;
use holes::HOLES;
use plant::root;

/// How much of a trace tells something: a crowd that was shrunk says at least this many lines.
const TRACE_LINES_MIN: usize = 5;

fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Says something past the harness, which would keep it to itself until the end.
fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[test]
fn each_hole_fits_the_code_and_its_solution_fills_it() {
    for hole in &HOLES {
        let text = text_of(hole.file);
        let holed = hole.cut(&text).unwrap();
        let solution = hole.function_in(&text).unwrap();
        assert!(solution.lines().count() > 5, "{}: {solution}", hole.name);
        let written = hole.function_in(&holed).unwrap();
        assert!(written.contains("todo!(") && !holed.contains(solution), "{written}");
        assert!(written.lines().all(|line| line.chars().count() <= 100), "{written}");
        assert_eq!(hole.fill(&holed, solution).unwrap(), text, "{} comes back", hole.name);
        assert!(hole.hints.len() >= 3, "{} has hints", hole.name);
        assert!(hole.mistakes.len() >= 2, "{} can be got wrong", hole.name);
        for (right, wrong) in hole.mistakes {
            assert_eq!(solution.matches(right).count(), 1, "{}: {right}", hole.name);
            assert_ne!(right, wrong);
        }
    }
}

/// A hint names what there is: each name in backticks stands in the code.
#[test]
fn the_hints_name_what_the_code_has() {
    let code: String = [
        "src/engine/timers.rs",
        "src/engine/run.rs",
        "src/engine/client.rs",
        "src/engine/event.rs",
        "src/buffer/output.rs",
        "src/connection/machine.rs",
        "src/connection/proxied.rs",
        "src/connection/arrows.rs",
        "src/connection/state.rs",
        "src/http/fault.rs",
        "src/metrics.rs",
    ]
    .map(text_of)
    .concat();
    for hole in &HOLES {
        for quoted in hole.hints.iter().flat_map(|hint| hint.split('`').skip(1).step_by(2)) {
            if quoted.starts_with("src/") {
                assert!(root().join(quoted).exists(), "{}: {quoted}", hole.name);
                continue;
            }
            let names = quoted.split(|c: char| !c.is_alphanumeric() && c != '_');
            for name in names.filter(|name| !name.is_empty()) {
                assert!(code.contains(name), "{}: no file has {name} of {quoted}", hole.name);
            }
        }
    }
}

#[test]
fn the_tests_of_each_exercise_are_there() {
    for Hole { name, tests, .. } in &HOLES {
        let last = tests.last().unwrap();
        assert_eq!(*last, ("simulation", "every_seed_ends_well"), "{name} ends with all of it");
        for (file, filter) in *tests {
            let module = filter.strip_suffix("::tests").unwrap_or(filter);
            let in_library =
                module.split("::").fold(root().join("src"), |path, part| path.join(part));
            let is_there = match *file {
                "lib" => in_library.exists() || in_library.with_extension("rs").exists(),
                "simulation" => {
                    text_of("tests/simulation/main.rs").contains(&format!("fn {filter}("))
                }
                file => filter.is_empty() && root().join(format!("tests/{file}.rs")).exists(),
            };
            assert!(is_there, "{name} asks for {filter} of {file}");
        }
    }
}

#[test]
fn each_bug_applies_and_is_another() {
    let names: BTreeSet<&str> = BUGS.into_iter().collect();
    assert_eq!(names.len(), BUGS.len(), "no bug twice");
    for number in 1..=BUGS.len() {
        bugs::bug(number).unwrap().assert_applies("cargo test --test exercises");
    }
    assert!(bugs::bug(0).is_none() && bugs::bug(BUGS.len() + 1).is_none());
}

#[test]
fn the_readme_knows_the_exercises() {
    let readme = text_of("tests/exercises/README.md");
    for hole in &HOLES {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{}` |", hole.name)));
        let lines = hole.function_in(&text_of(hole.file)).unwrap().lines().count();
        let row = row.unwrap_or_else(|| panic!("no row for {}", hole.name));
        assert!(row.ends_with(&format!("| {lines} |")), "it has {lines} lines: {row}");
    }
    assert!(readme.contains(&format!("bugs 1 to {}", BUGS.len())), "how many bugs there are");
    let mistakes: usize = HOLES.iter().map(|hole| hole.mistakes.len()).sum();
    assert!(readme.contains(&format!("refuse {mistakes} wrong ones")), "{mistakes} are wrong");
}

#[test]
fn exercises_are_felt_and_bugs_are_found_if_that_is_asked() {
    let Ok(asked) = std::env::var("ONELOOP_EXERCISES") else { return };
    let is_asked = |name: &str| asked == "all" || asked.split(',').any(|it| it == name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercises");
    for entry in fs::read_dir(&folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        // What is built stays, so that the next run is quick.
        if !path.ends_with("target") {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let bench = Bench::at(folder);
    let mut done = 0;
    for hole in HOLES.iter().filter(|hole| is_asked(hole.name)) {
        is_felt_and_filled(&bench, hole);
        done += 1;
    }
    for number in (1..=BUGS.len()).filter(|number| is_asked(&number.to_string())) {
        is_found_and_mended(&bench, number);
        done += 1;
    }
    assert!(done > 0, "there is no exercise {asked}");
}

fn is_felt_and_filled(bench: &Bench, hole: &Hole) {
    let Hole { name, file, tests, mistakes, .. } = hole;
    let tree = bench.start(hole).unwrap();
    assert!(bench.start(hole).is_err(), "what a reader has written is not overwritten");
    let seeds = [("ONELOOP_SEEDS".to_owned(), bench::SEEDS.to_owned())];
    for (program, filter) in *tests {
        let ran = bench.test(&tree, program, filter, &seeds).unwrap();
        assert!(!ran.has_passed, "{name}: {program} {filter} passes with the hole");
        assert!(ran.is_built(), "{name} does not compile with the hole:\n{}", ran.words);
        assert!(ran.words.contains(&format!("the exercise {name}")), "{}", ran.words);
    }
    let holed = bench::read(&tree.join(file)).unwrap();
    let original = text_of(file);
    let solution = hole.function_in(&original).unwrap();
    bench::write(&tree.join(file), &hole.fill(&holed, solution).unwrap()).unwrap();
    for (program, filter) in *tests {
        let ran = bench.test(&tree, program, filter, &seeds).unwrap();
        assert!(ran.has_passed, "{name}: {program} {filter} with the solution:\n{}", ran.words);
    }
    for mistake in *mistakes {
        let wrong = solution.replace(mistake.0, mistake.1);
        bench::write(&tree.join(file), &hole.fill(&holed, &wrong).unwrap()).unwrap();
        let mut refusing = tests.iter().filter(|(program, filter)| {
            let ran = bench.test(&tree, program, filter, &seeds).unwrap();
            assert!(ran.is_built(), "{name}, with {mistake:?}:\n{}", ran.words);
            !ran.has_passed
        });
        let by = refusing.next().unwrap_or_else(|| panic!("{name}: {mistake:?} passes"));
        say(&format!("{name}: {mistake:?} is refused by {by:?}"));
    }
    say(&format!("{name}: felt by {tests:?}, and filled"));
}

fn is_found_and_mended(bench: &Bench, number: usize) {
    let bug = bugs::bug(number).unwrap();
    let tree = bench.plant(&format!("bug-{number}"), &bug).unwrap();
    let found = bench.search(&tree, bench::SEEDS).unwrap();
    let found = found.unwrap_or_else(|| panic!("bug {number}: no seed fails"));
    assert!(!found.told.contains(&bug.name), "it is not named:\n{}", found.told);
    let trace = bench.trace(&tree, &found).unwrap();
    let lines = trace.lines().take_while(|line| !line.is_empty()).count();
    assert!(lines >= TRACE_LINES_MIN, "the trace says little:\n{trace}");
    bench::write(&tree.join(&bug.file), &text_of(&bug.file)).unwrap();
    // Enough to see that nothing else is wrong with it.
    let seeds = "300";
    assert!(bench.search(&tree, seeds).unwrap().is_none(), "bug {number} is not mended");
    say(&format!("bug {number}, {}: {lines} lines of trace of\n{}", bug.name, found.told));
}
