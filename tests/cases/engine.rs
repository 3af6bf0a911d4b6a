//! Plays cases against the engine in this process: over a stream that is two buffers, with a clock
//! that is told, so that a pause costs nothing and can stand behind every byte.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use oneloop::engine::{ClientId, Clients, Readiness, Stream, Time};
use oneloop::handlers::FixedText;
use oneloop::{Limits, Timeouts};

use crate::case::{Case, Segment};
use crate::judge::Heard;
use crate::support::TEXT;

/// How long a case is listened to behind its last byte, as over sockets.
const WAIT: Duration = Duration::from_secs(5);

/// Whose timeouts are what is tested is listened to for longer than any of them.
const SLOW_WAIT: Duration = Duration::from_secs(100);

/// A server with one client at a time.
pub struct Engine {
    clients: Clients<Line>,
    handler: FixedText,
    now: Time,
}

/// Both ends of a connection.
#[derive(Debug, Default)]
struct Ends {
    to_server: Vec<u8>,
    /// How much of that the server has read.
    read: usize,
    client_has_ended: bool,
    from_server: Vec<u8>,
    server_has_ended: bool,
}

/// The server's end.
#[derive(Debug)]
struct Line(Rc<RefCell<Ends>>);

impl Engine {
    /// In strict mode, with the limits and timeouts that the server has by default.
    pub fn new() -> Engine {
        let clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
        Engine { clients, handler: FixedText::new(TEXT.as_bytes()).strict(), now: Time::START }
    }

    /// Plays a case.
    pub fn exchange(&mut self, case: &Case) -> Heard {
        let ends = Rc::new(RefCell::new(Ends::default()));
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let id = self.clients.admit(Line(ends.clone()), peer, self.now);
        self.turn(id, Readiness::default());
        let mut bytes_before_pause_end = None;
        for segment in &case.segments {
            match segment {
                Segment::Bytes(bytes) => self.send(&ends, id, bytes),
                Segment::Cut(pause) => self.pass(id, *pause),
                Segment::Pause(pause) => {
                    self.pass(id, *pause);
                    bytes_before_pause_end.get_or_insert(ends.borrow().from_server.len());
                }
                Segment::Each(bytes, pause) => {
                    for byte in bytes {
                        self.send(&ends, id, &[*byte]);
                        self.pass(id, *pause);
                    }
                }
                Segment::Drip(bytes, pause) => {
                    let end = self.now + SLOW_WAIT;
                    while self.now < end && !ends.borrow().server_has_ended {
                        self.send(&ends, id, bytes);
                        self.pass(id, *pause);
                    }
                }
                Segment::HalfClose => {
                    ends.borrow_mut().client_has_ended = true;
                    self.turn(id, Readiness { read_closed: true, ..Readiness::default() });
                }
            }
        }
        self.pass(id, if case.slow { SLOW_WAIT } else { case.wait.unwrap_or(WAIT) });
        let ended = ends.borrow().server_has_ended;
        let bytes = std::mem::take(&mut ends.borrow_mut().from_server);
        self.clients.cut_off();
        Heard { bytes, ended, bytes_before_pause_end }
    }

    fn send(&mut self, ends: &RefCell<Ends>, id: ClientId, bytes: &[u8]) {
        if !ends.borrow().server_has_ended && !bytes.is_empty() {
            ends.borrow_mut().to_server.extend_from_slice(bytes);
            self.turn(id, Readiness { readable: true, ..Readiness::default() });
        }
    }

    /// Time passes, and deadlines with it.
    fn pass(&mut self, id: ClientId, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.clients.next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.turn(id, Readiness::default());
        }
        self.now = end;
    }

    /// Turns of the loop, as in `server.rs`, until nobody can run.
    fn turn(&mut self, id: ClientId, told: Readiness) {
        if told != Readiness::default() {
            self.clients.note(id, told);
        }
        loop {
            self.clients.drive(self.now, &mut self.handler);
            self.clients.expire(self.now, &mut self.handler);
            self.clients.free();
            self.clients.register(|_, _, _, _| Ok(()));
            if !self.clients.has_runnable() {
                return;
            }
        }
    }
}

impl Read for Line {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        let bytes = (&ends.to_server[ends.read..]).read(buf)?;
        ends.read += bytes;
        match bytes == 0 && !ends.client_has_ended {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(bytes),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().from_server.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Line {
    fn shutdown_write(&self) -> io::Result<()> {
        self.0.borrow_mut().server_has_ended = true;
        Ok(())
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The engine drops its stream when it closes the connection.
impl Drop for Line {
    fn drop(&mut self) {
        self.0.borrow_mut().server_has_ended = true;
    }
}
