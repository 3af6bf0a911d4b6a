//! Runs that do not begin: the command line is wrong, or the server does not answer as it should.

use std::process::Command;

use super::ended;
use super::support::{Program, Server};

#[test]
fn what_cannot_be_meant_is_one_line_and_exit_code_2() {
    for arguments in [
        &["192.0.2.1:80", "--get", "1"][..],
        &["127.0.0.1:1", "--rate", "5"],
        &["127.0.0.1:1", "--get", "many"],
        &["127.0.0.1:1", "--get", "1", "--json", "/no/such/folder/file"],
        &["127.0.0.1:1", "--get", "1", "--pid", "4194305"],
    ] {
        let ended = ended(arguments);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {}", ended.errors);
        assert!(ended.errors.starts_with("herd: ") && ended.output.is_empty());
        assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
    }
}

#[test]
fn more_clients_than_fit_are_refused_with_the_number_that_does() {
    let mut shell = Command::new("sh");
    let herd = env!("CARGO_BIN_EXE_herd");
    shell.args(["-c", &format!("ulimit -n 100; exec {herd} 127.0.0.1:1 --idle 69")]);
    let ended = Program::start(&mut shell).finish();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
    assert!(
        ended.errors.contains("69 clients are too many: the descriptor limit allows 68"),
        "{}",
        ended.errors
    );
}

#[test]
fn nobody_listening_is_a_run_that_does_not_begin() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = ended(&[&free.to_string(), "--get", "1"]);
    assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
    assert!(ended.errors.contains("cannot connect"), "{}", ended.errors);
}

#[test]
fn answers_that_are_no_success_have_to_be_meant() {
    let folder = std::env::temp_dir();
    let server = Server::start(&[folder.to_str().unwrap()]);
    let address = server.address().to_string();
    let missing = [address.as_str(), "--path", "/no-such-file", "--requests", "50"];
    let refused = ended(&missing);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.errors);
    assert!(refused.errors.contains("--expect-status 404"), "{}", refused.errors);
    let other = ended(&[&missing[..], &["--expect-status", "410"]].concat());
    assert_eq!(other.status.code(), Some(2), "{}", other.errors);
    let meant = ended(&[&missing[..], &["--expect-status", "404"]].concat());
    assert_eq!(meant.status.code(), Some(0), "{}", meant.errors);
    assert!(meant.output.contains("404: 50 "), "{}", meant.output);
}
