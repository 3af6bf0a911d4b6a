//! A health check by the public's own listeners: one path says whether the server is ready.

use crate::answer::handler::{ContentPlan, Handler, Needs, Reloaded, Reply, Sent};
use crate::http::fault::Fault;
use crate::http::method::Method;
use crate::http::request::Request;
use crate::http::status::Status;

/// Answers one path itself, for a balancer that knows one port only, and leaves all else to another
/// handler.
///
/// It says `200` until the server is told to stop, and `503` from then on: so the balancer has
/// [`Timeouts::drain_announce`](crate::Timeouts::drain_announce) to notice. Where another port is
/// possible, [`Config::health`](crate::Config::health) says more, also while the public is held.
///
/// ```
/// use oneloop::handlers::HealthPath;
/// use oneloop::{Reply, Request, testing};
///
/// let hello = |_: &Request<'_>, reply: Reply<'_>| reply.send("hello");
/// let mut handler = HealthPath::new("/healthz", hello);
/// let answer = testing::ask(&mut handler, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert_eq!(answer.text(), "ready\n");
/// ```
#[derive(Debug)]
pub struct HealthPath<H> {
    path: String,
    handler: H,
    is_stopping: bool,
}

impl<H: Handler> HealthPath<H> {
    /// Answers requests for exactly this path, and has `handler` answer all others.
    pub fn new(path: impl Into<String>, handler: H) -> HealthPath<H> {
        HealthPath { path: path.into(), handler, is_stopping: false }
    }

    /// What answers all other requests.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    fn answer(&self, method: Method, reply: Reply<'_>) -> Sent {
        if !matches!(method, Method::Get | Method::Head) {
            let head = reply.status(Status::METHOD_NOT_ALLOWED).field("Allow", "GET, HEAD");
            return head.send("Use GET, HEAD.\n");
        }
        let (status, text) = match self.is_stopping {
            true => (Status::SERVICE_UNAVAILABLE, "stopping\n"),
            false => (Status::OK, "ready\n"),
        };
        reply.status(status).field("Cache-Control", "no-store").send(text)
    }
}

impl<H: Handler> Handler for HealthPath<H> {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match request.path() == self.path {
            true => self.answer(request.method(), reply),
            false => self.handler.handle(request, reply),
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        self.handler.handle_fault(fault, reply)
    }

    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match request.path() == self.path {
            true => ContentPlan::Drop,
            false => self.handler.content_plan(request),
        }
    }

    fn needs(&mut self, descriptors: usize) -> Needs {
        self.handler.needs(descriptors)
    }

    fn release_descriptors(&mut self) -> bool {
        self.handler.release_descriptors()
    }

    fn on_stopping(&mut self) {
        self.is_stopping = true;
        self.handler.on_stopping();
    }

    fn reload(&mut self) -> Reloaded {
        self.handler.reload()
    }
}
