//! What a server is asked to do, from the first step to the last. Each stage after the first is what
//! breaks the step before.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::Program;

pub struct Stage {
    pub name: &'static str,
    /// How many descriptors the program has; as many as it wants if this is none.
    pub descriptors: Option<u32>,
    pub asks: fn(&Program) -> Result<(), String>,
}

const fn stage(name: &'static str, asks: fn(&Program) -> Result<(), String>) -> Stage {
    Stage { name, descriptors: None, asks }
}

/// In the order of the steps that learn to pass them.
pub const STAGES: [Stage; 10] = [
    stage("it answers what is typed", one_client),
    stage("it answers a second client while the first is silent", beside_a_silent_one),
    stage("200 silent clients have one thread", a_crowd_on_one_thread),
    stage("it costs nothing while no client speaks", idle),
    stage("half a request waits for its rest", half_a_request),
    stage("a slow reader that has ended gets every answer", a_slow_reader),
    stage("it answers beside a client that sends without end", beside_an_endless_one),
    stage("a silent client is let go", silence_ends),
    Stage {
        name: "it answers when it has no descriptor left",
        descriptors: Some(64),
        asks: descriptors_gone,
    },
    stage("a refusal arrives though the client still sends", a_refusal_arrives),
];

const TEXT: &str = "This is the server respose! :)";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn one_client(program: &Program) -> Result<(), String> {
    ask(program, b"hello\r\n")
}

fn beside_a_silent_one(program: &Program) -> Result<(), String> {
    let _silent = program.connect();
    thread::sleep(Duration::from_millis(50));
    ask(program, REQUEST)
}

fn a_crowd_on_one_thread(program: &Program) -> Result<(), String> {
    let _silent: Vec<TcpStream> = (0..200).map(|_| program.connect()).collect();
    thread::sleep(Duration::from_millis(300));
    match program.threads() {
        1 => Ok(()),
        threads => Err(format!("it has {threads} threads")),
    }
}

fn idle(program: &Program) -> Result<(), String> {
    let _silent = program.connect();
    thread::sleep(Duration::from_millis(200));
    let before = program.ticks();
    thread::sleep(Duration::from_secs(1));
    match program.ticks() - before {
        0..=2 => Ok(()),
        ticks => Err(format!("{ticks} hundredths of a second of work")),
    }
}

fn half_a_request(program: &Program) -> Result<(), String> {
    let mut client = program.connect();
    let (first, second) = REQUEST.split_at(2);
    client.write_all(first).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut bytes = [0; 1024];
    match client.read(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        other => return Err(format!("after two bytes: {other:?}")),
    }
    client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    client.write_all(second).map_err(|error| error.to_string())?;
    expect_text(&mut client)
}

/// It pipelines more requests than the kernel has room for their answers, ends its direction, and reads
/// more than a second after it began. A server that waits for room does nothing meanwhile.
fn a_slow_reader(program: &Program) -> Result<(), String> {
    const REQUESTS: usize = 150_000;
    let mut client = program.connect();
    let mut writer = client.try_clone().unwrap();
    let sender = thread::spawn(move || {
        let sent = writer.write_all(&REQUEST.repeat(REQUESTS));
        sent.and_then(|()| writer.shutdown(Shutdown::Write)).is_ok()
    });
    thread::sleep(Duration::from_secs(1));
    let before = program.ticks();
    thread::sleep(Duration::from_millis(500));
    let ticks = program.ticks() - before;
    let answers = count_answers(&mut client, REQUESTS);
    let _ = client.shutdown(Shutdown::Both);
    match sender.join().unwrap() {
        true if answers == REQUESTS && ticks > 10 => {
            Err(format!("{ticks} hundredths of a second of work while it waited for room"))
        }
        true if answers == REQUESTS => Ok(()),
        _ => Err(format!("{answers} answers to {REQUESTS} requests")),
    }
}

/// Requests of 12 KiB, one behind the other, while others ask now and then.
fn beside_an_endless_one(program: &Program) -> Result<(), String> {
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(12 * 1024));
    let (stream, is_over) = (program.connect(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let many = request.repeat(20);
            let mut went = Ok(());
            while went.is_ok() && !is_over.load(Ordering::Relaxed) {
                went = (&stream).write_all(many.as_bytes());
            }
        });
        scope.spawn(|| while (&stream).read(&mut [0; 4096]).is_ok_and(|read| read > 0) {});
        thread::sleep(Duration::from_millis(300));
        let asked: Result<(), String> = (0..3).try_for_each(|_| ask(program, REQUEST));
        is_over.store(true, Ordering::Relaxed);
        let _ = stream.shutdown(Shutdown::Both);
        asked
    })
}

fn silence_ends(program: &Program) -> Result<(), String> {
    let mut silent = program.connect();
    silent.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    match silent.read(&mut [0; 64]) {
        Ok(0) => Ok(()),
        other => Err(format!("after 8 s: {other:?}")),
    }
}

fn descriptors_gone(program: &Program) -> Result<(), String> {
    let _silent: Vec<TcpStream> = (0..80).map(|_| program.connect()).collect();
    thread::sleep(Duration::from_millis(200));
    ask(program, REQUEST)
}

/// A line without an end: the client sends all of it before it reads.
fn a_refusal_arrives(program: &Program) -> Result<(), String> {
    let mut client = program.connect();
    for _ in 0..256 {
        client.write_all(&[b'x'; 4096]).map_err(|error| format!("while it sends: {error}"))?;
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).map_err(|error| format!("while it reads: {error}"))?;
    match answer.starts_with("HTTP/1.1 ") {
        true => Ok(()),
        false => Err(format!("it is told {answer:?}")),
    }
}

/// Asks once, and waits for one second.
fn ask(program: &Program, request: &[u8]) -> Result<(), String> {
    let mut client = program.connect();
    client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    client.write_all(request).map_err(|error| error.to_string())?;
    expect_text(&mut client)
}

/// One answer comes.
fn expect_text(client: &mut TcpStream) -> Result<(), String> {
    let (mut answer, mut bytes, began) = (Vec::new(), [0; 1024], Instant::now());
    while !String::from_utf8_lossy(&answer).contains(TEXT) {
        match client.read(&mut bytes) {
            Ok(1..) if began.elapsed() > Duration::from_secs(4) => return Err("too late".into()),
            Ok(0) => return Err(format!("the end, after {} bytes", answer.len())),
            Ok(read) => answer.extend(&bytes[..read]),
            Err(error) => return Err(format!("no answer: {error}")),
        }
    }
    Ok(())
}

/// How many answers come, up to this many.
fn count_answers(client: &mut TcpStream, most: usize) -> usize {
    let (mut answers, mut rest, mut bytes) = (0, Vec::new(), vec![0; 64 * 1024]);
    while answers < most
        && let Ok(read @ 1..) = client.read(&mut bytes)
    {
        rest.extend(&bytes[..read]);
        let text = String::from_utf8_lossy(&rest).into_owned();
        answers += text.matches(TEXT).count();
        let end = text.rfind(TEXT).map_or(0, |at| at + TEXT.len());
        rest.drain(..end);
    }
    answers
}
