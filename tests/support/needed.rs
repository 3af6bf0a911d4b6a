//! What the tests need that a machine may lack. A test that lacks it says `NOT RUN` and passes.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::any;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A program that some tests need.
pub struct Needed {
    /// What it may be called, the surest name first.
    pub names: &'static [&'static str],
    /// The Debian package that has it.
    pub package: &'static str,
}

/// The browser.
pub const CHROMIUM: Needed = Needed { names: &["chromium"], package: "chromium" };

impl Needed {
    /// Where it is; if it is missing, says so in the name of `test`.
    pub fn find(&self, test: impl Fn()) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = env::split_paths(&path).collect();
        let in_folders = |name| folders.iter().map(move |folder| folder.join(name));
        let found = self.names.iter().flat_map(in_folders).find(|file| file.is_file());
        if found.is_none() {
            let (name, package) = (self.names[self.names.len() - 1], self.package);
            report_not_run(test, &format!("{name} is missing (Debian package {package})"));
        }
        found
    }
}

/// Whether this process may have so many descriptors; if so, it has them. Otherwise says so in the
/// name of `test`.
pub fn may_have_descriptors(test: impl Fn(), needed: u64) -> bool {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if maximum.is_some_and(|maximum| maximum < needed) {
        report_not_run(test, &format!("it needs {needed} descriptors (ulimit -Hn)"));
        return false;
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("below the maximum");
    true
}

/// Says that `test` has not run, and why: past the harness, and in the file that
/// `ONELOOP_NOT_RUN` names. With `ONELOOP_REQUIRE_PROGRAMS=1` the test fails.
pub fn report_not_run(test: impl Fn(), reason: &str) {
    let path = any::type_name_of_val(&test);
    let name = path.rsplit("::").next().unwrap_or(path);
    let line = format!("NOT RUN: {name}: {reason}");
    let is_required = env::var("ONELOOP_REQUIRE_PROGRAMS").is_ok_and(|value| value == "1");
    assert!(!is_required, "{line}");
    let line = format!("{line}\n");
    // Unlike `eprintln`, this is not captured by the harness.
    io::stderr().write_all(line.as_bytes()).expect("somebody reads standard error");
    if let Some(file) = env::var_os("ONELOOP_NOT_RUN") {
        let file = OpenOptions::new().create(true).append(true).open(file);
        // In one write: tests that run at the same time append to it, too.
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a file to append to");
    }
}

/// A new, empty folder that goes with its guard.
pub struct Folder(PathBuf);

impl Folder {
    /// Of this name, which no other test of the same crate has.
    pub fn new(name: &str) -> Folder {
        let name = format!("{name}-{}", process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        Folder(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the target folder and harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
