//! Plays cases against the real binary, over real sockets.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{Case, Segment};
use crate::judge::Heard;
use crate::support::{Answers, pass_on};

/// How long an answer or a close may take. Only failing cases wait for its end, so it is ample.
const WAIT: Duration = Duration::from_secs(5);

/// How long to go on listening after the answers wanted have come, for one too many.
const SETTLE: Duration = Duration::from_millis(250);

/// Waiting for 12/5 of the timeouts that slow cases have tells a timeout that works.
const SLOW_WAIT: Duration = Duration::from_millis(2400);

/// Plays a case.
pub fn exchange(case: &Case, server: SocketAddr) -> Heard {
    let mut wait = if case.slow { SLOW_WAIT } else { case.wait.unwrap_or(WAIT) };
    let mut peer = Peer::connect(server);
    let mut bytes_before_pause_end = None;
    for segment in &case.segments {
        match segment {
            Segment::Bytes(bytes) => peer.send(bytes),
            Segment::Cut(pause) => peer.listen_for(*pause),
            Segment::Pause(pause) => {
                peer.listen_for(*pause);
                bytes_before_pause_end.get_or_insert(peer.heard.len());
            }
            Segment::Each(bytes, pause) => {
                for byte in bytes {
                    peer.send(&[*byte]);
                    peer.listen_for(*pause);
                }
            }
            Segment::Drip(bytes, pause) => {
                let end = Instant::now() + wait;
                while Instant::now() < end && !peer.ended {
                    peer.send(bytes);
                    peer.listen_for(*pause);
                }
                // The wait was for this.
                wait = SETTLE;
            }
            // Fails if the server has reset the connection, which is heard anyway.
            Segment::HalfClose => drop(peer.stream.shutdown(Shutdown::Write)),
        }
    }
    peer.listen_for_answers(case, Instant::now() + wait);
    // Ends the reading thread, too; fails if the server has reset the connection.
    let _ = peer.stream.shutdown(Shutdown::Both);
    Heard { bytes: peer.heard, ended: peer.ended, bytes_before_pause_end }
}

/// Our end of a connection. A thread reads while this one writes, as the server may answer, or
/// stop reading, before it has been sent everything.
struct Peer {
    stream: TcpStream,
    arrivals: Receiver<Vec<u8>>,
    heard: Vec<u8>,
    ended: bool,
}

impl Peer {
    fn connect(server: SocketAddr) -> Peer {
        let stream = TcpStream::connect_timeout(&server, WAIT).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(WAIT)).unwrap();
        let reading = stream.try_clone().unwrap();
        let (sender, arrivals) = mpsc::channel();
        thread::spawn(move || pass_on(reading, |bytes| sender.send(bytes).is_ok()));
        Peer { stream, arrivals, heard: Vec::new(), ended: false }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.listen_for(Duration::ZERO);
        if !self.ended {
            // Fails if the server will not read it all; what it says to that is heard.
            let _ = self.stream.write_all(bytes);
        }
    }

    fn listen_for(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.ended && self.listen(end) {}
    }

    /// Listens until the connection ends, the answers wanted have come and settled, or `end`.
    fn listen_for_answers(&mut self, case: &Case, end: Instant) {
        let mut until = end;
        loop {
            let answers = Answers::read(&self.heard, self.ended, &case.methods);
            let enough = answers.are_whole() && answers.finals().len() >= case.responses_max();
            if enough && case.close != Some(true) && until == end {
                until = end.min(Instant::now() + SETTLE);
            }
            if self.ended || !self.listen(until) {
                return;
            }
        }
    }

    /// Takes what arrives next; false if nothing has by `until`.
    fn listen(&mut self, until: Instant) -> bool {
        match self.arrivals.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(bytes) => self.heard.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => self.ended = true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
        true
    }
}
