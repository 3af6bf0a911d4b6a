//! Asks the server once before the crowd does: whether it is there, and what a right answer is.
//!
//! This is the only part that blocks. Nobody else waits yet.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::arguments::Refusal;

use crate::clock::Clock;
use crate::kind::Kind;
use crate::load::answer::{Checker, Expected, Partial, Taken};
use crate::plan::Plan;
use crate::words;

/// A server that takes longer for a single answer has nothing to gain from a crowd.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the crowd has to expect.
#[derive(Debug)]
pub struct Lessons {
    /// Of a GET.
    pub get: Expected,
    /// Of a POST.
    pub post: Expected,
    /// Of a GET for the big path.
    pub big: Expected,
    /// How long an answer to that is, head and all.
    pub big_answer_bytes: usize,
    /// What was learned, in a sentence each.
    pub said: Vec<String>,
}

/// One answer.
struct Lesson {
    status: u16,
    body: Vec<u8>,
    answer_bytes: usize,
}

/// Learns what the plan does not say.
pub fn learn(plan: &Plan) -> Result<Lessons, Refusal> {
    let host = plan.server.to_string();
    let mut lessons = Lessons {
        get: Expected::Any,
        post: Expected::Any,
        big: Expected::Any,
        big_answer_bytes: 1,
        said: Vec::new(),
    };
    match &plan.expected {
        Some(body) => {
            connect(plan)?;
            let expected = Expected::Exactly { status: 200, body: body.clone() };
            (lessons.get, lessons.post) = (expected.clone(), expected);
        }
        None => {
            let request = words::get(&plan.path, &host, "");
            lessons.get = lessons.learn_from("GET", &plan.path, ask(plan, &request)?).0;
            if plan.group(Kind::Post).clients > 0 {
                let request = words::post_with_length(&plan.path, &host);
                lessons.post = lessons.learn_from("POST", &plan.path, ask(plan, &request)?).0;
            }
        }
    }
    let slow_readers = [Kind::NeverRead, Kind::SlowRead].map(|kind| plan.group(kind).clients);
    if slow_readers != [0, 0] {
        let request = words::get(&plan.big_path, &host, "");
        let lesson = ask(plan, &request)?;
        (lessons.big, lessons.big_answer_bytes) = lessons.learn_from("GET", &plan.big_path, lesson);
    }
    Ok(lessons)
}

impl Lessons {
    /// What further answers have to be after this one, and how long they are.
    fn learn_from(&mut self, method: &str, path: &str, lesson: Lesson) -> (Expected, usize) {
        let Lesson { status, body, answer_bytes } = lesson;
        let told = format!("{method} {path}: expecting status {status} and {} bytes", body.len());
        if !self.said.contains(&told) {
            self.said.push(told);
        }
        (Expected::Exactly { status, body: body.into() }, answer_bytes)
    }
}

/// One request and its answer.
fn ask(plan: &Plan, request: &[u8]) -> Result<Lesson, Refusal> {
    let mut stream = connect(plan)?;
    let failed = |what: String| {
        Refusal::System(format!("the first request to {} failed: {what}", plan.server))
    };
    stream.write_all(request).map_err(|reason| failed(reason.to_string()))?;
    let (mut checker, mut partial) = (Checker::learning(), Partial::Nothing);
    let (mut answer_bytes, mut input, clock) = (0, vec![0; 64 * 1024], Clock::start());
    loop {
        let left = clock.left(PATIENCE);
        if left.is_zero() {
            return Err(failed(format!(
                "the answer is not complete after {} s",
                PATIENCE.as_secs()
            )));
        }
        let received = stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut input));
        let received = match received {
            Ok(received) => received,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(failed(error.to_string())),
        };
        if received == 0 {
            return match checker.end(&mut partial) {
                Ok(Some(answer)) => {
                    let body = checker.into_learned();
                    Ok(Lesson { status: answer.status, body, answer_bytes })
                }
                Ok(None) => {
                    Err(failed("the server closed the connection without an answer".into()))
                }
                Err(wrong) => Err(failed(wrong.reason)),
            };
        }
        let mut bytes = &input[..received];
        while !bytes.is_empty() {
            match checker.take(&mut partial, bytes).map_err(|wrong| failed(wrong.reason))? {
                Taken::Whole(len, answer) => {
                    let body = checker.into_learned();
                    let answer_bytes = answer_bytes + len;
                    return Ok(Lesson { status: answer.status, body, answer_bytes });
                }
                Taken::Part(len) => {
                    answer_bytes += len;
                    bytes = &bytes[len..];
                }
            }
        }
    }
}

fn connect(plan: &Plan) -> Result<TcpStream, Refusal> {
    TcpStream::connect_timeout(&plan.server, PATIENCE)
        .map_err(|reason| Refusal::System(format!("cannot connect to {}: {reason}", plan.server)))
}
