//! Bodies that come over time.
//!
//! A [`Source`] gives an answer's body piece by piece, and says each time when it wants to be asked
//! for more: at once, not before some time has passed, or never again. So a handler answers late,
//! slowly, for hours, or with more bytes than there is memory, on the one thread of the loop. Where
//! another part of the program knows when there is more, it wakes the source: see [`Waker`].
//!
//! This file has what a source sees, and how its pieces are framed. The connection decides when to
//! ask it.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::answer::body_progress::BodyProgress;
use crate::answer::file::{FilePiece, Sending};
use crate::answer::planned_fault::{BreakOff, Planned};
use crate::answer::waker::{SourceName, Waker, Wakers};
use crate::buffer::Output;
use crate::http::control::Persistence;
use crate::http::date::Date;
use crate::http::encode;
use crate::metrics::CloseReason;
use crate::time::Time;
use crate::work;

/// A source that had no bytes to give is asked again after this time at the earliest, whatever it
/// says: otherwise it would keep the loop from sleeping. A thousand times a second is prompt enough
/// for a source that watches for something elsewhere.
const EMPTY_PAUSE_MIN: Duration = Duration::from_millis(1);

/// The most that framing adds to a piece, in bytes: the line before it, the line end behind it,
/// and the last chunk.
pub(crate) const FRAMING_BYTES_MAX: usize = 32;

/// A body that comes over time: see [`ReplyHead::stream`](crate::ReplyHead::stream).
///
/// It is asked for its next piece only when the kernel has taken the piece before, so a client that
/// reads slowly slows its source down, and what waits to be sent is never more than one piece. It
/// runs on the loop, so it must not block; if nothing is ready, it returns [`Next::After`] and
/// checks again then, or [`Next::Wait`] and is woken. A panic in it is one of the
/// [handler](crate::Handler#panics).
///
/// When the connection ends early, because the client is gone for example, the server drops the
/// source. It notices at once when a client is lost while the source pauses. A client that has only
/// closed its side may still be reading; whether it is, the next piece shows.
///
/// When the server is told to stop, it asks each source that [waits](Next::Wait) once more, and
/// [`Piece::is_stopping`] says so from then on. A source that never ends keeps a stopping server for
/// [`Timeouts::drain`](crate::Timeouts::drain); then its client is reset.
///
/// A closure is a source. Some uses:
///
/// A body that comes late, behind a head that comes at once. Only its client waits for it. Where the head
/// is to wait as well, see [`Reply::after`](crate::Reply::after).
///
/// ```
/// use std::time::Duration;
/// use oneloop::{Next, Piece, Reply, Request, Sent};
///
/// fn late(_: &Request<'_>, reply: Reply<'_>) -> Sent {
///     let mut waited = false;
///     reply.stream(move |piece: &mut Piece<'_>| {
///         if !waited {
///             waited = true;
///             return Next::After(Duration::from_secs(2));
///         }
///         piece.append("here it is\n");
///         Next::Done
///     })
/// }
/// # fn serve(_: impl oneloop::Handler) {}
/// # serve(late);
/// ```
///
/// Server-sent events, one a second, as long as the browser listens:
///
/// ```
/// use std::io::Write;
/// use std::time::Duration;
/// use oneloop::{Next, Piece, Reply, Request, Sent};
///
/// fn events(_: &Request<'_>, reply: Reply<'_>) -> Sent {
///     let mut seconds = 0;
///     let fields = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")];
///     let reply = reply.field(fields[0].0, fields[0].1).field(fields[1].0, fields[1].1);
///     reply.stream(move |piece: &mut Piece<'_>| {
///         if piece.is_stopping() {
///             return Next::Done;
///         }
///         seconds += 1;
///         let _ = write!(piece, "data: {seconds} s have passed\n\n"); // a piece takes everything
///         Next::After(Duration::from_secs(1))
///     })
/// }
/// # fn serve(_: impl oneloop::Handler) {}
/// # serve(events);
/// ```
///
/// Events that another part of the program publishes, without delay, though nothing polls for them:
///
/// ```
/// use std::cell::RefCell;
/// use std::collections::VecDeque;
/// use std::rc::Rc;
/// use std::time::Duration;
/// use oneloop::{Next, Piece, Reply, Sent, Waker};
///
/// /// What one subscriber has not been sent yet, and what wakes its source.
/// #[derive(Default)]
/// struct Mailbox {
///     events: VecDeque<String>,
///     waker: Option<Waker>,
/// }
///
/// fn publish(subscribers: &[Rc<RefCell<Mailbox>>], event: &str) {
///     for subscriber in subscribers {
///         let mut mailbox = subscriber.borrow_mut();
///         mailbox.events.push_back(event.to_owned());
///         mailbox.waker.iter().for_each(Waker::wake);
///     }
/// }
///
/// fn subscribe(mailbox: Rc<RefCell<Mailbox>>, reply: Reply<'_>) -> Sent {
///     reply.field("Content-Type", "text/event-stream").stream(move |piece: &mut Piece<'_>| {
///         let mut mailbox = mailbox.borrow_mut();
///         mailbox.waker.get_or_insert_with(|| piece.waker());
///         match mailbox.events.pop_front() {
///             Some(event) => piece.append(format!("data: {event}\n\n")),
///             None if piece.is_stopping() => return Next::Done,
///             None if piece.is_first() => {}
///             None => piece.append(":\n\n"), // so that a client that is gone is noticed
///         }
///         if mailbox.events.is_empty() { Next::Wait(Duration::from_secs(30)) } else { Next::More }
///     })
/// }
/// # let _ = (publish, subscribe);
/// ```
///
/// The same from another thread. When the client is gone the source is dropped, so a `Weak` to what
/// the source owns tells that:
///
/// ```
/// use std::sync::{Arc, Mutex, Weak};
/// use std::time::Duration;
/// use oneloop::{Next, Piece, Reply, Sent, Waker};
///
/// #[derive(Default)]
/// struct Mailbox {
///     events: Vec<String>,
///     waker: Option<Waker>,
/// }
///
/// /// The handler and the other thread have a clone each.
/// type Subscribers = Arc<Mutex<Vec<Weak<Mutex<Mailbox>>>>>;
///
/// fn publish(subscribers: &Subscribers, event: &str) {
///     subscribers.lock().unwrap().retain(|subscriber| {
///         let Some(mailbox) = subscriber.upgrade() else { return false };
///         let mut mailbox = mailbox.lock().unwrap();
///         mailbox.events.push(event.to_owned());
///         mailbox.waker.iter().for_each(Waker::wake);
///         true
///     });
/// }
///
/// fn subscribe(subscribers: &Subscribers, reply: Reply<'_>) -> Sent {
///     let mailbox = Arc::new(Mutex::new(Mailbox::default()));
///     subscribers.lock().unwrap().push(Arc::downgrade(&mailbox));
///     reply.field("Content-Type", "text/event-stream").stream(move |piece: &mut Piece<'_>| {
///         let mut mailbox = mailbox.lock().unwrap();
///         mailbox.waker.get_or_insert_with(|| piece.waker());
///         for event in mailbox.events.drain(..) {
///             piece.append(format!("data: {event}\n\n"));
///         }
///         if piece.is_stopping() {
///             return Next::Done;
///         }
///         if piece.is_empty() {
///             piece.append(":\n\n"); // so that a client that is gone is noticed
///         }
///         Next::Wait(Duration::from_secs(30))
///     })
/// }
/// # let _ = (publish, subscribe);
/// ```
///
/// A text that drips, with its length announced to the client. A source with a type of its own can
/// be tried without a server:
///
/// ```
/// use std::time::Duration;
/// use oneloop::{Next, Piece, Reply, Request, Sent, Source};
///
/// struct Drip(std::str::Bytes<'static>);
///
/// impl Source for Drip {
///     fn next(&mut self, piece: &mut Piece<'_>) -> Next {
///         match self.0.next() {
///             Some(byte) => piece.append([byte]),
///             None => return Next::Done,
///         }
///         Next::After(Duration::from_millis(100))
///     }
/// }
///
/// fn drip(_: &Request<'_>, reply: Reply<'_>) -> Sent {
///     let text = "patience\n";
///     reply.field("Content-Type", "text/plain").stream_sized(text.len() as u64, Drip(text.bytes()))
/// }
/// # fn serve(_: impl oneloop::Handler) {}
/// # serve(drip);
///
/// let mut bytes = Vec::new();
/// let next = Drip("hi".bytes()).next(&mut Piece::new(&mut bytes, 1024));
/// assert_eq!((bytes.as_slice(), next), (&b"h"[..], Next::After(Duration::from_millis(100))));
/// ```
///
/// A download that is made while it is sent, and never held as a whole:
///
/// ```
/// use oneloop::{Next, Piece, Reply, Request, Sent, Source};
///
/// struct Squares { from: u64, to: u64 }
///
/// impl Source for Squares {
///     fn next(&mut self, piece: &mut Piece<'_>) -> Next {
///         while self.from < self.to && piece.room() > 0 {
///             piece.append(format!("{}\n", u128::from(self.from).pow(2)));
///             self.from += 1;
///         }
///         if self.from < self.to { Next::More } else { Next::Done }
///     }
/// }
///
/// fn squares(_: &Request<'_>, reply: Reply<'_>) -> Sent {
///     reply.field("Content-Type", "text/plain").stream(Squares { from: 0, to: 1_000_000_000 })
/// }
/// # fn serve(_: impl oneloop::Handler) {}
/// # serve(squares);
///
/// let mut bytes = Vec::new();
/// let next = Squares { from: 2, to: 4 }.next(&mut Piece::new(&mut bytes, 1024));
/// assert_eq!((bytes.as_slice(), next), (&b"4\n9\n"[..], Next::Done));
/// ```
pub trait Source {
    /// Appends the next bytes of the body to `piece`, perhaps none, and says how it goes on.
    fn next(&mut self, piece: &mut Piece<'_>) -> Next;
}

impl<F> Source for F
where
    F: FnMut(&mut Piece<'_>) -> Next,
{
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        self(piece)
    }
}

/// How a body goes on behind the piece that its source has just given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It can give more as soon as the piece is sent. If the piece is empty, this means to ask
    /// again after a millisecond.
    More,
    /// The piece is sent at once, and the source is asked again when it is sent and this time has
    /// passed since the loop's turn began. Never earlier, and later by no more than the turn
    /// that is under way then, unless more deadlines are due than
    /// [`Limits::deadlines_per_turn_max`](crate::Limits::deadlines_per_turn_max). With an empty
    /// piece, a millisecond is the least.
    After(Duration),
    /// The piece is sent at once, and the source is asked again when its [`Waker`] is woken, when the
    /// server is told to stop, or when this time has passed. A client that vanishes without a word is only noticed by sending it
    /// something, so give a time after which you do: half a minute, say. A source that has just given
    /// nothing is not woken within the next millisecond, but after it.
    Wait(Duration),
    /// That was the last piece.
    Done,
}

/// Where a source puts the next bytes of its body.
#[derive(Debug)]
pub struct Piece<'a> {
    out: &'a mut Vec<u8>,
    /// Where this piece begins.
    start: usize,
    room: usize,
    asked_at: Time,
    /// What the source says it has done for this, counted as the turn's budget is.
    work: u32,
    is_first: bool,
    is_stopping: bool,
    /// The source breaks off its answer behind this piece.
    breaks_off: Option<BreakOff>,
    /// `None` if there is no loop.
    wakes: Option<Wakes<'a>>,
}

/// What a piece makes a waker of, once its source asks for one.
#[derive(Debug)]
struct Wakes<'a> {
    waker: &'a mut Option<Waker>,
    wakers: &'a mut Wakers,
    slot: usize,
}

/// In which surroundings a body is asked for more.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) now: Time,
    /// How much is to be encoded at most, if it comes from a source.
    pub(crate) room: usize,
    /// How long a piece of a file may be.
    pub(crate) piece_max: usize,
    pub(crate) wakers: &'a mut Wakers,
    /// Whose answer it is.
    pub(crate) slot: usize,
    /// The server was told to stop.
    pub(crate) is_stopping: bool,
}

impl<'a> Piece<'a> {
    /// A piece that is appended to `out` and has room for `room` bytes: to try a source without a
    /// server.
    pub fn new(out: &'a mut Vec<u8>, room: usize) -> Piece<'a> {
        Piece::asked_for_at(Time::START, out, room)
    }

    pub(crate) fn asked_for_at(asked_at: Time, out: &'a mut Vec<u8>, room: usize) -> Piece<'a> {
        let start = out.len();
        let (is_first, is_stopping) = (true, false);
        let (breaks_off, wakes) = (None, None);
        Piece { out, start, room, asked_at, work: 0, is_first, is_stopping, breaks_off, wakes }
    }

    /// Ends the connection behind this piece, which is the last, although the answer may not be whole.
    #[cfg(feature = "routes")]
    pub(crate) fn break_off(&mut self, how: BreakOff) -> Next {
        self.breaks_off = Some(how);
        Next::Done
    }

    /// What wakes this source when it [waits](Next::Wait): always the same. One from [`Piece::new`]
    /// wakes nothing.
    pub fn waker(&mut self) -> Waker {
        match &mut self.wakes {
            Some(Wakes { waker, wakers, slot }) => {
                waker.get_or_insert_with(|| wakers.make(*slot)).clone()
            }
            None => Wakers::default().make(0),
        }
    }

    /// Whether this is the first time that the source is asked.
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Whether the server was told to stop: it ends when its last client has its answer, or after
    /// [`Timeouts::drain`](crate::Timeouts::drain). A source without an end of its own should then
    /// return [`Next::Done`]: so its client gets a whole answer. A piece from [`Piece::new`] says no.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// When the loop's present turn began, as [`Request::received_at`](crate::Request::received_at)
    /// says it to a handler: all sources that are asked in the same turn see the same time. A piece
    /// from [`Piece::new`] says [`Time::START`](crate::Time::START).
    pub fn asked_at(&self) -> Time {
        self.asked_at
    }

    /// Appends these bytes, all of them.
    pub fn append(&mut self, bytes: impl AsRef<[u8]>) {
        self.out.extend_from_slice(bytes.as_ref());
    }

    /// Says that making this piece took about as long as `time`, if that is more than a few
    /// microseconds. The client then waits for its next turn sooner, as with
    /// [`Sent::took`](crate::Sent::took). Several calls add up.
    pub fn took(&mut self, time: Duration) {
        let work = u32::try_from(work::of(time)).unwrap_or(u32::MAX);
        self.work = self.work.saturating_add(work);
    }

    /// What the source says it has done, in bytes.
    pub(crate) fn work(&self) -> u32 {
        self.work
    }

    /// How many more bytes should be appended: never more than
    /// [`Limits::output_bytes_high_water`](crate::Limits::output_bytes_high_water), and about half
    /// of that at least in an empty piece. A source that appends more makes its connection hold
    /// more memory than the limits say, until it is sent.
    pub fn room(&self) -> usize {
        self.room.saturating_sub(self.len())
    }

    /// How many bytes have been appended.
    pub fn len(&self) -> usize {
        self.out.len() - self.start
    }

    /// Whether nothing has been appended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes everything, and never fails: for `write!` and [`io::copy`].
impl io::Write for Piece<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a client tells where a streamed body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delimiter {
    /// By the last chunk.
    LastChunk,
    /// By its length, of which `left` bytes are still to come.
    Length { left: u64 },
    /// By the end of the connection, for HTTP/1.0 has no chunks.
    End,
}

/// A body in the course of being sent.
pub(crate) enum Streaming {
    /// A source's.
    Source(FromSource),
    /// A file's. Its length is the range's, so it needs no framing.
    File(Sending),
    /// That of an answer that has not begun. It is not asked: the connection gives the answer.
    Late(Late),
}

/// A source in the course of being sent.
pub(crate) struct FromSource {
    source: Box<dyn Source>,
    delimiter: Delimiter,
    /// When it may be asked again.
    due: Time,
    /// What it says it has done for the last piece, in bytes.
    work: u32,
    was_asked: bool,
    /// The fault that the answer has on purpose.
    pub(super) planned: Option<Planned>,
    waker: Option<Waker>,
    /// If it waits to be woken: from when on that may be.
    wakes_from: Option<Time>,
}

/// An answer that has not begun.
pub(crate) struct Late {
    /// `None` once it has been taken.
    answer: Option<Box<dyn LateAnswer>>,
    /// What comes behind it, as its request has asked for.
    pub(crate) persistence: Persistence,
    due: Time,
}

/// What gives an answer when its time has come.
pub(crate) trait LateAnswer {
    /// Gives it now, and says that this comes behind it.
    fn begin(self: Box<Self>, output: &mut Output, date: &Date, persistence: Persistence) -> Begun;
}

/// An answer that was to begin later and has begun.
pub(crate) struct Begun {
    pub(crate) persistence: Persistence,
    /// What the handler says it has done for this, in bytes.
    pub(crate) work: usize,
    /// The body, if it is still to come.
    pub(crate) body: Option<Box<Streaming>>,
}

impl Late {
    /// What `answer` gives when `pause` has passed since it [begins](Late::begin) to wait.
    pub(super) fn new(
        answer: Box<dyn LateAnswer>,
        persistence: Persistence,
        pause: Duration,
    ) -> Late {
        Late { answer: Some(answer), persistence, due: Time::START + pause }
    }

    /// The handler has returned at `now`: the pause begins.
    pub(crate) fn begin(&mut self, now: Time) {
        self.due = now + self.due.since(Time::START);
    }

    /// Takes what gives the answer.
    pub(crate) fn take(&mut self) -> Box<dyn LateAnswer> {
        self.answer.take().expect("an answer is given once")
    }
}

impl Streaming {
    /// What `source` gives.
    pub(crate) fn from_source(source: Box<dyn Source>, delimiter: Delimiter) -> Streaming {
        Streaming::Source(FromSource {
            source,
            delimiter,
            due: Time::START,
            work: 0,
            was_asked: false,
            planned: None,
            waker: None,
            wakes_from: None,
        })
    }

    /// The fault that the answer has on purpose.
    pub(crate) fn planned(&self) -> Option<Planned> {
        match self {
            Streaming::Source(given) => given.planned,
            Streaming::File(_) | Streaming::Late(_) => None,
        }
    }

    /// When it is to be asked.
    pub(crate) fn due(&self) -> Time {
        match self {
            Streaming::Source(given) => given.due,
            Streaming::File(sending) => sending.due(),
            Streaming::Late(late) => late.due,
        }
    }

    /// Asks for the next piece. One of a source is encoded behind `out`, with its framing.
    pub(crate) fn ask(&mut self, out: &mut Vec<u8>, asking: Asking<'_>) -> BodyProgress {
        match self {
            Streaming::Source(given) => given.ask(out, asking),
            Streaming::File(sending) => sending.ask(out, asking.room, asking.piece_max, asking.now),
            Streaming::Late(_) => BodyProgress::GoesOn,
        }
    }

    /// It was woken by this name. If that is its own and it waits, it is due now, or soon.
    pub(crate) fn wake(&mut self, name: SourceName) -> bool {
        match self {
            Streaming::Source(given)
                if given.waker.as_ref().is_some_and(|waker| waker.name() == name) =>
            {
                given.due = given.wakes_from.take().unwrap_or(given.due);
                true
            }
            Streaming::Source(_) | Streaming::File(_) | Streaming::Late(_) => false,
        }
    }

    /// The server stops. A source that waits to be woken is due now, or soon: says whether it is one.
    pub(crate) fn wake_to_stop(&mut self) -> bool {
        match self {
            Streaming::Source(given) => match given.wakes_from.take() {
                Some(from) => {
                    given.due = from;
                    true
                }
                None => false,
            },
            Streaming::File(_) | Streaming::Late(_) => false,
        }
    }

    /// What asking for the last piece has done, in bytes, beside what is sent.
    pub(crate) fn work(&self) -> usize {
        match self {
            Streaming::Source(given) => given.work as usize,
            Streaming::File(sending) => sending.work(),
            Streaming::Late(_) => 0,
        }
    }

    /// The piece of a file that is to be sent next as it is, if there is one.
    pub(crate) fn piece(&self) -> Option<FilePiece<'_>> {
        match self {
            Streaming::Source(_) | Streaming::Late(_) => None,
            Streaming::File(sending) => sending.piece(),
        }
    }

    /// Why a connection ends whose body turns out to be [`BodyProgress::Broken`].
    pub(crate) fn broken(&self) -> CloseReason {
        match self {
            Streaming::Source(_) | Streaming::Late(_) => CloseReason::SourceBroken,
            Streaming::File(_) => CloseReason::FileBroken,
        }
    }
}

impl FromSource {
    /// Asks for the next piece, and encodes it with its framing behind `out`.
    fn ask(&mut self, out: &mut Vec<u8>, asking: Asking<'_>) -> BodyProgress {
        let Asking { now, room, wakers, slot, is_stopping, .. } = asking;
        let start = out.len();
        if self.delimiter == Delimiter::LastChunk {
            encode::open_chunk(out, room);
        }
        let wakes = Some(Wakes { waker: &mut self.waker, wakers, slot });
        let is_first = !std::mem::replace(&mut self.was_asked, true);
        let piece = Piece::asked_for_at(now, out, room);
        let mut piece = Piece { is_first, is_stopping, wakes, ..piece };
        let next = self.source.next(&mut piece);
        let bytes = piece.len();
        self.work = piece.work();
        let breaks_off = piece.breaks_off;
        match &mut self.delimiter {
            Delimiter::LastChunk => encode::close_chunk(out, start, bytes),
            Delimiter::Length { left } => match left.checked_sub(bytes as u64) {
                Some(rest) => *left = rest,
                None => {
                    out.truncate(start);
                    return BodyProgress::Broken;
                }
            },
            Delimiter::End => {}
        }
        match breaks_off {
            Some(BreakOff::End) => return BodyProgress::Broken,
            Some(BreakOff::Reset) => return BodyProgress::Failed,
            None => {}
        }
        let pause = match next {
            Next::Done => return self.finish(out),
            Next::More => Duration::ZERO,
            Next::After(pause) | Next::Wait(pause) => pause,
        };
        let least = if bytes == 0 { EMPTY_PAUSE_MIN } else { Duration::ZERO };
        self.due = now + pause.max(least);
        self.wakes_from = matches!(next, Next::Wait(_)).then_some(now + least);
        BodyProgress::GoesOn
    }

    fn finish(&self, out: &mut Vec<u8>) -> BodyProgress {
        match self.delimiter {
            Delimiter::LastChunk => out.extend_from_slice(encode::LAST_CHUNK),
            Delimiter::Length { left: 0 } | Delimiter::End => {}
            Delimiter::Length { .. } => return BodyProgress::Broken,
        }
        BodyProgress::Complete
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Streaming::Source(given) => f
                .debug_struct("Source")
                .field("delimiter", &given.delimiter)
                .field("due", &given.due)
                .finish_non_exhaustive(),
            Streaming::File(sending) => sending.fmt(f),
            Streaming::Late(late) => {
                f.debug_struct("Late").field("due", &late.due).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const NOW: Time = Time::START;

    fn ask(streaming: &mut Streaming, out: &mut Vec<u8>, room: usize, now: Time) -> BodyProgress {
        let wakers = &mut Wakers::default();
        let is_stopping = false;
        streaming.ask(out, Asking { now, room, piece_max: room, wakers, slot: 0, is_stopping })
    }

    /// What a source that gives these pieces is encoded as, and what came of it in the end.
    fn encoded(delimiter: Delimiter, pieces: &'static [&'static str]) -> (String, BodyProgress) {
        let mut rest = pieces.iter();
        let source = move |piece: &mut Piece<'_>| {
            let bytes = rest.next().copied();
            piece.append(bytes.unwrap_or_default());
            if rest.len() == 0 { Next::Done } else { Next::More }
        };
        let mut streaming = Streaming::from_source(Box::new(source), delimiter);
        let mut out = Vec::new();
        loop {
            match ask(&mut streaming, &mut out, 1024, NOW) {
                BodyProgress::GoesOn => {}
                BodyProgress::Piece | BodyProgress::Failed => unreachable!("a source has no file"),
                end @ (BodyProgress::Complete | BodyProgress::Broken) => {
                    return (String::from_utf8(out).expect("text"), end);
                }
            }
        }
    }

    #[test]
    fn pieces_become_chunks_and_empty_ones_do_not_end_the_body() {
        let chunks = "1\r\na\r\nb\r\nhello world\r\n0\r\n\r\n";
        let told = encoded(Delimiter::LastChunk, &["a", "", "hello world", ""]);
        assert_eq!(told, (chunks.to_owned(), BodyProgress::Complete));
        let told = encoded(Delimiter::LastChunk, &[""]);
        assert_eq!(told, ("0\r\n\r\n".to_owned(), BodyProgress::Complete));
    }

    #[test]
    fn a_chunks_size_is_right_whatever_room_there_was() {
        for bytes in [1_usize, 15, 16, 255, 256, 1024, 4095, 4096, 70_000] {
            for room in [1, 16, 1024, 65_536] {
                let source = move |piece: &mut Piece<'_>| {
                    assert_eq!(piece.room(), room);
                    piece.append(vec![b'x'; bytes]);
                    assert_eq!(piece.room(), room.saturating_sub(bytes));
                    Next::Done
                };
                let mut out = b"head".to_vec();
                let mut streaming = Streaming::from_source(Box::new(source), Delimiter::LastChunk);
                assert_eq!(ask(&mut streaming, &mut out, room, NOW), BodyProgress::Complete);
                let chunk = format!("head{bytes:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(bytes));
                assert!(out == chunk.as_bytes(), "{bytes} bytes, {room} of room");
                assert!(out.len() <= 4 + bytes + FRAMING_BYTES_MAX);
            }
        }
    }

    #[test]
    fn a_length_that_is_kept_is_complete_and_one_that_is_not_is_broken() {
        let length = |left, pieces| encoded(Delimiter::Length { left }, pieces);
        assert_eq!(length(5, &["hel", "lo"]), ("hello".to_owned(), BodyProgress::Complete));
        assert_eq!(length(5, &["hel", "lo", ""]), ("hello".to_owned(), BodyProgress::Complete));
        assert_eq!(length(0, &[""]), (String::new(), BodyProgress::Complete));
        assert_eq!(length(5, &["hel", "l"]), ("hell".to_owned(), BodyProgress::Broken));
        assert_eq!(length(5, &["hel", "lo!"]), ("hel".to_owned(), BodyProgress::Broken));
        assert_eq!(length(5, &["hello", "!"]), ("hello".to_owned(), BodyProgress::Broken));
    }

    #[test]
    fn without_bytes_there_is_a_pause_and_with_them_what_was_asked_for() {
        for (bytes, next, pause) in [
            (0, Next::More, EMPTY_PAUSE_MIN),
            (0, Next::After(Duration::ZERO), EMPTY_PAUSE_MIN),
            (0, Next::After(Duration::from_secs(1)), Duration::from_secs(1)),
            (1, Next::More, Duration::ZERO),
            (1, Next::After(Duration::from_nanos(7)), Duration::from_nanos(7)),
        ] {
            let source = move |piece: &mut Piece<'_>| {
                piece.append(vec![b'x'; bytes]);
                next
            };
            let mut streaming = Streaming::from_source(Box::new(source), Delimiter::End);
            let now = NOW + Duration::from_secs(9);
            assert_eq!(ask(&mut streaming, &mut Vec::new(), 1024, now), BodyProgress::GoesOn);
            assert_eq!(streaming.due(), now + pause, "{bytes} bytes and {next:?}");
        }
    }

    #[test]
    fn a_source_is_told_when_the_turn_began() {
        let now = NOW + Duration::from_secs(9);
        let source = move |piece: &mut Piece<'_>| {
            assert_eq!(piece.asked_at(), now);
            Next::Done
        };
        let mut streaming = Streaming::from_source(Box::new(source), Delimiter::End);
        assert_eq!(ask(&mut streaming, &mut Vec::new(), 1024, now), BodyProgress::Complete);
        assert_eq!(Piece::new(&mut Vec::new(), 1).asked_at(), Time::START);
    }

    #[test]
    fn what_a_source_says_it_took_counts_for_that_piece_only() {
        let mut pieces = [Some(Duration::from_millis(1)), None, Some(Duration::MAX)].into_iter();
        let source = move |piece: &mut Piece<'_>| {
            piece.append("x");
            if let Some(time) = pieces.next().flatten() {
                piece.took(time);
                piece.took(time);
            }
            Next::More
        };
        let mut streaming = Streaming::from_source(Box::new(source), Delimiter::LastChunk);
        for work in [2 * 1000 * 4096, 0, u32::MAX as usize] {
            assert_eq!(ask(&mut streaming, &mut Vec::new(), 1024, NOW), BodyProgress::GoesOn);
            assert_eq!(streaming.work(), work);
        }
    }

    #[test]
    fn a_piece_is_written_to_like_everything_else() {
        let mut out = b"before".to_vec();
        let mut piece = Piece::new(&mut out, 4);
        assert!(piece.is_empty());
        write!(piece, "{}-{}", 1, 2).expect("a piece takes everything");
        assert_eq!((piece.len(), piece.room()), (3, 1));
        assert_eq!(out, b"before1-2");
    }

    #[test]
    fn a_source_that_waits_is_due_when_it_is_woken_by_its_own_waker() {
        let at_most = Duration::from_secs(30);
        for (bytes, next, woken_due) in [
            (1, Next::Wait(at_most), Duration::ZERO),
            (0, Next::Wait(at_most), EMPTY_PAUSE_MIN),
            (1, Next::After(at_most), at_most),
        ] {
            let mut wakers = Wakers::default();
            let other = wakers.make(3);
            let kept = std::rc::Rc::new(std::cell::OnceCell::new());
            let keeps = std::rc::Rc::clone(&kept);
            let source = move |piece: &mut Piece<'_>| {
                assert!(piece.is_first());
                let _ = keeps.set(piece.waker());
                assert_eq!(piece.waker().name(), keeps.get().expect("it is set").name());
                piece.append(vec![b'x'; bytes]);
                next
            };
            let mut streaming = Streaming::from_source(Box::new(source), Delimiter::End);
            let now = NOW + Duration::from_secs(9);
            let (wakers, is_stopping) = (&mut wakers, false);
            let asking = Asking { now, room: 9, piece_max: 9, wakers, slot: 3, is_stopping };
            assert_eq!(streaming.ask(&mut Vec::new(), asking), BodyProgress::GoesOn);
            assert_eq!(streaming.due(), now + at_most);
            assert!(!streaming.wake(other.name()), "it is another's");
            assert_eq!(streaming.due(), now + at_most);
            let own = kept.get().expect("it has been asked").name();
            assert_eq!(own.slot, 3);
            assert!(streaming.wake(own));
            assert_eq!(streaming.due(), now + woken_due, "{bytes} bytes and {next:?}");
        }
    }
}
