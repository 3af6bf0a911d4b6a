//! Holds how many instructions a request takes of the program as it is shipped, httparse and the C
//! library included, the kernel not. callgrind counts them: unlike time, they are the same in each
//! run, so a change that costs one in fifty is seen.
//!
//! Each figure is the difference of two runs with unequal numbers of requests: so starting,
//! connecting and stopping are not in it. Where many clients ask, the server stands still until all
//! of them have: so each turn finds all requests, however busy the machine is.
//!
//! The figures are those of one compiler on processors with AVX2, with what `.cargo/config.toml` says,
//! and elsewhere the tests say that they did not run. A change that makes something cheaper lowers its figure; one that makes
//! something dearer says why in its commit.
//!
//! ```sh
//! cargo test --test instructions -- --nocapture    # what is counted
//! callgrind_annotate target/tmp/callgrind-…        # which functions it was, after a failure
//! ```
//!
//! The shipped program has no names for its functions. With `--profile profiling` cargo builds the
//! same instructions with their names and lines.
#![cfg(all(feature = "cli", target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/needed.rs"]
mod needed;
#[path = "../support/shipped.rs"]
mod shipped;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/trace.rs"]
mod trace;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use needed::{Folder, Needed, report_not_run};
use trace::Watched;

const VALGRIND: Needed = Needed { names: &["valgrind"], package: "valgrind" };

/// The compiler whose instructions are counted here. With another one, count all of them again.
const COMPILER: &str = "rustc 1.95";

/// How far a count may be from its figure, as a part of it: a library's newer version costs less.
const TOLERANCE: f64 = 0.02;

/// What `benches/peers` asks.
const FIELDS: &str = "Host: localhost\r\nUser-Agent: peers/0.1\r\nAccept: */*\r\n";

/// Requests, and what one of them takes.
struct Figure {
    /// One request's bytes.
    request: Vec<u8>,
    clients: usize,
    /// How many requests a client sends together.
    pipelined: usize,
    /// How often all clients ask, in the shorter run and in the longer one.
    rounds: [usize; 2],
    /// What the server serves, if that is not its text.
    site: Option<PathBuf>,
    /// The format of its access log, if it has one. The lines go to `/dev/null`: one call a turn.
    log: Option<&'static str>,
    /// How many instructions one request takes.
    instructions: f64,
}

#[test]
fn a_get_alone() {
    let figure = Figure { rounds: [200, 2200], instructions: 3036.0, ..get("/") };
    hold(a_get_alone, "a-get-alone", &figure);
}

#[test]
fn a_get_of_one_of_sixty_four_clients() {
    let figure = Figure { clients: 64, rounds: [10, 60], instructions: 2240.0, ..get("/") };
    hold(a_get_of_one_of_sixty_four_clients, "a-get-of-64", &figure);
}

#[test]
fn a_get_of_one_of_sixty_four_clients_with_a_combined_log() {
    let of_64 = Figure { clients: 64, rounds: [10, 60], log: Some("combined"), ..get("/") };
    let figure = Figure { instructions: 3289.0, ..of_64 };
    hold(a_get_of_one_of_sixty_four_clients_with_a_combined_log, "a-get-of-64-combined", &figure);
}

#[test]
fn a_get_of_one_of_sixty_four_clients_with_a_log_of_json() {
    let of_64 = Figure { clients: 64, rounds: [10, 60], log: Some("json"), ..get("/") };
    let figure = Figure { instructions: 3386.0, ..of_64 };
    hold(a_get_of_one_of_sixty_four_clients_with_a_log_of_json, "a-get-of-64-json", &figure);
}

#[test]
fn a_get_of_sixteen_that_are_pipelined_with_a_combined_log() {
    let of_16 = Figure { pipelined: 16, rounds: [20, 220], log: Some("combined"), ..get("/") };
    let figure = Figure { instructions: 2303.0, ..of_16 };
    hold(a_get_of_sixteen_that_are_pipelined_with_a_combined_log, "a-get-of-16-combined", &figure);
}

#[test]
fn a_get_of_sixteen_that_are_pipelined() {
    let figure = Figure { pipelined: 16, rounds: [20, 220], instructions: 1469.0, ..get("/") };
    hold(a_get_of_sixteen_that_are_pipelined, "a-get-of-16-pipelined", &figure);
}

#[test]
fn a_post_of_one_kibibyte() {
    let body = "b".repeat(1024);
    let figure = post(&format!("Content-Length: 1024\r\n\r\n{body}"));
    hold(a_post_of_one_kibibyte, "a-post", &Figure { instructions: 3641.0, ..figure });
}

#[test]
fn a_post_of_one_kibibyte_in_four_chunks() {
    let chunk = format!("100\r\n{}\r\n", "b".repeat(256));
    let chunks = chunk.repeat(4);
    let figure = post(&format!("Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"));
    let figure = Figure { instructions: 4506.0, ..figure };
    hold(a_post_of_one_kibibyte_in_four_chunks, "a-post-in-chunks", &figure);
}

#[test]
fn a_get_of_a_file_of_one_kibibyte() {
    let folder = Folder::new("instructions-site");
    fs::write(folder.path().join("file.txt"), "f".repeat(1024)).unwrap();
    let site = Some(folder.path().to_owned());
    let figure = Figure { site, instructions: 4124.0, ..get("/file.txt") };
    hold(a_get_of_a_file_of_one_kibibyte, "a-get-of-a-file", &figure);
}

/// A kept client that asks for this, and waits for the answer before it asks again.
fn get(target: &str) -> Figure {
    let request = format!("GET {target} HTTP/1.1\r\n{FIELDS}\r\n").into_bytes();
    let rounds = [200, 1200];
    Figure { request, clients: 1, pipelined: 1, rounds, site: None, log: None, instructions: 0.0 }
}

/// A kept client that sends content with this at the end of its head.
fn post(framed: &str) -> Figure {
    let media_type = "Content-Type: application/octet-stream\r\n";
    let request = format!("POST / HTTP/1.1\r\n{FIELDS}{media_type}{framed}").into_bytes();
    Figure { request, ..get("/") }
}

/// Counts what a request of `figure` takes, and holds it to what is written down.
fn hold(test: impl Fn() + Copy, name: &str, figure: &Figure) {
    let Some(valgrind) = VALGRIND.find(test) else { return };
    if !is_known_compiler(test) || !has_avx2(test) || !is_for_usual_processors(test) {
        return;
    }
    let [few, many] = figure.rounds.map(|rounds| {
        let file = format!("callgrind-{name}-{rounds}");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
        let count = figure.count(&valgrind, &file, rounds);
        (count, rounds * figure.clients * figure.pipelined)
    });
    let counted = (many.0 - few.0) as f64 / (many.1 - few.1) as f64;
    let held = figure.instructions;
    println!("{name}: {counted:.1} instructions, {:+.2} %", (counted / held - 1.0) * 100.0);
    assert!(
        (counted / held - 1.0).abs() <= TOLERANCE,
        "{name}: {counted:.1} instructions, and not {held:.0}"
    );
}

impl Figure {
    /// How many instructions the program executes if all clients ask this often.
    fn count(&self, valgrind: &Path, file: &Path, rounds: usize) -> u64 {
        let mut server = self.start(valgrind, file);
        let answers_bytes = server.answer_bytes(&self.request) * self.pipelined;
        let requests = self.request.repeat(self.pipelined);
        let mut clients: Vec<TcpStream> = (0..self.clients).map(|_| server.connect()).collect();
        let mut answers = vec![0; answers_bytes];
        for _ in 0..rounds {
            if self.clients > 1 {
                server.pause();
            }
            for client in &mut clients {
                client.write_all(&requests).unwrap();
            }
            if self.clients > 1 {
                server.go_on();
            }
            for client in &mut clients {
                client.read_exact(&mut answers).unwrap();
                assert!(answers.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", answers.escape_ascii());
            }
        }
        drop(clients);
        server.stop();
        let counts = fs::read_to_string(file).unwrap();
        let total = counts.lines().find_map(|line| line.strip_prefix("totals: "));
        total.expect("callgrind ends its file by a sum").parse().unwrap()
    }

    /// Starts the program where its instructions are counted.
    fn start(&self, valgrind: &Path, file: &Path) -> Watched {
        let mut command = Command::new(valgrind);
        // Not even where the stack begins shall depend on the caller's environment.
        command.env_clear();
        command.args(["--quiet", "--tool=callgrind"]);
        command.arg(format!("--callgrind-out-file={}", file.display()));
        command.arg(shipped::program()).args(&self.site);
        match self.log {
            Some(format) => command.args(["--access-log", "-", "--access-log-format", format]),
            None => command.args(["--access-log", "off"]),
        };
        Watched::start_as(command, &[])
    }
}

/// Whether the figures are of the compiler that is here. If not, says so in the name of `test`.
fn is_known_compiler(test: impl Fn() + Copy) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output().unwrap().stdout;
    let compiler = String::from_utf8(said).unwrap();
    let is_known = compiler.strip_prefix(COMPILER).is_some_and(|rest| rest.starts_with('.'));
    if !is_known {
        report_not_run(test, &format!("its figure is of {COMPILER}, this is {compiler}"));
    }
    is_known
}

/// Whether the program is compiled as `.cargo/config.toml` says, as this test is. If not, says so in the
/// name of `test`.
fn is_for_usual_processors(test: impl Fn() + Copy) -> bool {
    let is_so = cfg!(target_feature = "sse4.2") && !cfg!(target_feature = "avx");
    if !is_so {
        report_not_run(test, "its figure is of a program that is compiled for x86-64-v2");
    }
    is_so
}

/// Whether the processor has what the C library chooses where it can. If not, says so in the name of
/// `test`.
fn has_avx2(test: impl Fn() + Copy) -> bool {
    let has_avx2 = std::arch::is_x86_feature_detected!("avx2");
    if !has_avx2 {
        report_not_run(test, "its figure is of a processor with AVX2");
    }
    has_avx2
}
