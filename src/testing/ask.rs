//! Asks a handler what it answers, without a socket.
//!
//! The request goes through the very engine that serves it in production, on a [`Pipe`] and by a
//! clock of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::answer::Answer;
use super::listener::Listener;
use super::pipe::{Pipe, PipeStream};
use crate::answer::handler::Handler;
use crate::config::{Limits, Timeouts};
use crate::engine::Clients;
use crate::time::Time;

/// How long an answer may take by the clock of [`ask`]: as long as a client usually waits.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// How many bytes of an answer are taken: more than a test looks at.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where the request comes from: an address for documentation (RFC 5737).
const PEER: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 50_000);

/// Gives `handler` the bytes of one request, and returns what a client would be sent.
///
/// The engine of the server drives the handler, with the usual limits and timeouts: so this tries
/// the framing, [`Handler::content_plan`] and [`Handler::handle_fault`] as well. Bytes that are no
/// whole request are answered as they are to a client that then says nothing more.
///
/// Nothing waits: the clock begins at [`Time::START`] and at the epoch of Unix, and when nothing can
/// be done it goes on to the next moment at which something can. A source that gives a piece a
/// second has given them all at once. Of an answer without end you get the first minute, or the first
/// 16 MiB; then it is not [whole](Answer::is_whole).
///
/// ```
/// use oneloop::testing::ask;
/// use oneloop::{Reply, Request, Sent};
///
/// let mut visits = 0;
/// let mut counting = |request: &Request<'_>, reply: Reply<'_>| -> Sent {
///     visits += 1;
///     match request.path() {
///         "/" => reply.field("Content-Type", "text/plain").send(format!("visit {visits}")),
///         _ => reply.status(404).send("no such page"),
///     }
/// };
///
/// let answer = ask(&mut counting, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert_eq!((answer.status(), answer.text()), (200, "visit 1"));
/// assert_eq!(answer.field("content-type"), Some("text/plain"));
/// assert!(answer.is_whole() && !answer.is_last());
///
/// let answer = ask(&mut counting, b"GET /x HTTP/1.0\r\n\r\n");
/// assert_eq!((answer.status(), answer.text()), (404, "no such page"));
/// assert!(answer.is_last());
///
/// // The handler is not even asked.
/// assert_eq!(ask(&mut counting, b"GET / HTTP/1.1\r\n\r\n").status(), 400);
/// assert_eq!(visits, 2);
/// ```
///
/// # Panics
/// As the handler panics; and if no answer begins, because there are no bytes.
pub fn ask(handler: &mut impl Handler, request: impl AsRef<[u8]>) -> Answer {
    let request = request.as_ref();
    let peer = Pipe::new();
    peer.say(request);
    let mut clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
    clients.admit(peer.stream(), SocketAddr::from(PEER), Time::START);
    let mut engine = Listener::absent(clients);
    let (mut now, mut raw) = (Time::START, Vec::new());
    let method = if request.starts_with(b"HEAD ") { "HEAD" } else { "GET" };
    loop {
        engine.clients_mut().on_polled(now);
        let _ = engine.turn(now, handler, &mut |_, _: &mut PipeStream, _, _| Ok(()));
        raw.append(&mut peer.take_sent());
        let next = engine.due(now).filter(|due| due.since(Time::START) <= ANSWER_TIME_MAX);
        if next == Some(now) && raw.len() <= ANSWER_BYTES_MAX {
            continue;
        }
        let is_last = peer.has_ended();
        let mut answer = Answer::first_final(&raw, method);
        if let (Some(answer), true) = (&mut answer, is_last) {
            answer.end();
        }
        match (answer, next) {
            (Some(answer), Some(due)) if !answer.is_whole() && !is_last && due > now => now = due,
            (Some(answer), _) => return answer,
            (None, Some(due)) if !is_last => now = due,
            (None, _) => panic!("nothing answers {:?}", request.escape_ascii().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::handler::{Reply, Sent};
    use crate::answer::source::{Next, Piece};
    use crate::http::request::Request;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A source that gives this piece `times` times, one a second.
    fn dripping(piece: &'static str, times: u32) -> impl FnMut(&mut Piece<'_>) -> Next {
        let mut left = times;
        move |out: &mut Piece<'_>| {
            out.append(piece);
            left -= 1;
            if left == 0 { Next::Done } else { Next::After(Duration::from_secs(1)) }
        }
    }

    #[test]
    fn a_body_in_pieces_comes_whole_and_at_once() {
        let mut drip =
            |_: &Request<'_>, reply: Reply<'_>| -> Sent { reply.stream(dripping("ab", 3)) };
        let answer = ask(&mut drip, GET);
        assert_eq!((answer.text(), answer.is_whole(), answer.is_last()), ("ababab", true, false));
        let answer = ask(&mut drip, b"GET / HTTP/1.0\r\n\r\n");
        assert_eq!((answer.text(), answer.is_whole(), answer.is_last()), ("ababab", true, true));
    }

    #[test]
    fn an_answer_without_end_is_given_as_far_as_a_minute_goes() {
        let mut endless =
            |_: &Request<'_>, reply: Reply<'_>| -> Sent { reply.stream(dripping("x", 1000)) };
        let answer = ask(&mut endless, GET);
        assert_eq!((answer.body().len(), answer.is_whole()), (61, false));
    }

    #[test]
    fn a_length_that_is_not_kept_shows() {
        let mut broken =
            |_: &Request<'_>, reply: Reply<'_>| reply.status(200).stream_sized(5, dripping("x", 2));
        let answer = ask(&mut broken, GET);
        assert_eq!((answer.text(), answer.is_whole(), answer.is_last()), ("xx", false, true));
    }

    #[test]
    fn answers_without_content_are_whole() {
        let mut handler = |request: &Request<'_>, reply: Reply<'_>| {
            let status: u16 = request.path()[1..].parse().unwrap_or(200);
            reply.status(status).send("hello")
        };
        for (request, body) in [
            ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
            ("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n", ""),
            ("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n", ""),
            ("GET /404 HTTP/1.1\r\nHost: a\r\n\r\n", "hello"),
        ] {
            let answer = ask(&mut handler, request);
            assert!(answer.is_whole(), "{request}");
            assert_eq!(answer.text(), body, "{request}");
        }
    }

    #[test]
    fn what_comes_in_between_is_passed_over_and_a_stalled_head_is_answered() {
        let mut echo = |request: &Request<'_>, reply: Reply<'_>| reply.send(request.body());
        let head =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
        let answer = ask(&mut echo, [head, "hello"].concat());
        assert_eq!((answer.status(), answer.text()), (200, "hello"));
        let answer = ask(&mut echo, head);
        assert_eq!(answer.status(), 408);
        assert!(answer.raw().starts_with(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 "));
        assert_eq!(ask(&mut echo, "GET / HT").status(), 408);
    }

    #[test]
    #[should_panic(expected = "nothing answers")]
    fn nothing_is_not_answered() {
        ask(&mut |_: &Request<'_>, reply: Reply<'_>| reply.send(""), b"");
    }
}
