//! Where exercises are done: copies of this repository, and the programs that they build.
#![allow(dead_code, reason = "the program and the test each use a part of it")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::hole::Hole;
use crate::plant::{self, Plant};

/// The folder of all copies, and of what they build.
pub struct Bench {
    folder: PathBuf,
}

/// What a run of tests came to.
pub struct Ran {
    pub has_passed: bool,
    /// All that was written, by the compiler first.
    pub words: String,
    /// Where standard output begins in it.
    output: usize,
}

impl Ran {
    /// Whether the tests have begun.
    pub fn is_built(&self) -> bool {
        self.words[self.output..].lines().any(|line| line.starts_with("running "))
    }
}

/// A seed that fails, as the simulation tells it.
pub struct Failure {
    /// What failed, and how to replay it.
    pub told: String,
    /// The variables that replay it.
    replay: Vec<(String, String)>,
}

/// Seeds among which a bug is found, or its absence believed.
pub const SEEDS: &str = "2000";

impl Bench {
    pub fn at(folder: PathBuf) -> Bench {
        Bench { folder }
    }

    /// The copy of this exercise or bug.
    pub fn tree(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes a copy with this hole.
    pub fn start(&self, hole: &Hole) -> Result<PathBuf, String> {
        let tree = self.copy(hole.name)?;
        let file = tree.join(hole.file);
        let text = read(&file)?;
        write(&file, &hole.cut(&text)?)?;
        Ok(tree)
    }

    /// Makes a copy with this bug in it, and without the folders that name it.
    pub fn plant(&self, name: &str, bug: &Plant) -> Result<PathBuf, String> {
        let tree = self.copy(name)?;
        bug.plant_in(&tree);
        let folder = tree.join("tests/simulation/plants");
        fs::remove_dir_all(&folder).map_err(|error| about(&folder, &error))?;
        Ok(tree)
    }

    fn copy(&self, name: &str) -> Result<PathBuf, String> {
        let tree = self.tree(name);
        if tree.exists() {
            let it = tree.display();
            return Err(format!("{it} is there already. To begin again, remove it first."));
        }
        fs::create_dir_all(&self.folder).map_err(|error| {
            format!("{}: choose another folder with --in", about(&self.folder, &error))
        })?;
        plant::copy_tree(&tree);
        Ok(tree)
    }

    /// The copy of this name, which has been made before.
    pub fn made(&self, name: &str, how: &str) -> Result<PathBuf, String> {
        let tree = self.tree(name);
        if !tree.exists() {
            return Err(format!("{} is not there. Begin with `{how}`.", tree.display()));
        }
        Ok(tree)
    }

    /// Builds and runs the tests of this file whose names contain `filter`, or the library's (`lib`).
    pub fn test(
        &self,
        tree: &Path,
        file: &str,
        filter: &str,
        variables: &[(String, String)],
    ) -> Result<Ran, String> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Without the command line, which takes longer to build than all the rest.
        cargo.args(["test", "--quiet", "--no-default-features"]);
        match file {
            "lib" => cargo.arg("--lib"),
            file => cargo.args(["--test", file]),
        };
        cargo.args(["--", "--nocapture", filter]).current_dir(tree);
        for name in ["ONELOOP_SEED", "ONELOOP_PEERS", "ONELOOP_WITHOUT", "RUSTFLAGS"] {
            cargo.env_remove(name);
        }
        cargo.envs(variables.iter().cloned()).env("RUST_BACKTRACE", "0");
        cargo.env("CARGO_TARGET_DIR", self.folder.join("target"));
        let output = cargo.stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("cannot run cargo: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let errors = text(&output.stderr);
        let begin = errors.len();
        let words = errors + &text(&output.stdout);
        if output.status.success() && !words.lines().any(ran_some) {
            return Err(format!("no test of {file} has {filter} in its name:\n{words}"));
        }
        Ok(Ran { has_passed: output.status.success(), words, output: begin })
    }

    /// Runs the simulation, and says which seed fails.
    pub fn search(&self, tree: &Path, seeds: &str) -> Result<Option<Failure>, String> {
        let seeds = [("ONELOOP_SEEDS".to_owned(), seeds.to_owned())];
        let ran = self.test(tree, "simulation", "every_seed_ends_well", &seeds)?;
        if ran.has_passed {
            return Ok(None);
        }
        let lines = ran.words.lines().skip_while(|line| !line.starts_with("seed "));
        let told: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        if told.is_empty() {
            return Err(format!("it fails, but by no seed:\n{}", ran.words));
        }
        let replay = told.iter().flat_map(|line| line.split_whitespace());
        let replay = replay.filter_map(|word| word.split_once('='));
        let replay = replay.filter(|(name, _)| name.starts_with("ONELOOP_"));
        let replay = replay.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Some(Failure { told: told.join("\n"), replay }))
    }

    /// All that happens in this failure, and what is wrong at its end.
    pub fn trace(&self, tree: &Path, failure: &Failure) -> Result<String, String> {
        let ran = self.test(tree, "simulation", "every_seed_ends_well", &failure.replay)?;
        let lines = ran.words[ran.output..].lines().skip_while(|line| !line.starts_with(' '));
        let lines = lines.take_while(|line| !line.starts_with("every_seed_ends_well"));
        let trace: String = lines.map(|line| format!("{line}\n")).collect();
        Ok(format!("{trace}\n{}\n", failure.told))
    }
}

/// As `test result: ok. 7 passed; …`, and not for none.
fn ran_some(line: &str) -> bool {
    let passed = line.strip_prefix("test result: ok. ");
    passed.is_some_and(|passed| !passed.starts_with("0 "))
}

pub fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| about(path, &error))
}

pub fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| about(path, &error))
}

fn about(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
