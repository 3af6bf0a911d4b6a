//! One connection: what it still has to send, and which answers it waits for.
//!
//! It never blocks, knows nothing of other clients, and counts nothing; time comes as an argument.
//! What follows from an answer or an end is decided by [`Clients`](crate::clients::Clients).

use std::io::{ErrorKind, IoSlice};
use std::rc::Rc;

use mio::net::TcpStream;
use oneloop::Metrics;
use oneloop::engine::{Readiness, Received, Socket, Stream, Taken, Time};

use crate::kind::Kind;
use crate::load::answer::{Checked, Checker, Partial, Wrong};

/// How often a client receives before others have their turn. At 64 KiB each, 4 MiB.
pub const RECEIVES_MAX: usize = 64;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The handshake is under way.
    Connecting,
    /// Both sides may send.
    Open,
    /// The client has closed its sending side.
    HalfClosed,
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    pub kind: Kind,
    pub generation: u32,
    /// When it began to connect. The server may know of the connection before this client learns
    /// that it is established, but not before this moment.
    pub connecting_since: Time,
    socket: Socket<TcpStream>,
    stage: Stage,
    payload: Rc<[u8]>,
    /// How many bytes of the payload the kernel has taken.
    sent: usize,
    /// How many requests, or batches of them, it has made.
    pub made: u32,
    /// The place of the resource that it last requested.
    pub resource: usize,
    /// How many turns of typing it has taken.
    pub turns: usize,
    /// How many answers it waits for.
    pub due: u32,
    /// How many of these there were after it last sent requests.
    due_when_sent: u32,
    /// The rest of the payload could not be sent: the connection was lost.
    is_unsent: bool,
    /// When it last sent a request, where there is a limit for answers; else when it connected.
    pub asked_at: Time,
    /// When the request that it waits for was due.
    pub begun: Time,
    /// Since when it waits for nothing.
    pub free_since: Time,
    partial: Partial,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// The server has said that it will close the connection.
    pub last: bool,
}

/// What came of sending the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// The kernel has everything.
    All,
    /// It takes no more for now.
    Part,
    /// The connection is lost; receiving tells how.
    Lost,
}

/// What came of receiving.
#[derive(Debug)]
pub struct Answers {
    /// How many answers were right.
    pub right: u32,
    /// How many bytes came, right or not.
    pub bytes: u64,
    /// What is next.
    pub then: Then,
}

/// What is next for a connection.
#[derive(Debug)]
pub enum Then {
    /// Nothing until there is an event.
    Waits,
    /// There is more to read; others have their turn first.
    GoesOn,
    /// It is over.
    Ends(Ending),
}

/// How a connection ends.
#[derive(Debug)]
pub enum Ending {
    /// It was never established.
    NotConnected(ErrorKind),
    /// The server closed its side, between two answers.
    Closed,
    /// It was reset.
    Reset,
    /// An answer was wrong, so nothing behind it can be judged.
    Wrong(Box<Wrong>),
    /// The client closes it: it has served its purpose.
    HungUp,
}

impl Client {
    /// A client that begins to connect `now`, and was due to do so at `begun`.
    pub fn new(
        kind: Kind,
        generation: u32,
        stream: TcpStream,
        (begun, now): (Time, Time),
    ) -> Client {
        Client {
            kind,
            generation,
            connecting_since: now,
            socket: Socket::new(stream),
            stage: Stage::Connecting,
            payload: Rc::default(),
            sent: 0,
            made: 0,
            resource: 0,
            turns: 0,
            due: 0,
            due_when_sent: 0,
            is_unsent: false,
            asked_at: now,
            begun,
            free_since: begun,
            partial: Partial::Nothing,
            status: None,
            last: false,
        }
    }

    /// The stream, for registering it.
    pub fn stream_mut(&mut self) -> &mut TcpStream {
        self.socket.stream_mut()
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether it can make a request now.
    pub fn is_free(&self) -> bool {
        self.due == 0 && !self.last && self.has_sent_all() && self.stage != Stage::Connecting
    }

    /// Adds what the poll reported.
    pub fn note(&mut self, readiness: Readiness) {
        self.socket.note(readiness);
    }

    /// The first event of a connection: it is established, or has failed. The poll reports an error as
    /// readable, too.
    pub fn finish_connecting(&mut self, readiness: Readiness, now: Time) -> Result<(), ErrorKind> {
        if readiness.is(Readiness::READABLE)
            && let Some(error) = self.error()
        {
            return Err(error);
        }
        self.stage = Stage::Open;
        self.free_since = now;
        Ok(())
    }

    /// The connection's error, if it has one, without reading from it.
    fn error(&self) -> Option<ErrorKind> {
        match self.socket.stream().take_error() {
            Ok(error) => error.map(|error| error.kind()),
            Err(error) => Some(error.kind()),
        }
    }

    /// Takes the payload to send next. It makes `due` answers due, whose latency counts from `begun`.
    pub fn begin(&mut self, (payload, due): (Rc<[u8]>, u32), begun: Time) {
        (self.payload, self.sent) = (payload, 0);
        self.made = self.made.wrapping_add(1);
        self.due += due;
        self.due_when_sent = self.due;
        self.begun = begun;
    }

    /// Whether the kernel has all of the payload.
    pub fn has_sent_all(&self) -> bool {
        self.sent == self.payload.len()
    }

    /// How long the payload is.
    pub fn payload_len(&self) -> usize {
        self.payload.len()
    }

    /// Sends what the kernel takes now.
    pub fn flush(&mut self, metrics: &mut Metrics) -> Flushed {
        self.flush_until(self.payload.len(), metrics)
    }

    /// The same of the payload's first `end` bytes.
    pub fn flush_until(&mut self, end: usize, metrics: &mut Metrics) -> Flushed {
        while self.sent < end {
            let rest = [IoSlice::new(&self.payload[self.sent..end]), IoSlice::new(&[])];
            match self.socket.send(rest, metrics) {
                Taken::Bytes(bytes) => self.sent += bytes,
                Taken::WouldBlock | Taken::Nothing => return Flushed::Part,
                Taken::Lost => {
                    self.sent = self.payload.len();
                    self.is_unsent = true;
                    // What the server sent before that can still be read, and then the end.
                    self.note(Readiness::READABLE);
                    return Flushed::Lost;
                }
            }
        }
        Flushed::All
    }

    /// Sends one more byte of the payload; at its end, the last byte again and again.
    pub fn drip(&mut self, metrics: &mut Metrics) {
        let next = self.sent.min(self.payload.len().saturating_sub(1));
        let Some(byte) = self.payload.get(next..=next) else { return };
        match self.socket.send([IoSlice::new(byte), IoSlice::new(&[])], metrics) {
            Taken::Bytes(bytes) => self.sent += bytes,
            // The end will be, or was, an event.
            Taken::WouldBlock | Taken::Nothing | Taken::Lost => {}
        }
    }

    /// Closes the sending side, if it is open.
    pub fn half_close(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::HalfClosed;
            // If it fails, the connection is lost, and receiving will tell.
            let _ = self.socket.stream().shutdown_write();
        }
    }

    /// Makes dropping this client reset the connection.
    pub fn reset_on_drop(&self) {
        // If it fails, the connection is lost already.
        let _ = self.socket.stream().reset_on_drop();
    }

    /// Receives into `input` and checks what has come, until nothing is left, at most `receives_max`
    /// times.
    pub fn receive(
        &mut self,
        receives_max: usize,
        input: &mut [u8],
        checker: &mut Checker,
        metrics: &mut Metrics,
    ) -> Answers {
        let (mut right, mut bytes) = (0, 0);
        for _ in 0..receives_max {
            let ending = match self.socket.receive(input, metrics) {
                Received::WouldBlock | Received::Nothing => {
                    return Answers { right, bytes, then: Then::Waits };
                }
                Received::Bytes(len) => {
                    bytes += len as u64;
                    match self.check(&input[..len], checker, &mut right) {
                        Ok(()) => continue,
                        Err(wrong) => Ending::Wrong(Box::new(wrong)),
                    }
                }
                Received::End => match checker.end(&mut self.partial) {
                    Ok(None) => Ending::Closed,
                    Ok(Some(answer)) => match self.on_answer(answer.status, &mut right) {
                        Ok(()) => Ending::Closed,
                        Err(wrong) => Ending::Wrong(Box::new(wrong)),
                    },
                    Err(wrong) => Ending::Wrong(Box::new(wrong)),
                },
                Received::Lost => Ending::Reset,
            };
            return Answers { right, bytes, then: Then::Ends(ending) };
        }
        Answers { right, bytes, then: Then::GoesOn }
    }

    /// Whether the server was closing the connection as the last request was sent, and did not receive
    /// it. HTTP lets a server close a connection between two requests, and a client make its request
    /// again.
    ///
    /// What arrives at a connection that was closed is answered with a reset, and Linux reports a
    /// reset behind the end of the peer's bytes as a broken pipe. A server that has received a
    /// request and ends the connection without an answer shows the end alone, or a reset alone.
    pub fn has_crossed(&self) -> bool {
        let is_unanswered =
            self.due == self.due_when_sent && matches!(self.partial, Partial::Nothing);
        self.due > 0
            && is_unanswered
            && (self.is_unsent || self.error() == Some(ErrorKind::BrokenPipe))
    }

    /// Whether the connection has ended, without reading from it.
    pub fn look(&self, readiness: Readiness) -> Then {
        match self.error() {
            Some(_) => Then::Ends(Ending::Reset),
            None if readiness.is(Readiness::READ_CLOSED) => Then::Ends(Ending::Closed),
            None => Then::Waits,
        }
    }

    fn check(
        &mut self,
        mut bytes: &[u8],
        checker: &mut Checker,
        right: &mut u32,
    ) -> Result<(), Wrong> {
        while !bytes.is_empty() {
            let len = match checker.take(&mut self.partial, bytes)? {
                Checked::Part(len) => len,
                Checked::Whole(len, answer) => {
                    self.last |= answer.last;
                    self.on_answer(answer.status, right)?;
                    len
                }
            };
            bytes = &bytes[len..];
        }
        Ok(())
    }

    fn on_answer(&mut self, status: u16, right: &mut u32) -> Result<(), Wrong> {
        self.status = Some(status);
        if self.kind.is_good() {
            let Some(due) = self.due.checked_sub(1) else {
                let reason = "an answer without a request".to_owned();
                return Err(Wrong { reason, status: Some(status), shown: Vec::new() });
            };
            self.due = due;
        }
        *right += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream as Blocking};

    use super::*;
    use crate::load::answer::Expected;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /// A get client that is connected, and the server's side of its connection.
    fn connected() -> (Client, Blocking) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let stream = Blocking::connect(listener.local_addr().expect("an address"));
        let stream = stream.expect("a listener");
        stream.set_nonblocking(true).expect("an option of every socket");
        let (served, _) = listener.accept().expect("a connection");
        let mut client = Client::new(Kind::Get, 0, TcpStream::from_std(stream), Default::default());
        let told = Readiness::WRITABLE;
        client.finish_connecting(told, Time::START).expect("it is established");
        (client, served)
    }

    fn ask(client: &mut Client) {
        client.begin((REQUEST.into(), 1), Time::START);
        client.flush(&mut Metrics::default());
    }

    /// Tries until something has come over the loopback, which takes a moment that nothing announces.
    fn await_some<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
        let began = std::time::Instant::now();
        loop {
            if let Some(outcome) = attempt() {
                return outcome;
            }
            assert!(began.elapsed().as_secs() < 20, "nothing has come");
            std::thread::yield_now();
        }
    }

    /// What it receives once something has come: an answer or the end.
    fn answers(client: &mut Client) -> Answers {
        let mut checker = Checker::new(Expected::Any);
        await_some(|| {
            client.note(Readiness::WRITABLE | Readiness::READ_CLOSED);
            let answers =
                client.receive(RECEIVES_MAX, &mut [0; 1024], &mut checker, &mut Metrics::default());
            (answers.right > 0 || matches!(answers.then, Then::Ends(_))).then_some(answers)
        })
    }

    fn read_request(served: &mut Blocking) {
        served.read_exact(&mut [0; REQUEST.len()]).expect("a whole request");
    }

    #[test]
    fn an_answer_frees_a_client_for_its_next_request() {
        let (mut client, mut served) = connected();
        ask(&mut client);
        assert!(!client.is_free());
        read_request(&mut served);
        served.write_all(ANSWER).expect("room for an answer");
        let answers = answers(&mut client);
        assert!(
            matches!(answers, Answers { right: 1, bytes: 40, then: Then::Waits }),
            "{answers:?}"
        );
        assert!(client.is_free() && client.status == Some(200));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_request_to_a_connection_that_was_closed_has_crossed() {
        let (mut client, served) = connected();
        drop(served);
        ask(&mut client);
        let answers = answers(&mut client);
        assert!(matches!(answers.then, Then::Ends(Ending::Closed)), "{answers:?}");
        await_some(|| client.has_crossed().then_some(()));
    }

    #[test]
    fn a_request_that_was_received_and_not_answered_has_not_crossed() {
        let (mut client, mut served) = connected();
        ask(&mut client);
        read_request(&mut served);
        drop(served);
        let answers = answers(&mut client);
        assert!(matches!(answers.then, Then::Ends(Ending::Closed)), "{answers:?}");
        assert!(!client.has_crossed());
    }

    #[test]
    fn a_request_that_was_left_unread_has_not_crossed() {
        let (mut client, served) = connected();
        ask(&mut client);
        drop(served);
        let answers = answers(&mut client);
        assert!(matches!(answers.then, Then::Ends(Ending::Reset)), "{answers:?}");
        assert!(!client.has_crossed());
    }

    #[test]
    fn a_drip_client_goes_on_with_the_last_byte() {
        let (mut client, mut served) = connected();
        client.begin(((*b"abc").into(), 0), Time::START);
        for _ in 0..5 {
            client.drip(&mut Metrics::default());
        }
        let mut received = [0; 5];
        served.read_exact(&mut received).expect("five bytes");
        assert_eq!(&received, b"abccc");
    }

    #[test]
    fn a_client_that_does_not_read_sees_the_end_all_the_same() {
        let (mut client, served) = connected();
        ask(&mut client);
        assert!(matches!(client.look(Readiness::default()), Then::Waits));
        // Closing with unread input resets.
        drop(served);
        let ended = || matches!(client.look(Readiness::default()), Then::Ends(Ending::Reset));
        await_some(|| ended().then_some(()));
    }
}
