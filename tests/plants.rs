//! Shows that the simulation can fail: bugs that are planted on purpose have to be found by it.
//!
//! The plants are `simulation/plants/*.plant`; `support/plant.rs` says what is in such a file.
//! That each still applies is checked with all other tests. That each is found takes a build and a
//! run for each, so it is done when asked, all or those by name:
//!
//! ```text
//! ONELOOP_PLANTS=all cargo test --test plants -- --nocapture
//! ONELOOP_PLANTS=run-queue-dropped,step-passes-time cargo test --test plants -- --nocapture
//! ```
//!
//! To be run after the simulation or what it holds has been rewritten: a plant that applies and is
//! not found any more means that something is not looked at any more.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/planting.rs"]
mod planting;

use std::fs;
use std::process::Command;

use planting::{Bed, Plant, say};

/// How many plants there are: a check that plants none of them must not pass.
const PLANTS: usize = 59;

/// A plant has to be found among so many seeds: those that run with all other tests.
const SEEDS: u64 = 2000;

#[test]
fn every_plant_applies_and_is_found_if_that_is_asked() {
    let plants = Plant::all_in("tests/simulation/plants");
    assert_eq!(plants.len(), PLANTS);
    for plant in &plants {
        plant.assert_applies("ONELOOP_PLANTS=all cargo test --test plants -- --nocapture");
    }
    if let Ok(wanted) = std::env::var("ONELOOP_PLANTS") {
        let is_wanted = |name: &str| wanted == "all" || wanted.split(',').any(|it| it == name);
        let chosen: Vec<&Plant> = plants.iter().filter(|plant| is_wanted(&plant.name)).collect();
        assert!(!chosen.is_empty(), "no plant has the name {wanted}");
        let missed = search_for(&chosen);
        assert!(missed.is_empty(), "not found within {SEEDS} seeds: {missed:#?}");
    }
}

/// The README lists each of them, and none that is not there.
#[test]
fn the_readme_knows_every_plant() {
    let readme = fs::read_to_string(planting::root().join("tests/README.md")).unwrap();
    assert_eq!(readme.matches("(simulation/plants/").count(), PLANTS, "links to plants");
    for Plant { name, .. } in Plant::all_in("tests/simulation/plants") {
        let link = format!("[{name}](simulation/plants/{name}.plant)");
        assert!(readme.contains(&link), "the README does not list {link}");
    }
}

/// Plants one after the other, and says which are not found.
fn search_for(plants: &[&Plant]) -> Vec<String> {
    let bed = Bed::dig("plants");
    let sound = search(&bed);
    assert!(matches!(sound, Search::Nothing), "nothing is planted, and {sound:?}");
    let mut missed = Vec::new();
    say("| plant | found by seed number | as |");
    for plant in plants {
        let Plant { name, breaks, .. } = plant;
        match bed.with(plant, || search(&bed)) {
            Search::Found { seed, words } => say(&format!("| {name} | {} | {words} |", seed + 1)),
            Search::Hangs => say(&format!("| {name} | | it loops |")),
            Search::Nothing => missed.push(format!("{name}: {breaks}")),
        }
    }
    missed
}

/// What a run of the simulation came to.
#[derive(Debug)]
enum Search {
    Nothing,
    Found {
        seed: u64,
        words: String,
    },
    /// It was stopped.
    Hangs,
}

/// Builds the simulation and runs it.
fn search(bed: &Bed) -> Search {
    let mut simulation = Command::new(bed.build("simulation"));
    simulation.args(["every_seed_ends_well", "--nocapture"]);
    simulation.env("ONELOOP_SEEDS", SEEDS.to_string()).env("RUST_BACKTRACE", "0");
    for name in ["ONELOOP_SEED", "ONELOOP_PEERS", "ONELOOP_WITHOUT"] {
        simulation.env_remove(name);
    }
    let Some((status, words)) = planting::run(simulation) else { return Search::Hangs };
    if status.success() {
        return Search::Nothing;
    }
    let mut lines = words.lines().skip_while(|line| !line.starts_with("seed "));
    let seed = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let seed = seed.unwrap_or_else(|| panic!("it fails, but by no seed:\n{words}"));
    let words = lines.next().and_then(|line| line.split(" (server").next());
    Search::Found { seed, words: words.unwrap_or_default().to_owned() }
}
