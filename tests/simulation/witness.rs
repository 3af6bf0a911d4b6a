//! What one connection has been asked and told: every whole request is answered exactly once, in
//! order, with the right bytes.
//!
//! It stands at the system calls, where nothing has been lost yet, and compares what the server
//! has consumed, handled and written with the model of framing and the model of answers. Whatever
//! does not fit is told as a sentence, at the call that does not fit. [`owed`] is what the
//! answers are while they are under way, [`logged`] what the access log has to tell of them.

mod logged;
mod owed;

use std::collections::VecDeque;
use std::rc::Rc;

use oneloop::{CloseReason, Request};

pub use self::logged::Logged;
use self::owed::Due;
use crate::answers::{CONTINUE, Manner, Refusal};
use crate::framing::{Asked, Leave, Meaning, Message, Persistence};
use crate::hub::Life;
use crate::memory::in_pages;
use crate::script::Script;
use crate::shown::{Cause, Shown};
use crate::streamed::Streamed;
use crate::watch::Part;

/// Something that the server must not do.
pub type Wrong = String;

#[derive(Debug)]
pub struct Witness {
    script: Rc<Script>,
    manner: Rc<Manner>,
    /// Bytes that the server has read.
    pub consumed: usize,
    /// Messages that the handler was given, as a request or as a fault.
    pub handled: usize,
    /// The last answer is given, and the connection will end for this.
    pub last: Option<CloseReason>,
    /// Bytes that the server has written.
    pub written: usize,
    /// Answers, or parts of one, that are given and not all written.
    due: VecDeque<Due>,
    /// Bytes written of the first of them, or of a 100.
    begun: usize,
    /// Where each final answer ends, among the bytes written.
    ends: Vec<usize>,
    /// The messages whose content was given leave to be sent, and where the 100 ends.
    continues: Vec<(usize, usize)>,
    /// The most bytes that were due at once since there were none.
    due_bytes_peak: usize,
    pub largest_answer: usize,
    /// The body of the last answer given, if more of that is to come.
    streamed: Option<Streamed>,
    /// The last answer has not begun: which message it is to, and what that asked for.
    late: Option<(usize, Asked)>,
    /// The last answer has ended by a piece of no bytes, with nothing before it to be written.
    hushed: bool,
    /// Answers whose body was sent from a file.
    pub files: u64,
    /// Answers whose body came over time, and the pieces of all of them.
    pub streams: u64,
    pub pieces: u64,
    /// The pieces of the last one.
    asked: u64,
    /// What the access log has to tell of it.
    pub logged: Logged,
}

impl Witness {
    pub fn new(script: Rc<Script>, manner: Rc<Manner>) -> Witness {
        Witness {
            script,
            manner,
            consumed: 0,
            handled: 0,
            last: None,
            written: 0,
            due: VecDeque::new(),
            begun: 0,
            ends: Vec::new(),
            continues: Vec::new(),
            due_bytes_peak: 0,
            largest_answer: 0,
            streamed: None,
            late: None,
            hushed: false,
            files: 0,
            streams: 0,
            pieces: 0,
            asked: 0,
            logged: Logged::default(),
        }
    }

    fn next(&self) -> Option<&Message> {
        let is_whole = self.streamed.is_none() && self.late.is_none() && !self.owes_file();
        let may_follow = self.last.is_none() && is_whole;
        self.script.messages.get(self.handled).filter(|_| may_follow)
    }

    /// The handler is given a whole request.
    pub fn on_request(
        &mut self,
        request: &Request<'_>,
        life: Life,
        date: &str,
    ) -> Result<(), Wrong> {
        let (method, target) = (request.method().as_str(), request.target());
        let told = |what: &str| format!("{method} {target} is handled, {what}");
        let message = self.next().ok_or_else(|| told("and nothing is left to be"))?;
        let Meaning::Request(asked) = &message.meaning else {
            return Err(told(&format!("and by the model it is {:?}", message.meaning)));
        };
        if self.consumed < message.end {
            return Err(told(&format!("before it is whole, {} bytes in", self.consumed)));
        }
        let (asked, bytes_behind) = (asked.clone(), self.consumed - message.end);
        let same = (method, target) == (asked.method.as_str(), asked.target.as_str());
        // A text does not depend on content: that of which only a part came at first is dropped.
        let is_dropped = self.manner.drops_content() && request.body().is_empty();
        if !same || !is_dropped && request.body() != &asked.body[..] {
            return Err(told(&format!("and asked was {asked:?}")));
        }
        if self.manner.pause(&asked).is_some() {
            self.logged.on_late(&asked);
            self.late = Some((self.handled, asked));
            self.handled += 1;
            return Ok(());
        }
        self.answer(&asked, bytes_behind, life, date);
        self.handled += 1;
        Ok(())
    }

    /// The answer begins that was to begin later. Says which message it is to.
    pub fn on_late(&mut self, life: Life, date: &str) -> Result<usize, Wrong> {
        let (message, asked) = self.late.take().ok_or("an answer begins, and none is to begin")?;
        if self.owes() {
            return Err("an answer begins before those before it are out".to_owned());
        }
        let bytes_behind = self.consumed - self.script.messages[message].end;
        self.logged.begin();
        self.answer(&asked, bytes_behind, life, date);
        Ok(message)
    }

    fn answer(&mut self, asked: &Asked, bytes_behind: usize, life: Life, date: &str) {
        let persistence = match self.manner.ends_connection(asked) {
            true => Persistence::Close,
            false => persistence(asked, life, bytes_behind),
        };
        self.streamed = self.manner.streamed(asked);
        self.streams += u64::from(self.is_streaming());
        self.asked = 0;
        let file_bytes = self.manner.file_bytes(asked);
        self.files += u64::from(file_bytes > 0);
        let answer = self.manner.answer(asked, persistence, date);
        self.logged.on_answer(Some(asked), &answer);
        self.give(answer.bytes, file_bytes);
        self.end_with(persistence);
    }

    /// The handler panics over the next request. It may have made the answer before.
    pub fn on_panic(&mut self) {
        if let Some(Message { meaning: Meaning::Request(asked), .. }) = self.next() {
            let (asked, bytes) = (asked.clone(), self.manner.bytes_about(asked));
            self.logged.on_panic(&asked);
            self.largest_answer = self.largest_answer.max(bytes);
        }
    }

    /// The handler is given a whole request by a method that is not liked.
    fn on_unsupported(&mut self, shown: Shown, life: Life, date: &str) -> Result<(), Wrong> {
        let message = self.next().ok_or("a fault, and nothing is left to be handled")?;
        if let Leave::Refused(statuses) = &message.leave
            && self.consumed == message.head_end
            && statuses.contains(&shown.status)
        {
            self.refuse(shown, CloseReason::Fault, date);
            return Ok(());
        }
        match &message.meaning {
            Meaning::Unsupported(asked, status) if *status == shown.status => {
                if self.consumed < message.end {
                    return Err(format!("{:?} before the request is whole", shown.kind));
                }
                let persistence = persistence(asked, life, self.consumed - message.end);
                let asked = asked.clone();
                let refusal = refusal(shown, persistence);
                let file_bytes = self.manner.refusal_file_bytes(&refusal);
                self.files += u64::from(file_bytes > 0);
                let answer = self.manner.refuse(&refusal, date);
                self.logged.on_answer(Some(&asked), &answer);
                self.give(answer.bytes, file_bytes);
                self.handled += 1;
                self.end_with(persistence);
                Ok(())
            }
            other @ (Meaning::Request(_)
            | Meaning::Unsupported(..)
            | Meaning::Faulty(_)
            | Meaning::Unfinished) => {
                Err(format!("{:?}, and by the model it is {other:?}", shown.kind))
            }
        }
    }

    /// The handler is given bytes that are no acceptable request.
    pub fn on_fault(&mut self, shown: Shown, life: Life, date: &str) -> Result<(), Wrong> {
        match shown.cause {
            Cause::Method => return self.on_unsupported(shown, life, date),
            Cause::Stalled(part) => {
                let in_head = part == Part::Head;
                let late =
                    if in_head { CloseReason::HeadTimeout } else { CloseReason::BodyTimeout };
                return self.on_unfinished(shown, part, late, date);
            }
            Cause::Unfinished(part) => {
                return self.on_unfinished(shown, part, CloseReason::Fault, date);
            }
            Cause::Bytes => {}
        }
        let message = self.next().ok_or("a fault, and nothing is left to be handled")?;
        let statuses = match (&message.meaning, &message.leave) {
            (Meaning::Faulty(statuses), _) if self.consumed >= message.end => statuses,
            (_, Leave::Refused(statuses)) if self.consumed == message.head_end => statuses,
            (other, _) => {
                let (kind, consumed) = (shown.kind, self.consumed);
                return Err(format!("{kind:?} at {consumed}, and by the model it is {other:?}"));
            }
        };
        // What is shown reaches to the byte that decides, or is the whole head.
        let received = message.head_end.min(message.end) - message.start;
        if !statuses.contains(&shown.status) || shown.received != received {
            return Err(format!("{shown:?}, but it is {statuses:?} at {received} bytes"));
        }
        self.refuse(shown, CloseReason::Fault, date);
        Ok(())
    }

    /// The handler is given what will not become a request any more, because of time or the end.
    fn on_unfinished(
        &mut self,
        shown: Shown,
        part: Part,
        reason: CloseReason,
        date: &str,
    ) -> Result<(), Wrong> {
        let message = self.next().ok_or("a fault, and nothing is left to be handled")?;
        let came = self.consumed.saturating_sub(message.start);
        let fits = match part == Part::Head {
            // Half an empty line is shown, too, whatever would have become of it.
            true => shown.received == came || came == 0 && shown.received == 1,
            false => shown.received <= came && message.start + shown.received >= message.head_end,
        };
        if !fits || self.consumed >= message.end {
            return Err(format!("{shown:?}, and {came} bytes have come of {message:?}"));
        }
        self.refuse(shown, reason, date);
        Ok(())
    }

    fn refuse(&mut self, shown: Shown, reason: CloseReason, date: &str) {
        let refusal = refusal(shown, Persistence::Close);
        let file_bytes = self.manner.refusal_file_bytes(&refusal);
        self.files += u64::from(file_bytes > 0);
        let answer = self.manner.refuse(&refusal, date);
        self.logged.on_answer(None, &answer);
        self.give(answer.bytes, file_bytes);
        self.handled += 1;
        self.last = Some(reason);
    }

    fn end_with(&mut self, persistence: Persistence) {
        if persistence == Persistence::Close {
            self.last = Some(CloseReason::Answered);
        }
    }

    /// Whether the next message's peer may be told to go on: it waits for that, its content is
    /// not here, and it has not been told before.
    fn may_continue(&self) -> bool {
        let told = self.continues.iter().any(|(message, _)| *message == self.handled);
        let waits =
            |message: &Message| message.leave == Leave::Given && self.consumed == message.head_end;
        !told && self.next().is_some_and(waits)
    }

    /// What the server has all it needs for, and does not do, when it waits for its peer.
    pub fn neglected(&self) -> Option<&'static str> {
        if self.owes() {
            return Some("an answer is given and not sent");
        }
        if self.hushed {
            return Some("an answer has ended, and nothing comes of that");
        }
        let message = self.next()?;
        let refused = matches!(message.leave, Leave::Refused(_));
        match self.consumed {
            consumed if consumed >= message.end => Some("a whole request is not answered"),
            consumed if refused && consumed == message.head_end => {
                Some("leave to send is not refused")
            }
            _ if self.may_continue() => Some("leave to send is not given"),
            _ => None,
        }
    }

    /// How many bytes belong to messages that were handled.
    pub fn answered_to(&self) -> usize {
        let last = self.handled.checked_sub(1).map(|last| self.script.messages[last].end);
        // What was given up in the middle ends where that was.
        last.unwrap_or(self.script.requests_at()).min(self.consumed)
    }

    /// Whether the last request that was handled said that it is the last.
    pub fn close_is_asked(&self) -> bool {
        let last = self.handled.checked_sub(1).map(|last| &self.script.messages[last].meaning);
        match last {
            Some(Meaning::Request(asked) | Meaning::Unsupported(asked, _)) => {
                asked.persistence == Persistence::Close
            }
            Some(Meaning::Faulty(_) | Meaning::Unfinished) | None => false,
        }
    }

    /// The most memory that this client can need, in bytes: half a request in memory that grows
    /// by doubling, and answers. If it has a turn to come, nothing of what is kept need have been
    /// looked at.
    pub fn memory_max(&self, has_turn_to_come: bool) -> usize {
        let half = match self.last {
            Some(_) => 0,
            None => self.consumed - self.answered_to(),
        };
        let waits = has_turn_to_come || self.is_answering();
        let half = match self.next() {
            // What lies behind answers that are not out is not looked at yet.
            Some(message) if self.manner.drops_content() && !waits => {
                half.min(message.head_end.saturating_sub(self.answered_to()))
            }
            Some(_) | None => half,
        };
        let input = if half == 0 { 0 } else { (2 * half).max(SMALLEST_INPUT_BYTES) };
        let boxes = if half == 0 && !self.owes() { 0 } else { BOXED_BYTES };
        let has_source = self.is_streaming() || self.is_late() || self.owes_file();
        let source = if has_source { SOURCE_BYTES } else { 0 };
        in_pages(input) + in_pages(self.due_bytes_peak + CONTINUE.len()) + boxes + source
    }

    /// How many messages are answered in the first `received` bytes.
    pub fn answers_in(&self, received: usize) -> usize {
        self.ends.partition_point(|end| *end <= received)
    }

    /// Whether the peer of the message that waits at `position` has been told to go on.
    pub fn has_leave(&self, position: usize, received: usize) -> bool {
        let of_message = |(message, end): &(usize, usize)| {
            self.script.messages[*message].head_end == position && *end <= received
        };
        self.continues.iter().any(of_message)
    }

    /// How many 100s have been written.
    pub fn continues(&self) -> usize {
        self.continues.len()
    }
}

/// The smallest memory that is taken for half a request, in bytes.
const SMALLEST_INPUT_BYTES: usize = 128;

/// What a client that waits in the middle of something has beside its bytes: where they are, and
/// how far its content has come.
const BOXED_BYTES: usize = 256;

/// What one has whose answer comes over time, or from a file: the source, and how far it has come.
const SOURCE_BYTES: usize = 256;

/// What is said of the connection in the answer to a message with so many bytes behind it.
fn persistence(asked: &Asked, life: Life, bytes_behind: usize) -> Persistence {
    match life {
        Life::Announcing | Life::Draining if bytes_behind == 0 => Persistence::Close,
        Life::Announcing | Life::Draining | Life::Running => asked.persistence,
    }
}

fn refusal(shown: Shown, persistence: Persistence) -> Refusal {
    Refusal {
        status: shown.status,
        text: shown.text,
        of_method: shown.cause == Cause::Method,
        head_only: shown.head_only,
        persistence,
    }
}
