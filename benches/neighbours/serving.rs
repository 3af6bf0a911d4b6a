//! The server, on a thread of its own, and what its turns cost.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use oneloop::{Config, Handler, Listen, Server, StopHandle};
use rustix::time::{ClockId, clock_gettime};

use crate::cores;

/// How long a turn waits for an event at most: so old can be what is known of its clients.
const WAIT: Duration = Duration::from_millis(20);

/// How long the clients of a kind may take to be gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs. Stopped when it is dropped.
pub struct Serving {
    pub address: SocketAddr,
    handle: StopHandle,
    seen: Arc<Seen>,
    began: std::cell::Cell<(Instant, u64)>,
    thread: Option<JoinHandle<()>>,
}

/// What its thread tells of it.
#[derive(Debug, Default)]
struct Seen {
    longest_turn_nanos: AtomicU64,
    requests: AtomicU64,
    clients: AtomicU64,
}

/// What it has done in a time.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub longest_turn: Duration,
    pub requests: u64,
    pub measured: Duration,
}

impl Serving {
    pub fn start(handler: impl Handler + Send + 'static) -> Serving {
        let seen = Arc::new(Seen::default());
        let (tell, told) = mpsc::channel();
        let tells = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            cores::stay_on(cores::SERVER);
            let mut config = Config::default();
            config.listen = vec![Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))];
            let mut server = Server::bind(&config, handler).expect("loopback has free ports");
            let _ = tell.send((server.local_addrs()[0], server.stop_handle()));
            while turn(&mut server, &tells).is_continue() {}
        });
        let (address, handle) = told.recv().expect("it has been bound");
        let began = std::cell::Cell::new((Instant::now(), 0));
        Serving { address, handle, seen, began, thread: Some(thread) }
    }

    /// Begins to look.
    pub fn begin(&self) {
        self.seen.longest_turn_nanos.store(0, Ordering::Relaxed);
        self.began.set((Instant::now(), self.seen.requests.load(Ordering::Relaxed)));
    }

    /// What it has done since.
    pub fn end(&self) -> Work {
        let (began, requests) = self.began.get();
        let nanos = self.seen.longest_turn_nanos.load(Ordering::Relaxed);
        Work {
            longest_turn: Duration::from_nanos(nanos),
            requests: self.seen.requests.load(Ordering::Relaxed) - requests,
            measured: began.elapsed(),
        }
    }

    /// Waits until it has no clients.
    pub fn await_rest(&self) {
        let began = Instant::now();
        // What it says first is of the turn before its clients have gone.
        thread::sleep(2 * WAIT);
        while self.seen.clients.load(Ordering::Relaxed) > 0 {
            assert!(began.elapsed() < PATIENCE, "its clients have gone, and it still has some");
            thread::sleep(WAIT);
        }
    }
}

/// One turn, and what it has cost.
fn turn<H: Handler>(server: &mut Server<H>, seen: &Seen) -> ControlFlow<()> {
    let before = processor_nanos();
    let turned = server.turn(Some(WAIT)).expect("the poll of a healthy system");
    let took = processor_nanos() - before;
    seen.longest_turn_nanos.fetch_max(took, Ordering::Relaxed);
    seen.requests.store(server.metrics().requests, Ordering::Relaxed);
    seen.clients.store(server.clients() as u64, Ordering::Relaxed);
    turned.map_break(|_| ())
}

fn processor_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
