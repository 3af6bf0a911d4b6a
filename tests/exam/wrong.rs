//! Servers that do one thing wrong each. They run on threads of the test, for as long as it does.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A server, and the stage that it fails.
pub struct Wrong {
    pub stage: &'static str,
    pub serve: fn(TcpListener),
    pub options: &'static [&'static str],
    /// A part of what is told.
    pub told: &'static str,
}

const fn wrong(stage: &'static str, serve: fn(TcpListener), told: &'static str) -> Wrong {
    Wrong { stage, serve, options: &[], told }
}

pub const WRONG: [Wrong; 20] = [
    wrong("answer", says_too_long_a_length, "ends after 2 of 9 bytes"),
    wrong("answer", answers_twice, "more than one answer"),
    wrong("second", one_at_a_time, "no answer within"),
    wrong("pieces", answers_each_read, "after two bytes"),
    wrong("keep-alive", closes_unsaid, "ends without an answer"),
    wrong("keep-alive", says_that_it_closes, "leaves it open"),
    wrong("pipeline", answers_once_a_read, "to request 2"),
    wrong("pipeline", answers_the_last_first, "request 1 alone is answered by 200"),
    wrong("half-close", takes_an_end_for_a_loss, "ends without an answer"),
    wrong("continue", waits_for_content, "says nothing until"),
    wrong("upload", closes_an_upload, "is reset"),
    wrong("typed", waits_for_a_request, "neither an answer nor an end"),
    wrong("telnet", waits_for_text, "neither an answer nor an end"),
    wrong("half", four_at_a_time, "8 requests are incomplete"),
    wrong("many", a_hundred_at_most, "client "),
    wrong("slow-reader", drops_what_has_no_room, "answer"),
    wrong("reset", ends_at_a_reset, "have been reset"),
    Wrong {
        options: &["--idle-limit", "2s"],
        ..wrong("silence", keeps_for_ever, "still connected")
    },
    Wrong { options: &["--idle-limit", "2s"], ..wrong("silence", speaks_first, "still connected") },
    Wrong {
        options: &["--silent", "200"],
        ..wrong("crowd", a_hundred_at_most, "clients are silent")
    },
];

/// Starts it on a free port.
pub fn start(serve: fn(TcpListener)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener));
    address
}

pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// A thread for each client.
pub fn on_threads(listener: TcpListener, serve: impl Fn(TcpStream) + Send + Clone + 'static) {
    for stream in listener.incoming().map_while(Result::ok) {
        let serve = serve.clone();
        thread::spawn(move || serve(stream));
    }
}

/// Reads one request's head with its empty line; nothing at the end of the connection.
pub fn head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    Some(head)
}

/// What a right server says to this head.
pub fn answer_to(head: &[u8]) -> &'static [u8] {
    match head {
        _ if head.starts_with(b"GET / ") => OK,
        _ if head.starts_with(b"GET /") => NOT_FOUND,
        _ => BAD,
    }
}

fn keep(mut stream: TcpStream) {
    while let Some(head) = head(&mut stream) {
        if stream.write_all(answer_to(&head)).is_err() {
            return;
        }
    }
}

pub fn keeps_for_ever(listener: TcpListener) {
    on_threads(listener, keep);
}

/// A silent client is asked, in no HTTP, and kept.
fn speaks_first(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        if let Err(error) = stream.peek(&mut [0])
            && error.kind() == ErrorKind::WouldBlock
        {
            let _ = stream.write_all(b"hello?\r\n\r\n");
        }
        stream.set_read_timeout(None).unwrap();
        keep(stream);
    });
}

fn says_too_long_a_length(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        let _ = head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
    });
}

fn answers_twice(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        while head(&mut stream).is_some() {
            let _ = stream.write_all(&[OK, OK].concat());
        }
    });
}

fn one_at_a_time(listener: TcpListener) {
    listener.incoming().map_while(Result::ok).for_each(keep);
}

fn answers_each_read(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
            let _ = stream.write_all(OK);
        }
    });
}

pub fn closes_unsaid(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        let _ = head(&mut stream);
        let _ = stream.write_all(OK);
    });
}

fn says_that_it_closes(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        let closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        while head(&mut stream).is_some() {
            let _ = stream.write_all(closing);
        }
    });
}

fn answers_once_a_read(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut bytes) {
            let _ = stream.write_all(answer_to(&bytes[..len]));
        }
    });
}

fn answers_the_last_first(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
            let heads: Vec<&str> = text.split_inclusive("\r\n\r\n").collect();
            for head in heads.iter().rev() {
                let _ = stream.write_all(answer_to(head.as_bytes()));
            }
        }
    });
}

fn takes_an_end_for_a_loss(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        while let Some(head) = head(&mut stream) {
            stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            if let Ok(0) = stream.peek(&mut [0]) {
                return;
            }
            stream.set_read_timeout(None).unwrap();
            let _ = stream.write_all(answer_to(&head));
        }
    });
}

/// It answers a POST once its content is there, and does not ask for it.
fn waits_for_content(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        while let Some(head) = head(&mut stream) {
            if head.starts_with(b"POST") && stream.read_exact(&mut [0; 10]).is_err() {
                return;
            }
            let _ = stream.write_all(if head.starts_with(b"POST") { OK } else { answer_to(&head) });
        }
    });
}

fn closes_an_upload(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        let Some(head) = head(&mut stream) else { return };
        let _ = stream.write_all(answer_to(&head));
    });
}

/// What is no request is passed over.
fn waits_for_a_request(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        while let Some(head) = head(&mut stream) {
            if head.starts_with(b"GET /") {
                let _ = stream.write_all(answer_to(&head));
            }
        }
    });
}

/// The same of what is no text; what is typed otherwise is refused.
fn waits_for_text(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        while let Some(head) = head(&mut stream) {
            if head.is_ascii() {
                let _ = stream.write_all(answer_to(&head));
            }
        }
    });
}

/// A pool of four.
fn four_at_a_time(listener: TcpListener) {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| listener.incoming().map_while(Result::ok).for_each(keep));
        }
    });
}

/// A client that is one too many is closed.
fn a_hundred_at_most(listener: TcpListener) {
    static CLIENTS: AtomicUsize = AtomicUsize::new(0);
    on_threads(listener, |stream| {
        if CLIENTS.fetch_add(1, Ordering::Relaxed) < 100 {
            keep(stream);
        }
        CLIENTS.fetch_sub(1, Ordering::Relaxed);
    });
}

/// What the kernel does not take at once is lost.
fn drops_what_has_no_room(listener: TcpListener) {
    on_threads(listener, |mut stream| {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            stream.set_nonblocking(false).unwrap();
            let Ok(len @ 1..) = stream.read(&mut bytes) else { return };
            let requests = String::from_utf8_lossy(&bytes[..len]).matches("GET / ").count();
            stream.set_nonblocking(true).unwrap();
            let _ = stream.write(&OK.repeat(requests));
        }
    });
}

/// One client's loss is taken for the server's.
fn ends_at_a_reset(listener: TcpListener) {
    static IS_LOST: AtomicBool = AtomicBool::new(false);
    on_threads(listener, |mut stream| {
        if IS_LOST.load(Ordering::Relaxed) {
            return;
        }
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes) {
                Ok(len @ 1..) => {
                    let _ = stream.write_all(answer_to(&bytes[..len]));
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    IS_LOST.store(true, Ordering::Relaxed);
                    return;
                }
                Ok(0) | Err(_) => return,
            }
        }
    });
}
