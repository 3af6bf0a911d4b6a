//! Scenarios without sockets: bytes in, bytes out, time as an argument.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::arrows::{ARROWS, Arrow};
use super::state::StateName;
use super::{Common, Connection, Context, Demand, Opening, Phase, Unread};
use crate::answer::file::{FileRange, pretence};
use crate::answer::handler::{ContentPlan, Handler, Reply, Sent};
use crate::answer::source::{Next, Piece, Source};
use crate::config::{LINGER_SPANS_MAX, Limits, Timeouts};
use crate::http::request::Request;
use crate::http::status::Status;
use crate::metrics::CloseReason;
use crate::peer::{Caller, PackedPeer, Peer};
use crate::time::Time;

mod answering;
mod budget;
mod cuts;
mod deadlines;
mod files;
mod holding;
mod late;
mod lingering;
mod proxied;
mod streams;

/// The budget of a connection that is asked for nothing of the kind.
const ENDLESS: usize = usize::MAX / 2;

thread_local! {
    /// Every way from one state to another that has been walked on this thread.
    static WALKED: RefCell<Vec<(StateName, &'static str, StateName)>> = const { RefCell::new(Vec::new()) };
}

/// Called for every transition.
pub(super) fn note_arrow(from: StateName, by: &'static str, to: StateName) {
    WALKED.with_borrow_mut(|walked| walked.push((from, by, to)));
}

/// Says which request it was, and nothing else.
struct Echo;

impl Handler for Echo {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let body = String::from_utf8_lossy(request.body());
        let (method, path) = (request.method().as_str(), request.path());
        if let Some(script) = path.strip_prefix("/source/") {
            return reply.stream(Scripted::new(script));
        }
        if let Some((length, script)) =
            path.strip_prefix("/sized/").and_then(|rest| rest.split_once('/'))
        {
            let length = length.parse().expect("a length");
            return reply.status(Status::OK).stream_sized(length, Scripted::new(script));
        }
        if let Some(length) = path.strip_prefix("/file/") {
            let length = length.parse().expect("a length");
            return reply.send_file(FileRange::new(FILE.with(Arc::clone), 0, length));
        }
        if let Some(script) = path.strip_prefix("/late/") {
            return late(script.to_owned(), reply);
        }
        match path {
            "/client" => {
                let client = request.client().expect("an address");
                reply.send(format!("{client} by {}", request.peer()))
            }
            "/large" => reply.send(std::sync::Arc::<[u8]>::from(vec![b'x'; 100_000])),
            _ => reply.send(format!("<{method} {path} {body}>")),
        }
    }

    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match request.path() {
            "/dropped" => ContentPlan::Drop,
            _ => ContentPlan::Hold,
        }
    }
}

/// Answers in as many milliseconds as the script begins with, and then as the rest of it says.
fn late(script: String, reply: Reply<'_>) -> Sent {
    let (millis, _) = script.split_once('/').expect("a time and an answer");
    let pause = Duration::from_millis(millis.parse().expect("milliseconds"));
    reply.after(pause, move |reply| match script.split('/').collect::<Vec<_>>()[1..] {
        ["close"] => reply.status(503).close().send("<close>"),
        ["stream", script] => reply.stream(Scripted::new(script)),
        ["late", ..] => late(script.split_once("/late/").expect("more").1.to_owned(), reply),
        _ => reply.status(503).send(format!("<{script}>")),
    })
}

/// How many bytes the file of `/file/` has: three pieces, the last of which is not whole.
const FILE_BYTES: usize = 600_000;

thread_local! {
    /// What `/file/` gives the beginning of.
    static FILE: Arc<File> = {
        let name = format!("oneloop-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        let opened = File::options().read(true).write(true).create_new(true).open(&path);
        let file = opened.expect("a temporary file");
        std::fs::remove_file(path).expect("it was just made");
        file.write_all_at(&file_bytes(FILE_BYTES), 0).expect("there is room");
        Arc::new(file)
    };
}

/// The first bytes of that file.
fn file_bytes(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| b'a' + (at / 1000 % 23) as u8).collect()
}

/// Whether only this thread holds the file.
fn file_is_free() -> bool {
    FILE.with(Arc::strong_count) == 1
}

thread_local! {
    /// How many sources have been dropped on this thread.
    static DROPPED: Cell<usize> = const { Cell::new(0) };
}

/// Gives what its script says: `ab,cd@100,*` is `ab`, and more at once; `cd`, and more in 100 ms;
/// as many bytes as there is room for, and that is all.
struct Scripted {
    steps: std::vec::IntoIter<String>,
}

impl Scripted {
    fn new(script: &str) -> Scripted {
        let steps: Vec<String> = script.split(',').map(str::to_owned).collect();
        Scripted { steps: steps.into_iter() }
    }
}

impl Source for Scripted {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        let step = self.steps.next().expect("it is not asked again after the end");
        let (bytes, pause) = step.split_once('@').unwrap_or((&step, "0"));
        match bytes {
            "*" => piece.append(vec![b'x'; piece.room()]),
            bytes => piece.append(bytes),
        }
        let pause = Duration::from_millis(pause.parse().expect("milliseconds"));
        match (self.steps.len(), pause) {
            (0, _) => Next::Done,
            (_, Duration::ZERO) => Next::More,
            (_, pause) => Next::After(pause),
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

/// A connection, and all that a loop would give it.
struct Bench {
    connection: Connection,
    common: Common,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        Bench::opening_with(Opening::Request)
    }

    fn opening_with(opening: Opening) -> Bench {
        let address = PackedPeer::from(Peer::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))));
        let mut bench = Bench {
            connection: Connection::new(Caller::new(address), opening, Time::START),
            common: Common::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH),
            now: Time::START,
        };
        bench.common.budget.begin_stage(1, ENDLESS);
        bench.common.budget.begin_client(ENDLESS);
        bench
    }

    fn lenient() -> Bench {
        let mut bench = Bench::new();
        bench.common.timeouts.typing_grace = Some(Duration::from_secs(1));
        bench
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Connection, &mut Context<'_, Echo>) -> T) -> T {
        let mut context = Context { now: self.now, handler: &mut Echo, common: &mut self.common };
        act(&mut self.connection, &mut context)
    }

    /// Receives `bytes`, without sending anything.
    fn receive(&mut self, bytes: &[u8]) {
        self.with(|connection, context| connection.on_bytes(&mut bytes.to_vec(), context));
    }

    /// Sends up to `bytes_max`, and says what.
    fn send(&mut self, bytes_max: usize) -> Vec<u8> {
        let pieces = self.connection.owed(&self.common.output, usize::MAX);
        let mut owed: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        if owed.is_empty() && self.connection.demand() == Demand::SendFile {
            return self.send_file(bytes_max);
        }
        owed.truncate(bytes_max);
        self.with(|connection, context| connection.on_sent(owed.len(), Unread::Nothing, context));
        owed
    }

    /// Sends up to `bytes_max` of a file's piece, if it is still there, and says what.
    fn send_file(&mut self, bytes_max: usize) -> Vec<u8> {
        let read = self.with(|connection, context| {
            let piece = connection.file_piece(context)?;
            let mut bytes = vec![0; piece.bytes.min(bytes_max)];
            let read = piece.file.read_at(&mut bytes, piece.offset).expect("a readable file");
            bytes.truncate(read);
            Some(bytes)
        });
        let Some(bytes) = read else { return Vec::new() };
        self.with(|connection, context| {
            connection.on_file_sent(bytes.len(), Unread::Nothing, context);
        });
        bytes
    }

    /// Sends all that is owed, as a loop does at the end of a client's turn.
    fn send_all(&mut self) -> String {
        let mut sent = Vec::new();
        while matches!(self.connection.demand(), Demand::Send | Demand::SendFile) {
            sent.extend(self.send(usize::MAX));
        }
        self.connection.park(&mut self.common.output);
        String::from_utf8(sent).expect("text")
    }

    fn exchange(&mut self, bytes: &str) -> String {
        self.receive(bytes.as_bytes());
        self.send_all()
    }

    fn end_of_input(&mut self) -> String {
        self.with(|connection, context| connection.on_eof(context));
        self.send_all()
    }

    /// Lets the present deadline pass.
    fn run_out(&mut self) -> String {
        self.now = self.deadline();
        self.with(|connection, context| connection.on_deadline(context));
        self.send_all()
    }

    fn after(&mut self, wait: Duration) -> &mut Bench {
        self.now = self.now + wait;
        self
    }

    fn deadline(&self) -> Time {
        let timeouts = &self.common.timeouts;
        self.connection.deadline(timeouts).expect("a deadline").due(timeouts).1
    }

    /// How long the connection still waits.
    fn time_left(&self) -> Duration {
        self.deadline().since(self.now)
    }

    #[track_caller]
    fn assert_state(&self, name: StateName) {
        assert_eq!(self.connection.state(), name);
    }

    #[track_caller]
    fn assert_closed(&self, reason: CloseReason) {
        assert_eq!(self.connection.demand(), Demand::Close(reason));
    }
}

/// The bodies of all answers in `text`.
fn bodies(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.split("\r\n\r\n").nth(1)).collect()
}

fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect()
}

/// A request whose answer's body is what this script says.
fn streamed(script: &str) -> String {
    GET.replace("/a", &format!("/source/{script}"))
}

const SECOND: Duration = Duration::from_secs(1);

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: u\r\n\r\n";
const EXPECT: &str =
    "PUT /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

#[test]
fn every_arrow_of_the_table_can_be_walked() {
    WALKED.with_borrow_mut(Vec::clear);
    answering::a_kept_connection_answers_one_request_after_the_other();
    answering::nothing_after_close_is_processed_and_the_rest_is_lingered_for();
    deadlines::a_heads_deadline_is_absolute();
    deadlines::a_body_has_to_make_progress();
    answering::a_client_that_waits_for_100_gets_it_once_and_only_if_its_body_is_wanted();
    answering::empty_lines_between_requests_are_no_requests();
    answering::the_first_reason_to_end_stays();
    streams::requests_behind_a_stream_are_answered_behind_it();
    late::an_answer_begins_when_its_time_has_come();
    streams::a_connection_that_ends_drops_its_source();
    streams::a_source_is_asked_when_its_time_has_come_and_each_piece_is_a_chunk();
    streams::a_stream_with_a_length_keeps_the_connection_if_it_keeps_its_word();
    answering::an_idle_connection_is_told_the_end_and_lingered_for();
    proxied::a_header_is_read_before_requests_however_it_is_cut();
    proxied::a_connection_without_its_header_is_told_the_end_when_the_server_stops();
    proxied::what_is_no_header_ends_the_connection_without_an_answer();
    Bench::new().connection.on_close(CloseReason::Evicted);
    for parts in [[&EXPECT[..20], &EXPECT[20..]], [&POST[..50], &POST[50..]], [EXPECT, "hello"]] {
        let mut kept = Bench::new();
        kept.exchange(GET);
        for part in parts {
            kept.exchange(part);
        }
    }
    cuts::verdict([GET.as_bytes()]);
    cuts::verdict([&POST.as_bytes()[..50], &POST.as_bytes()[50..]]);
    cuts::verdict(POST.as_bytes().chunks(1));
    let walked = WALKED.take();
    let missing: Vec<_> = ARROWS
        .iter()
        .flat_map(|Arrow { from, to, by, .. }| by.iter().map(|by| (*from, *by, *to)))
        .filter(|arrow| !walked.contains(arrow))
        .collect();
    assert_eq!(missing, []);
}
