//! Servers that come from a build of ours: the floor, oneloop, and the peers that are crates.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::Prepared;
use crate::load::Connections;
use crate::running::Announcement;
use crate::scenario::Scenario;
use crate::site::{self, Known};

/// It is told the requests' length, so that it need not look at a single byte.
pub fn prepare_floor(program: &Path, scenario: &Scenario, _: &Path) -> io::Result<Prepared> {
    let mut command = told_of_length(program, scenario);
    match scenario.connections {
        Connections::Kept => {}
        Connections::PerRequest => {
            command.arg("--close");
        }
    }
    if scenario.answer.site().is_some_and(|site| site.known == Known::Content) {
        command.arg("--not-modified");
    }
    Ok((command, Announcement::Line))
}

/// The floor by io_uring, whose clients stay.
pub fn prepare_by_length(program: &Path, scenario: &Scenario, _: &Path) -> io::Result<Prepared> {
    Ok((told_of_length(program, scenario), Announcement::Line))
}

fn told_of_length(program: &Path, scenario: &Scenario) -> Command {
    let mut command = Command::new(program);
    command.arg("--request-bytes").arg(scenario.request_bytes().to_string());
    body_option(&mut command, scenario);
    command
}

/// The crates' programs; which of them it is, the path says.
pub fn prepare_peer(program: &Path, scenario: &Scenario, _: &Path) -> io::Result<Prepared> {
    let mut command = Command::new(program);
    body_option(&mut command, scenario);
    Ok((command, Announcement::Line))
}

/// At level `info` it says where it listens, and nothing per request. Its deadlines are those that
/// it always has, but for the two that would end clients who wait for their turn.
pub fn prepare_oneloop(program: &Path, scenario: &Scenario, at: &Path) -> io::Result<Prepared> {
    // The others write none either.
    oneloop(program, scenario, at, &["--access-log", "off"])
}

/// The same with an access log on standard output.
pub fn prepare_oneloop_combined(
    program: &Path,
    scenario: &Scenario,
    at: &Path,
) -> io::Result<Prepared> {
    oneloop(program, scenario, at, &["--access-log", "-"])
}

/// The same with an object of JSON for each line.
pub fn prepare_oneloop_json(
    program: &Path,
    scenario: &Scenario,
    at: &Path,
) -> io::Result<Prepared> {
    oneloop(program, scenario, at, &["--access-log", "-", "--access-log-format", "json"])
}

fn oneloop(
    program: &Path,
    scenario: &Scenario,
    at: &Path,
    access_log: &[&str],
) -> io::Result<Prepared> {
    let mut command = Command::new(program);
    command.args(access_log);
    command.args(["-l", "127.0.0.1:0", "--idle-timeout", "1h", "--first-byte-timeout", "1h"]);
    command.env("RUST_LOG", "info");
    if let Some(site) = scenario.answer.site() {
        site.write(at)?;
        command.arg(at.join(site::FOLDER));
    } else if scenario.answer.body_bytes().is_some() {
        let file = at.join("body.txt");
        fs::write(&file, scenario.body())?;
        command.arg("--file").arg(file);
    }
    Ok((command, Announcement::Line))
}

fn body_option(command: &mut Command, scenario: &Scenario) {
    if let Some(bytes) = scenario.answer.body_bytes() {
        command.arg("--body-bytes").arg(bytes.to_string());
    }
}
