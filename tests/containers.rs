//! What the documentation says of containers: each file is YAML, each command line in it starts the
//! program, and what is asked there is answered.
#![cfg(all(feature = "cli", target_os = "linux"))]

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};

use needed::{Folder, Needed, report_not_run};
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use sockets::Client;
use support::Program;

#[path = "support/needed.rs"]
mod needed;
#[path = "support/sockets.rs"]
mod sockets;
mod support;

const PYTHON: Needed = Needed { names: &["python3"], package: "python3" };

/// Where the files stand that users copy.
const PAGES: [&str; 2] =
    [include_str!("../src/server/README.md"), include_str!("../src/admin/README.md")];

/// Reads YAML, several documents if there are, and writes JSON.
const AS_JSON: &str = "import json, sys, yaml
json.dump([it for it in yaml.safe_load_all(sys.stdin.read())], sys.stdout)";

/// How long the program drains by default, in seconds.
const DRAIN: u64 = 10;

/// The documents of all files.
fn documents(python: &Path) -> Option<Vec<Value>> {
    let has_yaml = Command::new(python).args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !has_yaml.is_ok_and(|status| status.success()) {
        return None;
    }
    let blocks = PAGES.iter().flat_map(|page| page.split("```yaml\n").skip(1));
    let files = blocks.map(|it| it.split_once("```").expect("its end").0);
    Some(files.flat_map(|file| read(python, file)).collect())
}

fn read(python: &Path, file: &str) -> Vec<Value> {
    let mut reader = Command::new(python)
        .args(["-c", AS_JSON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was found");
    reader.stdin.take().expect("a pipe").write_all(file.as_bytes()).expect("it reads");
    let output = reader.wait_with_output().expect("it was started");
    assert!(output.status.success(), "no YAML:\n{file}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// All values behind this name, at any depth.
fn behind<'v>(name: &str, value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name));
            fields.values().for_each(|field| behind(name, field, found));
        }
        Value::Array(list) => list.iter().for_each(|item| behind(name, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn all<'v>(name: &str, value: &'v Value) -> Vec<&'v Value> {
    let mut found = Vec::new();
    behind(name, value, &mut found);
    found
}

fn words(value: &Value) -> Vec<&str> {
    let words = value.as_array().expect("a list").iter();
    words.map(|word| word.as_str().expect("a word")).collect()
}

/// What follows this option.
fn option<'w>(words: &[&'w str], name: &str) -> Option<&'w str> {
    words.iter().skip_while(|word| **word != name).nth(1).copied()
}

/// A number of seconds, as in `5s`.
fn seconds(time: &str) -> u64 {
    time.strip_suffix('s').expect("seconds").parse().expect("a number")
}

/// The program that a container runs, at free ports and with a directory of this machine.
fn start(words: &[&str], directory: &Path) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    for word in words {
        match *word {
            "/srv/www" => command.arg(directory),
            place => command.arg(match place.rsplit_once(':').unwrap_or(("", place)) {
                ("", port) if port.parse::<u16>().is_ok() => "0".to_owned(),
                (host, port) if port.parse::<u16>().is_ok() => format!("{host}:0"),
                (_, _) => place.to_owned(),
            }),
        };
    }
    if !words.contains(&"--listen") {
        command.args(["-l", "127.0.0.1:0"]);
    }
    let mut program = Program::start(&mut command);
    program.hear_error("Ctrl-C stops it\n");
    program.hear_error("health at ");
    program
}

/// The port of its health place.
fn health(program: &Program) -> u16 {
    let log = program.errors();
    let (_, place) = log.split_once("health at http://").expect("it was told");
    let (_, port) = place.split_once('/').expect("a URL").0.rsplit_once(':').expect("a port");
    port.parse().expect("a port")
}

#[test]
fn what_containers_are_told_starts_the_program_and_what_they_ask_is_answered() {
    let test = what_containers_are_told_starts_the_program_and_what_they_ask_is_answered;
    let Some(python) = PYTHON.find(test) else { return };
    let Some(documents) = documents(&python) else {
        return report_not_run(test, "its module yaml is missing (Debian package python3-yaml)");
    };
    let folder = Folder::new("containers");
    fs::write(folder.path().join("index.html"), "page").expect("a file");
    let (mut started, mut asked) = (0, 0);
    for document in &documents {
        for line in all("args", document).into_iter().chain(all("command", document)) {
            let line = words(line);
            let program = start(&line, folder.path());
            started += 1;
            let port = health(&program);
            let told = option(&line, "--health").expect("a place for health");
            let told_port = told.rsplit(':').next().expect("a port");
            for probe in all("httpGet", document) {
                assert_eq!(probe["port"].to_string(), told_port);
                let path = probe["path"].as_str().expect("a path");
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                assert_eq!(Client::connect(address).get(path).status, 200, "{path}");
                asked += 1;
            }
            for check in all("test", document) {
                let check = words(check);
                let [kind, name, rest @ ..] = &check[..] else { panic!("no command: {check:?}") };
                assert_eq!((*kind, *name), ("CMD", "/oneloop"));
                let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
                command.args(rest.iter().map(|it| it.replace(told_port, &port.to_string())));
                command.stdout(Stdio::null());
                assert!(command.status().expect("it was built").success(), "{check:?}");
                asked += 1;
            }
            let announced = option(&line, "--drain-announce").map_or(0, seconds);
            for grace in all("terminationGracePeriodSeconds", document) {
                assert!(grace.as_u64().expect("seconds") > announced + DRAIN);
            }
            for grace in all("stop_grace_period", document) {
                assert!(seconds(grace.as_str().expect("a time")) > announced + DRAIN);
            }
            kill_process(program.pid(), Signal::TERM).expect("it has not been reaped");
            if announced > 0 {
                // A container's runtime would wait.
                kill_process(program.pid(), Signal::INT).expect("it has not been reaped");
            }
            let code = program.finish().status.code();
            assert!([Some(0), Some(128 + 2), Some(128 + 15)].contains(&code), "{code:?}");
        }
    }
    assert!(started >= 3 && asked >= 5, "{started} command lines and {asked} checks");
}
