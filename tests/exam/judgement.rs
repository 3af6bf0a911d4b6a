//! What is no failure of the server: what the examiner cannot try, and what the server may do. And what
//! the examiner gives back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::exam::examine;
use crate::support::Server;
use crate::wrong::{OK, answer_to, head, keeps_for_ever, on_threads, start};

/// The limits of a process's descriptors.
fn limits(pid: u32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    limits.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned()
}

fn herd(address: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd"));
    command.args(["exam", &address.to_string()]);
    command
}

#[test]
fn a_signal_ends_the_exam_and_gives_the_server_its_descriptors_back() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let server = Server::start(&[]);
        let (pid, before) = (server.pid(), limits(server.pid()));
        let mut command = herd(server.address());
        command.args(["--stage", "descriptors,stop", "--pid", &pid.to_string()]);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while limits(pid) == before {
            assert!(std::time::Instant::now() < deadline, "the stage limits descriptors");
            thread::sleep(Duration::from_millis(1));
        }
        kill_process(Pid::from_raw(child.id() as i32).unwrap(), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(limits(pid), before, "{signal:?}");
        assert_eq!(output.status.code(), Some(1), "{signal:?}: {output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("a signal has ended the exam"), "{told}");
        assert!(told.contains("0 passed, 0 failed, 1 not tried"), "{told}");
        // It still runs: the last stage has not begun.
        assert!(server.stop().success());
    }
}

/// Another process of ours, until this is dropped.
struct Sleeping(Child);

impl Drop for Sleeping {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_that_does_not_serve_gets_no_signal() {
    let address = start(keeps_for_ever);
    let mut sleeping = Sleeping(Command::new("sleep").arg("60").spawn().unwrap());
    let pid = sleeping.0.id().to_string();
    let examined = examine(address, &["--stage", "stop", "--pid", &pid]);
    let (outcome, told) = examined.stage("stop");
    assert_eq!((outcome, examined.code), ("not_tried", Some(0)), "{examined:#?}");
    assert!(told.contains("gets no SIGTERM"), "{told}");
    assert!(sleeping.0.try_wait().unwrap().is_none(), "it still sleeps");
}

/// The path is not answered at all, or the big one is not.
#[test]
fn each_path_is_judged_by_its_own_answers() {
    let address = start(|listener| {
        on_threads(listener, |mut stream| while head(&mut stream).is_some() {});
    });
    let examined = examine(address, &["--stage", "second", "--patience", "200ms"]);
    assert_eq!((examined.stage("second").0, examined.code), ("not_tried", Some(1)));

    let address = start(|listener| {
        on_threads(listener, |mut stream| {
            while let Some(head) = head(&mut stream) {
                if !head.starts_with(b"GET /big ") {
                    let _ = stream.write_all(answer_to(&head));
                }
            }
        });
    });
    let arguments = ["--stage", "second,slow-reader", "--patience", "300ms", "--big-path", "/big"];
    let examined = examine(address, &arguments);
    assert_eq!((examined.stage("second").0, examined.code), ("passed", Some(0)), "{examined:#?}");
    let (outcome, told) = examined.stage("slow-reader");
    assert!(outcome == "not_tried" && told.contains("a GET for /big is not"), "{outcome}: {told}");
    let answers = examined.report["answers"].to_string();
    assert!(answers.contains("a GET for / is answered by status 200"), "{answers}");
    assert!(answers.contains("a GET for /big is not answered"), "{answers}");
}

#[test]
fn what_the_examiners_machine_refuses_is_not_the_servers_failure() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let script = "ulimit -n 150 && exec \"$0\" exam \"$1\" --stage many,crowd";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_herd"), &address]);
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("0 passed, 0 failed, 2 not tried."), "{told}");
    assert_eq!(told.matches("(ulimit -").count(), 2, "{told}");
}

/// Root's process 1 may not be looked at by others: so that is not the server's failure either.
#[test]
fn a_process_of_another_user_is_not_tried() {
    let server = Server::start(&[]);
    let mut command = herd(server.address());
    command.args(["--stage", "descriptors,stop", "--pid", "1"]);
    if rustix::process::geteuid().is_root() {
        let copy = std::env::temp_dir().join(format!("herd-judgement-{}", std::process::id()));
        std::fs::copy(env!("CARGO_BIN_EXE_herd"), &copy).unwrap();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = Command::new(&copy);
        command.args(arguments).uid(65534);
        let output = command.output();
        let _ = std::fs::remove_file(copy);
        assert_unreadable(output.unwrap());
    } else {
        assert_unreadable(command.output().unwrap());
    }
}

fn assert_unreadable(output: std::process::Output) {
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("0 passed, 0 failed, 2 not tried."), "{told}");
    assert_eq!(told.matches("cannot read the process 1: Permission denied").count(), 2, "{told}");
}

/// The body is the same for the two answers from which the exam learns, and another for each later one.
#[test]
fn a_page_that_changes_is_not_compared() {
    static ANSWERS: AtomicUsize = AtomicUsize::new(0);
    let address = start(|listener| {
        on_threads(listener, |mut stream| {
            while head(&mut stream).is_some() {
                let number = ANSWERS.fetch_add(1, Ordering::Relaxed).max(1);
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{number:06}");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
    });
    let examined = examine(address, &["--stage", "second,pieces"]);
    assert_eq!(examined.code, Some(0), "{examined:#?}");
    let (outcome, told) = examined.stage("second");
    assert!(outcome == "passed" && told.contains("bodies change with time"), "{outcome}: {told}");
    assert_eq!(examined.stage("pieces").0, "passed", "{examined:#?}");
}

#[test]
fn a_slow_reader_or_a_crowd_that_was_not_there_passes_nothing() {
    let ten_answers = |listener: TcpListener| {
        on_threads(listener, |mut stream| {
            for _ in 0..9 {
                let Some(_) = head(&mut stream) else { return };
                let _ = stream.write_all(OK);
            }
            let _ = head(&mut stream);
            let last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
            let _ = stream.write_all(last);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        });
    };
    let examined = examine(start(ten_answers), &["--stage", "slow-reader"]);
    let (outcome, told) = examined.stage("slow-reader");
    assert!(outcome == "not_tried" && told.contains("it answers 10 of"), "{outcome}: {told}");

    let impatient = |listener: TcpListener| {
        on_threads(listener, |mut stream| {
            stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            if let Some(head) = head(&mut stream) {
                let _ = stream.write_all(answer_to(&head));
            }
        });
    };
    let examined = examine(start(impatient), &["--stage", "crowd", "--silent", "1500"]);
    let (outcome, told) = examined.stage("crowd");
    assert!(outcome == "not_tried" && told.contains("have been closed"), "{outcome}: {told}");
}

/// Reads a request's content of 16 MiB in parts.
fn content(stream: &mut TcpStream, mut each: impl FnMut(&mut TcpStream, &[u8])) {
    let (mut part, mut left) = (vec![0; 128 * 1024], 16 * 1024 * 1024);
    while left > 0 {
        let wanted = part.len().min(left);
        let Ok(len @ 1..) = stream.read(&mut part[..wanted]) else { return };
        each(stream, &part[..len]);
        left -= len;
    }
}

#[test]
fn an_upload_may_take_as_long_as_it_goes_on() {
    let slow = |listener: TcpListener| {
        on_threads(listener, |mut stream| {
            while let Some(head) = head(&mut stream) {
                if head.starts_with(b"POST") {
                    content(&mut stream, |_, part| {
                        thread::sleep(Duration::from_nanos(part.len() as u64 * 120));
                    });
                }
                let _ = stream.write_all(OK);
            }
        });
    };
    let examined = examine(start(slow), &["--stage", "upload", "--patience", "500ms"]);
    assert_eq!(examined.stage("upload"), ("passed", "status 200"), "{examined:#?}");

    let echo = |listener: TcpListener| {
        on_threads(listener, |mut stream| {
            while let Some(head) = head(&mut stream) {
                if head.starts_with(b"POST") {
                    let _ =
                        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1 << 24);
                    content(&mut stream, |stream, part| {
                        let _ = stream.write_all(part);
                    });
                } else {
                    let _ = stream.write_all(answer_to(&head));
                }
            }
        });
    };
    let examined = examine(start(echo), &["--stage", "upload", "--patience", "1s"]);
    assert_eq!(examined.stage("upload"), ("passed", "status 200"), "{examined:#?}");
}

#[test]
fn a_report_that_cannot_be_written_is_known_before_the_exam() {
    let server = Server::start(&[]);
    let mut command = herd(server.address());
    let output = command.args(["--json", "/nonexistent/a.json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}
