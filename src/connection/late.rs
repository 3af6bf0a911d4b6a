//! Answers that begin some time after their handler has returned.
//!
//! Until then the connection pauses, as it does between two pieces of a source. Then it makes a new
//! reply of what was kept of the request, and goes on as if the handler had answered just now. What
//! the client has sent behind its request is kept meanwhile. Such answers are rare: hence `cold`.

use super::context::{Common, Context, Phase};
use super::machine::Connection;
use super::state::{After, AfterAnswer, Ending, State};
use crate::answer::source::{Late, Streaming};
use crate::http::control::Persistence;
use crate::metrics::CloseReason;
use crate::work;

impl State {
    /// Whether it waits for the time at which its answer begins.
    pub(super) fn awaits_answer(&self) -> bool {
        matches!(self, State::Pausing(body, _) if matches!(**body, Streaming::Late(_)))
    }

    /// The answer that begins later, if it waits for that.
    fn late(&mut self) -> Option<(&mut Late, AfterAnswer)> {
        let State::Pausing(body, then) = self else { return None };
        match &mut **body {
            Streaming::Late(late) => Some((late, *then)),
            Streaming::Source(_) | Streaming::File(_) => None,
        }
    }
}

impl Connection {
    /// The handler lets the client wait for its answer. Answers before it are sent first.
    pub(super) fn begin_pause<H>(
        &mut self,
        mut body: Box<Streaming>,
        then: AfterAnswer,
        context: &mut Context<'_, H>,
    ) {
        if let Streaming::Late(late) = &mut *body {
            late.begin(context.now);
        }
        if let Some(notes) = &mut context.common.notes {
            notes.on_pause();
        }
        self.state.on_answer(After::Source(body, then));
        if context.common.output.is_empty() {
            self.state.on_written();
        }
    }

    /// If the present answer has not begun, it begins now: says whether that is so.
    #[cold]
    #[inline(never)]
    pub(super) fn begin_late<H>(&mut self, context: &mut Context<'_, H>) -> bool {
        // Pipelined requests that are here already are answered before the end.
        let is_behind_all = self.kept().is_empty();
        let Some((late, then)) = self.state.late() else { return false };
        let Common { output, date, phase, notes, driven, .. } = &mut *context.common;
        let persistence = match phase {
            Phase::Announcing | Phase::Stopping if is_behind_all => Persistence::Close,
            Phase::Announcing | Phase::Stopping | Phase::Running => late.persistence,
        };
        if let Some(notes) = notes {
            notes.on_late(*driven);
        }
        let start = output.bytes_stacked();
        let begun = late.take().begin(output, date, persistence);
        context.common.on_answer(start, begun.body.is_some());
        context.common.budget.spend(work::ANSWER + begun.work);
        let is_last = begun.persistence == Persistence::Close;
        let then = then.or(is_last.then_some(Ending::Linger(CloseReason::Answered)));
        if then.is_some() {
            // Nothing after the last answer is processed.
            self.forget_input();
        }
        self.on_answer(begun.body, then, context);
        true
    }
}
