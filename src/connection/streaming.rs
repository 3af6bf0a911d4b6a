//! Answers whose body comes over time: when their sources are asked, and what follows from it.
//!
//! The server asks a source when it encodes the answer's head, and from then on whenever the last
//! piece is out and the source's time has come. So a connection never holds more than one piece.
//! Such answers are rare, and this code must not slow down the others: hence `cold`.
//!
//! A file is asked in the same way. Its pieces are sent as they are, or copied, and then treated
//! like a source's.

use super::context::{Common, Context, Phase};
use super::demand::{Demand, Unread};
use super::machine::Connection;
use super::state::{After, AfterAnswer, State, StateName};
use crate::answer::body_progress::BodyProgress;
use crate::answer::file::FilePiece;
use crate::answer::handler::Handler;
use crate::answer::source::{Asking, FRAMING_BYTES_MAX, Streaming};
use crate::answer::waker::SourceName;
use crate::metrics::CloseReason;
use crate::work;

impl Connection {
    /// What to do next in an answer whose body comes over time.
    #[cold]
    pub(super) fn body_demand(&self) -> Demand {
        let has_piece = matches!(
            &self.state,
            State::Writing(After::Source(body, _)) if body.piece().is_some()
        );
        if has_piece { Demand::SendFile } else { Demand::Send }
    }

    /// An answer is encoded, or its head is and a source gives the rest.
    #[cold]
    pub(super) fn on_answer<H>(
        &mut self,
        body: Option<Box<Streaming>>,
        then: AfterAnswer,
        context: &mut Context<'_, H>,
    ) {
        match body {
            None => {
                context.common.output.end_answer();
                self.state.on_answer(After::from(then));
            }
            Some(body) => {
                match &*body {
                    Streaming::Source(_) => context.common.metrics.streams += 1,
                    Streaming::File(_) => context.common.metrics.files += 1,
                    Streaming::Late(_) => return self.begin_pause(body, then, context),
                }
                if let Some(planned) = body.planned() {
                    context.common.on_planned(planned);
                }
                self.state.on_answer(After::Source(body, then));
                // The first piece goes out together with the head.
                self.ask_source(context);
                if let Some(notes) = &mut context.common.notes {
                    let streams = self.state.source().is_some();
                    notes.on_first_piece(streams, &context.common.output);
                }
            }
        }
    }

    /// Whether it waits for nothing but its disk.
    pub(crate) fn awaits_disk(&self) -> bool {
        matches!(&self.state, State::Pausing(body, _) if matches!(**body, Streaming::File(_)))
    }

    /// The source of this name was woken. Says whether it is this connection's, and the connection
    /// waits for nothing else.
    pub(crate) fn wake_source(&mut self, name: SourceName) -> bool {
        let is_woken = self.state.source().is_some_and(|body| body.wake(name));
        is_woken && self.state.name() == StateName::Pausing
    }

    /// The server stops: a source that waits is asked once more. Says whether there is one, and the
    /// connection waits for nothing else.
    pub(crate) fn wake_to_stop(&mut self) -> bool {
        let is_woken = self.state.source().is_some_and(|body| body.wake_to_stop());
        is_woken && self.state.name() == StateName::Pausing
    }

    /// What the source gave is out: if its time has come meanwhile, it is asked for more.
    #[cold]
    pub(super) fn on_piece_sent<H>(&mut self, context: &mut Context<'_, H>) {
        // What is due and is not asked for here, is asked for when deadlines are acted on.
        if self.state.source().is_some_and(|body| body.due() <= context.now)
            && context.common.budget.has_batch_left()
        {
            self.ask_source(context);
        }
    }

    /// Asks the source of the present answer for its next piece. If too much is owed for that, it
    /// is asked once that is out.
    #[cold]
    pub(super) fn ask_source<H>(&mut self, context: &mut Context<'_, H>) {
        if self.begin_late(context) {
            return;
        }
        let Common { output, limits, metrics, budget, wakers, driven, phase, .. } =
            &mut *context.common;
        let high_water = limits.output_bytes_high_water;
        let room = high_water.saturating_sub(output.len() + FRAMING_BYTES_MAX);
        let Some(body) = self.state.source().filter(|_| room >= high_water / 2) else { return };
        metrics.pieces += 1;
        let (now, piece_max, slot) = (context.now, limits.turn_bytes_max, *driven);
        let is_stopping = *phase == Phase::Stopping;
        let asking = Asking { now, room, piece_max, wakers, slot, is_stopping };
        let asked = body.ask(output.encoded(), asking);
        budget.spend(work::PIECE + body.work());
        if asked == BodyProgress::GoesOn
            && matches!(body, Streaming::File(_))
            && body.due() > context.now
        {
            metrics.file_pauses += 1;
        }
        match asked {
            // A piece that was found before is missing now.
            BodyProgress::GoesOn
                if output.is_empty() && self.state.name() == StateName::Writing =>
            {
                self.state.on_written();
            }
            BodyProgress::GoesOn if output.is_empty() => {}
            BodyProgress::GoesOn | BodyProgress::Piece => self.state.on_piece(),
            BodyProgress::Complete => {
                output.end_answer();
                self.state.on_last_piece();
            }
            BodyProgress::Broken => self.break_off(),
            // A reset tells the peer so at once.
            BodyProgress::Failed => self.on_close(CloseReason::Reset),
        }
    }

    /// The answer cannot be completed, so it is the last. Nothing behind it is processed, and what
    /// was kept of that is given back.
    fn break_off(&mut self) {
        self.state.on_source_broken();
        self.forget_input();
    }

    /// The piece of a file that is to be sent now. If it was found in an earlier turn it is looked
    /// for again, and there may be another demand then.
    #[cold]
    pub(crate) fn file_piece<H>(&mut self, context: &mut Context<'_, H>) -> Option<FilePiece<'_>> {
        let is_fresh = match self.state.source() {
            Some(Streaming::File(sending)) => sending.is_fresh(context.now),
            Some(Streaming::Source(_) | Streaming::Late(_)) | None => return None,
        };
        if !is_fresh {
            self.ask_source(context);
        }
        self.state.source().and_then(|body| body.piece())
    }

    /// The kernel has taken `bytes` bytes of the piece of a file; none: the file ends there.
    #[cold]
    #[inline(never)]
    pub(crate) fn on_file_sent<H: Handler>(
        &mut self,
        bytes: usize,
        unread: Unread,
        context: &mut Context<'_, H>,
    ) {
        context.common.metrics.sent_bytes += bytes as u64;
        let Some(Streaming::File(sending)) = self.state.source() else {
            unreachable!("a file is only sent where there is one")
        };
        let answers = match sending.advance(bytes) {
            BodyProgress::Piece => {
                return self.note_progress(bytes, context.common.timeouts.write, context);
            }
            BodyProgress::GoesOn => 0,
            BodyProgress::Complete => {
                self.state.on_last_piece();
                1
            }
            BodyProgress::Broken => {
                self.break_off();
                0
            }
            BodyProgress::Failed => unreachable!("what was sent has not failed"),
        };
        self.on_all_sent(answers, unread, context);
    }

    /// The kernel has taken `bytes` of the bytes that are owed before the piece of a file.
    #[cold]
    #[inline(never)]
    pub(crate) fn on_sent_before_file<H: Handler>(
        &mut self,
        bytes: usize,
        unread: Unread,
        context: &mut Context<'_, H>,
    ) {
        self.on_sent(bytes, unread, context);
    }
}
