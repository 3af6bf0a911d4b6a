//! What the access log has to tell of one connection: a line for each answer, once and in order, when
//! the kernel has taken all of it or the connection has ended.
//!
//! The answers are those of the model, and what is taken of them is what the calls take. A line that
//! is read from the log is compared when the turn ends in which it was written.

use std::collections::VecDeque;

use oneloop::CloseReason;
use serde_json::Value;

use super::Wrong;
use crate::answers::Written;
use crate::framing::Asked;

/// Up to so many bytes of a target are shown, and of a method.
const TARGET_BYTES_MAX: usize = 1024;
const METHOD_BYTES_MAX: usize = 256;

/// What the log may hold of an answer beside the text of its request, in bytes.
const ANSWER_BYTES: usize = 384;

/// What it may hold of a request's text, in bytes.
const TEXT_BYTES_MAX: usize = 2560;

#[derive(Debug, Default)]
pub struct Logged {
    /// Answers that have not ended, in order.
    open: VecDeque<Open>,
    /// Lines of answers that have, and were not read from the log yet.
    due: VecDeque<Line>,
    /// Lines that were read, and not compared yet.
    read: VecDeque<Line>,
    answers: u64,
}

/// An answer that has not ended.
#[derive(Debug)]
struct Open {
    line: Line,
    /// How much of its head is not taken yet, and how much of all that was made of it, in bytes.
    head: usize,
    owed: usize,
    /// Its source has not kept to what was announced.
    is_broken: bool,
}

/// A line, as far as it is compared.
#[derive(Debug, PartialEq)]
struct Line {
    request: u64,
    /// The method and the target, if it was a request.
    asked: Option<(String, String)>,
    /// Zero if no answer was given.
    status: u64,
    /// Those of the body that were taken.
    bytes: u64,
    ended: String,
}

/// How answers come to be, and go on.
impl Logged {
    /// An answer is given, or the head of one.
    pub fn on_answer(&mut self, asked: Option<&Asked>, answer: &Written) {
        self.open(asked, answer.status.into(), answer.head_bytes, answer.bytes.len());
    }

    /// A request is answered later. Until then its answer has no status.
    pub fn on_late(&mut self, asked: &Asked) {
        self.open(Some(asked), 0, 0, 0);
    }

    /// The answer begins that was to begin later: it is the last.
    pub fn begin(&mut self) {
        if let Some(Open { line, .. }) = self.open.pop_back() {
            self.answers = line.request - 1;
        }
    }

    /// The handler panics over a request, and gives no answer.
    pub fn on_panic(&mut self, asked: &Asked) {
        self.open(Some(asked), 0, 0, 0);
    }

    fn open(&mut self, asked: Option<&Asked>, status: u64, head: usize, owed: usize) {
        self.answers += 1;
        let asked = asked.map(|asked| (asked.method.clone(), asked.target.clone()));
        let asked = asked.map(|(method, target)| {
            (shown(method, METHOD_BYTES_MAX), shown(target, TARGET_BYTES_MAX))
        });
        let line = Line { request: self.answers, asked, status, bytes: 0, ended: String::new() };
        self.open.push_back(Open { line, head, owed, is_broken: false });
    }

    /// More of the last answer is made.
    pub fn on_piece(&mut self, bytes: usize) {
        self.last().owed += bytes;
    }

    /// The last answer will not be whole, because of its source.
    pub fn on_broken(&mut self) {
        self.last().is_broken = true;
    }

    fn last(&mut self) -> &mut Open {
        self.open.back_mut().expect("an answer with a source has not ended")
    }

    /// The kernel takes more bytes of answers. All of them belong to one.
    pub fn on_taken(&mut self, bytes: usize) {
        let open = self.open.iter_mut().find(|open| open.owed > 0).expect("bytes of an answer");
        open.owed -= bytes;
        let of_head = bytes.min(open.head);
        open.head -= of_head;
        open.line.bytes += (bytes - of_head) as u64;
    }

    /// Answers that are out have ended; of the last one, more may come from its source.
    pub fn on_step(&mut self, is_streaming: bool) {
        while let Some(first) = self.open.front()
            && first.owed == 0
            && first.line.status > 0
            && (self.open.len() > 1 || !is_streaming)
        {
            self.end_first("whole");
        }
    }

    /// The connection has ended.
    pub fn on_end(&mut self, reason: CloseReason) {
        while !self.open.is_empty() {
            self.end_first(word(reason));
        }
    }

    fn end_first(&mut self, ended: &str) {
        if let Some(Open { mut line, is_broken, .. }) = self.open.pop_front() {
            let ended = if is_broken { word(CloseReason::SourceBroken) } else { ended };
            line.ended = ended.to_owned();
            self.due.push_back(line);
        }
    }
}

/// What the log tells.
impl Logged {
    /// This was read from it.
    pub fn on_line(&mut self, line: &Value) -> Result<(), Wrong> {
        let number = |name: &str| {
            line[name].as_u64().ok_or_else(|| format!("a line of the log without {name}: {line}"))
        };
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        self.read.push_back(Line {
            request: number("request")?,
            asked: text("method").zip(text("target")),
            status: number("status")?,
            bytes: number("bytes")?,
            ended: text("ended").ok_or_else(|| format!("a line does not say why: {line}"))?,
        });
        Ok(())
    }

    /// A turn is over: the log has told of each answer that has ended in it, and of nothing else.
    pub fn compare(&mut self) -> Result<(), Wrong> {
        loop {
            match (self.due.pop_front(), self.read.pop_front()) {
                (Some(due), Some(read)) if due == read => {}
                (Some(due), Some(read)) => {
                    return Err(format!("the log tells {read:?}\n instead of {due:?}"));
                }
                (Some(due), None) => return Err(format!("the log does not tell {due:?}")),
                (None, Some(read)) => return Err(format!("the log tells of no answer: {read:?}")),
                (None, None) => return Ok(()),
            }
        }
    }

    /// How much memory the log may hold for this connection, in bytes. What it holds grows by
    /// doubling.
    pub fn memory_max(&self, request_bytes: usize) -> usize {
        let text = self.open.len() * request_bytes.min(TEXT_BYTES_MAX);
        2 * (self.open.len() * ANSWER_BYTES + text)
    }
}

fn shown(text: String, bytes_max: usize) -> String {
    match text.len() > bytes_max {
        true => format!("{}...", &text[..bytes_max]),
        false => text,
    }
}

/// How a line says this, said independently of the server.
fn word(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Answered => "answered",
        CloseReason::Fault => "fault",
        CloseReason::HeadTimeout => "head-timeout",
        CloseReason::BodyTimeout => "body-timeout",
        CloseReason::WriteTimeout => "write-timeout",
        CloseReason::SourceBroken => "source-broken",
        CloseReason::HandlerPanicked => "handler-panicked",
        CloseReason::CutOff => "cut-off",
        CloseReason::Reset => "reset",
        CloseReason::Evicted => "evicted",
        CloseReason::PeerClosed
        | CloseReason::FirstByteTimeout
        | CloseReason::IdleTimeout
        | CloseReason::FileBroken
        | CloseReason::NoProxyHeader
        | CloseReason::Drained => panic!("no answer ends by {reason:?}"),
        unknown => panic!("nothing is known of {unknown:?}"),
    }
}
