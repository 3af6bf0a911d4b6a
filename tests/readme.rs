//! Holds the READMEs to what the programs say and do.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Killed at the end of the test, whatever happens.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What the README says under this heading, up to the next one.
fn section(heading: &str) -> String {
    let readme = read("README.md");
    let (_, behind) = readme.split_once(&format!("\n{heading}\n")).expect(heading);
    behind.split("\n#").next().unwrap().to_owned()
}

/// A told line without what differs from run to run: the time since the start, how long the loop
/// has slept, the rest of a deadline, and ports.
fn masked(line: &str) -> String {
    let said = line.split_once(" s  ").map_or(line, |(_, said)| said);
    let said = match said.split_once(" after ") {
        Some((poll, _)) if poll.starts_with("the loop     poll") => format!("{poll} after TIME"),
        _ => said.to_owned(),
    };
    let said = match said.split_once(" left (") {
        Some((before, class)) => {
            let (wait, _) = before.rsplit_once("; ").unwrap();
            format!("{wait}; TIME left ({class}")
        }
        None => said,
    };
    let Some((before, port_and_more)) = said.split_once("127.0.0.1:") else { return said };
    let after = port_and_more.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}127.0.0.1:PORT{after}")
}

#[test]
fn the_journey_in_the_readme_is_what_explain_tells() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-l", "127.0.0.1:0", "--explain", "--typing-grace", "20s"]);
    command.args(["--head-timeout", "20s"]).env_remove("RUST_LOG");
    let mut server = Guard(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut told = BufReader::new(server.0.stderr.take().unwrap()).lines().map(Result::unwrap);

    let mut journey = Vec::new();
    let mut tell_until = |last: &str| {
        for line in told.by_ref() {
            journey.push(masked(&line));
            if line.contains(last) {
                return line;
            }
        }
        panic!("the telling ends before {last}");
    };
    let line = tell_until("http://");
    let address = line.split_once("http://").unwrap().1.trim_end_matches('/').to_owned();
    let mut client = TcpStream::connect(address).unwrap();
    // Nothing is sent before the first look has found nothing: whether it does would be a race.
    tell_until("register");
    client.write_all(b"GET /hello HTTP/1.1\r\n").unwrap();
    tell_until("typing grace");
    client.write_all(b"Host: localhost\r\n\r\n").unwrap();
    tell_until("idle timeout");
    client.shutdown(Shutdown::Write).unwrap();
    tell_until("is free");
    client.read_to_end(&mut Vec::new()).unwrap();

    let told = section("### One request's journey");
    let block = told.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let shown: Vec<String> = block.lines().map(masked).collect();
    assert_eq!(journey, shown, "{journey:#?}");
}

#[test]
fn every_option_stands_in_the_readme() {
    let options = options(env!("CARGO_BIN_EXE_oneloop"));
    assert!(options.len() > 25, "{options:?}");
    assert_are_in("README.md", &options, &["--quiet", "--verbose"]);
}

#[cfg(feature = "herd")]
#[test]
fn every_option_of_the_herd_stands_in_its_readme() {
    let options = options(env!("CARGO_BIN_EXE_herd"));
    assert!(options.len() > 25, "{options:?}");
    assert_are_in("src/herd/README.md", &options, &[]);
}

/// Every option that a program's help names.
fn options(program: &str) -> Vec<String> {
    let help = Command::new(program).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let options = words.filter(|word| word.starts_with("--") && word.len() > 3);
    options.map(str::to_owned).collect()
}

/// As a whole word, so that `--post` does not stand there because `--post-something` does.
fn assert_are_in(path: &str, options: &[String], except: &[&str]) {
    let readme = read(path);
    for option in options.iter().filter(|option| !except.contains(&option.as_str())) {
        let is_there = readme.match_indices(option.as_str()).any(|(at, _)| {
            let next = readme[at + option.len()..].chars().next();
            next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-')
        });
        assert!(is_there, "{path} says nothing of {option}");
    }
}
