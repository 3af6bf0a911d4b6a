//! Requests whose content is not whole in the input, or has to be decoded first: it is awaited, asked
//! for, dropped or refused.

use std::ops::Range;

use super::context::Context;
use super::machine::Connection;
use super::partial::InputUse;
use super::state::State;
use crate::answer::handler::{ContentPlan, Handler};
use crate::buffer::kept::Kept;
use crate::config::RECEIVE_BYTES;
use crate::http::body::{Content, ContentProgress, ContentUse, join_chunks};
use crate::http::control::{Control, Framing, Persistence};
use crate::http::encode;
use crate::http::fault::FaultKind;
use crate::http::parse::{self, FieldRoom, Head, Missing};
use crate::http::request::Request;
use crate::work;

impl Connection {
    /// What is done with content that is not whole yet. If no handler sees the request, its content
    /// is dropped without asking one, and the connection goes on behind it.
    #[cold]
    #[inline(never)]
    pub(super) fn content_plan<H: Handler>(
        &self,
        head: &Head<'_>,
        control: &Control<'_>,
        context: &mut Context<'_, H>,
    ) -> ContentPlan {
        let Ok(method) = control.method else { return ContentPlan::Drop };
        context.common.note_request(head, &self.caller, &self.parked);
        let request = Request {
            method,
            head,
            target: &control.target,
            body: &[],
            caller: &self.caller,
            parked: &self.parked,
            surroundings: &context.common.surroundings,
            now: context.now,
            date: context.common.date.at(),
        };
        let plan = context.handler.content_plan(&request);
        if let Some(notes) = &mut context.common.notes {
            notes.withdraw();
        }
        plan
    }

    /// Answers a request whose content the handler refuses. What the client sends of it is thrown
    /// away: so the answer is the connection's last.
    #[cold]
    pub(super) fn answer_without_content<H: Handler>(
        &mut self,
        head: &Head<'_>,
        control: &Control<'_>,
        context: &mut Context<'_, H>,
    ) -> InputUse {
        let closing = Control { persistence: Persistence::Close, ..*control };
        self.answer(head, &closing, &[], 0, context);
        self.state.on_input_left();
        InputUse::Consumed(head.len)
    }

    /// The client waits for leave to send its content: a 100, or the answer that refuses it.
    pub(super) fn leave_to_send<H: Handler>(
        &mut self,
        head: &Head<'_>,
        control: &Control<'_>,
        content_use: ContentUse,
        input: &[u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        let content = control.method.and_then(|_| {
            Content::new(head.len, control.framing, content_use, &context.common.limits)
        });
        match content {
            Ok(content) => {
                context.common.output.encoded().extend_from_slice(encode::CONTINUE);
                context.common.metrics.continues += 1;
                if let Some(notes) = &mut context.common.notes {
                    notes.on_interim(encode::CONTINUE.len());
                }
                self.state.on_continue(Box::new(content));
                InputUse::Kept(input.len())
            }
            Err(kind) => self.refuse(kind, input, context),
        }
    }

    /// A head is whole, and its content is dropped. Nothing in `input` is moved for that: so if the
    /// content is whole, too, the head need not be parsed again.
    pub(super) fn begin_dropping<H: Handler>(
        &mut self,
        head: &Head<'_>,
        control: &Control<'_>,
        input: &[u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        let limits = &context.common.limits;
        let content = Content::new(head.len, control.framing, ContentUse::Dropped, limits);
        let mut content = match content {
            Ok(content) => content,
            Err(kind) => return self.refuse(kind, &input[..head.len], context),
        };
        let end = match content.drop_arrived(&input[head.len..], limits) {
            Ok(end) => end,
            Err(kind) => return self.refuse(kind, &input[..head.len], context),
        };
        context.common.budget.spend(content.framing_bytes() * work::CHUNK_BYTE);
        match end {
            Some(content_bytes) => {
                let message_bytes = head.len + content_bytes;
                self.answer(head, control, &[], input.len() - message_bytes, context);
                InputUse::Consumed(message_bytes)
            }
            None => {
                self.state.on_partial_body(Box::new(content));
                InputUse::Kept(head.len)
            }
        }
    }

    /// Answers a request whose content is held, if all its chunks are in `input`. They are joined in
    /// memory of the engine's: behind the head, where [`Content`] moves them, they could not be without
    /// parsing the head again. If there is a fault, or more has to come, nothing is done.
    #[cold]
    pub(super) fn answer_joined<H: Handler>(
        &mut self,
        head: &Head<'_>,
        control: &Control<'_>,
        input: &[u8],
        context: &mut Context<'_, H>,
    ) -> Option<InputUse> {
        let Framing::Chunked = control.framing else { return None };
        // So much comes by one receive, and the engine keeps room for no more.
        let arrived = input.get(head.len..).filter(|_| input.len() <= RECEIVE_BYTES)?;
        let mut joined = std::mem::take(&mut context.common.joined);
        joined.clear();
        joined.reserve_exact(arrived.len());
        let looked = join_chunks(arrived, &mut joined, &context.common.limits);
        let (end, framing_bytes) = looked.unwrap_or_default();
        context.common.budget.spend(framing_bytes * work::CHUNK_BYTE);
        let used = end.map(|content_bytes| {
            let message_bytes = head.len + content_bytes;
            self.answer(head, control, &joined, input.len() - message_bytes, context);
            InputUse::Consumed(message_bytes)
        });
        context.common.joined = joined;
        used
    }

    /// A head is whole, and its content, which is held, is not, or has to be decoded first.
    pub(super) fn begin_body<H: Handler>(
        &mut self,
        head_bytes: usize,
        framing: Framing,
        input: &mut [u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        let mut content =
            match Content::new(head_bytes, framing, ContentUse::Held, &context.common.limits) {
                Ok(content) => content,
                Err(kind) => return self.refuse(kind, &input[..head_bytes], context),
            };
        let progress = content.take(input, &context.common.limits);
        context.common.budget.spend(content.framing_bytes() * work::CHUNK_BYTE);
        if let Ok(ContentProgress::Partial { .. }) = progress {
            self.state.on_partial_body(Box::new(content));
        }
        self.on_content(progress, head_bytes, input, context)
    }

    /// Some content has arrived behind a head of `head_bytes`.
    pub(super) fn on_content<H: Handler>(
        &mut self,
        progress: Result<ContentProgress, FaultKind>,
        head_bytes: usize,
        input: &[u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        let (content_bytes, message_bytes) = match progress {
            Ok(ContentProgress::Whole { content_bytes, message_bytes }) => {
                (content_bytes, message_bytes)
            }
            Ok(ContentProgress::Partial { kept }) => return InputUse::Kept(kept),
            Err(kind) => return self.refuse(kind, &input[..head_bytes], context),
        };
        let behind = input.len() - message_bytes;
        self.answer_whole(&input[..head_bytes + content_bytes], head_bytes, behind, context);
        InputUse::Consumed(message_bytes)
    }

    /// Answers a request whose content is whole: `message` is its head and its content.
    pub(super) fn answer_whole<H: Handler>(
        &mut self,
        message: &[u8],
        head_bytes: usize,
        bytes_behind: usize,
        context: &mut Context<'_, H>,
    ) {
        // The head is parsed again rather than kept in parsed form: that costs 100 ns for a body
        // that came in pieces, and saves every waiting client a table of its fields.
        let mut room = FieldRoom::new();
        let parsed = parse::head(&message[..head_bytes], &mut room, &context.common.limits);
        let parsed = parsed.map_err(Missing::kind);
        let known_host = &mut context.common.known_host;
        match parsed.and_then(|head| Ok((head, Control::of(&head, known_host)?))) {
            Ok((head, control)) => {
                self.answer(&head, &control, &message[head_bytes..], bytes_behind, context);
            }
            // The head was taken before, and is unchanged. But no bytes that a client sends may
            // end the server, whatever two readings of them come to.
            Err(kind) => _ = self.refuse(kind, &message[..head_bytes], context),
        }
    }

    /// Takes content that has arrived and is dropped: the head that it belongs to is kept, and the
    /// content need not be put behind it. Says which part of `received` is to be kept.
    #[cold]
    pub(super) fn drop_content<H: Handler>(
        &mut self,
        head: &mut Kept,
        received: &mut [u8],
        context: &mut Context<'_, H>,
    ) -> Range<usize> {
        let State::ReadingBody(content) = &mut self.state else {
            unreachable!("content only arrives where it is read")
        };
        let end = content.drop_arrived(received, &context.common.limits);
        context.common.budget.spend(content.framing_bytes() * work::CHUNK_BYTE);
        let end = match end {
            Ok(None) => return 0..0,
            Ok(Some(end)) => end,
            Err(kind) => {
                let _ = self.refuse(kind, &std::mem::take(head), context);
                return 0..0;
            }
        };
        let head = std::mem::take(head);
        self.answer_whole(&head, head.len(), received.len() - end, context);
        let left = self.advance(&mut received[end..], context);
        left.start + end..left.end + end
    }
}
