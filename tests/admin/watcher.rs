//! A reader of answers in chunks, and of the events in them.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::say;
use super::sockets::{Background, Client, PATIENCE};

/// Somebody who watches.
pub struct Watcher {
    pub client: Client,
    /// What has come of the body and is not read yet.
    text: String,
    has_ended: bool,
}

impl Watcher {
    /// Watches with this query, such as `?slot=1`.
    pub fn of(server: &Background, query: &str) -> Watcher {
        let mut client = Client::connect(server.admin());
        say(&mut client, server, &format!("GET /events{query}"), &[]);
        let head = client.answer_head();
        assert_eq!(head.status, 200, "{}", head.head);
        assert_eq!(head.field("Content-Type"), Some("text/event-stream"));
        Watcher { client, text: String::new(), has_ended: false }
    }

    /// The next frame; `None` once the stream has ended in order.
    pub fn try_frame(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(data) = event.strip_prefix("data: ") {
                    assert!(!data.contains('\n'), "a frame is one line");
                    return Some(serde_json::from_str(data).expect("a frame is JSON"));
                }
                assert!(event.starts_with("retry: "), "{event}");
                continue;
            }
            if self.has_ended {
                assert!(self.text.is_empty());
                return None;
            }
            match chunk(&mut self.client) {
                Some(chunk) => self.text.push_str(&String::from_utf8(chunk).unwrap()),
                None => self.has_ended = true,
            }
        }
    }

    /// The next frame.
    pub fn frame(&mut self) -> Value {
        self.try_frame().expect("it goes on")
    }

    /// The first frame from here on that `fits`.
    pub fn frame_with(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let frame = self.frame();
            if fits(&frame) {
                return frame;
            }
            assert!(Instant::now() < until, "no frame fits; the last is {frame}");
        }
    }

    /// The frames of about this time.
    pub fn frames_for(&mut self, time: Duration) -> Vec<Value> {
        let until = Instant::now() + time;
        let mut frames = Vec::new();
        while Instant::now() < until {
            frames.push(self.frame());
        }
        frames
    }
}

/// The next chunk, or `None` if it is the last.
fn chunk(client: &mut Client) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(client.take_exactly(1));
    }
    let digits = str::from_utf8(&line).unwrap().trim_end();
    let bytes = usize::from_str_radix(digits, 16).expect("a chunk's size");
    let chunk = client.take_exactly(bytes);
    assert_eq!(client.take_exactly(2), b"\r\n");
    (bytes > 0).then_some(chunk)
}

/// A whole body in chunks.
pub fn chunks(client: &mut Client) -> String {
    let mut body = Vec::new();
    while let Some(chunk) = chunk(client) {
        body.extend(chunk);
    }
    String::from_utf8(body).unwrap()
}
