//! `herd exam`: this server passes every stage, and every stage fails a server that is wrong there.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/exam.rs"]
mod exam;
mod judgement;
#[allow(dead_code, reason = "the tests of the ladder need more of it")]
#[path = "../ladder/program.rs"]
mod program;
#[path = "../support/mod.rs"]
mod support;
mod wrong;

use std::collections::BTreeSet;
use std::process::Command;

use exam::{Examined, examine};
use program::Program;
use support::Server;
use wrong::{WRONG, Wrong};

/// The program's own times, short enough for a test.
const TIMES: [&str; 6] =
    ["--first-byte-timeout", "2s", "--head-timeout", "3s", "--typing-grace", "1s"];

/// The stages that a fake cannot fail, as it is a part of the test's own process: the step of the ladder
/// that does.
const STEPS: [(&str, usize); 4] = [("rest", 3), ("endless", 6), ("descriptors", 8), ("stop", 10)];

fn stages(examined: &Examined) -> Vec<String> {
    let stages = examined.report["stages"].as_array().unwrap().iter();
    stages.map(|stage| stage["stage"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn this_server_passes_every_stage_and_ends_well() {
    for strict in [&[][..], &["--strict"]] {
        let server = Server::start(&[&TIMES[..], strict].concat());
        let pid = server.pid().to_string();
        let examined = examine(server.address(), &["--pid", &pid, "--silent", "1200"]);
        assert_eq!(examined.code, Some(0), "{examined:#?}");
        assert_eq!(stages(&examined).len(), 20, "{examined:#?}");
        for stage in stages(&examined) {
            assert_eq!(examined.stage(&stage).0, "passed", "{stage}: {examined:#?}");
        }
        // The last stage has told it to stop.
        assert!(server.await_end().success());
    }
}

#[test]
fn this_server_passes_with_a_long_answer_and_a_directory() {
    let folder = std::env::temp_dir().join(format!("herd-exam-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.html"), "<p>hello").unwrap();
    std::fs::write(folder.join("big"), "0123456789abcdef".repeat(1 << 16)).unwrap();
    let server = Server::start(&[&TIMES[..], &[folder.to_str().unwrap()]].concat());
    let pid = server.pid().to_string();
    let arguments = ["--pid", &pid, "--silent", "100", "--big-path", "/big"];
    let examined = examine(server.address(), &arguments);
    assert_eq!(examined.code, Some(0), "{examined:#?}");
    assert_eq!(examined.report["passed"], 20, "{examined:#?}");
    let (_, told) = examined.stage("continue");
    assert!(told.contains("without the content"), "a directory refuses a POST: {told}");
    let _ = std::fs::remove_dir_all(folder);
}

/// Each wrong server fails its stage, and what it fails is told.
#[test]
fn every_stage_fails_a_server_that_is_wrong_there() {
    let mut failed = BTreeSet::new();
    for Wrong { stage, serve, options, told } in WRONG {
        let address = wrong::start(serve);
        let arguments = [&["--stage", stage, "--patience", "1s"], options].concat();
        let examined = examine(address, &arguments);
        let (outcome, why) = examined.stage(stage);
        assert_eq!((outcome, examined.code), ("failed", Some(1)), "{stage}: {examined:#?}");
        assert!(why.contains(told), "{stage}: '{why}' does not say '{told}'");
        failed.insert(stage);
    }
    for (stage, step) in STEPS {
        let program = Program::start(step);
        let pid = program.pid().to_string();
        let arguments = ["--stage", stage, "--patience", "1s", "--pid", &pid];
        let examined = examine(program.address(), &arguments);
        assert_eq!(examined.stage(stage).0, "failed", "{stage}: {examined:#?}");
        assert!(program.threads() <= 1, "it is one of the ladder's");
        failed.insert(stage);
    }
    let output = herd(&["exam", "--list"]);
    let listed = output.lines().filter(|line| !line.starts_with("    "));
    let listed: BTreeSet<&str> =
        listed.map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(failed, listed, "each stage has a server that fails it");
}

fn herd(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_herd")).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_failed_stage_tells_people_what_was_sent_what_came_and_why_it_matters() {
    let address = wrong::start(wrong::closes_unsaid).to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd"));
    let output = command.args(["exam", &address, "--stage", "1,4"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("answered by status 200 and a body of 2 bytes"), "{text}");
    assert!(text.contains("FAILED"), "{text}");
    assert!(text.contains("    sent: GET / HTTP/1.1\\r\\nHost: 127.0.0.1:"), "{text}");
    assert!(text.contains("    came: HTTP/1.1 200 OK\\r\\n"), "{text}");
    assert!(text.contains("RFC 9112 §9.3"), "{text}");
    assert!(text.contains("1 passed, 1 failed, 0 not tried."), "{text}");
    // The stage that passed takes one line.
    assert_eq!(text.matches("sent: ").count(), 1, "{text}");
}

#[test]
fn what_cannot_be_tried_is_no_failure_and_no_server_is_no_exam() {
    let server = Server::start(&[]);
    let examined = examine(server.address(), &["--stage", "rest,descriptors,stop"]);
    assert_eq!((examined.code, &examined.report["not_tried"]), (Some(0), &3.into()));
    let (outcome, told) = examined.stage("stop");
    assert!(outcome == "not_tried" && told.contains("--pid"), "{told}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd"));
    let output = command.args(["exam", &free.to_string()]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.starts_with("herd exam: cannot connect") && told.lines().count() == 1, "{told}");
}
