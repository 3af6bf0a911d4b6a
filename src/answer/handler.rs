//! The library's face: what answers requests, and how.
//!
//! A [`Reply`] is encoded straight into the connection's output, so answering allocates nothing.
//! Its types keep the order of a message: status, fields, body, each at most once; and [`Sent`],
//! which only a finished reply returns, proves that every request is answered.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::answer::body::Body;
use crate::answer::file::{FileRange, Start};
use crate::answer::source::{Delimiter, Source, Streaming};
use crate::buffer::Output;
use crate::http::control::Persistence;
use crate::http::date::Date;
use crate::http::encode::{self, FieldBlock, InvalidField};
use crate::http::fault::Fault;
use crate::http::lists::{self, List, Lists};
use crate::http::method::{Method, Version};
use crate::http::request::Request;
use crate::http::status::{ContentRule, IntoStatus, InvalidStatus, Status};
use crate::work;

/// What a head takes beside the fields that a user adds to it, in bytes, with room to spare.
pub(crate) const HEAD_BYTES: usize = 1024;

/// Answers requests.
///
/// A closure is one, if it says the types of its arguments, and so is a box of one, as
/// `Box<dyn FnMut(&Request<'_>, Reply<'_>) -> Sent>`. A `Box<dyn Handler>` is none: put it into a type
/// of your own, which hands on all methods as `Guarded` does at [`Reply::attempt`]. A type of your own
/// is also needed for answers of your own to bytes that are no request: see
/// [`Handler::handle_fault`].
///
/// ```
/// use oneloop::{Handler, Reply, Request, Sent};
/// fn serve(_: impl Handler) {}
/// serve(|request: &Request<'_>, reply: Reply<'_>| -> Sent { reply.send(request.path()) });
/// ```
///
/// # Panics
///
/// A panic of a handler, or of a [`Source`], leaves the loop through
/// [`Server::run`](crate::Server::run) or [`Server::turn`](crate::Server::turn). Before that, the
/// server resets the client that was being answered, as
/// [`CloseReason::HandlerPanicked`](crate::CloseReason::HandlerPanicked), and sends nothing more of
/// its answer. A program that catches the panic can call the loop again: all other clients get their
/// own answers.
///
/// ```no_run
/// use std::panic::{AssertUnwindSafe, catch_unwind};
/// use oneloop::{Handler, Server, Stopped};
///
/// fn run<H: Handler>(server: &mut Server<H>) -> std::io::Result<Stopped> {
///     loop {
///         match catch_unwind(AssertUnwindSafe(|| server.run())) {
///             Ok(ended) => return ended,
///             Err(_) => eprintln!("a handler has panicked; the server goes on"),
///         }
///     }
/// }
/// # let _ = run::<fn(&oneloop::Request<'_>, oneloop::Reply<'_>) -> oneloop::Sent>;
/// ```
///
/// A handler around another one can answer 500 instead: see [`Reply::attempt`]. A handler that makes
/// its answer before it begins to reply needs only [`catch_unwind`]:
///
/// ```
/// use std::panic::{AssertUnwindSafe, catch_unwind};
/// use oneloop::{Handler, Reply, Request, Sent, Status};
///
/// fn answering(page: impl Fn(&Request<'_>) -> String) -> impl Handler {
///     move |request: &Request<'_>, reply: Reply<'_>| -> Sent {
///         match catch_unwind(AssertUnwindSafe(|| page(request))) {
///             Ok(page) => reply.send(page),
///             Err(_) => reply.status(Status::INTERNAL_SERVER_ERROR).send("500\n"),
///         }
///     }
/// }
/// # let _ = answering(|request| request.path().to_owned());
/// ```
pub trait Handler {
    /// Answers one whole request. Runs on the loop, so it must not block.
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent;

    /// Answers bytes that are not an acceptable request: malformed, beyond a limit, or stalled
    /// before their end. The default answers with the fault's status, and with its text for a
    /// person at a prompt.
    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        fault.explain(reply)
    }

    /// Says what to do with a request's content that has not arrived in full: it may be long, or
    /// the client may wait for permission to send it (`Expect: 100-continue`). The request's body
    /// is empty here. By default the content is held.
    ///
    /// The server does not ask this for a request whose content came together with its head.
    fn content_plan(&mut self, _request: &Request<'_>) -> ContentPlan {
        ContentPlan::Hold
    }

    /// Says what this handler needs beside its clients; the process may have this many
    /// `descriptors`. The server asks when it is bound, and after each [`Handler::reload`] that has
    /// done something. It then admits fewer clients, and adds the memory to the sum that it
    /// announces. Default: nothing, and content is held.
    fn needs(&mut self, _descriptors: usize) -> Needs {
        Needs::default()
    }

    /// Called when file descriptors have run out and a connection waits for one. Close any that you
    /// can spare (cached files, say), and return whether you closed one. If not, the server closes
    /// an idle client.
    fn release_descriptors(&mut self) -> bool {
        false
    }

    /// The server was told to stop, for the first time. It goes on serving for as long as
    /// [`Timeouts::drain_announce`](crate::Timeouts::drain_announce) and
    /// [`Timeouts::drain`](crate::Timeouts::drain) say. Default: nothing.
    fn on_stopping(&mut self) {}

    /// Reads again what the answers are made of: SIGHUP has come, or [`Server::reload`] was called.
    /// Make the new state whole first, and replace the old one only then; if that fails, keep the old
    /// one, and say why. Runs on the loop, so all clients wait for it. Answers that have begun are not
    /// concerned. Default: there is nothing to read.
    ///
    /// ```
    /// use std::fs;
    /// use oneloop::{Handler, Reloaded, Reply, Request, Sent};
    ///
    /// struct Greeting(String);
    ///
    /// impl Handler for Greeting {
    ///     fn handle(&mut self, _: &Request<'_>, reply: Reply<'_>) -> Sent {
    ///         reply.send(&self.0)
    ///     }
    ///
    ///     fn reload(&mut self) -> Reloaded {
    ///         match fs::read_to_string("greeting.txt") {
    ///             Ok(text) => {
    ///                 self.0 = text;
    ///                 Reloaded::Done("greeting.txt".into())
    ///             }
    ///             Err(reason) => Reloaded::Failed(format!("greeting.txt: {reason}")),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// [`Server::reload`]: crate::Server::reload
    fn reload(&mut self) -> Reloaded {
        Reloaded::Nothing
    }
}

/// What has come of [`Handler::reload`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reloaded {
    /// There is nothing that could be read again.
    Nothing,
    /// It was read again, and holds from now on. What it is, for the log: `the directory /srv/www`.
    Done(String),
    /// It could not be read, and what was there before holds. The name of what could not be read,
    /// and the cause, for the log.
    Failed(String),
}

/// What a [`Handler`] does with the content of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentPlan {
    /// The server holds the content until it is whole, and then the handler answers. A client that
    /// waits for permission to send gets it. Content above
    /// [`Limits::body_bytes_max`](crate::Limits::body_bytes_max) gets 413.
    #[default]
    Hold,
    /// As [`ContentPlan::Hold`], but the server holds nothing of the content: it reads, frames and
    /// limits it, and throws it away. [`Request::body`](crate::Request::body) is empty then. So a
    /// client makes the server hold at most a head, however large bodies are.
    Drop,
    /// [`Handler::handle`] answers at once, with an empty body. The server closes the connection
    /// after that answer, and throws away what the client still sends: at most
    /// [`Limits::linger_bytes_max`](crate::Limits::linger_bytes_max).
    Refuse,
}

/// What a [`Handler`] takes beside its clients: see [`Handler::needs`].
///
/// A handler that sends files of its own says here how many of them can be open at once. The server
/// does not count the descriptors of a [`FileRange`]: several clients may share one.
///
/// ```
/// use oneloop::{ContentPlan, Handler, Needs, Reply, Request, Sent};
///
/// struct Download(oneloop::FileRange);
///
/// impl Handler for Download {
///     fn handle(&mut self, _: &Request<'_>, reply: Reply<'_>) -> Sent {
///         reply.send_file(self.0.clone())
///     }
///
///     fn needs(&mut self, _descriptors: usize) -> Needs {
///         let mut needs = Needs::default();
///         needs.files = 1; // it is shared by all clients
///         needs
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// How many files it has open at the most, those that are being sent included.
    pub files: usize,
    /// The memory that it takes at the most, in bytes, also for what clients are being sent of it.
    pub memory_bytes: usize,
    /// The longest answer that it has copied into a connection's output, in bytes, its head included:
    /// what a client holds beyond
    /// [`Limits::output_bytes_high_water`](crate::Limits::output_bytes_high_water). Shared bodies over
    /// 8 KiB are not copied, files over 8 KiB neither.
    pub answer_bytes: usize,
    /// What it does with the content of requests. Unless this is [`ContentPlan::Hold`], which it is
    /// by default, [`Handler::content_plan`] must never be that.
    pub content: ContentPlan,
}

impl Fault<'_> {
    /// Answers with the fault's status, and its text for a person at a prompt.
    pub fn explain(&self, reply: Reply<'_>) -> Sent {
        reply
            .status(self.status())
            .field("Content-Type", "text/plain; charset=utf-8")
            .send(self.to_string())
    }
}

impl<F> Handler for F
where
    F: FnMut(&Request<'_>, Reply<'_>) -> Sent,
{
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        self(request, reply)
    }
}

/// Proof that a reply was given.
#[derive(Debug)]
#[must_use = "hand it back to the server: it proves that the request was answered"]
pub struct Sent {
    pub(crate) persistence: Persistence,
    /// What the handler says it has done for this, counted as the turn's budget is.
    work: u32,
    /// The body, if it is still to come. Boxed, and so is a source in it: two allocations for
    /// such an answer, one if it is of a file, and a pointer for every other one and in a client's
    /// slot.
    pub(crate) body: Option<Box<Streaming>>,
}

impl Sent {
    /// Says that making this answer took about `time` longer than an ordinary answer: because
    /// something was looked up on a disk, computed, or compressed.
    ///
    /// The loop does a bounded amount of work in a turn, which is
    /// [`Limits::turn_bytes_max`](crate::Limits::turn_bytes_max). It counts work instead of looking
    /// at a clock, so it does not know how long handlers work: one that works for longer than a few
    /// microseconds says so here; an estimate will do. The client's next requests then wait for
    /// their turn. Several calls add up.
    ///
    /// ```
    /// use std::time::Duration;
    /// use oneloop::{Handler, Reply, Request, Sent};
    /// # fn thumbnail(_: &str) -> Vec<u8> { Vec::new() }
    ///
    /// fn serve(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    ///     let picture = thumbnail(request.path());
    ///     reply.field("Content-Type", "image/png").send(picture).took(Duration::from_millis(2))
    /// }
    /// # fn with(_: impl Handler) {}
    /// # with(serve);
    /// ```
    pub fn took(self, time: Duration) -> Sent {
        let work = u32::try_from(work::of(time)).unwrap_or(u32::MAX);
        Sent { work: self.work.saturating_add(work), ..self }
    }

    /// The proof for an answer that begins later, or whose body comes over time.
    pub(super) fn later(persistence: Persistence, body: Box<Streaming>) -> Sent {
        Sent { persistence, work: 0, body: Some(body) }
    }

    /// The proof for an answer that is encoded whole.
    #[inline]
    pub(super) fn whole(persistence: Persistence) -> Sent {
        Sent { persistence, work: 0, body: None }
    }

    /// What the handler says it has done for this, in bytes.
    pub(crate) fn work(&self) -> usize {
        self.work as usize
    }
}

/// Whether the answer's content is sent. That of an answer to HEAD is not; its length is
/// stated all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyTransfer {
    Content,
    HeadOnly,
}

impl BodyTransfer {
    /// That of the answer to a request with this method.
    #[inline]
    pub(crate) fn of_answer_by(method: Method) -> BodyTransfer {
        match method == Method::Head {
            true => BodyTransfer::HeadOnly,
            false => BodyTransfer::Content,
        }
    }

    /// That of the answer to a request that begins like this.
    #[inline]
    pub(crate) fn of_answer_to(request: &[u8]) -> BodyTransfer {
        match request.strip_prefix(b"HEAD") {
            Some(rest) if rest.first().is_none_or(|byte| *byte == b' ') => BodyTransfer::HeadOnly,
            Some(_) | None => BodyTransfer::Content,
        }
    }
}

/// The answer to one request, not given yet.
#[derive(Debug)]
pub struct Reply<'a> {
    pub(crate) output: &'a mut Output,
    pub(crate) date: &'a Date,
    pub(crate) transfer: BodyTransfer,
    /// What the client understands. A client that has not said is taken to understand no chunks.
    pub(crate) version: Version,
    pub(crate) persistence: Persistence,
    /// What `Allow` has to say, in answers to faults that demand one.
    pub(crate) allow: Option<&'static str>,
}

impl<'a> Reply<'a> {
    /// Makes an answer that must list the allowed methods (RFC 9110 §15.5.6) list these, instead of
    /// all that the server itself knows. For [`Handler::handle_fault`]; other answers set `Allow`
    /// by [`Reply::field`]. As there, a value that would break the message turns the answer into a
    /// 500.
    pub fn allow(self, methods: &'static str) -> Reply<'a> {
        let allow = self.allow.map(|_| methods);
        Reply { allow, ..self }
    }

    /// Lets `answer` give the reply. If it panics, the server takes back what it has written, and
    /// the reply can be given again. A panic of a [`Source`] comes later, and is not caught here.
    ///
    /// Answers 500 where another handler panics. It hands on every method of [`Handler`]: one that it
    /// left out would have its default instead of the other handler's own.
    ///
    /// ```
    /// use oneloop::{ContentPlan, Fault, Handler, Needs, Reloaded, Reply, Request, Sent, Status};
    ///
    /// struct Guarded<H>(H);
    ///
    /// impl<H: Handler> Handler for Guarded<H> {
    ///     fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
    ///         match reply.attempt(|reply| self.0.handle(request, reply)) {
    ///             Ok(sent) => sent,
    ///             Err(panicked) => {
    ///                 let reply = panicked.reply.status(Status::INTERNAL_SERVER_ERROR);
    ///                 reply.send("Something went wrong.\n")
    ///             }
    ///         }
    ///     }
    ///
    ///     fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
    ///         self.0.handle_fault(fault, reply)
    ///     }
    ///
    ///     fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
    ///         self.0.content_plan(request)
    ///     }
    ///
    ///     fn needs(&mut self, descriptors: usize) -> Needs {
    ///         self.0.needs(descriptors)
    ///     }
    ///
    ///     fn release_descriptors(&mut self) -> bool {
    ///         self.0.release_descriptors()
    ///     }
    ///
    ///     fn on_stopping(&mut self) {
    ///         self.0.on_stopping();
    ///     }
    ///
    ///     fn reload(&mut self) -> Reloaded {
    ///         self.0.reload()
    ///     }
    /// }
    /// # let _ = Guarded(|_: &Request<'_>, reply: Reply<'_>| -> Sent { reply.send("") });
    /// ```
    ///
    /// # Errors
    /// If `answer` panics.
    pub fn attempt(self, answer: impl FnOnce(Reply<'_>) -> Sent) -> Result<Sent, Panicked<'a>> {
        let Reply { output, date, transfer, version, persistence, allow } = self;
        let start = output.encoded().len();
        let first = Reply { output: &mut *output, date, transfer, version, persistence, allow };
        match catch_unwind(AssertUnwindSafe(|| answer(first))) {
            Ok(sent) => Ok(sent),
            Err(payload) => {
                output.take_back(start);
                let reply = Reply { output, date, transfer, version, persistence, allow };
                Err(Panicked { reply, payload })
            }
        }
    }

    /// Lets `answer` give the reply. If it fails, what it has written is taken back, and the reply can
    /// be given anew.
    ///
    /// ```
    /// use oneloop::{Reply, Request, Sent};
    /// use oneloop::testing::ask;
    ///
    /// enum Refused {
    ///     Unknown,
    ///     Busy,
    /// }
    ///
    /// fn handle(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    ///     let answered = reply.try_answer(|reply| match request.path() {
    ///         "/" => Ok(reply.send("hello")),
    ///         "/busy" => Err(Refused::Busy),
    ///         _ => Err(Refused::Unknown),
    ///     });
    ///     answered.unwrap_or_else(|failed| match failed.error {
    ///         Refused::Unknown => failed.reply.status(404).send("no such page"),
    ///         Refused::Busy => failed.reply.status(503).field("Retry-After", "5").send(""),
    ///     })
    /// }
    ///
    /// let answer = ask(&mut handle, "GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
    /// assert_eq!((answer.status(), answer.field("Retry-After")), (503, Some("5")));
    /// ```
    ///
    /// # Errors
    /// If `answer` fails.
    pub fn try_answer<E>(
        self,
        answer: impl FnOnce(Reply<'_>) -> Result<Sent, E>,
    ) -> Result<Sent, Failed<'a, E>> {
        let Reply { output, date, transfer, version, persistence, allow } = self;
        let start = output.encoded().len();
        let first = Reply { output: &mut *output, date, transfer, version, persistence, allow };
        answer(first).map_err(|error| {
            output.take_back(start);
            Failed { reply: Reply { output, date, transfer, version, persistence, allow }, error }
        })
    }

    /// Begins an answer with this status: a [`Status`] or its number, `303`.
    ///
    /// A number that no final answer can have, below 200 or above 599, turns the whole answer into a
    /// 500: a handler may have computed it, or got it from another server.
    // Inlined, with all but 200 out of the way: 36 instructions fewer per kept GET.
    #[inline]
    pub fn status(self, status: impl IntoStatus) -> ReplyHead<'a> {
        let start = self.output.encoded().len();
        let (status, invalid) = match status.into_status() {
            Ok(status) => (status, None),
            Err(invalid) => (Status::INTERNAL_SERVER_ERROR, Some(Unfit::Status(invalid))),
        };
        encode::start(self.output.encoded(), status, self.date);
        let lists = Lists::default();
        let mut head = ReplyHead { reply: self, status, start, lists, unfit: invalid };
        if let Some(methods) = head.reply.allow {
            head.allow(methods);
        }
        head
    }

    /// Begins an answer 200 with this field: see [`ReplyHead::field`].
    pub fn field(self, name: &str, value: impl AsRef<[u8]>) -> ReplyHead<'a> {
        self.status(Status::OK).field(name, value)
    }

    /// Answers 200 with this body and no more fields.
    pub fn send<'b>(self, body: impl Into<Body<'b>>) -> Sent {
        self.status(Status::OK).send(body)
    }

    /// Answers 200 with this part of a file and no more fields: see [`ReplyHead::send_file`].
    pub fn send_file(self, range: FileRange) -> Sent {
        self.status(Status::OK).send_file(range)
    }

    /// Answers 200 with the body that `source` gives and no more fields: see
    /// [`ReplyHead::stream`].
    pub fn stream(self, source: impl Source + 'static) -> Sent {
        self.status(Status::OK).stream(source)
    }
}

/// What is left of an [attempt](Reply::attempt) that panicked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Panicked<'a> {
    /// The reply, as if nothing had been written.
    pub reply: Reply<'a>,
    /// What the panic carried, as [`catch_unwind`] gives it.
    pub payload: Box<dyn Any + Send>,
}

/// What is left of an answer that was [tried](Reply::try_answer) and failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed<'a, E> {
    /// The reply, as if nothing had been written.
    pub reply: Reply<'a>,
    /// Why it failed.
    pub error: E,
}

/// An answer whose status is written, and perhaps some fields.
#[derive(Debug)]
pub struct ReplyHead<'a> {
    reply: Reply<'a>,
    status: Status,
    /// Where in the output this answer begins.
    start: usize,
    lists: Lists,
    unfit: Option<Unfit>,
}

/// Why an answer cannot be sent as it is.
#[derive(Clone, Copy, Debug)]
enum Unfit {
    Field(InvalidField),
    Status(InvalidStatus),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Field(invalid) => invalid.fmt(f),
            Unfit::Status(invalid) => invalid.fmt(f),
        }
    }
}

impl<'a> ReplyHead<'a> {
    /// Says `Allow`, out of the way of most answers.
    #[cold]
    fn allow(&mut self, methods: &str) {
        let out = self.reply.output.encoded();
        match encode::check_field("Allow", methods.as_bytes()) {
            Ok(()) => {
                encode::field(out, "Allow", methods.as_bytes());
                self.lists.insert(List::Allow);
            }
            Err(invalid) => self.unfit = Some(Unfit::Field(invalid)),
        }
    }

    /// Adds a field.
    ///
    /// A field that would break the message, by a line end in its value for example, or that the
    /// server writes itself, turns the whole answer into a 500: a handler may have built it from
    /// what the client sent, so it is no reason to panic, and nothing of it may be sent.
    ///
    /// `Allow`, `Upgrade` and `Vary` may be given more than once, and where the server gives them
    /// itself: see [`FieldBlock`].
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let out = self.reply.output.encoded();
        match (encode::check_field(name, value), List::named(name)) {
            (Ok(()), None) => encode::field(out, name, value),
            (Ok(()), Some(_)) => lists::add(out, self.start, &mut self.lists, name, value),
            (Err(invalid), _) => self.unfit = Some(Unfit::Field(invalid)),
        }
        self
    }

    /// Adds fields that were checked when the block was made.
    pub fn fields(mut self, block: &FieldBlock) -> Self {
        let out = self.reply.output.encoded();
        match self.lists.overlap(block.lists()) {
            true => lists::add_lines(out, self.start, &mut self.lists, block.lines()),
            false => out.extend_from_slice(block.lines()),
        }
        self.lists.extend(block.lists());
        self
    }

    /// Adds those of these fields that the answer does not have yet: what a user has said outweighs
    /// what a handler says by itself.
    #[cfg(feature = "site")]
    pub(crate) fn fields_if_absent(mut self, block: &FieldBlock) -> Self {
        let out = self.reply.output.encoded();
        lists::add_absent(out, self.start, &mut self.lists, block.lines());
        self
    }

    /// Closes the connection after this answer.
    pub fn close(mut self) -> Self {
        self.reply.persistence = Persistence::Close;
        self
    }

    /// Ends the answer with this body, which may be empty.
    ///
    /// HTTP has no body in answers to HEAD, and with 204, 205 and 304: there it is left out. See
    /// [`Body`] for what is copied.
    pub fn send<'b>(self, body: impl Into<Body<'b>>) -> Sent {
        let body = body.into();
        let WholeHead { output, persistence, sends_content } =
            match self.end_head(Delimiter::Length { left: body.len() }) {
                Ok(whole) => whole,
                Err(failed) => return failed,
            };
        if sends_content {
            body.put_behind(output);
        }
        Sent::whole(persistence)
    }

    /// Ends the answer with this part of a file, whose length the client is told.
    ///
    /// Like every body it is left out where HTTP has none: in answers to HEAD, and with 204, 205
    /// and 304. The handler itself adds `Content-Range` and `ETag`.
    ///
    /// The server sends what is in the page cache by `sendfile`, and copies small bodies beside
    /// their head. The kernel fetches the rest in the background, and the server looks again a few
    /// milliseconds later: a slow disk delays only the clients that want something from it. If the
    /// file system cannot say what is cached (FUSE, overlayfs, NFS), the server reads 16 KiB at a
    /// time, and all clients wait for that.
    ///
    /// If the file is shorter than the range says, cannot be read, or gives nothing for half a
    /// minute, the server sends the client what there is and closes the connection, as
    /// [`CloseReason::FileBroken`](crate::CloseReason::FileBroken): the client can tell by the
    /// length that it did not get everything. A file may grow meanwhile; if it is overwritten in
    /// place, some of the bytes can be old and others new.
    ///
    /// Such an answer costs one allocation, unless it is copied.
    pub fn send_file(self, range: FileRange) -> Sent {
        let WholeHead { output, persistence, sends_content } =
            match self.end_head(Delimiter::Length { left: range.length() }) {
                Ok(whole) => whole,
                Err(failed) => return failed,
            };
        let mut body = None;
        if sends_content {
            match range.begin(output.encoded()) {
                Start::Copied => {}
                Start::Sending(sending) => body = Some(Box::new(Streaming::File(sending))),
            }
        }
        Sent { persistence, work: 0, body }
    }

    /// Ends the answer with a body that `source` gives piece by piece, and whose length is not
    /// known yet: in chunks, or to an HTTP/1.0 client up to the end of the connection.
    ///
    /// Like every body it is left out where HTTP has none; the source is then dropped without
    /// having been asked. It is only ever asked on the thread that runs the loop, so it may share
    /// with its handler what cannot be sent to another.
    pub fn stream(self, source: impl Source + 'static) -> Sent {
        let delimiter = match self.reply.version {
            Version::Http10 => Delimiter::End,
            Version::Http11 => Delimiter::LastChunk,
        };
        self.delimited(delimiter, source)
    }

    /// As [`ReplyHead::stream`], and tells the client its length: it can show progress, and an
    /// HTTP/1.0 connection can be kept.
    ///
    /// If the source then gives more or fewer bytes, that is the handler's mistake, and the server
    /// closes the connection as [`CloseReason::SourceBroken`](crate::CloseReason::SourceBroken): it
    /// does not send the surplus piece, so the client never takes it for the next answer.
    pub fn stream_sized(self, length: u64, source: impl Source + 'static) -> Sent {
        self.delimited(Delimiter::Length { left: length }, source)
    }

    fn delimited(self, delimiter: Delimiter, source: impl Source + 'static) -> Sent {
        let WholeHead { persistence, sends_content, .. } = match self.end_head(delimiter) {
            Ok(whole) => whole,
            Err(failed) => return failed,
        };
        let body =
            sends_content.then(|| Box::new(Streaming::from_source(Box::new(source), delimiter)));
        Sent { persistence, work: 0, body }
    }

    /// Ends the head by what delimits the body. Or answers 500, if the head is not fit to be sent.
    // Inlined where an ordinary answer is given, whose delimiter is known there.
    #[inline(always)]
    fn end_head(self, delimiter: Delimiter) -> Result<WholeHead<'a>, Sent> {
        if let Some(unfit) = self.unfit {
            return Err(self.fail(unfit));
        }
        let rule = self.status.content_rule();
        let Reply { output, transfer, mut persistence, .. } = self.reply;
        let sends_content = transfer == BodyTransfer::Content && rule == ContentRule::Allowed;
        let encoded = output.encoded();
        match (rule, delimiter) {
            (ContentRule::Allowed, Delimiter::Length { left }) => {
                encode::content_length(encoded, left);
            }
            (ContentRule::Allowed, Delimiter::LastChunk) => encode::chunked(encoded),
            (ContentRule::Allowed, Delimiter::End) if sends_content => {
                persistence = Persistence::Close
            }
            (ContentRule::Allowed, Delimiter::End) | (ContentRule::Absent, _) => {}
            (ContentRule::Empty, _) => encode::content_length(encoded, 0),
        }
        encode::end(encoded, persistence, self.lists);
        output.end_head(0);
        Ok(WholeHead { output, persistence, sends_content })
    }

    /// Takes back what is written of this answer and says instead that it was not fit to send.
    #[cold]
    #[inline(never)]
    fn fail(self, unfit: Unfit) -> Sent {
        self.reply.output.encoded().truncate(self.start);
        let text = format!("{}: {unfit}\n", Status::INTERNAL_SERVER_ERROR);
        // What is to be allowed may be what is invalid, and no 500 has to say it.
        Reply { allow: None, ..self.reply }
            .status(Status::INTERNAL_SERVER_ERROR)
            .field("Content-Type", "text/plain; charset=utf-8")
            .send(text)
    }
}

/// An answer whose head is written.
struct WholeHead<'a> {
    output: &'a mut Output,
    persistence: Persistence,
    /// Whether a body follows.
    sends_content: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::COPIED_BYTES_MAX;
    use std::borrow::Cow;
    use std::sync::Arc;
    use std::time::SystemTime;

    /// A reply to a kept HTTP/1.1 request.
    fn reply_into<'r>(output: &'r mut Output, date: &'r Date, transfer: BodyTransfer) -> Reply<'r> {
        Reply {
            output,
            date,
            transfer,
            version: Version::Http11,
            persistence: Persistence::Keep,
            allow: None,
        }
    }

    fn answer(
        transfer: BodyTransfer,
        give: impl FnOnce(Reply<'_>) -> Sent,
    ) -> (String, Persistence) {
        let mut output = Output::default();
        let date = Date::new(SystemTime::UNIX_EPOCH);
        let sent = give(reply_into(&mut output, &date, transfer));
        let bytes: Vec<u8> =
            output.slices(usize::MAX).iter().flat_map(|slice| slice.iter().copied()).collect();
        (String::from_utf8(bytes).expect("text"), sent.persistence)
    }

    #[test]
    fn the_answer_to_head_says_the_length_and_sends_nothing() {
        let (text, _) = answer(BodyTransfer::HeadOnly, |reply| reply.send("hello"));
        assert!(text.contains("Content-Length: 5\r\n"));
        assert!(text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn statuses_without_content_have_none() {
        for (status, length) in [(204, None), (205, Some("Content-Length: 0")), (304, None)] {
            let status = Status::try_from(status).expect("a final status");
            let (text, _) =
                answer(BodyTransfer::Content, |reply| reply.status(status).send("hello"));
            assert!(text.ends_with("\r\n\r\n"), "{text}");
            assert_eq!(text.lines().find(|line| line.starts_with("Content-Length")), length);
        }
    }

    #[test]
    fn a_field_that_would_split_the_answer_makes_it_a_500() {
        let (text, _) = answer(BodyTransfer::Content, |reply| {
            reply.field("Location", "/a\r\nSet-Cookie: b").field("X", "y").send("secret")
        });
        assert!(text.starts_with("HTTP/1.1 500 "), "{text}");
        assert!(!text.contains("Set-Cookie") && !text.contains("secret"), "{text}");
        assert_eq!(text.matches("HTTP/1.1").count(), 1);
    }

    #[test]
    fn what_is_allowed_is_listed_only_where_it_has_to_be() {
        let mut output = Output::default();
        let date = Date::new(SystemTime::UNIX_EPOCH);
        for (demanded, lines) in [(Some("GET, POST"), 1), (None, 0)] {
            let reply = Reply {
                output: &mut output,
                date: &date,
                transfer: BodyTransfer::Content,
                version: Version::Http11,
                persistence: Persistence::Keep,
                allow: demanded,
            };
            let _ = reply.allow("GET").status(Status::METHOD_NOT_ALLOWED).send("");
            let text = String::from_utf8_lossy(output.encoded()).into_owned();
            assert_eq!(text.matches("Allow: GET\r\n").count(), lines, "{text}");
            output.clear();
        }
    }

    #[test]
    fn methods_that_would_split_the_answer_make_it_a_500() {
        for methods in ["GET\r\nSet-Cookie: a=b", "GET\nX: y", "GET\0", "GET\r"] {
            let (text, _) = answer(BodyTransfer::Content, |reply| {
                let demanded = Reply { allow: Some(Method::ALLOWED), ..reply };
                demanded.allow(methods).status(Status::METHOD_NOT_ALLOWED).send("secret")
            });
            assert!(text.starts_with("HTTP/1.1 500 "), "{text}");
            assert!(!text.contains("Allow") && !text.contains("secret"), "{text}");
            assert_eq!(text.matches("HTTP/1.1").count(), 1);
        }
    }

    #[test]
    fn an_attempt_that_panics_leaves_no_trace() {
        let body: Arc<[u8]> = vec![b'x'; COPIED_BYTES_MAX + 1].into();
        let attempts: [&dyn Fn(Reply<'_>) -> Sent; 3] = [
            &|_| std::panic::resume_unwind(Box::new(1)),
            &|reply| {
                let _half = reply.field("X", "y");
                std::panic::resume_unwind(Box::new(1))
            },
            &|reply| {
                let _whole = reply.send(&body);
                std::panic::resume_unwind(Box::new(1))
            },
        ];
        let (expected, _) = answer(BodyTransfer::Content, |reply| reply.send("500"));
        for attempt in attempts {
            let (text, _) = answer(BodyTransfer::Content, |reply| {
                let panicked = reply.attempt(attempt).expect_err("it panics");
                assert!(panicked.payload.is::<i32>());
                panicked.reply.send("500")
            });
            assert_eq!(text, expected);
        }
        assert_eq!(Arc::strong_count(&body), 1);
    }

    #[test]
    fn large_owned_bodies_are_not_copied_and_small_ones_are() {
        let date = Date::new(SystemTime::UNIX_EPOCH);
        for (bytes, copied) in [(COPIED_BYTES_MAX, true), (COPIED_BYTES_MAX + 1, false)] {
            let mut output = Output::default();
            let body = vec![b'x'; bytes];
            let place = body.as_ptr();
            let reply = reply_into(&mut output, &date, BodyTransfer::Content);
            let _ = reply.send(body);
            let [head, body] = output.slices(usize::MAX);
            assert_eq!(body.is_empty(), copied);
            assert!(head.len() + body.len() > bytes);
            assert!(copied || body.as_ptr() == place);
        }
    }

    #[test]
    fn whatever_a_handler_has_is_a_body() {
        let text = "hello".to_owned();
        let shared: Arc<[u8]> = Arc::from(*b"hello");
        let bytes = text.clone().into_bytes();
        let bodies: [Body<'_>; 12] = [
            (&*text).into(),
            (&text).into(),
            text.clone().into(),
            b"hello".into(),
            b"hello"[..].into(),
            b"hello".to_vec().into(),
            (&bytes).into(),
            Box::<[u8]>::from(*b"hello").into(),
            (&shared).into(),
            shared.clone().into(),
            Arc::<str>::from("hello").into(),
            Cow::Borrowed("hello").into(),
        ];
        for body in bodies {
            let shown = format!("{body:?}");
            let (text, _) = answer(BodyTransfer::Content, |reply| reply.send(body));
            assert!(text.ends_with("Content-Length: 5\r\n\r\nhello"), "{shown}: {text}");
        }
    }

    #[test]
    fn a_status_is_a_number_too_and_one_that_is_none_makes_it_a_500() {
        let status = |code: u16| {
            let (text, _) =
                answer(BodyTransfer::Content, |reply| reply.status(code).send("secret"));
            text.lines().next().map(|line| line[9..12].to_owned())
        };
        for (code, told) in
            [(199, "500"), (200, "200"), (303, "303"), (599, "599"), (600, "500"), (0, "500")]
        {
            assert_eq!(status(code).as_deref(), Some(told), "{code}");
        }
        let (text, _) = answer(BodyTransfer::Content, |reply| reply.status(100).send("secret"));
        assert!(!text.contains("secret"), "{text}");
        let (text, _) = answer(BodyTransfer::Content, |reply| reply.status(303).send(""));
        assert!(text.starts_with("HTTP/1.1 303 See Other\r\n"), "{text}");
    }

    #[test]
    fn an_answer_that_fails_leaves_no_trace() {
        let body: Arc<[u8]> = vec![b'x'; COPIED_BYTES_MAX + 1].into();
        let (text, persistence) = answer(BodyTransfer::Content, |reply| {
            let tried = reply.try_answer(|reply| {
                let _whole = reply.status(201).close().send(&body);
                Err(7)
            });
            let failed = tried.expect_err("it fails");
            assert_eq!(failed.error, 7);
            failed.reply.status(500).send("failed")
        });
        assert!(text.starts_with("HTTP/1.1 500 ") && text.ends_with("\r\n\r\nfailed"), "{text}");
        assert_eq!((text.matches("HTTP/1.1").count(), persistence), (1, Persistence::Keep));
        assert_eq!(Arc::strong_count(&body), 1);
    }

    #[test]
    fn closing_is_said_and_told_to_the_connection() {
        let (text, persistence) =
            answer(BodyTransfer::Content, |reply| reply.status(Status::OK).close().send(""));
        assert!(text.contains("Connection: close\r\n"));
        assert_eq!(persistence, Persistence::Close);
    }

    #[test]
    fn large_shared_bodies_are_not_copied() {
        let mut output = Output::default();
        let body: Arc<[u8]> = vec![b'x'; COPIED_BYTES_MAX + 1].into();
        let date = Date::new(SystemTime::UNIX_EPOCH);
        let reply = reply_into(&mut output, &date, BodyTransfer::Content);
        let _ = reply.send(&body);
        assert_eq!(Arc::strong_count(&body), 2);
        assert_eq!(output.slices(usize::MAX)[1].as_ptr(), body.as_ptr());
    }
}
