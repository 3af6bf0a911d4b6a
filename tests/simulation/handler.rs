//! The handlers under the simulated server: those that are shipped, and one that echoes. What
//! they are asked is first shown to the wire it comes from.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use oneloop::handlers::FixedText;
use oneloop::{ContentPlan, Fault, Handler, Method, Reply, Request, Sent, Status};

use crate::answers::{self, Faults, Manner};
use crate::hub::Hub;
use crate::memory::aside;
use crate::plan::Plan;
use crate::shown::{Cause, Shown};
use crate::source::SimulatedSource;
use crate::wire::Wire;

/// The wires of a run, by their places.
pub type Wires = Rc<[Rc<RefCell<Wire>>]>;

pub struct Recorder {
    inner: Inner,
    hub: Rc<Hub>,
    wires: Wires,
    pub requests: u64,
    pub faults: u64,
}

enum Inner {
    Echo,
    Text(FixedText),
}

impl Recorder {
    pub fn new(manner: &Manner, hub: Rc<Hub>, wires: Wires) -> Recorder {
        let inner = match manner {
            Manner::Echo => Inner::Echo,
            Manner::Text(text) => {
                let status = Status::try_from(text.status).expect("a final status");
                let handler = FixedText::new(text.body.clone()).status(status);
                let handler = match text.field {
                    Some((name, value)) => handler.header(name, value).expect("a valid field"),
                    None => handler,
                };
                Inner::Text(match text.faults {
                    Faults::Text => handler,
                    Faults::Error => handler.strict(),
                })
            }
        };
        Recorder { inner, hub, wires, requests: 0, faults: 0 }
    }

    /// Who is being served. A deadline is acted on without a call before it: then nobody knows,
    /// until the answer is sent.
    fn serving(&self, fits: impl Fn(&Wire) -> bool) -> Option<usize> {
        let awaits = |index: usize| self.wires[index].borrow().awaits_handler();
        self.hub.served(|index| fits(&self.wires[index].borrow()), awaits)
    }
}

impl Handler for Recorder {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        self.requests += 1;
        let index = aside(|| {
            let index = self.serving(|wire| wire.expects_request(request));
            let index = index.expect("a request has been read from somebody");
            self.wires[index].borrow_mut().on_request(request);
            index
        });
        match (&mut self.inner, Plan::of(request.target())) {
            (Inner::Text(text), _) => text.handle(request, reply),
            (Inner::Echo, Some(plan)) => stream(index, plan, reply),
            (Inner::Echo, None) => echo(request, reply),
        }
    }

    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match &mut self.inner {
            Inner::Text(text) => text.content_plan(request),
            Inner::Echo => ContentPlan::Hold,
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        self.faults += 1;
        aside(|| {
            let shown = Shown::of(fault);
            match shown.cause {
                Cause::Stalled(_) => self.hub.stall(shown),
                Cause::Bytes | Cause::Method | Cause::Unfinished(_) => {
                    let index = self.serving(|wire| wire.expects_fault(&shown));
                    let index = index.expect("a fault has been read from somebody");
                    self.wires[index].borrow_mut().on_fault(shown);
                }
            }
        });
        match &mut self.inner {
            Inner::Text(text) => text.handle_fault(fault, reply),
            Inner::Echo => fault.explain(reply),
        }
    }
}

fn stream(index: usize, plan: Plan, reply: Reply<'_>) -> Sent {
    let said = plan.said;
    let source = SimulatedSource::new(index, plan);
    match said {
        Some(length) => reply.status(Status::OK).stream_sized(length as u64, source),
        None => reply.stream(source),
    }
}

fn echo(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    let is_head = request.method() == Method::Head;
    let method = if is_head { Method::Get } else { request.method() };
    let body = answers::echo_body(method.as_str(), request.target(), request.body());
    match request.path().split('/').nth(3) {
        Some("shared") => reply.send(&Arc::<[u8]>::from(body)),
        Some(_) | None => reply.send(&body),
    }
}
