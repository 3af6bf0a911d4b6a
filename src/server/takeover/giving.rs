//! The old process: it listens for a new one, offers its listeners, and gives them away when the new one
//! is ready.
//!
//! Within the loop, so nothing here waits. One new process is heard at a time, for a bounded time; the
//! next is told that it has to wait.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use log::{info, warn};
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::net::RecvFlags;

use super::message::{self, Offer, YOURS};
use super::passing::send;
use super::{check_user, named};
use crate::peer::UnixPeer;
use crate::server::unix_socket::{self, SocketFile};
use crate::system_calls::again;
use crate::time::Time;

/// How long a new process may take to say what it is.
const GREETING_MAX: Duration = Duration::from_secs(5);

/// How long it may take to start, once it has the listeners. The old one serves meanwhile.
const STARTING_MAX: Duration = Duration::from_secs(60);

/// The longest line that a new process can have to say: a number for each place.
const LINE_BYTES_MAX: usize = 1024;

/// How many connections are accepted in a turn. More than one has no use.
const ACCEPTS_PER_TURN_MAX: usize = 16;

/// What the server has to do.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) enum Wish {
    Nothing,
    /// To offer its listeners: [`Giver::offer`].
    Offer,
    /// To give away those of the offer that have these numbers: they belong to the new process.
    Leave(Vec<usize>),
}

/// Where new processes ask for the listeners.
#[derive(Debug)]
pub(in crate::server) struct Giver {
    socket: UnixListener,
    file: SocketFile,
    /// The poll has reported something that was not looked at yet.
    is_ready: bool,
    taker: Option<Taker>,
}

/// A new process.
#[derive(Debug)]
struct Taker {
    stream: UnixStream,
    peer: UnixPeer,
    heard: Vec<u8>,
    stage: Stage,
    until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has to say what it is.
    Greeting,
    /// It has been offered these places, counted, and starts.
    Starting { places: usize },
}

/// What came of listening to a new process.
enum Heard {
    Line(String),
    NotYet,
    Ended,
}

impl Giver {
    /// Listens by this socket, which has this file; the poll reports it by `token`.
    pub(in crate::server) fn new(
        listener: std::os::unix::net::UnixListener,
        file: SocketFile,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Giver> {
        let mut socket = UnixListener::from_std(listener);
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(Giver { socket, file, is_ready: false, taker: None })
    }

    /// The poll has reported its socket, or the new process's.
    pub(in crate::server) fn on_ready(&mut self) {
        self.is_ready = true;
    }

    /// When it has to look next, without an event.
    pub(in crate::server) fn due(&self) -> Option<Time> {
        self.taker.as_ref().map(|taker| taker.until)
    }

    /// Whether there is something to look at.
    #[inline]
    pub(in crate::server) fn is_due(&self, now: Time) -> bool {
        self.is_ready || self.taker.as_ref().is_some_and(|taker| now >= taker.until)
    }

    /// Whether a new process has the listeners, and starts with them.
    pub(in crate::server) fn has_offered(&self) -> bool {
        self.taker.as_ref().is_some_and(|taker| taker.stage != Stage::Greeting)
    }

    /// The new process, for the log.
    pub(in crate::server) fn taker(&self) -> String {
        named(self.taker.as_ref().map(|taker| taker.peer).unwrap_or_default())
    }

    /// Its number, as far as the kernel says it.
    pub(in crate::server) fn taker_pid(&self) -> Option<u32> {
        self.taker.as_ref().and_then(|taker| taker.peer.pid)
    }

    /// Looks at what has come, and says what the server has to do about it.
    pub(in crate::server) fn look(&mut self, registry: &Registry, token: Token, now: Time) -> Wish {
        self.is_ready = false;
        // First, because the one that is heard may have gone, and makes room for the next.
        match self.attend(now) {
            Wish::Nothing => {}
            wish @ (Wish::Offer | Wish::Leave(_)) => {
                self.is_ready = true;
                return wish;
            }
        }
        self.accept(registry, token, now);
        self.attend(now)
    }

    /// Hears the new process, if there is one.
    fn attend(&mut self, now: Time) -> Wish {
        let Some(taker) = &mut self.taker else { return Wish::Nothing };
        let line = match taker.hear() {
            Ok(Heard::Line(line)) => line,
            Ok(Heard::NotYet) if now < taker.until => return Wish::Nothing,
            Ok(Heard::NotYet) => {
                self.refuse("it was not ready in time; start it again");
                return Wish::Nothing;
            }
            Ok(Heard::Ended) => return self.give_up("it has ended"),
            Err(error) => return self.give_up(&error.to_string()),
        };
        let understood = match taker.stage {
            Stage::Greeting => message::check_greeting(&line).map(|()| Wish::Offer),
            Stage::Starting { places } => message::parse_ready(&line, places).map(Wish::Leave),
        };
        match understood {
            Ok(Wish::Leave(taken)) => match send(&taker.stream, &format!("{YOURS}\n"), &[]) {
                Ok(()) => Wish::Leave(taken),
                Err(error) => self.give_up(&error.to_string()),
            },
            Ok(wish) => wish,
            Err(reason) => {
                self.refuse(&reason);
                Wish::Nothing
            }
        }
    }

    /// Accepts new processes: the first is heard, the others are refused.
    fn accept(&mut self, registry: &Registry, token: Token, now: Time) {
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            // Whatever fails, the next that comes makes the poll report it again.
            let Ok((mut stream, _)) = again(|| self.socket.accept()) else { return };
            let peer = unix_socket::peer(&stream);
            let refusal = match check_user(peer.uid) {
                Err(error) => Some(error.to_string()),
                Ok(()) if self.taker.is_some() => {
                    Some(format!("{} is taking over already; wait until it has", self.taker()))
                }
                Ok(()) => registry
                    .register(&mut stream, token, Interest::READABLE)
                    .err()
                    .map(|error| error.to_string()),
            };
            match refusal {
                Some(reason) => {
                    warn!("refused to hand over to {}: {reason}", named(peer));
                    let _ = send(&stream, &message::refused(&reason), &[]);
                }
                None => {
                    let (stage, until) = (Stage::Greeting, now + GREETING_MAX);
                    self.taker = Some(Taker { stream, peer, heard: Vec::new(), stage, until });
                }
            }
        }
        self.is_ready = true;
    }

    /// Offers these listeners to the new process, each by the descriptor at the same place.
    pub(in crate::server) fn offer(
        &mut self,
        offer: &Offer,
        descriptors: &[BorrowedFd<'_>],
        now: Time,
    ) {
        let Some(taker) = &mut self.taker else { return };
        match send(&taker.stream, &offer.to_string(), descriptors) {
            Ok(()) => {
                info!("handing over to {}, which starts", named(taker.peer));
                taker.stage = Stage::Starting { places: descriptors.len() };
                taker.until = now + STARTING_MAX;
            }
            Err(error) => {
                self.give_up(&error.to_string());
            }
        }
    }

    /// The listeners are given away: the file of its own socket is left to the new process, too.
    pub(in crate::server) fn leave(mut self) {
        self.file.let_go();
    }

    /// Tells the new process that there will be no takeover.
    pub(in crate::server) fn refuse(&mut self, reason: &str) {
        if let Some(taker) = &self.taker {
            let _ = send(&taker.stream, &message::refused(reason), &[]);
        }
        self.give_up(reason);
    }

    fn give_up(&mut self, reason: &str) -> Wish {
        if let Some(taker) = self.taker.take() {
            let process = named(taker.peer);
            warn!("{process} has not taken over: {reason}; this process goes on");
        }
        Wish::Nothing
    }
}

impl Taker {
    /// Receives what it has said, as far as a whole line.
    fn hear(&mut self) -> io::Result<Heard> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line = self.heard.drain(..=end).take(end).collect::<Vec<u8>>();
                return Ok(Heard::Line(String::from_utf8_lossy(&line).into_owned()));
            }
            if self.heard.len() >= LINE_BYTES_MAX {
                let line = String::from_utf8_lossy(&self.heard).into_owned();
                return Ok(Heard::Line(line));
            }
            let mut room = [0; LINE_BYTES_MAX];
            let flags = RecvFlags::DONTWAIT;
            match again(|| Ok(rustix::net::recv(&self.stream, &mut room[..], flags)?.0)) {
                Ok(0) => return Ok(Heard::Ended),
                Ok(bytes) => self.heard.extend_from_slice(&room[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Heard::NotYet),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream as Client;
    use std::path::PathBuf;

    use mio::Poll;

    use super::*;
    use crate::config::{UnixName, UnixSocket};
    use crate::server::takeover::{Described, Role};

    const TOKEN: Token = Token(1);

    struct Old {
        giver: Giver,
        poll: Poll,
        path: PathBuf,
    }

    impl Old {
        fn new(test: &str) -> Old {
            let path = std::env::temp_dir().join(format!("ol-{}-{test}", std::process::id()));
            let socket = UnixSocket::new(UnixName::path(&path).expect("a path"));
            let (listener, file) = unix_socket::bind(&socket, 16).expect("a free path");
            let poll = Poll::new().expect("a poll");
            let file = file.expect("it has a path");
            let giver = Giver::new(listener, file, poll.registry(), TOKEN).expect("a healthy poll");
            Old { giver, poll, path }
        }

        fn look(&mut self, seconds: u64) -> Wish {
            let now = Time::START + Duration::from_secs(seconds);
            self.giver.look(self.poll.registry(), TOKEN, now)
        }

        fn connect(&self, says: &str) -> Client {
            let mut client = Client::connect(&self.path).expect("it is listened at");
            client.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
            client.write_all(says.as_bytes()).expect("room for it");
            client
        }

        /// A new process that has the listeners, of which there is one.
        fn offer(&mut self, seconds: u64) -> Client {
            let client = self.connect("oneloop takeover 1\n");
            assert_eq!(self.look(seconds), Wish::Offer);
            let place = Described { role: Role::Public, file: None, place: "80".into() };
            let offer = Offer { watchdog: None, places: vec![place] };
            let (descriptor, _) = Client::pair().expect("sockets");
            let now = Time::START + Duration::from_secs(seconds);
            self.giver.offer(&offer, &[std::os::fd::AsFd::as_fd(&descriptor)], now);
            client
        }
    }

    /// All that it was told, up to an end or, if it was not listened to, a reset.
    fn told(client: Client) -> String {
        let bytes = std::io::BufReader::new(client).bytes().map_while(Result::ok).collect();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn one_that_is_not_ready_in_time_is_refused_and_the_next_is_heard() {
        let mut old = Old::new("late");
        let late = old.offer(7);
        assert_eq!(old.giver.due(), Some(Time::START + STARTING_MAX + Duration::from_secs(7)));
        assert_eq!(old.look(66), Wish::Nothing);
        assert!(old.giver.has_offered());
        assert!(old.giver.is_due(Time::START + Duration::from_secs(67)));
        assert_eq!(old.look(67), Wish::Nothing);
        assert!(told(late).ends_with("end\nrefused it was not ready in time; start it again\n"));
        let mut next = old.offer(68);
        next.write_all(b"ready 0\n").expect("room for it");
        assert_eq!(old.look(69), Wish::Leave(vec![0]));
        drop(old);
        assert!(told(next).ends_with("end\nyours\n"));
    }

    /// It has come in time, and the loop was held up.
    #[test]
    fn one_that_was_ready_in_time_has_not_to_pay_for_a_late_look() {
        let mut old = Old::new("held-up");
        let mut client = old.offer(0);
        client.write_all(b"ready\n").expect("room for it");
        assert_eq!(old.look(1000), Wish::Leave(vec![]));
    }

    #[test]
    fn one_that_says_nothing_makes_others_wait_for_five_seconds() {
        let mut old = Old::new("silent");
        let silent = old.connect("oneloop");
        assert_eq!(old.look(0), Wish::Nothing);
        assert!(told(old.connect_and_look(4)).contains(" is taking over already; "));
        assert_eq!(old.look(5), Wish::Nothing);
        assert!(told(silent).starts_with("refused it was not ready in time"));
        old.offer(6);
    }

    impl Old {
        fn connect_and_look(&mut self, seconds: u64) -> Client {
            let client = self.connect("oneloop takeover 1\n");
            assert_eq!(self.look(seconds), Wish::Nothing);
            client
        }
    }

    #[test]
    fn a_line_may_come_byte_by_byte() {
        let mut old = Old::new("bytes");
        let mut client = old.connect("");
        for byte in b"oneloop takeover 1" {
            client.write_all(&[*byte]).expect("room for it");
            assert_eq!(old.look(0), Wish::Nothing);
        }
        client.write_all(b"\n").expect("room for it");
        assert_eq!(old.look(0), Wish::Offer);
    }

    /// It is gone before it is told that the listeners are its own: then they are not.
    #[test]
    fn one_that_ends_behind_its_last_word_gets_nothing() {
        let mut old = Old::new("gone");
        let mut client = old.offer(0);
        client.write_all(b"ready 0\n").expect("room for it");
        drop(client);
        assert_eq!(old.look(1), Wish::Nothing);
        assert!(!old.giver.has_offered());
    }
}
