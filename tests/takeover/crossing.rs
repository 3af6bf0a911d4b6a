//! Clients that come and go across takeovers: none is refused, reset or left without its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::sockets::get;
use super::*;

/// How often a new process takes over.
const TAKEOVERS: usize = 10;

/// A client's time to think, at most: less than what an idle connection may take in a drain.
const PAUSE: Duration = Duration::from_millis(3);

const POST: &str = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";

/// Connects, does this again and again, and connects again when it has to. Any failure is a panic.
fn client(
    address: SocketAddr,
    done: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    exchange: impl Fn(&mut Client) -> bool + Send + 'static,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut connection = None;
        while !done.load(Ordering::Relaxed) {
            let client = connection.get_or_insert_with(|| Client::connect(address));
            if exchange(client) {
                connection = None;
            }
            count.fetch_add(1, Ordering::Relaxed);
            thread::sleep(PAUSE);
        }
    })
}

#[test]
fn ten_takeovers_in_a_row_cost_no_client_an_answer() {
    let (_folder, path) = meeting("crossing");
    let arguments = ["-l", "127.0.0.1:0", "--drain-idle", "500ms"];
    let mut current = Instance::start(&path, &arguments);
    let address = current.address();
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = Vec::new();
    for _ in 0..4 {
        let begin = |exchange: fn(&mut Client) -> bool| {
            client(address, done.clone(), count.clone(), exchange)
        };
        // One connection for as long as it is kept.
        clients.push(begin(|client| {
            client.ask("/kept");
            answered(client)
        }));
        clients.push(begin(|client| {
            client.send(POST);
            answered(client)
        }));
        // Several at once: the last answer says whether the connection ends.
        clients.push(begin(|client| {
            client.send([get("/1"), get("/2"), POST.to_owned(), get("/3")].concat());
            (0..4).fold(false, |_, _| answered(client))
        }));
        // A new connection for each.
        clients.push(begin(|client| {
            client.ask("/new");
            answered(client);
            true
        }));
    }
    let mut old = Vec::new();
    for _ in 0..TAKEOVERS {
        let before = count.load(Ordering::Relaxed);
        let next = Instance::start(&path, &arguments);
        assert_eq!(next.address(), address);
        old.push(std::mem::replace(&mut current, next));
        while count.load(Ordering::Relaxed) < before + 200 {
            assert!(clients.iter().all(|client| !client.is_finished()), "a client has failed");
            thread::sleep(PAUSE);
        }
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("no client has failed");
    }
    for process in old {
        let ended = process.end();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
        assert!(!ended.errors.contains(" WARN "), "{}", ended.errors);
    }
    assert_eq!(current.stop().status.code(), Some(0));
}

/// Whether the connection ends behind this answer, which is whole.
fn answered(client: &mut Client) -> bool {
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (200, support::TEXT));
    answer.closes()
}
