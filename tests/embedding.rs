//! A small program as one writes it with the library: an API of JSON with routes, a counter, and a
//! stream of events that says without delay what another client has posted.
//!
//! It uses nothing but what the first page of the documentation names.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::{Rc, Weak};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oneloop::handlers::fallible;
use oneloop::testing::ask;
use oneloop::{
    Config, Handler, Listen, Method, Next, Piece, Reply, ReplyHead, Request, Sent, Server, Stopped,
    Waker,
};
use serde_json::{Value, json};

/// After so much silence a subscriber is sent a comment, so that one that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// What one subscriber has not been sent yet, and what wakes its stream.
#[derive(Default)]
struct Mailbox {
    events: VecDeque<String>,
    waker: Option<Waker>,
}

/// The program's state. One thread has it, so it needs no lock.
#[derive(Default)]
struct Notes {
    visits: u64,
    notes: Vec<Value>,
    subscribers: Vec<Weak<RefCell<Mailbox>>>,
}

type Answered = Result<Sent, Box<dyn Error>>;

impl Notes {
    fn answer(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Answered {
        self.visits += 1;
        let sent = match (request.method(), request.path()) {
            (Method::Get | Method::Head, "/visits") => {
                send(reply, 200, &json!({ "visits": self.visits }))
            }
            (Method::Get | Method::Head, "/notes") => {
                let from = request.query_value("from").map_or(Ok(0), |from| from.parse())?;
                let notes: &[Value] = self.notes.get(from..).unwrap_or_default();
                send(reply, 200, &Value::from(notes))
            }
            (Method::Post, "/notes") => match serde_json::from_slice(request.body()) {
                Ok(note) => {
                    self.publish(&note);
                    self.notes.push(note);
                    send(reply, 201, &json!({ "note": self.notes.len() - 1 }))
                }
                Err(_) => send(reply, 400, &json!({ "error": "that is no JSON" })),
            },
            (Method::Get | Method::Head, "/events") => self.subscribe(reply),
            (_, path @ ("/visits" | "/notes" | "/events")) => {
                let allowed = if path == "/notes" { "GET, HEAD, POST" } else { "GET, HEAD" };
                send_by(reply.status(405).field("Allow", allowed), &json!({ "error": "method" }))
            }
            _ => send(reply, 404, &json!({ "error": "no such route" })),
        };
        Ok(sent)
    }

    fn subscribe(&mut self, reply: Reply<'_>) -> Sent {
        let mailbox = Rc::new(RefCell::new(Mailbox::default()));
        self.subscribers.push(Rc::downgrade(&mailbox));
        let reply = reply.field("Content-Type", "text/event-stream");
        reply.stream(move |piece: &mut Piece<'_>| {
            let mut mailbox = mailbox.borrow_mut();
            mailbox.waker.get_or_insert_with(|| piece.waker());
            match mailbox.events.pop_front() {
                Some(event) => piece.append(format!("data: {event}\n\n")),
                None if piece.is_stopping() => return Next::Done,
                None => piece.append(":\n\n"),
            }
            if mailbox.events.is_empty() { Next::Wait(HEARTBEAT) } else { Next::More }
        })
    }

    /// Sends it to all subscribers, and forgets those that are gone: their streams were dropped.
    fn publish(&mut self, event: &Value) {
        self.subscribers.retain(|subscriber| {
            let Some(mailbox) = subscriber.upgrade() else { return false };
            let mut mailbox = mailbox.borrow_mut();
            mailbox.events.push_back(event.to_string());
            mailbox.waker.iter().for_each(Waker::wake);
            true
        });
    }
}

fn send(reply: Reply<'_>, status: u16, value: &Value) -> Sent {
    send_by(reply.status(status), value)
}

fn send_by(head: ReplyHead<'_>, value: &Value) -> Sent {
    head.field("Content-Type", "application/json").send(value.to_string())
}

fn notes() -> impl Handler {
    let mut notes = Notes::default();
    fallible(move |request: &Request<'_>, reply: Reply<'_>| notes.answer(request, reply))
}

fn request(method: &str, target: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn each_route_is_answered_without_a_socket() {
    let mut notes = notes();
    for (method, target, body, status, text) in [
        ("GET", "/visits", "", 200, r#"{"visits":1}"#),
        ("POST", "/notes", "{\"a\":1}", 201, r#"{"note":0}"#),
        ("POST", "/notes", "{", 400, r#"{"error":"that is no JSON"}"#),
        ("GET", "/notes?from=0", "", 200, r#"[{"a":1}]"#),
        ("GET", "/notes?from=9", "", 200, "[]"),
        ("GET", "/notes?from=x", "", 500, "500 Internal Server Error\n"),
        ("DELETE", "/visits", "", 405, r#"{"error":"method"}"#),
        ("GET", "/", "", 404, r#"{"error":"no such route"}"#),
        ("HEAD", "/visits", "", 200, ""),
        ("GET", "/visits", "", 200, r#"{"visits":10}"#),
    ] {
        let answer = ask(&mut notes, request(method, target, body));
        assert_eq!((answer.status(), answer.text()), (status, text), "{method} {target}");
        assert!(answer.is_whole());
    }
    let refused = ask(&mut notes, request("PUT", "/notes", ""));
    assert_eq!((refused.status(), refused.field("Allow")), (405, Some("GET, HEAD, POST")));
    let events = ask(&mut notes, request("GET", "/events", ""));
    assert_eq!((events.text(), events.is_whole()), (":\n\n:\n\n:\n\n", false), "a minute of it");
}

#[test]
fn what_one_client_posts_another_is_told_at_once() {
    let (tell, told) = mpsc::channel();
    let server = thread::spawn(move || {
        let mut config = Config::default();
        config.listen = vec![Listen::at("127.0.0.1:0".parse().unwrap())];
        let mut server = Server::bind(&config, notes()).unwrap();
        tell.send((server.local_addrs()[0], server.stop_handle())).unwrap();
        server.run().unwrap()
    });
    let (address, handle) = told.recv().unwrap();
    let connect = |address: SocketAddr, says: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(HEARTBEAT / 3)).unwrap();
        stream.write_all(says.as_bytes()).unwrap();
        stream
    };
    let mut events = BufReader::new(connect(address, &request("GET", "/events", "")));
    let mut read_until = |wanted: &str| {
        let mut line = String::new();
        while line.trim_end() != wanted {
            line.clear();
            assert!(events.read_line(&mut line).unwrap() > 0, "the stream ends before {wanted}");
        }
    };
    read_until(":");
    let posted =
        request("POST", "/notes", "[1,2]").replace("\r\nHost", "\r\nConnection: close\r\nHost");
    let mut answer = String::new();
    connect(address, &posted).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    read_until("data: [1,2]");
    handle.stop();
    assert_eq!(server.join().unwrap(), Stopped::Drained, "the stream has ended, too");
}
