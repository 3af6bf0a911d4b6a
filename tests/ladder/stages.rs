//! What a server is asked to do, from the first step to the last. Each stage after the first is what
//! breaks the step before.
//!
//! Most of them are stages of `herd exam`; what is left is what only a program of the ladder promises.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::exam::examine;
use crate::program::Program;

/// What is asked of a program.
#[derive(Clone, Copy)]
pub enum Stage {
    /// Something of its own.
    Own(&'static str, fn(&Program) -> Result<(), String>),
    /// A stage of the exam, by name, and the options that it needs.
    Exam(&'static str, &'static [&'static str]),
}

/// In the order of the steps that learn to pass them.
pub const STAGES: [Stage; 10] = [
    Stage::Own("it answers what is typed", one_client),
    Stage::Exam("second", &[]),
    Stage::Own("200 silent clients have one thread", a_crowd_on_one_thread),
    Stage::Exam("rest", &[]),
    Stage::Exam("pieces", &[]),
    Stage::Exam("slow-reader", &[]),
    // The less time, the less likely that a busy machine stops the one who never stops asking.
    Stage::Exam("endless", &["--patience", "1s"]),
    // The longest of the steps' own times is the server's, 10 s for a head.
    Stage::Exam("silence", &["--idle-limit", "13s"]),
    Stage::Exam("descriptors", &[]),
    Stage::Exam("upload", &[]),
];

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Stage::Own(name, _) | Stage::Exam(name, _) => name,
        }
    }

    /// What the program does wrong, if anything.
    pub fn ask(self, program: &Program) -> Result<(), String> {
        let (name, options) = match self {
            Stage::Own(_, ask) => return ask(program),
            Stage::Exam(name, options) => (name, options),
        };
        let pid = program.pid().to_string();
        let examined =
            examine(program.address(), &[&["--stage", name, "--pid", &pid], options].concat());
        match examined.stage(name) {
            ("passed", _) => Ok(()),
            ("failed", told) => Err(told.to_owned()),
            (outcome, told) => panic!("{name}: {outcome}: {told}"),
        }
    }
}

const TEXT: &str = "This is the server respose! :)";

fn one_client(program: &Program) -> Result<(), String> {
    ask(program, b"hello\r\n")
}

fn a_crowd_on_one_thread(program: &Program) -> Result<(), String> {
    let _silent: Vec<TcpStream> = (0..200).map(|_| program.connect()).collect();
    thread::sleep(Duration::from_millis(300));
    match program.threads() {
        1 => Ok(()),
        threads => Err(format!("it has {threads} threads")),
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
