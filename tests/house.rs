//! Holds the shape of the house: which file may name what, and who imports from whom.
//!
//! Reads the sources as text. Comments and tests do not count.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[path = "house/circles.rs"]
mod circles;
#[path = "house/maps.rs"]
mod maps;
#[path = "house/models.rs"]
mod models;
#[path = "house/readers.rs"]
mod readers;

/// The layers, from the ground up. A file imports from its own layer or from those before it.
const LAYERS: [&[&str]; 11] = [
    &[
        "config",
        "network",
        "peer",
        "error",
        "metrics",
        "time",
        "work",
        "buffer",
        "journal",
        "system_calls",
    ],
    &["http"],
    &["answer"],
    &["connection"],
    &["engine"],
    &["watch"],
    &["admin", "testing"],
    &["server"],
    &["handlers"],
    &["arguments"],
    &["main", "cli", "herd"],
];

/// What only some files may name, and why that is worth a test.
const CHOKE_POINTS: [(&str, &[&str]); 29] = [
    (
        "mio::",
        &[
            "server/admin_side.rs",
            "server/alarm.rs",
            "herd/connecting.rs",
            "herd/client.rs",
            "herd/clients.rs",
            "herd/event_loop.rs",
            "herd/signals.rs",
            "server/listener.rs",
            "server/handing_over.rs",
            "server/mod.rs",
            "server/binding.rs",
            "server/registrar.rs",
            "server/signals.rs",
            "server/stream.rs",
            "server/takeover/giving.rs",
            "server/timer.rs",
        ],
    ),
    ("httparse::", &["http/parse.rs"]),
    ("httpdate::", &["http/date.rs"]),
    ("itoa::", &["http/encode.rs"]),
    ("memmap2::", &["buffer/kept.rs"]),
    (
        "slab::",
        &[
            "engine/clients.rs",
            "engine/slots.rs",
            "engine/timers.rs",
            "herd/clients.rs",
            "testing/pipe.rs",
        ],
    ),
    (
        "socket2::",
        &[
            "cli/health.rs",
            "herd/exam/peer.rs",
            "herd/load/sources.rs",
            "server/listener.rs",
            "server/stream.rs",
            "server/takeover/taking.rs",
            "server/unix_socket.rs",
        ],
    ),
    (
        "rustix::",
        &[
            "server/timer.rs",
            "server/descriptors.rs",
            "answer/file/in_memory.rs",
            "answer/file/system.rs",
            "handlers/site/directory.rs",
            "handlers/site/failure.rs",
            "handlers/site/identity.rs",
            "handlers/site/names.rs",
            "handlers/site/root.rs",
            "herd/compare/started.rs",
            "herd/descriptors.rs",
            "herd/exam/connecting.rs",
            "herd/exam/interrupt.rs",
            "herd/exam/peer.rs",
            "herd/exam/watched.rs",
            "herd/load/sources.rs",
            "herd/screen.rs",
            "server/inherited.rs",
            "server/listener.rs",
            "server/service_manager.rs",
            "server/signals/terminal.rs",
            "server/takeover/giving.rs",
            "server/takeover/mod.rs",
            "server/takeover/passing.rs",
            "server/unix_socket.rs",
            "server/unix_socket/lock.rs",
            "server/writing.rs",
            "admin/process.rs",
            "server/signals.rs",
        ],
    ),
    // What may wait for a disk.
    (".read_at(", &["answer/file/system.rs"]),
    ("if_addrs::", &["arguments/interfaces.rs"]),
    ("mime_guess::", &["handlers/media_type.rs"]),
    ("listenfd::", &["server/inherited.rs"]),
    ("signal_hook", &["herd/signals.rs", "server/signals.rs"]),
    ("hdrhistogram::", &["herd/times.rs"]),
    ("serde_json::", &["herd/compare/json.rs", "herd/exam/json.rs", "herd/json.rs"]),
    ("env_filter", &["main.rs"]),
    ("env_logger", &["main.rs"]),
    // A trace has the time of each step, and not that of its turn.
    ("Instant::now", &["cli/explain.rs", "cli/health.rs", "herd/clock.rs", "server/binding.rs"]),
    ("SystemTime::now", &["server/mod.rs"]),
    // What the clock showed when the loop began.
    ("timerfd_gettime(", &["server/timer.rs"]),
    (".elapsed()", &["cli/explain.rs", "herd/clock.rs", "server/mod.rs", "server/admin_side.rs"]),
    // A probe asks before there is a loop that it could hold up; a signal's pipe never waits.
    // The exam has sockets of its own, which never wait either: it is no part of a loop.
    (
        ".read(",
        &[
            "herd/exam/peer.rs",
            "herd/probe.rs",
            "herd/signals.rs",
            "server/signals.rs",
            "engine/socket.rs",
        ],
    ),
    (".write(", &["engine/socket.rs", "engine/stream.rs", "herd/exam/peer.rs"]),
    (".write_vectored(", &["engine/socket.rs"]),
    // Lines go to a standard stream or a file from one place, which does not wait for a reader.
    ("pwritev2(", &["server/writing.rs"]),
    ("io::write(", &["server/writing.rs"]),
    ("thread::", &["herd/compare/started.rs", "server/pace.rs"]),
    ("anstream::", &["cli/explain.rs"]),
    ("anstyle::", &["cli/explain.rs"]),
];

/// Only the engine logs: what is below reports through values such as `CloseReason`.
const LOG_MACROS: [&str; 5] = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];

struct Source {
    path: String,
    code: String,
}

impl Source {
    /// The name by which other files import from this one.
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    fn layer(&self) -> Option<usize> {
        LAYERS.iter().position(|layer| layer.contains(&self.module()))
    }
}

/// Every file under `src`, without its tests and comments.
fn sources() -> Vec<Source> {
    let sources = sources_under("src");
    assert!(sources.len() > 30, "the sources have been found");
    sources
}

/// The same of another folder.
fn sources_under(top: &str) -> Vec<Source> {
    // Tests beside the code of src are no sources; nor are the ladder's programs, each of which is
    // complete in itself and nothing of the server.
    let is_code = |path: &String| {
        let mut parts = path.split('/');
        !parts.any(|part| part == "tests.rs" || top == "src" && ["tests", "ladder"].contains(&part))
    };
    let files = files_under(top).into_iter().filter(|(path, _)| is_code(path));
    let sources = files.map(|(path, text)| {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        Source { path, code: lines.collect::<Vec<_>>().join("\n") }
    });
    sources.collect()
}

/// Every file of Rust under this folder: its path from there, and its text.
fn files_under(top: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(top);
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((path.file_name().unwrap() != "target").then_some(path));
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), text));
            }
        }
    }
    files
}

#[test]
fn what_has_a_choke_point_is_named_nowhere_else() {
    for (name, allowed) in CHOKE_POINTS {
        let naming: BTreeSet<String> = sources()
            .into_iter()
            .filter(|source| source.code.contains(name))
            .map(|source| source.path)
            .collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(naming, allowed, "who names {name}");
    }
}

#[test]
fn the_clock_is_read_in_one_place_and_once_a_turn() {
    let sources = sources();
    let server = sources.iter().find(|source| source.path == "server/mod.rs").unwrap();
    let count = |text: &str| server.code.matches(text).count();
    let binding = sources.iter().find(|source| source.path == "server/binding.rs").unwrap();
    assert_eq!(binding.code.matches("Instant::now()").count(), 1, "where the loop begins");
    let reads = "once a turn, once more at its end in slow motion, and around writes to log files";
    assert_eq!(count(".elapsed()"), 3, "{reads}");
    assert_eq!(count("SystemTime::now()"), 1, "once a second");
    assert_eq!(count("self.read_clock()"), 1);
    let admin_side = sources.iter().find(|source| source.path == "server/admin_side.rs").unwrap();
    let looks = admin_side.code.matches(".elapsed()").count();
    assert_eq!(looks, 1, "before the loop sleeps, and only while somebody watches");
    // A comparison waits for servers that it has started.
    let loops = || sources.iter().filter(|source| !source.path.starts_with("herd/compare/"));
    let all = |text: &str| loops().map(|source| source.code.matches(text).count()).sum::<usize>();
    assert_eq!((all("thread::"), all("sleep(")), (1, 1), "nothing sleeps but slow motion");
}

#[test]
fn nothing_below_the_engine_logs() {
    let engine = LAYERS.iter().position(|layer| layer.contains(&"engine")).unwrap();
    for source in sources() {
        if source.layer().is_some_and(|layer| layer < engine) {
            for log in LOG_MACROS {
                assert!(!source.code.contains(log), "{} has {log}", source.path);
            }
        }
    }
}

#[test]
fn imports_only_point_down() {
    for source in sources() {
        let Some(layer) = source.layer() else {
            assert_eq!(source.path, "lib.rs", "a file that no layer knows");
            continue;
        };
        for import in source.code.split("crate::").skip(1) {
            let module = import.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            let Some(target) = LAYERS.iter().position(|layer| layer.contains(&module)) else {
                continue;
            };
            assert!(
                target <= layer,
                "{} imports from {module}, which stands above it",
                source.path
            );
        }
    }
}

/// What the herd may use of the library: a socket, what it is driven with, what it counts, and what names
/// a Unix socket.
const HERD_IMPORTS: [&str; 11] = [
    "ClientId",
    "Metrics",
    "Readiness",
    "Received",
    "Socket",
    "Stream",
    "Taken",
    "Time",
    "UnixName",
    "config",
    "engine",
];

/// What the server gets wrong must not be right for the herd that judges it.
#[test]
fn the_herd_shares_no_notion_of_http_with_the_server() {
    let mut used = BTreeSet::new();
    for source in sources().iter().filter(|source| source.module() == "herd") {
        for path in source.code.split("oneloop::").skip(1) {
            let names = path.split([';', ')', '>']).next().unwrap();
            let names = names.split(|c: char| !c.is_alphanumeric() && c != '_');
            used.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    assert_eq!(used, HERD_IMPORTS.map(str::to_owned).into());
}

/// Several programs are built with these files, `oneloop`, `herd` and `benches/peers`: they may name
/// nothing that only one of these has.
#[test]
fn what_programs_share_stands_alone() {
    for folder in ["arguments/", "herd/load/"] {
        let mut files = 0;
        for source in sources().iter().filter(|source| source.path.starts_with(folder)) {
            for name in ["crate::", "oneloop::", "super::super", "mio::"] {
                assert!(!source.code.contains(name), "{} names {name}", source.path);
            }
            files += 1;
        }
        assert!(files > 5, "the files of {folder} have been found");
    }
}

/// The order of a turn is written down once: what drives clients, acts on deadlines and asks the
/// poll is the engine, and everything that turns calls it.
#[test]
fn the_order_of_a_turn_stands_in_one_place() {
    let mut turns = BTreeSet::new();
    for top in ["src", "tests", "benches"] {
        for Source { path, code } in sources_under(top) {
            // Put together here, so that this file has none of them.
            let calls = |stage: &str| code.contains(&format!(".{stage}("));
            if calls("expire") && (calls("drive") || calls("register")) {
                turns.insert(format!("{top}/{path}"));
            }
        }
    }
    // The regressions show single stages of a turn, each by itself.
    let allowed = ["src/engine/turn.rs", "tests/regressions.rs"];
    assert_eq!(turns, allowed.map(str::to_owned).into());
}

/// Connections that are no sockets: the one for tests and embedders, and the simulation's, which
/// judges each call where it is made, by a model of what the peer and the network did until then.
const STREAMS_IN_MEMORY: [&str; 2] = ["src/testing/pipe.rs", "tests/simulation/stream.rs"];

/// The same of listeners.
const LISTENERS_IN_MEMORY: [&str; 2] = ["src/testing/listener.rs", "tests/simulation/door.rs"];

#[test]
fn tests_and_benches_share_one_connection_in_memory() {
    let implementing = |name: &str| -> BTreeSet<String> {
        let here = ["src", "tests", "benches"].into_iter();
        let files = here.flat_map(|top| files_under(top).into_iter().map(move |it| (top, it)));
        let found = files.filter(|(_, (_, text))| {
            let mut lines = text.lines().map(str::trim_start);
            lines.any(|line| line.starts_with("impl") && line.contains(&format!("{name} for ")))
        });
        let paths = found.map(|(top, (path, _))| format!("{top}/{path}"));
        paths.filter(|path| !path.starts_with("src/server/")).collect()
    };
    assert_eq!(implementing(" Stream"), STREAMS_IN_MEMORY.map(str::to_owned).into());
    assert_eq!(implementing(" Accept"), LISTENERS_IN_MEMORY.map(str::to_owned).into());
}

#[test]
fn files_and_functions_stay_readable() {
    let elsewhere =
        ["benches", "tests", "src/connection/tests"].into_iter().flat_map(sources_under);
    for source in sources().into_iter().chain(elsewhere) {
        let lines = source.code.lines().count();
        assert!(lines <= 400, "{} has {lines} lines of code", source.path);
        let mut start = None;
        for (number, line) in source.code.lines().enumerate() {
            assert!(line.chars().count() <= 100, "{}: {line}", source.path);
            let indent = line.len() - line.trim_start().len();
            let opens = line.trim_start().starts_with("fn ")
                || line.trim_start().starts_with("pub fn ")
                || line.trim_start().starts_with("pub(crate) fn ")
                || line.trim_start().starts_with("pub(super) fn ");
            match start {
                None if opens => start = Some((number, indent)),
                Some((from, at)) if line.trim() == "}" && indent == at => {
                    let length = number - from + 1;
                    assert!(length <= 70, "{}: a function of {length} lines: {line}", source.path);
                    start = None;
                }
                Some(_) | None => {}
            }
        }
    }
}
