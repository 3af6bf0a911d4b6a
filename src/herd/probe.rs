//! Sends a first request before the run: whether the server is there, and what a right answer is. If
//! it is not there, the run does not begin, which is a mistake of the command line: exit code 2.
//!
//! This is the only part that blocks: no other client is there yet.

use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::arguments::Refusal;
use crate::clock::Clock;
use crate::kind::Kind;
use crate::load::answer::{Checked, Checker, Content, Expected, Partial};
use crate::load::sources::{self, Buffers};
use crate::payloads;
use crate::plan::Plan;
use crate::resources::Resource;

/// How long the server may take for a first answer. One that takes longer alone needs no load.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the clients' answers must be.
#[derive(Debug)]
pub struct Expectations {
    /// Of a request for each resource.
    pub gets: Vec<Expected>,
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
struct FirstAnswer {
    status: u16,
    body: Vec<u8>,
    answer_bytes: usize,
}

/// Learns the expected answers that the plan does not give.
pub fn learn(plan: &Plan) -> Result<Expectations, Refusal> {
    let mut expectations = Expectations {
        gets: Vec::new(),
        post: Expected::Any,
        big: Expected::Any,
        big_answer_bytes: 1,
        said: Vec::new(),
    };
    match &plan.expected {
        Some(body) => {
            connect(plan)?;
            let status = plan.expected_status.unwrap_or(200);
            let expected = Expected::Exactly { status, body: body.clone() };
            expectations.gets = vec![expected.clone(); plan.resources.len()];
            expectations.post = expected;
        }
        None => {
            for resource in &plan.resources {
                let request = resource.request().bytes(&resource.fields);
                let question = (&*resource.method, &*resource.path, &*request);
                let (expected, _) = expectations.learn(question, plan)?;
                expectations.gets.push(expected);
            }
            if plan.wanted(Kind::Post).clients > 0 {
                let Resource { path, fields, .. } = plan.resource();
                let request = payloads::post_with_length(path, fields);
                expectations.post = expectations.learn(("POST", path, &request), plan)?.0;
            }
        }
    }
    let slow_readers = [Kind::NeverRead, Kind::SlowRead].map(|kind| plan.wanted(kind).clients);
    if slow_readers != [0, 0] {
        let request = payloads::get(&plan.big_path, &plan.resource().fields);
        (expectations.big, expectations.big_answer_bytes) =
            expectations.learn(("GET", &plan.big_path, &request), plan)?;
    }
    Ok(expectations)
}

impl Expectations {
    /// What answers have to be after the first one to this request, and how long they are.
    fn learn(
        &mut self,
        (method, path, request): (&str, &str, &[u8]),
        plan: &Plan,
    ) -> Result<(Expected, usize), Refusal> {
        let content = if method == "HEAD" { Content::Never } else { Content::Framed };
        let FirstAnswer { status, body, answer_bytes } = ask(plan, request, content)?;
        let remedy = match plan.expected_status {
            Some(expected) if expected == status => None,
            Some(expected) => {
                Some(format!("is not the {expected} of --expect-status; name {status}"))
            }
            None if status < 400 => None,
            None => Some(format!("is no success; add --expect-status {status} if you mean it")),
        };
        if let Some(remedy) = remedy {
            return Err(Refusal::Mistake(format!(
                "the first {method} {path} is answered by {status}, which {remedy}, or another \
                 --path"
            )));
        }
        let told = format!("{method} {path}: expecting status {status} and {} bytes", body.len());
        if !self.said.contains(&told) {
            self.said.push(told);
        }
        Ok((Expected::Exactly { status, body: body.into() }, answer_bytes))
    }
}

/// One request and its answer.
fn ask(plan: &Plan, request: &[u8], content: Content) -> Result<FirstAnswer, Refusal> {
    let mut stream = connect(plan)?;
    let failed = |what: String| {
        Refusal::Mistake(format!("the first request to {} failed: {what}", plan.server))
    };
    stream.write_all(request).map_err(|reason| failed(reason.to_string()))?;
    let (mut checker, mut partial) = (Checker::learning().with(content), Partial::Nothing);
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
            // Interrupted: this process was stopped, and goes on.
            Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => continue,
            Err(error) => return Err(failed(error.to_string())),
        };
        if received == 0 {
            return match checker.end(&mut partial) {
                Ok(Some(answer)) => {
                    let body = checker.into_learned();
                    Ok(FirstAnswer { status: answer.status, body, answer_bytes })
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
                Checked::Whole(len, answer) => {
                    let body = checker.into_learned();
                    let answer_bytes = answer_bytes + len;
                    return Ok(FirstAnswer { status: answer.status, body, answer_bytes });
                }
                Checked::Part(len) => {
                    answer_bytes += len;
                    bytes = &bytes[len..];
                }
            }
        }
    }
}

fn connect(plan: &Plan) -> Result<TcpStream, Refusal> {
    let cannot = |reason| {
        Refusal::Mistake(format!(
            "cannot connect to {}: {reason}; start the server, or name the place where it listens",
            plan.server
        ))
    };
    let server = plan.server.target();
    let mut stream = sources::connect_within(&server, Buffers::Usual, PATIENCE).map_err(cannot)?;
    if let Some(protocol) = plan.proxy_protocol {
        stream.write_all(&protocol.header(0)).map_err(cannot)?;
    }
    Ok(stream)
}
