//! The passage from reading to writing: input in, calls of the handler, answers out.
//!
//! All whole requests are answered into the same output, in the order in which they came, before
//! anything is sent. Nothing here waits, and only the state carries anything from one call to the
//! next.

use std::ops::Range;

use super::context::{Common, Context, Phase};
use super::demand::Demand;
use super::machine::{Backlog, Connection};
use super::partial::{InputUse, head_end};
use super::state::{After, AfterAnswer, Ending, HeadEnd, State};
use crate::answer::handler::{BodyTransfer, ContentPlan, Handler, Reply};
use crate::http::body::ContentUse;
use crate::http::chars::is_field_value_byte;
use crate::http::control::{Control, Expectation, Framing, Persistence};
use crate::http::fault::{Fault, FaultKind};
use crate::http::method::Version;
use crate::http::parse::{self, FieldRoom, Head, Missing};
use crate::http::request::Request;
use crate::metrics::CloseReason;
use crate::work;

impl Connection {
    /// Answers every whole request in `input`, as long as the output has room and the client's
    /// budget lasts, and says which part of the input is to be kept. What is encoded has still to be
    /// sent by that budget.
    pub(super) fn advance<H: Handler>(
        &mut self,
        input: &mut [u8],
        context: &mut Context<'_, H>,
    ) -> Range<usize> {
        let mut left = 0..input.len();
        while !left.is_empty()
            && let Common { output, limits, budget, .. } = &*context.common
            && output.has_room(limits.output_bytes_high_water.min(budget.left()))
        {
            let look = if self.state.expects_head() {
                self.read_head(&mut input[left.clone()], context)
            } else if let State::ReadingBody(content) = &mut self.state {
                let progress = content.take(&mut input[left.clone()], &context.common.limits);
                let head_bytes = content.head_bytes();
                context.common.budget.spend(content.framing_bytes() * work::CHUNK_BYTE);
                self.on_content(progress, head_bytes, &input[left.clone()], context)
            } else if let State::ReadingProxyHeader = self.state {
                self.read_proxy_header(&input[left.clone()], context)
            } else {
                break;
            };
            match look {
                InputUse::Consumed(bytes) => left.start += bytes,
                InputUse::Kept(bytes) => {
                    left.end = left.start + bytes;
                    return left;
                }
            }
        }
        if left.is_empty() {
            return left;
        }
        if self.state.ending().is_some() {
            // Nothing after the last answer is processed.
            self.state.on_input_left();
            return 0..0;
        }
        if self.demand() == Demand::Receive {
            self.backlog = Backlog::Input;
        }
        left
    }

    /// Looks for a head at the start of `input`, and goes on from there if it is whole.
    fn read_head<H: Handler>(
        &mut self,
        input: &mut [u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        if input[0] == b'\r'
            && let Some(used) = self.read_empty_line(input, context)
        {
            return used;
        }
        if let State::ReadingHead(head) = self.state
            && head.place == HeadEnd::Value
            && input.len() < context.common.limits.head_bytes_max
            && let Some(new) = input.get(head.looked as usize..)
            && new.iter().all(|byte| is_field_value_byte(*byte))
        {
            return self.await_head(input, HeadEnd::Value, context);
        }
        let mut room = FieldRoom::new();
        let (head_bytes, framing) = match parse::head(input, &mut room, &context.common.limits) {
            Ok(head) => {
                let control = match Control::of(&head, &mut context.common.known_host) {
                    Ok(control) => control,
                    Err(kind) => return self.refuse(kind, &input[..head.len], context),
                };
                // The usual case: everything is here, and nothing has to be decoded.
                if let Some(body) = undecoded_body(&head, control.framing, input, context) {
                    let consumed = head.len + body.len();
                    self.answer(&head, &control, body, input.len() - consumed, context);
                    return InputUse::Consumed(consumed);
                }
                let content_use = match self.content_plan(&head, &control, context) {
                    ContentPlan::Hold => ContentUse::Held,
                    ContentPlan::Drop => ContentUse::Dropped,
                    ContentPlan::Refuse => {
                        return self.answer_without_content(&head, &control, context);
                    }
                };
                if control.expectation == Expectation::Continue && input.len() == head.len {
                    return self.leave_to_send(&head, &control, content_use, input, context);
                }
                if content_use == ContentUse::Dropped {
                    return self.begin_dropping(&head, &control, input, context);
                }
                if let Some(used) = self.answer_joined(&head, &control, input, context) {
                    return used;
                }
                (head.len, control.framing)
            }
            Err(Missing::More) => {
                return self.await_head(input, head_end(input), context);
            }
            Err(Missing::HigherMinor(at)) => {
                input[at] = b'1';
                return InputUse::Consumed(0);
            }
            Err(Missing::Fault(kind, at)) => {
                context.common.budget.spend(at * work::FAULTY_BYTE);
                return self.refuse(kind, &input[..at], context);
            }
        };
        self.begin_body(head_bytes, framing, input, context)
    }

    /// An empty line before a request, or half of one, begins nothing.
    #[cold]
    fn read_empty_line<H: Handler>(
        &mut self,
        input: &[u8],
        context: &mut Context<'_, H>,
    ) -> Option<InputUse> {
        match input {
            [b'\r', b'\n', ..] => Some(self.drop_empty_line(input, context)),
            b"\r" if self.state.is_between_requests() => Some(InputUse::Kept(1)),
            _ => None,
        }
    }

    /// Lets the handler answer one whole request, behind which `bytes_behind` more bytes have come.
    pub(super) fn answer<H: Handler>(
        &mut self,
        head: &Head<'_>,
        control: &Control<'_>,
        body: &[u8],
        bytes_behind: usize,
        context: &mut Context<'_, H>,
    ) {
        let persistence = match context.common.phase {
            // Pipelined requests that are here already are answered before the end.
            Phase::Announcing | Phase::Stopping if bytes_behind == 0 => Persistence::Close,
            Phase::Announcing | Phase::Stopping | Phase::Running => control.persistence,
        };
        let start = context.common.output.bytes_stacked();
        context.common.note_request(head, &self.caller, &self.parked);
        let reply = Reply {
            output: &mut context.common.output,
            date: &context.common.date,
            transfer: BodyTransfer::Content,
            version: head.version,
            persistence,
            allow: None,
        };
        let sent = match control.method {
            Ok(method) => {
                context.common.metrics.requests += 1;
                let reply = Reply { transfer: BodyTransfer::of_answer_by(method), ..reply };
                let request = Request {
                    method,
                    head,
                    target: &control.target,
                    body,
                    caller: &self.caller,
                    parked: &self.parked,
                    surroundings: &context.common.surroundings,
                    now: context.now,
                    date: context.common.date.at(),
                };
                context.handler.handle(&request, reply)
            }
            Err(kind) => {
                context.common.metrics.faults += 1;
                let received = head.method.as_bytes();
                let fault = Fault { kind, received, peer: &self.caller.peer };
                context.handler.handle_fault(&fault, Reply { allow: kind.allow(), ..reply })
            }
        };
        self.caller.count_served();
        context.common.on_answer(start, sent.body.is_some());
        context.common.budget.spend(work::ANSWER + head.len * work::HEAD_BYTE + sent.work());
        match sent.body {
            // The usual case again.
            None if sent.persistence != Persistence::Close => {
                context.common.output.end_answer();
                self.state.on_answer(After::Request);
            }
            body => {
                let then = what_comes_then(sent.persistence, control.persistence);
                self.on_answer(body, then, context);
            }
        }
    }

    /// Lets the handler answer an unacceptable request. The connection then ends, because it cannot
    /// be known where the next request would begin.
    pub(super) fn refuse<H: Handler>(
        &mut self,
        kind: FaultKind,
        received: &[u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        context.common.note_fault(received, self.caller.next_number(), &self.parked);
        let start = context.common.output.bytes_stacked();
        let reply = Reply {
            output: &mut context.common.output,
            date: &context.common.date,
            transfer: BodyTransfer::of_answer_to(received),
            version: Version::Http10,
            persistence: Persistence::Close,
            allow: kind.allow(),
        };
        let fault = Fault { kind, received, peer: &self.caller.peer };
        let sent = context.handler.handle_fault(&fault, reply);
        context.common.metrics.faults += 1;
        context.common.budget.spend(work::ANSWER + sent.work());
        self.caller.count_served();
        context.common.on_answer(start, sent.body.is_some());
        self.on_answer(sent.body, Some(Ending::behind_fault(kind)), context);
        InputUse::Consumed(received.len())
    }
}

/// What comes after an answer, by what it says and what its request asked for.
#[cold]
fn what_comes_then(said: Persistence, asked: Persistence) -> AfterAnswer {
    match (said, asked) {
        (Persistence::Keep | Persistence::KeepStated, _) => None,
        // A peer that asked for the end says nothing more. One that did not may be sending.
        (Persistence::Close, Persistence::Close) => Some(Ending::Close(CloseReason::Answered)),
        (Persistence::Close, Persistence::Keep | Persistence::KeepStated) => {
            Some(Ending::Linger(CloseReason::Answered))
        }
    }
}

/// The content of a request that is whole in `input` and needs no decoding.
fn undecoded_body<'b, H>(
    head: &Head<'_>,
    framing: Framing,
    input: &'b [u8],
    context: &Context<'_, H>,
) -> Option<&'b [u8]> {
    match framing {
        Framing::Length(length) => {
            let length = usize::try_from(length).ok()?;
            let behind = &input[head.len..];
            (length <= context.common.limits.body_bytes_max).then(|| behind.get(..length))?
        }
        Framing::Chunked => None,
    }
}
