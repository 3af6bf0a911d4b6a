//! What the tests over real sockets share: a server on a thread of its own, and its clients.
//!
//! Nothing here outlives its test: a dropped server is ended, whatever it was doing, and nobody
//! waits for anything longer than [`PATIENCE`].
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use oneloop::testing;
use oneloop::{Config, Handler, Listen, Metrics, Server, StopHandle, StopStep, Stopped, Timeouts};

// A crate that has the other half of this folder has it twice.
#[allow(clippy::duplicate_mod, reason = "each of the two is of use without the other")]
#[path = "interrupted.rs"]
mod interrupted;

use interrupted::{read_some, uninterrupted};

/// How long anything that ought to happen at once may take before a test gives up on it. Only a
/// broken server makes a test wait so long, so it is generous to a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How much later than it should a thing may be noticed, because a busy machine let this process
/// or the server wait.
pub const SLACK: Duration = Duration::from_secs(2);

/// Longer than any test runs: a timeout that must not be what ends it.
const NEVER: Duration = Duration::from_secs(3600);

/// One loopback port of the system's choice, and no timeout that a test could live to see.
pub fn config() -> Config {
    let mut config = Config::default();
    config.listen = vec![Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))];
    let Timeouts { first_byte, head, body, write, idle, linger, drain, .. } = &mut config.timeouts;
    for timeout in [first_byte, head, body, write, idle, linger, drain] {
        *timeout = NEVER;
    }
    config.timeouts.drain_idle = Duration::ZERO;
    config
}

/// A deadline is acted on between its time and 1/64 of it later.
pub fn assert_punctual(took: Duration, timeout: Duration) {
    assert!(took >= timeout, "after {took:?}, which is before {timeout:?} have passed");
    let latest = timeout + timeout / 64 + SLACK;
    assert!(took <= latest, "after {took:?}, though {timeout:?} was the time");
}

/// What a server has come to at the end of one of its turns.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How many clients are connected.
    pub clients: usize,
    /// Whether it has stopped listening, as a server does that is told to stop.
    pub is_closed: bool,
    /// How far it has come in stopping, if it was told to.
    pub stop_step: Option<StopStep>,
    /// What it has counted.
    pub metrics: Metrics,
    /// How it ended, once it has.
    pub stopped: Option<Stopped>,
}

/// A server on a thread of its own, which tells after each turn what it has come to.
pub struct Background {
    addresses: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    health: Option<SocketAddr>,
    handle: StopHandle,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    abandoned: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts a server; it listens already when this returns.
    pub fn start<H: Handler + Send + 'static>(config: &Config, handler: H) -> Background {
        let config = config.clone();
        let (tell_bound, bound) = mpsc::channel();
        let seen = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
        let abandoned = Arc::new(AtomicBool::new(false));
        let (tell, leave) = (Arc::clone(&seen), Arc::clone(&abandoned));
        let thread = thread::spawn(move || {
            // A server stays on the thread that has bound it.
            let mut server = Server::bind(&config, handler).expect("loopback has free ports");
            let places = (server.local_addrs(), server.admin_addr(), server.health_place());
            let _ = tell_bound.send((places, server.stop_handle()));
            while !leave.load(Ordering::Acquire) {
                let flow = server.turn(None).expect("the poll of a healthy system");
                let stopped = match flow {
                    ControlFlow::Continue(()) => None,
                    ControlFlow::Break(stopped) => Some(stopped),
                };
                let (clients, metrics) = (server.clients(), server.metrics().clone());
                let is_closed = server.local_places().is_empty();
                let stop_step = server.stop_step();
                *tell.0.lock().expect("no test panics with it") =
                    Seen { clients, is_closed, stop_step, metrics, stopped };
                tell.1.notify_all();
                if stopped.is_some() {
                    break;
                }
            }
        });
        let ((addresses, admin, health), handle) = bound.recv().expect("it has been bound");
        let health = health.and_then(|place| place.internet());
        Background { addresses, admin, health, handle, seen, abandoned, thread: Some(thread) }
    }

    /// Where it listens first.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All places where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it shows what it does.
    pub fn admin(&self) -> SocketAddr {
        self.admin.expect("it was configured")
    }

    /// Where it says whether it is well.
    pub fn health(&self) -> SocketAddr {
        self.health.expect("it was configured")
    }

    /// What stops it.
    pub fn stop_handle(&self) -> &StopHandle {
        &self.handle
    }

    /// A new client of it.
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// What it had come to at the end of its last turn.
    pub fn seen(&self) -> Seen {
        self.seen.0.lock().expect("its thread is well").clone()
    }

    /// Waits until a turn has ended so that `fits`.
    pub fn wait_until(&self, fits: impl Fn(&Seen) -> bool) -> Seen {
        let seen = self.seen.0.lock().expect("its thread is well");
        let waited = self.seen.1.wait_timeout_while(seen, PATIENCE, |seen| !fits(seen));
        // A copy, so that a failing test does not hold the lock that its server needs.
        let seen = waited.expect("its thread is well").0.clone();
        assert!(fits(&seen), "the server stays at {seen:?}");
        seen
    }

    /// Waits until it has ended by itself, and says how.
    pub fn stopped(&self) -> Stopped {
        self.wait_until(|seen| seen.stopped.is_some()).stopped.expect("it was waited for")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Release);
        // Only to end the turn it may be waiting in.
        self.handle.stop();
        let ended = self.thread.take().expect("only dropped once").join();
        assert!(ended.is_ok() || thread::panicking(), "the server's thread has panicked");
    }
}

/// A blocking client.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// What has come behind the last answer.
    received: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order, behind the last byte.
    Closed,
    /// By a reset.
    Reset,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// From the status line to the empty line.
    pub head: String,
    /// The content.
    pub body: Vec<u8>,
    read: testing::Answer,
}

impl Answer {
    /// The value of the field of this name, spelled as the server spells it.
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.read.fields().find(|(field, _)| *field == name)?;
        let line = format!("\r\n{name}: {value}\r\n");
        assert!(self.head.contains(&line), "a space before the value, none behind it: {self:?}");
        Some(value)
    }

    /// Whether it announces that the connection will be closed.
    pub fn closes(&self) -> bool {
        self.field("Connection") == Some("close")
    }

    /// The content as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the tests' own texts")
    }

    /// Whether its content has come to its end.
    pub fn is_whole(&self) -> bool {
        self.read.is_whole()
    }

    /// In how many chunks its content has come.
    pub fn chunks(&self) -> usize {
        self.read.chunks()
    }

    /// Takes the part of `received` that belongs to it.
    fn take(&mut self, received: &mut Vec<u8>) {
        let left = self.read.take(received).len();
        received.drain(..received.len() - left);
        assert!(!self.read.is_malformed() && !self.read.has_extras(), "{:?}", self.read);
        self.body.extend_from_slice(&self.read.body()[self.body.len()..]);
    }
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Client {
        Client::new(TcpStream::connect(address).expect("somebody listens"))
    }

    /// Makes a connected stream a client.
    pub fn new(stream: TcpStream) -> Client {
        // A Unix socket has no such option, and no need of it.
        let _ = stream.set_nodelay(true);
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time that is not zero");
        Client { stream, received: Vec::new() }
    }

    /// Sends all of `bytes`.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server is there");
    }

    /// Sends all of `bytes`, if the server still takes them.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), io::Error> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends a GET for `path`.
    pub fn ask(&mut self, path: &str) {
        self.send(get(path));
    }

    /// The answer to a GET for `path`.
    pub fn get(&mut self, path: &str) -> Answer {
        self.ask(path);
        self.answer()
    }

    /// The next answer, whole.
    pub fn answer(&mut self) -> Answer {
        let head = self.answer_head();
        self.rest_of(head)
    }

    /// The next answer's head; what follows is left for later.
    pub fn answer_head(&mut self) -> Answer {
        self.answer_head_to("GET")
    }

    /// As [`Client::answer_head`], in answer to this method.
    pub fn answer_head_to(&mut self, method: &str) -> Answer {
        let read = loop {
            match testing::Answer::begin(&self.received, method) {
                Some(read) => break read,
                None => self.receive_more(),
            }
        };
        assert_eq!(read.version(), "HTTP/1.1");
        let head: Vec<u8> = self.received.drain(..read.head().len()).collect();
        let head = String::from_utf8(head).expect("a head in ASCII");
        Answer { status: read.status(), head, body: Vec::new(), read }
    }

    /// The whole of the answer of which this much has been read.
    pub fn rest_of(&mut self, mut answer: Answer) -> Answer {
        while !answer.is_whole() {
            self.read_on(&mut answer);
        }
        answer
    }

    /// Waits for more of the answer of which this much has been read, or for its end.
    pub fn read_on(&mut self, answer: &mut Answer) {
        let bytes = answer.body.len();
        answer.take(&mut self.received);
        while answer.body.len() == bytes && !answer.is_whole() {
            match self.receive(64 * 1024) {
                Ok(0) => {
                    answer.read.end();
                    assert!(answer.is_whole(), "the connection ends within {answer:?}");
                }
                Ok(_) => answer.take(&mut self.received),
                Err(reason) => panic!("{reason} within {answer:?}"),
            }
        }
    }

    /// As [`Client::rest_of`], and the connection ends behind it.
    pub fn rest_to_the_end(&mut self, mut answer: Answer) -> Answer {
        assert_eq!(self.end_after_anything(), End::Closed);
        answer.take(&mut self.received);
        answer.read.end();
        assert!(answer.is_whole() && self.received.is_empty(), "{answer:?}");
        answer
    }

    fn receive_more(&mut self) {
        let failure = match self.receive(64 * 1024) {
            Ok(0) => "the connection ends".to_owned(),
            Ok(_) => return,
            Err(reason) => reason.to_string(),
        };
        let beginning = &self.received[..self.received.len().min(200)];
        panic!("{failure} after {} bytes: {}", self.received.len(), beginning.escape_ascii());
    }

    /// Receives once, at most so many bytes, and says how many came.
    pub fn receive(&mut self, bytes_max: usize) -> Result<usize, io::Error> {
        let mut buf = vec![0; bytes_max];
        let bytes = read_some(&mut self.stream, &mut buf)?;
        self.received.extend_from_slice(&buf[..bytes]);
        Ok(bytes)
    }

    /// How many bytes have been received that no answer has used up.
    pub fn received_bytes(&self) -> usize {
        self.received.len()
    }

    /// The next bytes, exactly so many.
    pub fn take_exactly(&mut self, bytes: usize) -> Vec<u8> {
        while self.received.len() < bytes {
            self.receive_more();
        }
        self.received.drain(..bytes).collect()
    }

    /// How the connection ends; nothing may come before that. As clients do, this one ends its own
    /// side when it sees the server's end.
    pub fn end(&mut self) -> End {
        let end = self.servers_end();
        // The server may be gone already.
        let _ = self.stream.shutdown(Shutdown::Write);
        end
    }

    /// As [`Client::end`], from a client that does not end its own side: it is lingered for.
    pub fn servers_end(&mut self) -> End {
        let end = self.end_after_anything();
        assert!(self.received.is_empty(), "there came {}", self.received.escape_ascii());
        end
    }

    /// How the connection ends, whatever comes before that.
    pub fn end_after_anything(&mut self) -> End {
        loop {
            match self.receive(64 * 1024) {
                Ok(0) => return End::Closed,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return End::Reset,
                Err(reason) => panic!("waiting for the end: {reason}"),
            }
        }
    }

    /// Whether anything comes within `time`: bytes or the end. Leaves it unread.
    pub fn hears_within(&self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a time that is not zero");
        let peeked = uninterrupted(|| self.stream.peek(&mut [0]));
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        match peeked {
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            Ok(_) => true,
        }
    }

    /// Whether bytes or the end have come already.
    pub fn hears_now(&self) -> bool {
        self.stream.set_nonblocking(true).expect("an option of every socket");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("an option of every socket");
        peeked.map_or_else(|error| error.kind() != ErrorKind::WouldBlock, |_| true)
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the server is there");
    }

    /// A second hold of the same connection, to write while another thread reads.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().expect("a free descriptor")
    }
}

/// A whole GET for `path`.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// Sends `bytes` one by one, `pause` apart and over and over, until something is heard. Says how
/// long that took.
pub fn drip(client: &mut Client, bytes: &[u8], pause: Duration) -> Duration {
    let began = Instant::now();
    for byte in bytes.iter().cycle() {
        // The server may be gone before we have heard of it.
        let _ = client.try_send([*byte]);
        if client.hears_within(pause) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the dripping goes on and on");
    }
    began.elapsed()
}
