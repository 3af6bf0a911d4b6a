//! A reader of events.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::say;
use super::sockets::{Answer, Background, Client, PATIENCE};

/// Somebody who watches.
pub struct Watcher {
    pub client: Client,
    /// What has come, and how much of its content has been read.
    events: Answer,
    read_bytes: usize,
}

impl Watcher {
    /// Watches with this query, such as `?slot=1`.
    pub fn of(server: &Background, query: &str) -> Watcher {
        let mut client = Client::connect(server.admin());
        say(&mut client, server, &format!("GET /events{query}"), &[]);
        let head = client.answer_head();
        assert_eq!(head.status, 200, "{}", head.head);
        assert_eq!(head.field("Content-Type"), Some("text/event-stream"));
        Watcher { client, events: head, read_bytes: 0 }
    }

    /// The next frame; `None` once the stream has ended in order.
    pub fn try_frame(&mut self) -> Option<Value> {
        loop {
            let left = &self.events.body[self.read_bytes..];
            if let Some(bytes) = left.windows(2).position(|two| two == b"\n\n") {
                let event = str::from_utf8(&left[..bytes]).unwrap();
                self.read_bytes += bytes + 2;
                if let Some(data) = event.strip_prefix("data: ") {
                    assert!(!data.contains('\n'), "a frame is one line");
                    return Some(serde_json::from_str(data).expect("a frame is JSON"));
                }
                assert!(event.starts_with("retry: "), "{event}");
                continue;
            }
            if self.events.is_whole() {
                assert!(left.is_empty());
                return None;
            }
            self.client.read_on(&mut self.events);
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
