//! `herd compare`: the same crowd at several servers in turn.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

use super::*;
use crate::needed::Folder;

/// What a comparison has told.
struct Compared {
    code: Option<i32>,
    table: String,
    errors: String,
    json: Value,
}

/// Two rounds of short slices with these arguments.
fn compare(name: &str, arguments: &[&str], servers: &[&str]) -> Compared {
    let folder = Folder::new(name);
    let [json, plot] = ["compare.json", "compare.svg"].map(|name| folder.path().join(name));
    let [json, plot] = [json, plot].map(|path| path.to_str().unwrap().to_owned());
    let mine = ["compare", "--rounds", "2", "--slice", "200ms", "--json", &json, "--plot", &plot];
    let ended = ended(&[&mine, arguments, servers].concat());
    let json = fs::read_to_string(&json).unwrap();
    if ended.status.code() == Some(0) {
        let plot = fs::read_to_string(&plot).unwrap();
        assert!(plot.starts_with("<svg ") && plot.trim_end().ends_with("</svg>"), "{plot}");
        assert!(plot.contains(">A  ") && plot.contains(">B  "), "{plot}");
    }
    Compared {
        code: ended.status.code(),
        table: ended.output,
        errors: ended.errors,
        // Empty if it did not begin.
        json: serde_json::from_str(&json).unwrap_or_default(),
    }
}

/// A port that nobody has, of those that the system gives to no client: herds of other tests take many.
fn free_port() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let number = std::process::id() as u16 % 1000 * 10 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + number % 10_000;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port.to_string();
        }
    }
}

/// A server that thinks for 20 ms before each answer, on threads that end with the test's process.
fn slow_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    thread::sleep(Duration::from_millis(20));
                    let _ = stream.write_all(RIGHT.as_bytes());
                }
            });
        }
    });
    address
}

#[test]
fn the_slow_one_of_two_servers_is_seen() {
    let quick = Server::start(&[]);
    let [quick, slow] = [quick.address(), slow_server()].map(|address| address.to_string());
    let told = compare("compare-slow", &[], &[&quick, &slow, &quick, "--get", "2"]);
    assert_eq!(told.code, Some(0), "{}{}", told.table, told.errors);
    let servers = told.json["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 3);
    for server in servers {
        let slices = server["slices"].as_array().unwrap();
        assert_eq!(slices.len(), 2);
        assert!(slices.iter().all(|it| it["right"].as_u64() > Some(0)), "{server:#}");
    }
    let rate = |index: usize| servers[index]["over_first"]["right_per_second"]["median"].as_f64();
    assert_eq!(rate(0), Some(1.0));
    assert!(rate(1).unwrap() < 0.5, "{}", told.table);
    assert!(rate(2).unwrap() > 0.5, "{}", told.table);
    assert!(servers[1]["over_first"]["p50_us"]["least"].as_f64().unwrap() > 2.0, "{}", told.table);
    assert!(told.errors.contains("round 2 of 2: A "), "{}", told.errors);
}

#[cfg(target_os = "linux")]
#[test]
fn servers_are_started_where_they_shall_run_and_ended() {
    let (first, second) = (free_port(), free_port());
    let start = |port: &str| {
        format!("{} -l 127.0.0.1:{port} --access-log off -q", env!("CARGO_BIN_EXE_oneloop"))
    };
    let (start_first, start_second) = (start(&first), start(&second));
    let arguments = ["--cores", "0,0", "--start", &start_first, "--start", &start_second];
    let told = compare("compare-started", &arguments, &[&first, &second]);
    assert_eq!(told.code, Some(0), "{}{}", told.table, told.errors);
    for server in told.json["servers"].as_array().unwrap() {
        let cpu = &server["median"]["cpu_us_per_right"];
        assert!(cpu.as_f64().unwrap() > 0.1, "its CPU time is known: {server:#}");
    }
    for port in [first, second] {
        let refused = TcpStream::connect(format!("127.0.0.1:{port}"));
        assert!(refused.is_err(), "it listens at {port} behind the end");
    }
}

/// A herd that compares, until it is ended.
struct Comparing(std::process::Child);

impl Drop for Comparing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listens(port: &str) -> bool {
    TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_before_the_first_round_ends_the_servers_that_were_started() {
    let (first, second) = (free_port(), free_port());
    // The second one never listens, and has a child of its own. A shell's command may be anything.
    let start = format!("A=b {} -l 127.0.0.1:{first} -q", env!("CARGO_BIN_EXE_oneloop"));
    let mut herd = command(&["compare", "--start", &start, "--start", "cd / && sleep 60; true"]);
    herd.args([&first, &second]).stdout(std::process::Stdio::null());
    let mut herd = Comparing(herd.stderr(std::process::Stdio::null()).spawn().unwrap());
    wait_until("the first one listens", || listens(&first));
    let pid = rustix::process::Pid::from_child(&herd.0);
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(herd.0.wait().unwrap().code(), Some(1));
    assert!(!listens(&first), "it goes on behind its end");
}

#[test]
fn a_server_that_answers_nothing_has_a_rate_of_zero() {
    let right = Server::start(&[]);
    let silent = Fake::start(Script { first: (RIGHT, 1), rest: "", after: After::Keep });
    let [right, silent] = [right.address(), silent.address()].map(|address| address.to_string());
    let told = compare("compare-silent", &[], &[&right, &silent, "--patience", "200ms"]);
    assert_eq!(told.code, Some(1), "{}{}", told.table, told.errors);
    let silent = &told.json["servers"][1];
    assert_eq!(silent["over_first"]["right_per_second"]["median"], 0.0, "{silent:#}");
    assert!(silent["over_first"]["p50_us"].is_null(), "{silent:#}");
    assert!(told.table.contains("B: no right answer in 2 of 2 slices"), "{}", told.table);
}

#[test]
fn a_wrong_answer_of_any_server_is_a_failure() {
    let right = Server::start(&[]);
    let rest = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd";
    let wrong = Fake::start(Script { first: (RIGHT, 1), rest, after: After::Keep });
    let [right, wrong] = [right.address(), wrong.address()].map(|address| address.to_string());
    let told = compare("compare-wrong", &[], &[&right, &wrong]);
    assert_eq!(told.code, Some(1), "{}{}", told.table, told.errors);
    assert!(told.table.contains("B, round 1: get: "), "{}", told.table);
    assert_eq!(told.json["ok"], false);
}

#[test]
fn what_does_not_begin_is_one_sentence() {
    let server = Server::start(&[]);
    let here = server.address().to_string();
    let nobody = free_port();
    for (arguments, servers, remedy) in [
        (&[][..], [&here[..], &nobody], "start the server"),
        (&["--start", "false", "--start", ""], [&nobody, &here], "without listening"),
        (&["--start", "sleep 1", "--start", ""], [&here, &here], "listens at"),
        (&["--pid", "0", "--pid", "4194304"], [&here, &here], "process 4194304"),
    ] {
        let told = compare("compare-nobody", arguments, &servers);
        assert_eq!(told.code, Some(2), "{}", told.errors);
        assert!(told.errors.contains(remedy), "{}", told.errors);
    }
}
