//! Answers that begin some time after the handler has returned.
//!
//! A request's bytes vanish when the handler returns. What the head of its answer depends on is kept
//! here, with the closure that gives the answer when its time has come. The connection decides when
//! that is.

use std::time::Duration;

use crate::answer::handler::{BodyTransfer, Reply, Sent};
use crate::answer::source::{Begun, Late, LateAnswer, Streaming};
use crate::buffer::Output;
use crate::http::control::Persistence;
use crate::http::date::Date;
use crate::http::method::Version;

/// What gives an answer, and what its reply is going to be.
struct Given<F> {
    answer: F,
    transfer: BodyTransfer,
    version: Version,
    allow: Option<&'static str>,
}

impl<F: FnOnce(Reply<'_>) -> Sent> LateAnswer for Given<F> {
    fn begin(self: Box<Self>, output: &mut Output, date: &Date, persistence: Persistence) -> Begun {
        let Given { answer, transfer, version, allow } = *self;
        let sent = answer(Reply { output, date, transfer, version, persistence, allow });
        Begun { persistence: sent.persistence, work: sent.work(), body: sent.body }
    }
}

impl Reply<'_> {
    /// Lets `answer` give the reply when this time has passed: not a byte of it is sent before. Only
    /// this client waits, and it costs two allocations of some hundred bytes together. Requests that it
    /// has sent behind this one are answered behind it.
    ///
    /// The request's bytes have vanished by then, so `answer` owns what it needs of them. It runs on the
    /// loop, as a handler does; a panic in it is one of the [handler](crate::Handler#panics). If the client is
    /// lost meanwhile, the server drops `answer` at once. A server that is told to stop waits for it, for
    /// as long as [`Timeouts::drain`](crate::Timeouts::drain) says; then its client is reset.
    ///
    /// ```
    /// use std::time::Duration;
    /// use oneloop::{Reply, Request, Sent};
    /// use oneloop::testing::ask;
    ///
    /// fn busy(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    ///     let text = format!("{} is busy\n", request.path());
    ///     reply.after(Duration::from_secs(2), move |reply| reply.status(503).send(text))
    /// }
    ///
    /// let answer = ask(&mut busy, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    /// assert_eq!((answer.status(), answer.text()), (503, "/a is busy\n"));
    /// ```
    pub fn after(self, pause: Duration, answer: impl FnOnce(Reply<'_>) -> Sent + 'static) -> Sent {
        let Reply { transfer, version, persistence, allow, .. } = self;
        let given = Given { answer, transfer, version, allow };
        let late = Late::new(Box::new(given), persistence, pause);
        Sent::later(persistence, Box::new(Streaming::Late(late)))
    }
}
