//! One connection: what it still has to say, and which answers it waits for.
//!
//! It never blocks, knows nothing of other clients, and does no counting; time comes as an
//! argument. What follows from what it has heard is the [`Herd`](crate::herd::Herd)'s to decide.

use std::io::{ErrorKind, IoSlice};
use std::rc::Rc;

use mio::net::TcpStream;
use oneloop::Metrics;
use oneloop::engine::{Readiness, Received, Socket, Stream, Taken as Sent, Time};

use crate::kind::Kind;
use crate::load::answer::{Checker, Partial, Taken, Wrong};

/// So often a client receives before others have their turn. At 64 KiB each, 4 MiB.
pub const RECEIVES_MAX: usize = 64;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The handshake is under way.
    Connecting,
    /// Both sides may speak.
    Open,
    /// We have ended our side.
    HalfClosed,
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    pub kind: Kind,
    pub generation: u32,
    /// When it began to connect. The server cannot have known of it before, but may have known
    /// before we were told that the connection stands.
    pub came: Time,
    socket: Socket<TcpStream>,
    stage: Stage,
    words: Rc<[u8]>,
    /// So many bytes of these the kernel has taken.
    said: usize,
    /// How many requests, or batches of them, it has made.
    pub made: u32,
    /// How many answers it waits for.
    pub due: u32,
    /// How many of these there were when it last asked.
    asked: u32,
    /// The last that it said could not be sent.
    is_unsent: bool,
    /// When what it waits for was to begin.
    pub begun: Time,
    /// Since when it waits for nothing.
    pub free_since: Time,
    partial: Partial,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// The server has said that it will close the connection.
    pub last: bool,
}

/// What came of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// The kernel has everything.
    All,
    /// It takes no more for now.
    Part,
    /// The connection is lost; listening tells how.
    Lost,
}

/// What came of listening.
#[derive(Debug)]
pub struct Heard {
    /// How many answers were right.
    pub right: u32,
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
    /// It never stood.
    NotConnected(ErrorKind),
    /// The server has closed its side, not within an answer.
    Closed,
    /// It was reset.
    Reset,
    /// What came was wrong, so nothing that follows could be judged.
    Wrong(Box<Wrong>),
    /// We have no more use for it.
    HungUp,
}

impl Client {
    /// A connection that is under way since `now`, and was to be so since `begun`.
    pub fn new(
        kind: Kind,
        generation: u32,
        stream: TcpStream,
        (begun, now): (Time, Time),
    ) -> Client {
        Client {
            kind,
            generation,
            came: now,
            socket: Socket::new(stream),
            stage: Stage::Connecting,
            words: Rc::default(),
            said: 0,
            made: 0,
            due: 0,
            asked: 0,
            is_unsent: false,
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
        self.due == 0
            && !self.last
            && self.said == self.words.len()
            && self.stage != Stage::Connecting
    }

    /// Adds what the poll said.
    pub fn note(&mut self, told: Readiness) {
        self.socket.note(told);
    }

    /// The first event of a connection: it stands, or it never will. An error is reported as
    /// readable, too.
    pub fn finish_connecting(&mut self, told: Readiness, now: Time) -> Result<(), ErrorKind> {
        if told.readable
            && let Some(error) = self.error()
        {
            return Err(error);
        }
        self.stage = Stage::Open;
        self.free_since = now;
        Ok(())
    }

    /// What has gone wrong with the connection, learnt without reading from it.
    fn error(&self) -> Option<ErrorKind> {
        match self.socket.stream().take_error() {
            Ok(error) => error.map(|error| error.kind()),
            Err(error) => Some(error.kind()),
        }
    }

    /// Has it say `words`, for which so many answers are due, counted from `begun`.
    pub fn ask(&mut self, (words, due): (Rc<[u8]>, u32), begun: Time) {
        (self.words, self.said) = (words, 0);
        self.made = self.made.wrapping_add(1);
        self.due += due;
        self.asked = self.due;
        self.begun = begun;
    }

    /// Sends what the kernel takes now.
    pub fn flush(&mut self, metrics: &mut Metrics) -> Flushed {
        while self.said < self.words.len() {
            let rest = [IoSlice::new(&self.words[self.said..]), IoSlice::new(&[])];
            match self.socket.send(rest, metrics) {
                Sent::Bytes(bytes) => self.said += bytes,
                Sent::WouldBlock | Sent::Nothing => return Flushed::Part,
                Sent::Lost => {
                    self.said = self.words.len();
                    self.is_unsent = true;
                    // What was sent to us before that is still there to be read, and then the end.
                    self.note(Readiness { readable: true, ..Readiness::default() });
                    return Flushed::Lost;
                }
            }
        }
        Flushed::All
    }

    /// Sends one more byte; at the end of its words the last of them, again and again.
    pub fn drip(&mut self, metrics: &mut Metrics) {
        let next = self.said.min(self.words.len().saturating_sub(1));
        let Some(byte) = self.words.get(next..=next) else { return };
        match self.socket.send([IoSlice::new(byte), IoSlice::new(&[])], metrics) {
            Sent::Bytes(bytes) => self.said += bytes,
            // The end will be, or was, an event.
            Sent::WouldBlock | Sent::Nothing | Sent::Lost => {}
        }
    }

    /// Ends our side, if it has not.
    pub fn half_close(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::HalfClosed;
            // If it fails, the connection is lost, and listening will tell.
            let _ = self.socket.stream().shutdown_write();
        }
    }

    /// Has the connection reset when this is dropped.
    pub fn reset_on_drop(&self) {
        // If it fails, the connection is lost already.
        let _ = self.socket.stream().reset_on_drop();
    }

    /// Receives into `input` and checks what has come, until there is no more, or so often.
    pub fn hear(
        &mut self,
        receives_max: usize,
        input: &mut [u8],
        checker: &mut Checker,
        metrics: &mut Metrics,
    ) -> Heard {
        let mut right = 0;
        for _ in 0..receives_max {
            let ending = match self.socket.receive(input, metrics) {
                Received::WouldBlock | Received::Nothing => {
                    return Heard { right, then: Then::Waits };
                }
                Received::Bytes(bytes) => match self.check(&input[..bytes], checker, &mut right) {
                    Ok(()) => continue,
                    Err(wrong) => Ending::Wrong(Box::new(wrong)),
                },
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
            return Heard { right, then: Then::Ends(ending) };
        }
        Heard { right, then: Then::GoesOn }
    }

    /// Whether what it asked last crossed with the connection's end, so that the server has not
    /// received it. HTTP lets a server close a connection between two requests, and a client make
    /// its request again.
    ///
    /// What arrives at a connection that was closed is answered with a reset, and Linux reports a
    /// reset behind the end of the peer's bytes as a broken pipe. A server that has received a
    /// request and ends the connection without an answer shows the end alone, or a reset alone.
    pub fn has_crossed(&self) -> bool {
        let is_unanswered = self.due == self.asked && matches!(self.partial, Partial::Nothing);
        self.due > 0
            && is_unanswered
            && (self.is_unsent || self.error() == Some(ErrorKind::BrokenPipe))
    }

    /// Whether the connection has ended, without reading from it.
    pub fn look(&self, told: Readiness) -> Then {
        match self.error() {
            Some(_) => Then::Ends(Ending::Reset),
            None if told.read_closed => Then::Ends(Ending::Closed),
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
                Taken::Part(len) => len,
                Taken::Whole(len, answer) => {
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

    /// A get client whose connection stands, and the server's side of it.
    fn connected() -> (Client, Blocking) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let stream = Blocking::connect(listener.local_addr().expect("an address"));
        let stream = stream.expect("somebody listens");
        stream.set_nonblocking(true).expect("an option of every socket");
        let (served, _) = listener.accept().expect("a connection");
        let mut client = Client::new(Kind::Get, 0, TcpStream::from_std(stream), Default::default());
        let told = Readiness { writable: true, ..Readiness::default() };
        client.finish_connecting(told, Time::START).expect("it stands");
        (client, served)
    }

    fn ask(client: &mut Client) {
        client.ask((REQUEST.into(), 1), Time::START);
        client.flush(&mut Metrics::default());
    }

    /// Tries again and again until something has come over the loopback, which takes no time that
    /// could be waited for, but may take some.
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

    /// What it hears once there is something: an answer or the end.
    fn hear(client: &mut Client) -> Heard {
        let mut checker = Checker::new(Expected::Any);
        await_some(|| {
            client.note(Readiness { readable: true, writable: true, read_closed: true });
            let heard =
                client.hear(RECEIVES_MAX, &mut [0; 1024], &mut checker, &mut Metrics::default());
            (heard.right > 0 || matches!(heard.then, Then::Ends(_))).then_some(heard)
        })
    }

    fn receive(served: &mut Blocking) {
        served.read_exact(&mut [0; REQUEST.len()]).expect("a whole request");
    }

    #[test]
    fn an_answer_frees_a_client_for_its_next_request() {
        let (mut client, mut served) = connected();
        ask(&mut client);
        assert!(!client.is_free());
        receive(&mut served);
        served.write_all(ANSWER).expect("room for an answer");
        let heard = hear(&mut client);
        assert!(matches!(heard, Heard { right: 1, then: Then::Waits }), "{heard:?}");
        assert!(client.is_free() && client.status == Some(200));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_request_to_a_connection_that_was_closed_has_crossed() {
        let (mut client, served) = connected();
        drop(served);
        ask(&mut client);
        let heard = hear(&mut client);
        assert!(matches!(heard.then, Then::Ends(Ending::Closed)), "{heard:?}");
        await_some(|| client.has_crossed().then_some(()));
    }

    #[test]
    fn a_request_that_was_received_and_not_answered_has_not_crossed() {
        let (mut client, mut served) = connected();
        ask(&mut client);
        receive(&mut served);
        drop(served);
        let heard = hear(&mut client);
        assert!(matches!(heard.then, Then::Ends(Ending::Closed)), "{heard:?}");
        assert!(!client.has_crossed());
    }

    #[test]
    fn a_request_that_was_left_unread_has_not_crossed() {
        let (mut client, served) = connected();
        ask(&mut client);
        drop(served);
        let heard = hear(&mut client);
        assert!(matches!(heard.then, Then::Ends(Ending::Reset)), "{heard:?}");
        assert!(!client.has_crossed());
    }

    #[test]
    fn who_drips_goes_on_with_the_last_byte() {
        let (mut client, mut served) = connected();
        client.ask(((*b"abc").into(), 0), Time::START);
        for _ in 0..5 {
            client.drip(&mut Metrics::default());
        }
        let mut received = [0; 5];
        served.read_exact(&mut received).expect("five bytes");
        assert_eq!(&received, b"abccc");
    }

    #[test]
    fn who_does_not_read_sees_the_end_all_the_same() {
        let (mut client, served) = connected();
        ask(&mut client);
        assert!(matches!(client.look(Readiness::default()), Then::Waits));
        // Closing with unread input resets.
        drop(served);
        let ended = || matches!(client.look(Readiness::default()), Then::Ends(Ending::Reset));
        await_some(|| ended().then_some(()));
    }
}
