//! The states of a connection, and every way from one to another.
//!
//! A state is a place where we wait for the peer; in `Pausing` we let it wait, until the time that
//! the source of its answer has named. Parsing is no state: it is the passage from reading to
//! writing, and never waits.
//!
//! ```text
//! accept ─> Fresh ── as Idle, but its deadline is that of the first byte ──> …
//!    │        ^ whole header
//!    └─> ReadingProxyHeader ── as Fresh; or no header ──> Closed
//!
//!             ┌───────────── written, and the connection is kept ────────────┐
//!             v                                                              │
//!           Idle ── first bytes ─> ReadingHead ── head ─> ReadingBody ─ body ─> Writing
//!             │                       │    │                 ^    │            │  │  │
//!             │                       │    └── whole request ┼────┼──> Writing │  │  │
//!             │                       │                      └────┼─ 100 sent ─┘  │  │
//!             │              fault,   │                   fault,  │               │  │
//!             │            stalled, EOF                stalled, EOF     written,  │  │ written,
//!             │                       └──────> Writing <──────────┘  input unread │  │ last answer
//!             │                                                                   v  │
//!             ├── EOF, deadline, evicted ──> Closed <────── EOF, deadline ────── Lingering
//!             └── drained ────────────────────────────────────────────────────────────^
//!
//! Writing ── written, and a source gives the rest ──> Pausing ── reset or cut off ──> Closed
//!    ^                                                   │
//!    └─────── its time has come: a piece, or the answer ─┘
//! ```
//!
//! Every transition is made in this file; [`machine`](super::machine) and its neighbours say when.
//! [`ARROWS`](arrows::ARROWS) is the diagram as a table, with the methods that walk each arrow. In
//! builds with debug assertions each transition is checked against it.
//!
//! HTTP/1.1 answers in order, so the machine is half-duplex: in `Writing` nothing is received.
//! Back-pressure then costs nothing; a peer that does not read its answers cannot send either.

use super::arrows;
pub(crate) use super::ending::Ending;
pub use super::name::StateName;
use crate::answer::source::Streaming;
use crate::http::body::{Content, ContentUse};
use crate::metrics::CloseReason;
use crate::time::Time;

/// Where a connection waits, with what belongs to the waiting.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing has come yet. Owns no memory, unless what came is put off.
    Fresh,
    /// A PROXY header has to come first: of it nothing has come, or not all.
    ReadingProxyHeader,
    /// Between requests. Owns no memory, unless half an empty line has come, or what came is put off.
    Idle,
    /// A head has begun to arrive.
    ReadingHead(PartialHead),
    /// The head is there, the content is not. Boxed: it is rare and would triple a slot's size.
    ReadingBody(Box<Content>),
    /// Bytes are owed to the peer.
    Writing(After),
    /// Everything owed is out, and the source of the present answer is to be asked for more when
    /// its time has come; or the answer is to begin then. Nothing is received meanwhile.
    Pausing(Box<Streaming>, AfterAnswer),
    /// The last answer is out, or the server stops and none is owed; and our side is closed. What
    /// the peer still says is counted and thrown away, because closing on unread input would make
    /// the kernel send a reset, which can destroy the answer before the peer has read it. This is
    /// the connection's `spans`th span of lingering.
    Lingering { discarded: usize, spans: u8, reason: CloseReason },
    /// It is over.
    Closed(CloseReason),
}

/// What is known of a head that has begun to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartialHead {
    /// When its first byte came: its deadline counts from there.
    pub(crate) began: Time,
    /// How much of it has been looked at, in bytes.
    pub(crate) looked: u32,
    /// Empty lines before it that have been dropped, in bytes.
    pub(crate) dropped: u32,
    pub(crate) place: HeadEnd,
}

/// Where the part of a head that has been looked at ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadEnd {
    /// Inside a field's value: more of the value can neither complete the head nor be a fault,
    /// so it need not be looked at.
    Value,
    /// Anywhere else.
    Other,
}

/// What comes when everything owed is written.
#[derive(Debug)]
pub(crate) enum After {
    /// The next request, part of which may be here already.
    Request,
    /// The request body: either the client waited for our `100 Continue`, or it follows pipelined
    /// answers.
    Body(Box<Content>),
    /// More of this answer, which its source has to be asked for.
    Source(Box<Streaming>, AfterAnswer),
    /// The end.
    End(Ending),
}

/// What comes when the present answer is written: the next request, if it is no end.
pub(crate) type AfterAnswer = Option<Ending>;

impl From<AfterAnswer> for After {
    fn from(then: AfterAnswer) -> After {
        then.map_or(After::Request, After::End)
    }
}

impl State {
    pub(crate) fn name(&self) -> StateName {
        match self {
            State::Fresh => StateName::Fresh,
            State::ReadingProxyHeader => StateName::ReadingProxyHeader,
            State::Idle => StateName::Idle,
            State::ReadingHead(_) => StateName::ReadingHead,
            State::ReadingBody(_) => StateName::ReadingBody,
            State::Writing(_) => StateName::Writing,
            State::Pausing(..) => StateName::Pausing,
            State::Lingering { .. } => StateName::Lingering,
            State::Closed(_) => StateName::Closed,
        }
    }

    /// Whether what comes next is a head.
    #[inline]
    pub(crate) fn expects_head(&self) -> bool {
        matches!(
            self,
            State::Fresh | State::Idle | State::ReadingHead(_) | State::Writing(After::Request)
        )
    }

    /// The PROXY header is whole.
    pub(crate) fn on_proxy_header(&mut self) {
        self.enter("on_proxy_header", State::Fresh);
    }

    /// Part of a head is here: `looked` bytes, which end at `place`.
    pub(crate) fn on_partial_head(&mut self, looked: u32, place: HeadEnd, now: Time) {
        assert!(self.expects_head(), "a head is only read where a request may begin");
        if let State::ReadingHead(head) = self {
            (head.looked, head.place) = (looked, place);
        } else if !matches!(self, State::Writing(_)) {
            let began = PartialHead { began: now, looked, dropped: 0, place };
            self.enter("on_partial_head", State::ReadingHead(began));
        }
        // Behind answers that are not sent yet it is looked at again once they are.
    }

    /// An empty line of `bytes` before the first request is dropped. The client has begun to send.
    /// Says how many bytes that makes in all.
    pub(crate) fn on_first_empty_line(&mut self, bytes: u32, now: Time) -> u32 {
        if let State::Fresh = self {
            self.on_partial_head(0, HeadEnd::Other, now);
        }
        let State::ReadingHead(head) = self else {
            unreachable!("before the first request nothing has been answered")
        };
        head.looked = 0;
        head.dropped += bytes;
        head.dropped
    }

    /// A head is whole and its content is not.
    pub(crate) fn on_partial_body(&mut self, content: Box<Content>) {
        assert!(self.expects_head(), "a body follows a head");
        let next = match self.name() == StateName::Writing {
            true => State::Writing(After::Body(content)),
            false => State::ReadingBody(content),
        };
        self.enter("on_partial_body", next);
    }

    /// A head is whole, and its client waits for the 100 that has just been encoded.
    pub(crate) fn on_continue(&mut self, content: Box<Content>) {
        self.enter("on_continue", State::Writing(After::Body(content)));
    }

    /// An answer has been encoded. More may be encoded behind it before anything is sent.
    #[inline(always)]
    pub(crate) fn on_answer(&mut self, after: After) {
        if self.expects_head() {
            return self.enter_from_bare("on_answer", State::Writing(after));
        }
        let may_begin = matches!(self, State::ReadingBody(_)) || self.awaits_answer();
        assert!(may_begin, "nothing is answered after the last answer");
        self.enter("on_answer", State::Writing(after));
    }

    /// What comes behind the present answer, if it is the last.
    pub(crate) fn ending(&mut self) -> Option<&mut Ending> {
        let (State::Writing(After::End(ending) | After::Source(_, Some(ending)))
        | State::Pausing(_, Some(ending))) = self
        else {
            return None;
        };
        Some(ending)
    }

    /// Input is left behind the last answer, so closing at once could destroy it.
    pub(crate) fn on_input_left(&mut self) {
        if let Some(ending) = self.ending()
            && let Ending::Close(reason) = *ending
        {
            *ending = Ending::Linger(reason);
        }
    }

    /// Whether a request was answered, or will be, before the next begins.
    pub(crate) fn is_between_requests(&self) -> bool {
        matches!(self, State::Idle | State::Writing(_))
    }

    /// Whether what arrives is content that is dropped.
    pub(crate) fn drops_content(&self) -> bool {
        matches!(self, State::ReadingBody(content) if content.content_use() == ContentUse::Dropped)
    }

    /// The source that is to be asked next, if the present answer comes from one.
    pub(crate) fn source(&mut self) -> Option<&mut Streaming> {
        let (State::Pausing(body, _) | State::Writing(After::Source(body, _))) = self else {
            return None;
        };
        Some(body)
    }

    /// The source has given a piece, and will be asked for more.
    pub(crate) fn on_piece(&mut self) {
        self.go_on_from_source("on_piece", After::Source);
    }

    /// The source has given its last piece, which may be empty. It is dropped.
    pub(crate) fn on_last_piece(&mut self) {
        self.go_on_from_source("on_last_piece", |_, then| After::from(then));
    }

    /// The source did not keep its word. What it gave before is still sent, and then the end.
    pub(crate) fn on_source_broken(&mut self) {
        self.go_on_from_source("on_source_broken", |body, then| match then {
            Some(Ending::PeerEnded(_)) => After::End(Ending::PeerEnded(body.broken())),
            None | Some(Ending::Close(_) | Ending::Linger(_)) => {
                After::End(Ending::Linger(body.broken()))
            }
        });
    }

    fn go_on_from_source(
        &mut self,
        by: &'static str,
        after: impl FnOnce(Box<Streaming>, AfterAnswer) -> After,
    ) {
        let before = self.name();
        let (State::Pausing(body, then) | State::Writing(After::Source(body, then))) =
            std::mem::replace(self, State::Idle)
        else {
            unreachable!("only a source that is there is asked")
        };
        self.enter_from(before, by, State::Writing(after(body, then)));
    }

    /// Everything owed has been written, but for the piece of a file that may come behind it.
    #[inline]
    pub(crate) fn on_written(&mut self) {
        if let State::Writing(After::Request) = self {
            return self.enter_from_bare("on_written", State::Idle);
        }
        self.on_written_before();
    }

    /// The same, where something else than the next request comes behind it. Kept off the way of
    /// every request.
    #[inline(never)]
    fn on_written_before(&mut self) {
        let State::Writing(after) = std::mem::replace(self, State::Idle) else {
            unreachable!("bytes are only owed in Writing");
        };
        let next = match after {
            After::Request => State::Idle,
            After::Body(content) => State::ReadingBody(content),
            After::Source(body, then) if body.piece().is_some() => {
                State::Writing(After::Source(body, then))
            }
            After::Source(body, then) => State::Pausing(body, then),
            After::End(Ending::Close(reason) | Ending::PeerEnded(reason)) => State::Closed(reason),
            After::End(Ending::Linger(reason)) => {
                State::Lingering { discarded: 0, spans: 1, reason }
            }
        };
        self.enter_from(StateName::Writing, "on_written", next);
    }

    /// The server stops, and nothing has come of the peer's next request: our side is closed.
    pub(crate) fn on_drained(&mut self) {
        assert!(self.name().is_idle(), "what has begun is brought to its end");
        let reason = CloseReason::Drained;
        self.enter("on_drained", State::Lingering { discarded: 0, spans: 1, reason });
    }

    /// The connection ends. The first reason stays.
    pub(crate) fn on_close(&mut self, reason: CloseReason) {
        let (State::Lingering { reason, .. } | State::Closed(reason)) = *self else {
            return self.enter("on_close", State::Closed(reason));
        };
        self.enter("on_close", State::Closed(reason));
    }

    fn enter(&mut self, by: &'static str, next: State) {
        self.enter_from(self.name(), by, next);
    }

    fn enter_from(&mut self, before: StateName, by: &'static str, next: State) {
        arrows::check(before, by, next.name());
        *self = next;
    }

    /// As [`State::enter`], from a state that owns nothing: dropping one means to look at what it
    /// owns, and this is on the way of every request.
    fn enter_from_bare(&mut self, by: &'static str, next: State) {
        debug_assert!(
            !matches!(
                self,
                State::ReadingBody(_)
                    | State::Pausing(..)
                    | State::Writing(After::Body(_) | After::Source(..))
            ),
            "what {self:?} owns would leak"
        );
        arrows::check(self.name(), by, next.name());
        std::mem::forget(std::mem::replace(self, next));
    }
}
