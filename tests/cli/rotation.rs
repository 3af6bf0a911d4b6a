//! The access log in a file that is rotated while lines come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::access_log::{output_of, site};
use super::*;

/// Each request has its line, once, in the file that has just been moved or in the new one.
#[test]
fn a_log_that_is_rotated_under_load_loses_no_line_and_has_none_twice() {
    const ROTATIONS: usize = 100;
    let folder = site("rotated");
    for old in fs::read_dir(&folder).expect("a folder").flatten() {
        if old.file_name().to_string_lossy().starts_with("access.") {
            fs::remove_file(old.path()).expect("it is there");
        }
    }
    let log = folder.join("access.log");
    let mut command = oneloop();
    let running = Running::start(command.arg("--access-log").arg(&log).arg(&folder));
    let address = running.address;
    let is_over = Arc::new(AtomicBool::new(false));
    let asking = thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            let mut answer = vec![0; 64 * 1024];
            let mut requests = 0;
            while !is_over.load(Ordering::Relaxed) {
                let request = format!("GET /{requests} HTTP/1.1\r\nHost: a\r\n\r\n");
                stream.write_all(request.as_bytes()).expect("sent");
                let bytes = read_some(&mut stream, &mut answer).expect("an answer");
                assert!(answer[..bytes].starts_with(b"HTTP/1.1 404 "));
                requests += 1;
            }
            requests
        }
    });
    for rotation in 0..ROTATIONS {
        fs::rename(&log, folder.join(format!("access.{rotation}"))).expect("it is there");
        running.signal("-USR1");
        let began = Instant::now();
        while !log.exists() {
            assert!(began.elapsed() < PATIENCE, "it is opened again");
            thread::yield_now();
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let requests: usize = asking.join().expect("a client");
    output_of(running);
    let files = (0..ROTATIONS).map(|rotation| folder.join(format!("access.{rotation}")));
    let lines: String =
        files.chain([log]).map(|file| fs::read_to_string(file).expect("text")).collect();
    let asked = lines.lines().map(|line| {
        let target = line.split(' ').nth(6).and_then(|target| target.strip_prefix('/'));
        target.expect(line).parse::<usize>().expect(line)
    });
    assert!(asked.eq(0..requests), "{requests} requests, {} lines", lines.lines().count());
}

/// The old file is as long as it may be, and gets the rest of its last line once it may be longer.
#[cfg(target_os = "linux")]
#[test]
fn a_line_that_a_full_disk_has_cut_is_not_continued_in_the_next_file() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let folder = site("cut");
    let (log, old) = (folder.join("access.log"), folder.join("access.old"));
    for file in [&log, &old] {
        let _ = fs::remove_file(file);
    }
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_oneloop");
    command.args(["-c", r#"ulimit -S -f 16 && exec "$0" "$@""#, program]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What waits is to fit into the next file.
    command.args(["--access-log-bytes", "8KiB"]);
    let running = Running::start(command.arg("--access-log").arg(&log).arg(&folder));
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let (mut requests, mut answer) = (0, vec![0; 64 * 1024]);
    let mut ask = |stream: &mut TcpStream| {
        let request = format!("GET /{requests} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let bytes = read_some(stream, &mut answer).expect("an answer");
        assert!(answer[..bytes].starts_with(b"HTTP/1.1 404 "));
        requests += 1;
        requests
    };
    let whole = |file: &Path| fs::read(file).is_ok_and(|lines| lines.ends_with(b"\n"));
    while ask(&mut stream) < 100 || whole(&log) {}
    running.wait_for_line("cannot write to ");
    fs::rename(&log, &old).expect("it is there");
    running.signal("-USR1");
    running.wait_for_line("opened ");
    ask(&mut stream);
    let began = Instant::now();
    while !whole(&log) {
        assert!(began.elapsed() < PATIENCE, "the next file has the next lines");
        thread::yield_now();
    }
    assert!(!whole(&old), "there is no room for its rest");
    let unlimited = Rlimit { current: None, maximum: None };
    prlimit(Some(Pid::from_child(&running.child)), Resource::Fsize, unlimited).expect("it is ours");
    while !whole(&old) {
        assert!(began.elapsed() < PATIENCE, "it gets its rest");
        ask(&mut stream);
        thread::yield_now();
    }
    let requests = ask(&mut stream);
    drop(stream);
    output_of(running);
    let lines = [old, log].map(|file| fs::read_to_string(file).expect("text")).concat();
    let asked = lines.lines().map(|line| {
        let target = line.split(' ').nth(6).and_then(|target| target.strip_prefix('/'));
        target.expect(line).parse::<usize>().expect(line)
    });
    assert!(asked.eq(0..requests), "{requests} requests, {} lines", lines.lines().count());
}
