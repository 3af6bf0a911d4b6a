//! The table of system calls, `src/system_calls/system_calls.md`, held against the sources and the injections.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::failing::CALLS;

/// Calls that the sources make by these words, each in the files that have them. A file that comes
/// to have one has to come into the table.
const WORDS: [&str; 47] = [
    "poll.poll(",
    "registry.register(",
    "registry.reregister(",
    "registry.deregister(",
    "event::poll(",
    "socket.accept(",
    "net::recv(",
    "sendmsg(&",
    "stream.read(",
    "pipe.read(",
    "pipe::register(",
    "stream.write(",
    "stream.write_vectored(",
    "net::send(",
    "io::write(",
    "fs::sendfile(",
    "self.shutdown(",
    ".set_linger(",
    "timerfd_settime(",
    "waker.wake(",
    "preadv2(",
    "pwritev2(",
    "open(target",
    "open(log_file",
    "open(OWN_TERMINAL",
    "tcgetsid(",
    "flock(",
    ".read_at(",
    "fs::fadvise(",
    "fs::fstatfs(",
    "memfd_create(",
    ".write_all(bytes)",
    "fcntl_add_seals(",
    "openat2(",
    "openat(",
    "fstat(",
    "statat(",
    "readlinkat(",
    ".canonicalize(",
    "RawDir::new(",
    "fs::read_to_string(",
    "fs::metadata(",
    "fs::open(",
    "io::read(",
    "clock_gettime_dynamic(",
    "drop(client)",
    "poll(&mut room",
];

/// What cannot be had fail: the standard library asks for the time by the same call, and panics; no
/// server starts without `fcntl`. And what only a server with a long text, a terminal or a Unix socket, or
/// from which another takes over, does call: there are tests of their own for that.
const NOT_INJECTED: [&str; 6] =
    ["clock_gettime", "fcntl", "flock", "ioctl", "memfd_create", "sendmsg"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rows: the call, the words by which it is made, and what is done about its errors.
fn rows() -> Vec<(String, String, Vec<String>)> {
    let text = fs::read_to_string(root().join("src/system_calls/system_calls.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 7, "{row}");
        let rest = cells[2..].iter().map(|cell| (*cell).to_owned()).collect();
        (cells[0].trim_matches('`').to_owned(), cells[1].to_owned(), rest)
    });
    rows.collect()
}

/// Every file of the server, without tests and comments; not the herd, nor the programs of the ladder,
/// which are no part of it.
fn sources() -> BTreeMap<String, String> {
    let top = root().join("src");
    let (mut folders, mut sources) = (vec![top.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.extend((!["herd", "ladder"].contains(&&*name)).then_some(path));
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text = fs::read_to_string(path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                sources.insert(name, lines.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    sources
}

/// Whether `code` has these words, and not only as the end of a longer name.
fn has(code: &str, words: &str) -> bool {
    let is_name = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let starts_as_name = words.starts_with(|c: char| c.is_alphanumeric());
    code.match_indices(words).any(|(at, _)| {
        let before = &code[..at];
        !(before.ends_with("fn ") || starts_as_name && is_name(before))
    })
}

#[test]
fn every_call_that_the_sources_make_has_a_row() {
    let rows = rows();
    let mut missing = BTreeSet::new();
    for (file, code) in sources() {
        for words in WORDS.iter().filter(|words| has(&code, words)) {
            let stands = rows.iter().any(|(_, place, _)| {
                place.contains(&format!("`{file}`")) && place.contains(&format!("`{words}`"))
            });
            if !stands {
                missing.insert(format!("`{file}` `{words}`"));
            }
        }
    }
    assert!(missing.is_empty(), "not in src/system_calls/system_calls.md: {missing:#?}");
}

#[test]
fn every_row_names_a_call_that_is_made_there_and_says_what_is_done() {
    let sources = sources();
    for (call, place, columns) in rows() {
        let quoted: Vec<&str> = place.split('`').skip(1).step_by(2).collect();
        let (files, words): (Vec<&str>, Vec<&str>) =
            quoted.iter().partition(|quoted| quoted.ends_with(".rs"));
        assert!(!files.is_empty() && !words.is_empty(), "{call}: {place}");
        for words in words {
            assert!(WORDS.contains(&words), "{call}: `{words}` is not looked for");
            let made = files.iter().any(|file| sources.get(*file).is_some_and(|it| has(it, words)));
            assert!(made, "{call}: `{words}` is in none of {files:?}");
        }
        assert!(!columns[4].is_empty(), "{call}: what is done about an error that is not known?");
    }
}

#[test]
fn every_row_has_its_injections_and_every_injection_its_row() {
    let rows: BTreeSet<String> = rows().into_iter().map(|(call, ..)| call).collect();
    let injected = CALLS.iter().map(|(call, _)| *call).chain(NOT_INJECTED);
    let injected: BTreeSet<String> = injected.map(str::to_owned).collect();
    assert_eq!(rows, injected);
}
