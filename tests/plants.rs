//! Shows that the simulation can fail: bugs that are planted on purpose have to be found by it.
//!
//! A plant (`simulation/plants/*.plant`) is a sentence on what it breaks, a file, lines that stand
//! in it exactly once (`-`), and what they become (`+`). That each still applies is checked with
//! all other tests. That each is found takes a build and a run for each, so it is done when asked:
//!
//! ```text
//! ONELOOP_PLANTS=1 cargo test --test plants -- --nocapture
//! ```
//!
//! To be run after the simulation or what it holds has been rewritten: a plant that applies and is
//! not found any more means that something is not looked at any more.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How many plants there are: a check that plants none of them must not pass.
const PLANTS: usize = 12;

/// A plant has to be found among so many seeds: those that run with all other tests.
const SEEDS: u64 = 2000;

/// How long a planted server may run: one that loops without a call is stopped, and found.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a build needs of this repository.
const TREE: [&str; 6] = ["Cargo.toml", "Cargo.lock", "README.md", "src", "tests", "benches"];

#[test]
fn every_plant_applies_and_is_found_if_that_is_asked() {
    let plants = plants();
    assert_eq!(plants.len(), PLANTS);
    for plant in &plants {
        let text = fs::read_to_string(root().join(&plant.file)).unwrap();
        plant.planted(&text);
    }
    if std::env::var_os("ONELOOP_PLANTS").is_some() {
        let missed = search_for(&plants);
        assert!(missed.is_empty(), "not found within {SEEDS} seeds: {missed:#?}");
    }
}

/// Plants one after the other, and says which are not found.
fn search_for(plants: &[Plant]) -> Vec<String> {
    let bed = Bed::dig();
    let sound = bed.search();
    assert!(matches!(sound, Search::Nothing), "nothing is planted, and {sound:?}");
    let mut missed = Vec::new();
    say("| plant | found by seed number | as |");
    for plant in plants {
        let file = bed.tree.join(&plant.file);
        let original = fs::read_to_string(&file).unwrap();
        fs::write(&file, plant.planted(&original)).unwrap();
        let search = bed.search();
        fs::write(&file, original).unwrap();
        let Plant { name, breaks, .. } = plant;
        match search {
            Search::Found { seed, words } => say(&format!("| {name} | {} | {words} |", seed + 1)),
            Search::Hangs => say(&format!("| {name} | | it loops |")),
            Search::Nothing => missed.push(format!("{name}: {breaks}")),
        }
    }
    missed
}

/// A bug to be planted.
struct Plant {
    name: String,
    /// What it breaks.
    breaks: String,
    file: String,
    before: String,
    behind: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn plants() -> Vec<Plant> {
    let folder = root().join("tests/simulation/plants");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut plants: Vec<Plant> = paths.map(|path| Plant::read(&path)).collect();
    plants.sort_by(|one, other| one.name.cmp(&other.name));
    plants
}

impl Plant {
    fn read(path: &Path) -> Plant {
        let text = fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (breaks, rest) = text.split_once("\n\n").expect("a sentence, and an empty line");
        let (file, change) = rest.split_once('\n').expect("a file, and what changes in it");
        let lines = |sign: char| {
            let signed = change.lines().filter_map(|line| line.strip_prefix(sign));
            signed.collect::<Vec<_>>().join("\n")
        };
        let (before, behind) = (lines('-'), lines('+'));
        assert!(!before.is_empty() && before != behind, "{name} changes nothing");
        Plant { name, breaks: breaks.to_owned(), file: file.to_owned(), before, behind }
    }

    /// The file's text with the bug in it.
    fn planted(&self, text: &str) -> String {
        let Plant { name, file, before, .. } = self;
        let count = text.matches(before.as_str()).count();
        assert_eq!(
            count, 1,
            "the plant {name} does not apply any more: {before:?} stands {count} times in {file}. \
             Plant the same bug in what stands there now, and see that it is found: \
             ONELOOP_PLANTS=1 cargo test --test plants -- --nocapture"
        );
        text.replace(before, &self.behind)
    }
}

/// A copy of this repository, to plant bugs in.
struct Bed {
    tree: PathBuf,
    target: PathBuf,
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

impl Bed {
    fn dig() -> Bed {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plants");
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        if tree.exists() {
            fs::remove_dir_all(&tree).unwrap();
        }
        fs::create_dir_all(&tree).unwrap();
        for name in TREE {
            copy(&root().join(name), &tree.join(name));
        }
        Bed { tree, target }
    }

    /// Builds the simulation and runs it.
    fn search(&self) -> Search {
        let mut run = Command::new(self.build());
        run.args(["every_seed_ends_well", "--nocapture"]);
        run.env("ONELOOP_SEEDS", SEEDS.to_string()).env("RUST_BACKTRACE", "0");
        for name in ["ONELOOP_SEED", "ONELOOP_PEERS", "ONELOOP_WITHOUT"] {
            run.env_remove(name);
        }
        run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = run.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let words = thread::spawn(move || {
            let mut words = String::new();
            stderr.read_to_string(&mut words).map(|_| words)
        });
        if !ends(&mut child) {
            return Search::Hangs;
        }
        let words = words.join().unwrap().unwrap();
        if child.wait().unwrap().success() {
            return Search::Nothing;
        }
        let mut lines = words.lines().skip_while(|line| !line.starts_with("seed "));
        let seed = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let seed = seed.unwrap_or_else(|| panic!("it fails, but by no seed:\n{words}"));
        let words = lines.next().and_then(|line| line.split(" (server").next());
        Search::Found { seed, words: words.unwrap_or_default().to_owned() }
    }

    /// The simulation's program.
    fn build(&self) -> PathBuf {
        let output = Command::new(env!("CARGO"))
            .args(["test", "--offline", "--no-run", "--test", "simulation"])
            .args(["--message-format", "json"])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a plant has to compile:\n{errors}");
        let messages = String::from_utf8(output.stdout).unwrap();
        let program = messages.lines().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            // The server's own program is built, too.
            let is_it = message["target"]["name"] == "simulation";
            Some(message["executable"].as_str().filter(|_| is_it)?.to_owned())
        });
        program.expect("cargo says where it is").into()
    }
}

/// Waits for its end; one that goes on for too long is stopped.
fn ends(child: &mut Child) -> bool {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    true
}

/// Copies a file, or a folder with all that is in it, but for what builds leave behind.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "target" {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

/// Says something past the harness, which would keep it to itself until the end.
fn say(line: &str) {
    // Nobody may be listening, which is no failure.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
