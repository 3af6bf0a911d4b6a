//! The handlers under the simulated server: those that are shipped, and one that echoes. What
//! they are asked is first shown to the wire it comes from.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use oneloop::handlers::FixedText;
use oneloop::{ContentPlan, Fault, FileRange, Handler, Reply, Request, Sent, Status};

use crate::answers::{self, Faults, Manner};
use crate::door;
use crate::framing::Meaning;
use crate::hub::Hub;
use crate::memory::aside;
use crate::plan::{Plan, pause_and_kind};
use crate::random::Random;
use crate::setting::Setting;
use crate::shown::Shown;
use crate::source::{SimulatedSource, Waiting};
use crate::wire::Wire;

/// What the handler panics with on purpose.
pub struct Planned;

/// How often it does, in runs in which it does: once in so many requests.
const PANICS_ONCE_IN: usize = 10;

/// How long a dear answer takes, as the handler says; and what that counts as, in bytes.
const DEAR: Duration = Duration::from_millis(2);
pub const DEAR_BYTES: usize = 2000 * 4096;

/// How often an answer is dear, in runs in which some are: once in so many requests.
const DEAR_ONCE_IN: u64 = 2;

/// Does `work`, and says whether the handler let it end without a panic. Any other panic goes on.
pub fn survives(work: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(()) => true,
        Err(panic) if panic.is::<Planned>() => false,
        Err(panic) => resume_unwind(panic),
    }
}

/// The wires of a run, by their places.
pub type Wires = Rc<[Rc<RefCell<Wire>>]>;

/// Shows each question to the wire that it is about. The port of a peer's address is the place of
/// its wire.
pub struct Recorder {
    inner: Inner,
    wires: Wires,
    /// Where panics come from, if there are any.
    panics: Option<Random>,
    /// Where dear answers are counted, if some are dear.
    dear: Option<Rc<Hub>>,
    pub requests: u64,
    pub faults: u64,
}

enum Inner {
    Echo,
    Text(FixedText),
}

impl Recorder {
    pub fn new(setting: &Setting, hub: &Rc<Hub>, wires: Wires, panics: Option<Random>) -> Recorder {
        let manner = &setting.manner;
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
        let dear = setting.has_dear_answers.then(|| Rc::clone(hub));
        Recorder { inner, wires, panics, dear, requests: 0, faults: 0 }
    }

    /// Says of some answers that they were dear.
    fn perhaps_dear(&self, sent: Sent) -> Sent {
        match &self.dear {
            Some(hub) if (self.requests + self.faults).is_multiple_of(DEAR_ONCE_IN) => {
                hub.work(DEAR_BYTES);
                sent.took(DEAR)
            }
            Some(_) | None => sent,
        }
    }
}

impl Handler for Recorder {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        self.requests += 1;
        let panics = self.panics.as_mut().is_some_and(|random| random.once_in(PANICS_ONCE_IN));
        let index = aside(|| {
            let index = door::index_of(request.peer());
            let mut wire = self.wires[index].borrow_mut();
            match panics {
                true => wire.on_panic(),
                false => wire.on_request(request),
            }
            index
        });
        let sent = match &mut self.inner {
            Inner::Text(text) => text.handle(request, reply),
            // A source is dropped only where nothing unwinds.
            Inner::Echo if panics => resume_unwind(Box::new(Planned)),
            Inner::Echo => match pause_and_kind(request.target()).0 {
                Some(pause) => late(index, pause, reply),
                None => {
                    let (method, target) = (request.method().as_str(), request.target());
                    repeat(index, method, target, request.body(), reply)
                }
            },
        };
        if panics {
            resume_unwind(Box::new(Planned));
        }
        self.perhaps_dear(sent)
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
            let index = door::index_of(fault.peer());
            self.wires[index].borrow_mut().on_fault(Shown::of(fault));
        });
        let sent = match &mut self.inner {
            Inner::Text(text) => text.handle_fault(fault, reply),
            Inner::Echo => fault.explain(reply),
        };
        self.perhaps_dear(sent)
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

/// Answers when this time has passed. What was asked is known from the script by then.
fn late(index: usize, pause: Duration, reply: Reply<'_>) -> Sent {
    let waiting = Waiting::new(index, pause);
    reply.after(pause, move |reply| {
        let (script, message) = waiting.begin();
        let Meaning::Request(asked) = &script.messages[message].meaning else {
            unreachable!("only requests are answered late")
        };
        repeat(index, &asked.method, &asked.target, &asked.body, reply)
    })
}

/// Repeats what was asked, at once or over time.
fn repeat(index: usize, method: &str, target: &str, content: &[u8], reply: Reply<'_>) -> Sent {
    if let Some(plan) = Plan::of(target) {
        return stream(index, plan, reply);
    }
    let method = if method == "HEAD" { "GET" } else { method };
    let body = answers::echo_body(method, target, content);
    if answers::is_file(target) {
        return reply.send_file(FileRange::in_memory(&body).expect("the system has such files"));
    }
    match pause_and_kind(target).1.next() {
        Some("shared") => reply.send(Arc::<[u8]>::from(body)),
        Some(_) | None => reply.send(&body),
    }
}
