//! What is said at the start: one line that can be clicked, and no more unless somebody asks.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Running, oneloop};

/// An empty directory of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// What is logged until the first client has been answered and the server has stopped.
fn log(running: Running) -> Vec<String> {
    running.signal("-TERM");
    let lines: Vec<String> = std::iter::from_fn(|| running.log.recv_timeout(super::PATIENCE).ok())
        .take_while(|line| !line.contains("stopping by"))
        .collect();
    running.end();
    lines
}

#[test]
fn one_line_says_where_it_is_and_how_to_stop_it() {
    let running = Running::launch(oneloop().args(["-l", "0"]));
    let line = running.wait_for_line("listening on http://localhost:");
    assert!(line.ends_with("; Ctrl-C stops it"), "{line}");
    let rest = log(running);
    assert_eq!(rest, Vec::<String>::new(), "nothing else is said");
    for frightening in ["::server", "MiB", "[::]"] {
        assert!(!line.contains(frightening), "{line}");
    }
}

#[test]
fn limits_and_modules_are_told_to_whoever_asks() {
    let running = Running::launch(oneloop().args(["-v", "-l", "127.0.0.1:0"]));
    let line = running.wait_for_line("limits: ");
    assert!(line.contains("oneloop::server"), "{line}");
}

#[test]
fn a_directory_without_an_index_is_told_how_to_be_listed() {
    let notice = "no index.html here: --list shows directories";
    let empty = folder("cli-no-index");
    let start = |arguments: &[&str]| {
        let mut command = oneloop();
        log(Running::start(command.arg(&empty).args(arguments)))
    };
    let told = |lines: &[String]| lines.iter().any(|line| line.ends_with(notice));
    assert!(told(&start(&[])));
    assert!(!told(&start(&["--list"])) && !told(&start(&["--spa"])));
    fs::write(empty.join("index.html"), "<p>").expect("an index");
    assert!(!told(&start(&[])));
}
