//! logrotate, with what the README says about it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::needed::{Folder, Needed};
use super::support::{PATIENCE, Server};

const LOGROTATE: Needed = Needed { names: &["logrotate"], package: "logrotate" };

/// How often the log is rotated. From the third time on there are old files that are compressed.
const ROTATIONS: usize = 4;

#[test]
fn logrotate_moves_the_log_of_a_busy_server_and_loses_no_line() {
    let test = logrotate_moves_the_log_of_a_busy_server_and_loses_no_line;
    let Some(logrotate) = LOGROTATE.find(test) else { return };
    let folder = Folder::new("logrotate");
    let log = folder.path().join("access.log");
    let server = Server::start(&["--access-log", log.to_str().unwrap()]);
    let said = snippet();
    // The server that the snippet means is not the only one on this machine.
    let here = said
        .replace("/var/log/oneloop/access.log", log.to_str().unwrap())
        .replace("pkill -USR1 -x oneloop", &format!("kill -USR1 {}", server.pid()));
    assert!(here.contains("kill -USR1 ") && here.starts_with(log.to_str().unwrap()), "{said}");
    let config = folder.path().join("logrotate.conf");
    fs::write(&config, here).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let asking = thread::spawn({
        let (is_over, address) = (Arc::clone(&is_over), server.address());
        move || {
            let mut requests = 0;
            while !is_over.load(Ordering::Relaxed) {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                write!(stream, "GET /{requests} HTTP/1.0\r\n\r\n").unwrap();
                stream.read_to_end(&mut Vec::new()).unwrap();
                requests += 1;
            }
            requests
        }
    });
    for _ in 0..ROTATIONS {
        let began = Instant::now();
        while fs::metadata(&log).map_or(0, |log| log.len()) < 10_000 {
            assert!(began.elapsed() < PATIENCE, "it is written to");
            thread::yield_now();
        }
        let rotated = Command::new(&logrotate)
            .args(["--force", "--state"])
            .arg(folder.path().join("state"))
            .arg(&config)
            .output()
            .unwrap();
        assert!(rotated.status.success() && rotated.stderr.is_empty(), "{rotated:?}");
    }
    is_over.store(true, Ordering::Relaxed);
    let requests: usize = asking.join().unwrap();
    assert!(server.stop().success());
    let old = (2..=ROTATIONS)
        .rev()
        .map(|number| unpacked(&folder.path().join(format!("access.log.{number}.gz"))));
    let recent = ["access.log.1", "access.log"].map(|name| folder.path().join(name));
    let lines: Vec<String> =
        old.chain(recent.iter().map(|file| fs::read_to_string(file).unwrap())).collect();
    let lines = lines.concat();
    let asked = lines.lines().map(|line| {
        let target = line.split(' ').nth(6).and_then(|target| target.strip_prefix('/'));
        target.expect(line).parse::<usize>().expect(line)
    });
    assert!(asked.eq(0..requests), "{requests} requests, {} lines", lines.lines().count());
}

/// What the README says that logrotate is told.
fn snippet() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let from = readme.find("/var/log/oneloop/access.log {").expect("a snippet");
    readme[from..].split("```").next().unwrap().to_owned()
}

/// The text of a file that gzip has made.
fn unpacked(path: &Path) -> String {
    let unpacked = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
    assert!(unpacked.status.success(), "{path:?}: {unpacked:?}");
    String::from_utf8(unpacked.stdout).unwrap()
}
