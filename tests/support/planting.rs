//! Bugs that are planted on purpose, to see a test fail.
//!
//! `plant.rs` says what is in such a file.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[path = "plant.rs"]
mod plant;

pub use plant::{Plant, root};

/// How long a planted program may run: one that loops without a call is stopped, and found.
const PATIENCE: Duration = Duration::from_secs(600);

/// A copy of this repository, to plant bugs in.
pub struct Bed {
    tree: PathBuf,
    target: PathBuf,
}

impl Bed {
    /// A fresh copy, in a folder of this name.
    pub fn dig(name: &str) -> Bed {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        if tree.exists() {
            fs::remove_dir_all(&tree).unwrap();
        }
        plant::copy_tree(&tree);
        Bed { tree, target }
    }

    /// What `action` comes to while the plant is in the copy.
    pub fn with<T>(&self, plant: &Plant, action: impl FnOnce() -> T) -> T {
        let file = self.tree.join(&plant.file);
        let original = fs::read_to_string(&file).unwrap();
        plant.plant_in(&self.tree);
        let result = action();
        fs::write(&file, original).unwrap();
        result
    }

    /// Builds the test program of this name, or the library's own tests for `lib`.
    pub fn build(&self, test: &str) -> PathBuf {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--offline", "--no-run", "--message-format", "json"]);
        match test {
            "lib" => cargo.arg("--lib"),
            // It needs no command line, which takes longer to build than all the rest.
            "simulation" => cargo.args(["--test", test, "--no-default-features"]),
            test => cargo.args(["--test", test]),
        };
        cargo.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        let output = cargo.stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a plant has to compile:\n{errors}");
        let messages = String::from_utf8(output.stdout).unwrap();
        let program = messages.lines().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            // The server's own program is built, too.
            let target = &message["target"];
            let is_it = match test {
                "lib" => target["kind"][0] == "lib",
                test => target["name"] == test && target["kind"][0] == "test",
            };
            Some(message["executable"].as_str().filter(|_| is_it)?.to_owned())
        });
        program.expect("cargo says where it is").into()
    }

    /// Where its builds have their root.
    pub fn tree(&self) -> &Path {
        &self.tree
    }
}

/// Runs a test program, and says how it ended and what it wrote on standard error and standard
/// output; `None` if it had to be stopped.
pub fn run(mut program: Command) -> Option<(ExitStatus, String)> {
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let out = thread::spawn(move || read_lossily(&mut stdout));
    let words = thread::spawn(move || read_lossily(&mut stderr));
    if !ends(&mut child) {
        return None;
    }
    Some((child.wait().unwrap(), words.join().unwrap() + &out.join().unwrap()))
}

fn read_lossily(from: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
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

/// Says something past the harness, which would keep it to itself until the end.
pub fn say(line: &str) {
    // Nobody may be listening, which is no failure.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
