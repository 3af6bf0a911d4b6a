//! Everything that one peer says, and what it has to be answered.

use std::net::IpAddr;

use oneloop::{CloseReason, FaultKind, Limits};

use super::Stop;
use super::chunks::Chunks;
use super::control::{self, Control, Framing, Persistence};
use super::ending::Rest;
use super::head::{self, Head};
use crate::instrumented::handler::{Manner, Shown};
use crate::instrumented::server::PEER;

/// What a peer says, as far as it has been read.
#[derive(Debug)]
pub struct Conversation {
    pub events: Vec<Event>,
    /// What a client may make the server hold once so many bytes have come, in bytes: a place for
    /// each length of the input, zero included.
    pub held: Vec<usize>,
    /// Whether some client may wait for leave to send, so that its bytes' cuts matter.
    pub depends_on_cuts: bool,
    /// Where the first request begins: behind the PROXY header, if there is one.
    pub requests_at: usize,
    /// After how many bytes they are no PROXY header: the connection is closed right then.
    pub closed_at: Option<usize>,
    /// The client that the PROXY header tells of.
    pub(super) told: Option<IpAddr>,
    pub(super) rest: Rest,
}

/// Something that the server has to answer.
#[derive(Debug)]
pub struct Event {
    /// How many bytes it takes to know: it is answered as soon as they are here.
    pub at: usize,
    pub answer: Answer,
}

/// What the server has to answer.
#[derive(Debug)]
pub enum Answer {
    /// A 100.
    Continue,
    /// What the handler makes of this request.
    Request { shown: Shown, persistence: Persistence },
    /// What the handler makes of a fault. `received` is what it is shown.
    Fault { kinds: Vec<FaultKind>, received: Vec<u8>, persistence: Persistence },
}

impl Conversation {
    /// Reads `input`. `is_alone` says of a place in it whether a client could be waiting there:
    /// whether what stands before it came without what stands behind it.
    pub fn read(input: &[u8], limits: &Limits, is_alone: &dyn Fn(usize) -> bool) -> Conversation {
        Reader::new(input, limits, is_alone).messages()
    }

    /// How many final answers there are.
    pub fn served(&self) -> usize {
        self.events.iter().filter(|event| !matches!(event.answer, Answer::Continue)).count()
    }
}

pub(super) struct Reader<'a> {
    pub(super) input: &'a [u8],
    limits: &'a Limits,
    is_alone: &'a dyn Fn(usize) -> bool,
    /// Where the message begins that is being read.
    pub(super) at: usize,
    pub(super) conversation: Conversation,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        input: &'a [u8],
        limits: &'a Limits,
        is_alone: &'a dyn Fn(usize) -> bool,
    ) -> Reader<'a> {
        let conversation = Conversation {
            events: Vec::new(),
            held: vec![0; input.len() + 1],
            depends_on_cuts: false,
            requests_at: 0,
            closed_at: None,
            told: None,
            rest: Rest::Idle,
        };
        Reader { input, limits, is_alone, at: 0, conversation }
    }

    pub(super) fn messages(mut self) -> Conversation {
        while self.is_open() && self.at < self.input.len() {
            self.message();
        }
        self.conversation
    }

    fn is_open(&self) -> bool {
        !matches!(self.conversation.rest, Rest::Over(_))
    }

    /// Reads an empty line or a message, or as much of it as there is.
    fn message(&mut self) {
        let input = &self.input[self.at..];
        let is_first = self.conversation.events.is_empty();
        if input.starts_with(b"\r\n") {
            self.hold(1);
            return self.empty_line(is_first);
        }
        if input == b"\r" && !is_first {
            self.hold(1);
            return self.wait(Rest::Idle);
        }
        let head = match head::read(input, self.limits) {
            Ok(head) => head,
            Err(Stop::More) => {
                self.hold(input.len());
                return self.wait(Rest::Head(self.as_shown(input.len())));
            }
            Err(Stop::Fault { kinds, at }) => {
                self.hold(at);
                return self.refuse(kinds, at, self.as_shown(at));
            }
        };
        self.hold(head.len);
        let received = self.as_shown(head.len);
        match control::judge(&head) {
            Ok(control) => self.content(head, control, received),
            Err(kinds) => self.refuse(kinds, head.len, received),
        }
    }

    /// RFC 9112 §2.2: it is ignored. Before the first request somebody has begun to type.
    fn empty_line(&mut self, is_first: bool) {
        self.at += 2;
        self.conversation.held[self.at] = 0;
        if !is_first {
            return;
        }
        if self.at - self.conversation.requests_at > self.limits.head_bytes_max {
            self.at -= 2;
            return self.refuse(vec![FaultKind::HeadTooLarge], 2, b"\r\n".to_vec());
        }
        self.conversation.rest = Rest::Head(Vec::new());
    }

    /// A head is whole; what comes of it, and of the content behind it?
    fn content(&mut self, head: Head, control: Control, received: Vec<u8>) {
        let behind = &self.input[self.at + head.len..];
        let too_large = matches!(control.framing,
            Framing::Length(length) if length > self.limits.body_bytes_max as u64);
        let may_wait = control.expects && control.framing != Framing::Length(0);
        self.conversation.depends_on_cuts |= may_wait;
        let waits = may_wait && (self.is_alone)(self.at + head.len);
        if too_large || (waits && control.method_fault.is_some()) {
            // Its client waits for leave to send, and gets the refusal instead.
            let mut kinds = vec![FaultKind::BodyTooLarge];
            if waits {
                kinds.extend(control.method_fault);
            }
            if !too_large {
                kinds.remove(0);
            }
            return self.refuse(kinds, head.len, received);
        }
        if waits {
            let at = self.at + head.len;
            self.conversation.events.push(Event { at, answer: Answer::Continue });
        }
        // No handler sees the content of a request whose method is refused, so none of it is kept.
        let kept = |content| if control.method_fault.is_none() { content } else { &[][..] };
        match control.framing {
            Framing::Length(length) => {
                let length = usize::try_from(length).expect("it is below a limit");
                let held: Vec<usize> = (1..=behind.len()).map(|came| head.len + came).collect();
                self.hold_behind(head.len, &held[..length.min(held.len())]);
                match behind.get(..length) {
                    Some(body) => self.request(head, control, body.to_vec(), length),
                    None => self.wait(Rest::Body([&received, kept(behind)].concat())),
                }
            }
            Framing::Chunked => {
                let mut chunks = Chunks::new(behind, self.limits);
                let read = chunks.read();
                let Chunks { content, growth, at, .. } = chunks;
                let held: Vec<usize> = growth.iter().map(|content| head.len + content).collect();
                self.hold_behind(head.len, &held);
                match read {
                    Ok(()) => self.request(head, control, content, at),
                    Err(Stop::More) => self.wait(Rest::Body([&received, kept(&content)].concat())),
                    Err(Stop::Fault { kinds, at }) => {
                        self.refuse(kinds, head.len + at, received);
                    }
                }
            }
        }
    }

    /// A request is whole: its content took so many bytes.
    fn request(&mut self, head: Head, control: Control, body: Vec<u8>, content_bytes: usize) {
        self.at += head.len + content_bytes;
        self.conversation.held[self.at] = 0;
        let persistence = control.persistence;
        let (answer, ends) = match control.method_fault {
            Some(kind) => {
                let (kinds, received) = (vec![kind], head.method.into_bytes());
                (Answer::Fault { kinds, received, persistence }, false)
            }
            None => {
                let ends = Manner::of(&control.path) == Manner::Close;
                let shown = Shown {
                    method: head.method,
                    target: head.target,
                    path: control.path,
                    query: control.query,
                    version: head.version,
                    fields: head.fields,
                    body,
                    client: self.conversation.told.or(Some(PEER.into())),
                };
                let persistence = if ends { Persistence::Close } else { persistence };
                (Answer::Request { shown, persistence }, ends)
            }
        };
        let over = ends || persistence == Persistence::Close;
        self.conversation.rest = if over { Rest::Over(CloseReason::Answered) } else { Rest::Idle };
        self.conversation.events.push(Event { at: self.at, answer });
    }

    /// The message cannot become a request any more, after so many bytes of it. Where the next
    /// one would begin cannot be known, so this is the end.
    fn refuse(&mut self, kinds: Vec<FaultKind>, bytes: usize, received: Vec<u8>) {
        self.at += bytes;
        self.conversation.held[self.at] = 0;
        let answer = Answer::Fault { kinds, received, persistence: Persistence::Close };
        self.conversation.events.push(Event { at: self.at, answer });
        self.conversation.rest = Rest::Over(CloseReason::Fault);
    }

    /// The input ends in the middle of something.
    pub(super) fn wait(&mut self, rest: Rest) {
        self.at = self.input.len();
        self.conversation.rest = rest;
    }

    /// Of the message's first bytes all that have come are held.
    pub(super) fn hold(&mut self, bytes: usize) {
        for came in 1..=bytes {
            self.conversation.held[self.at + came] = came;
        }
    }

    /// Behind a head of so many bytes, this is held after each byte more.
    fn hold_behind(&mut self, head_bytes: usize, held: &[usize]) {
        let start = self.at + head_bytes + 1;
        self.conversation.held[start..start + held.len()].copy_from_slice(held);
    }

    /// The message's first bytes as a handler is shown them: a higher minor version is 1.
    fn as_shown(&self, bytes: usize) -> Vec<u8> {
        let input = &self.input[self.at..];
        let mut shown = input[..bytes].to_vec();
        if let Some(digit) = head::higher_minor(input, self.limits).filter(|digit| *digit < bytes) {
            shown[digit] = b'1';
        }
        shown
    }
}
