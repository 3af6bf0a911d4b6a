//! What a reader of the access log costs that has stopped: `cargo bench --bench stuck_reader --features herd`.
//!
//! `herd` asks 5,000 times a second for ten seconds, at random times, whether it is answered or not.
//! The server has no access log, or one on a pipe that is read only when the server has ended. How many
//! answers are lost, and how much longer the others take, is the question; nginx is asked it, too, if
//! it is there. Afterwards the lines in the pipe, those that a line there says were dropped, and those
//! that the server says are lost have to be all requests.
//!
//! Waits count from the moment at which a request was due, so a server that stops is seen. A round has
//! the server without a log twice, and the one with it between them; every other round goes backwards.
//! What counts is the median of the rounds' ratios. That of the server without a log to itself says how
//! much of it is noise: the machine should have nothing else to do.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How often each server is asked, with and without its log.
const ROUNDS: usize = 5;

/// What a round measures.
const ROUND: [Log; 3] = [Log::Off, Log::Stuck, Log::Off];

/// What `herd` does.
const LOAD: [&str; 6] = ["--get", "64", "--rate", "5000", "--for", "10s"];

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether there is a log, on a pipe that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    Off,
    Stuck,
}

/// A server's name.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Oneloop,
    Nginx,
}

/// One that runs. Ended when it is dropped.
struct Running {
    address: SocketAddr,
    process: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn main() {
    // `cargo test --benches` runs this, too, and means no more than that it starts.
    if !std::env::args().any(|word| word == "--bench") {
        return println!(
            "not measured: cargo bench --bench stuck_reader --features herd does that"
        );
    }
    println!("| server | log | right | wrong | lost | not asked | p50 | p99 | p99.9 | longest |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for kind in [Kind::Oneloop, Kind::Nginx] {
        match measure(kind) {
            Ok(Ratios { stuck, off }) => {
                println!(
                    "\n{kind:?}: p99 over that without a log: {stuck}; that to itself: {off}\n"
                );
            }
            Err(lack) => println!("{kind:?} not measured: {lack}\n"),
        }
    }
}

/// 99th percentiles over those without a log: the median of all rounds, the least and the greatest.
struct Ratios {
    /// With the log.
    stuck: String,
    /// Without a log as well: what there is of noise.
    off: String,
}

/// Prints a row for each run.
fn measure(kind: Kind) -> Result<Ratios, String> {
    let (mut stuck, mut off) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut runs = [0, 1, 2];
        if round % 2 == 1 {
            runs.reverse();
        }
        let mut p99 = [0.0; ROUND.len()];
        for run in runs {
            p99[run] = p99_of(kind, ROUND[run])?;
        }
        stuck.push(p99[1] / ((p99[0] + p99[2]) / 2.0));
        off.push(p99[2] / p99[0]);
    }
    Ok(Ratios { stuck: spread(stuck), off: spread(off) })
}

fn spread(mut ratios: Vec<f64>) -> String {
    ratios.sort_by(f64::total_cmp);
    let [least, median, greatest] = [0, ROUNDS / 2, ROUNDS - 1].map(|at| ratios[at]);
    format!("{median:.2} ({least:.2} to {greatest:.2})")
}

/// Runs a server, and prints a row: gives the 99th percentile of its waits, in microseconds.
fn p99_of(kind: Kind, log: Log) -> Result<f64, String> {
    let server = kind.start(log).map_err(|error| error.to_string())?;
    let report = load(server.address)?;
    let get = &report["kinds"][0];
    let count = |name: &str| get[name].as_u64().unwrap_or_default();
    let micros = |name: &str| get["latency_us"][name].as_f64().unwrap_or(f64::INFINITY);
    let counts = ["right", "wrong", "lost"].map(|name| count(name).to_string()).join(" | ");
    let waits = ["p50", "p99", "p99.9", "max"];
    let waits = waits.map(|name| format!("{:.2} ms", micros(name) / 1e3)).join(" | ");
    let unmade = &report["requests_unmade"];
    println!("| {kind:?} | {log:?} | {counts} | {unmade} | {waits} |");
    if let (Kind::Oneloop, Log::Stuck) = (kind, log) {
        // One more has come before the run: herd learns from it what is right.
        account(server, count("right") + count("lost") + 1)?;
    }
    Ok(micros("p99"))
}

/// What `herd` says.
fn load(server: SocketAddr) -> Result<Value, String> {
    let mut herd = Command::new(env!("CARGO_BIN_EXE_herd"));
    herd.arg(server.to_string()).args(LOAD).args(["--json", "-"]).stderr(Stdio::null());
    let said = herd.output().map_err(|error| error.to_string())?.stdout;
    serde_json::from_slice(&said).map_err(|error| format!("herd says no JSON: {error}"))
}

/// Ends the server, and prints what has become of the lines of this many requests.
fn account(mut server: Running, requests: u64) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    kill_process(Pid::from_child(&server.process), Signal::TERM).map_err(|it| failed(it.into()))?;
    let mut told = String::new();
    let stderr = server.process.stderr.as_mut().expect("it is piped");
    stderr.read_to_string(&mut told).map_err(failed)?;
    let mut lines = String::new();
    let stdout = server.process.stdout.as_mut().expect("it is piped");
    stdout.read_to_string(&mut lines).map_err(failed)?;
    let number = |words: &str| words.split(' ').find_map(|word| word.parse::<u64>().ok());
    let is_notice = |line: &&str| line.starts_with("oneloop: ");
    let whole = &lines[..lines.rfind('\n').map_or(0, |end| end + 1)];
    let dropped: u64 = whole.lines().filter(is_notice).filter_map(number).sum();
    let read = whole.lines().filter(|line| !is_notice(line)).count() as u64;
    let lost = told.lines().find(|line| line.contains(" lost at the end: "));
    let lost = lost.and_then(number).unwrap_or_default();
    let sum = read + dropped + lost;
    println!(
        "\n{requests} requests: {read} lines, {dropped} told there as dropped, {lost} as lost"
    );
    match sum == requests {
        true => Ok(()),
        false => Err(format!("lines that are read or told of: {sum} of {requests}")),
    }
}

impl Kind {
    fn start(self, log: Log) -> std::io::Result<Running> {
        match self {
            Kind::Oneloop => start_oneloop(log),
            Kind::Nginx => start_nginx(log),
        }
    }
}

fn start_oneloop(log: Log) -> std::io::Result<Running> {
    let place = if log == Log::Stuck { "-" } else { "off" };
    let mut process = Command::new(env!("CARGO_BIN_EXE_oneloop"))
        .args(["-l", "127.0.0.1:0", "--access-log", place])
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = process.stderr.as_mut().expect("it is piped");
    // One byte at a time: the rest is read at the end.
    let mut line = String::new();
    BufReader::with_capacity(1, stderr).read_line(&mut line)?;
    let address = line.split_once("http://").and_then(|(_, rest)| rest.split('/').next());
    let address = address.and_then(|address| address.parse().ok());
    let address = address.ok_or_else(|| std::io::Error::other(line))?;
    Ok(Running { address, process })
}

/// With one process. It writes its log by a call for each line.
fn start_nginx(log: Log) -> std::io::Result<Running> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let place = if log == Log::Stuck { "/dev/stdout combined" } else { "off" };
    let text = format!(
        "daemon off; master_process off; pid {folder}/stuck-reader.pid; error_log /dev/null crit;
        events {{ worker_connections 768; }}
        http {{
            access_log {place}; keepalive_requests 1000000;
            server {{ listen {address}; location / {{ return 200 'hello'; }} }}
        }}",
        folder = folder.display(),
    );
    let file = folder.join("stuck-reader.conf");
    fs::write(&file, text)?;
    let process = Command::new("nginx")
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let running = Running { address, process };
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > PATIENCE {
            return Err(std::io::Error::other("nginx does not start"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(running)
}
