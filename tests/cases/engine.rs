//! Plays cases against the engine in this process: over a [`Pipe`], with a clock that
//! is told, so that a pause costs nothing and can stand behind every byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use oneloop::engine::{ClientId, Clients, Engine, Readiness, Time};
use oneloop::handlers::FixedText;
use oneloop::testing::{Listener, Pipe};
use oneloop::{Limits, Timeouts};

use crate::case::{Case, Segment};
use crate::judge::Heard;
use crate::support::TEXT;

/// How long a case is listened to behind its last byte, as over sockets.
const WAIT: Duration = Duration::from_secs(5);

/// Whose timeouts are what is tested is listened to for longer than any of them.
const SLOW_WAIT: Duration = Duration::from_secs(100);

/// A server with one client at a time.
pub struct Player {
    engine: Engine<Listener>,
    handler: FixedText,
    now: Time,
}

impl Player {
    /// In strict mode, with the limits and timeouts that the server has by default.
    pub fn new() -> Player {
        let clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
        Player {
            engine: Listener::absent(clients),
            handler: FixedText::new(TEXT.as_bytes()).strict(),
            now: Time::START,
        }
    }

    /// Plays a case.
    pub fn exchange(&mut self, case: &Case) -> Heard {
        let pipe = Pipe::new();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let id = self.engine.clients_mut().admit(pipe.stream(), peer, self.now);
        self.turn(id, Readiness::default());
        let mut bytes_before_pause_end = None;
        for segment in &case.segments {
            match segment {
                Segment::Bytes(bytes) => self.send(&pipe, id, bytes),
                Segment::Cut(pause) => self.pass(id, *pause),
                Segment::Pause(pause) => {
                    self.pass(id, *pause);
                    bytes_before_pause_end.get_or_insert(pipe.sent_bytes());
                }
                Segment::Each(bytes, pause) => {
                    for byte in bytes {
                        self.send(&pipe, id, &[*byte]);
                        self.pass(id, *pause);
                    }
                }
                Segment::Drip(bytes, pause) => {
                    let end = self.now + SLOW_WAIT;
                    while self.now < end && !pipe.has_ended() {
                        self.send(&pipe, id, bytes);
                        self.pass(id, *pause);
                    }
                }
                Segment::HalfClose => {
                    pipe.end();
                    self.turn(id, Readiness::READ_CLOSED);
                }
            }
        }
        self.pass(id, if case.slow { SLOW_WAIT } else { case.wait.unwrap_or(WAIT) });
        let ended = pipe.has_ended();
        let bytes = pipe.take_sent();
        self.engine.clients_mut().cut_off();
        Heard { bytes, ended, bytes_before_pause_end }
    }

    fn send(&mut self, pipe: &Pipe, id: ClientId, bytes: &[u8]) {
        if !pipe.has_ended() && !bytes.is_empty() {
            pipe.say(bytes);
            self.turn(id, Readiness::READABLE);
        }
    }

    /// Time passes, and deadlines with it.
    fn pass(&mut self, id: ClientId, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.engine.clients().next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.turn(id, Readiness::default());
        }
        self.now = end;
    }

    /// Turns of the loop until nobody can run.
    fn turn(&mut self, id: ClientId, told: Readiness) {
        if told != Readiness::default() {
            self.engine.clients_mut().note(id, told);
        }
        loop {
            let flow =
                self.engine.turn(self.now, &mut self.handler, &mut |_, _: &mut _, _, _| Ok(()));
            assert!(flow.is_continue(), "nobody stops it");
            if !self.engine.clients().has_runnable() {
                return;
            }
        }
    }
}
