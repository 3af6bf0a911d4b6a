//! Holds the README to what the program says and does.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};

/// Killed at the end of the test, whatever happens.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// A log line without what differs from run to run: the time, the level, the peer's port.
fn masked(line: &str) -> Option<String> {
    let said = &line[line.find("client ")?..];
    let Some((before, port_and_more)) = said.split_once("127.0.0.1:") else {
        return Some(said.to_owned());
    };
    let after = port_and_more.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(format!("{before}127.0.0.1:PORT{after}"))
}

#[test]
fn the_journey_in_the_readme_is_what_the_trace_says() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-l", "127.0.0.1:0"]).env("RUST_LOG", "oneloop=trace");
    let mut server = Guard(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(server.0.stderr.take().unwrap()).lines().map(Result::unwrap);

    let mut journey = Vec::new();
    let mut address = None;
    let mut log_until = |last: &str, journey: &mut Vec<String>| {
        for line in log.by_ref() {
            if let Some((_, url)) = line.split_once("http://") {
                address = url.strip_suffix('/').map(str::to_owned);
            }
            journey.extend(masked(&line));
            if line.contains(last) {
                return address.clone();
            }
        }
        panic!("the log ends before {last}");
    };
    let address = log_until("limits: ", &mut journey).unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET /hello HTTP/1.1\r\n").unwrap();
    log_until("AwaitsPeer: ReadingHead", &mut journey);
    client.write_all(b"Host: localhost\r\n\r\n").unwrap();
    log_until("AwaitsPeer: Idle", &mut journey);
    client.shutdown(Shutdown::Write).unwrap();
    log_until("closed after", &mut journey);
    client.read_to_end(&mut Vec::new()).unwrap();
    // On a slow machine the first look can come before the first bytes.
    let early = "client 0: Receive: AwaitsPeer: Idle -> Idle";
    if journey[1] == early {
        journey.remove(1);
    }
    journey.retain(|line| !line.contains("Ended("));

    let readme = readme();
    let block = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let told: Vec<String> = block.lines().filter_map(masked).collect();
    assert_eq!(journey, told);
}

#[test]
fn every_option_stands_in_the_readme() {
    let help = Command::new(env!("CARGO_BIN_EXE_oneloop")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let readme = readme();
    let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let options: Vec<&str> =
        words.filter(|word| word.starts_with("--") && word.len() > 3).collect();
    assert!(options.len() > 25, "{options:?}");
    for option in options {
        let quiet_or_verbose = ["--quiet", "--verbose"].contains(&option);
        assert!(quiet_or_verbose || readme.contains(option), "the README says nothing of {option}");
    }
}
