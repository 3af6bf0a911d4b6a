//! Answers the requests that come in by the admin listener. Strict HTTP, whatever the public gets.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::events::{Frames, Purpose, Single};
use super::exposition;
use super::frame::StaticFacts;
use super::guard::{self, Audience, Names};
use super::mailbox::{Order, Shared};
use super::page::Part;
use crate::answer::handler::{ContentPlan, Handler, Reply, ReplyHead, Sent};
use crate::http::encode::{FieldBlock, InvalidField};
use crate::http::fault::Fault;
use crate::http::request::Request;
use crate::http::status::Status;

/// What every answer says to browsers: run and load nothing that is not ours, be shown inside of no
/// other page, be kept nowhere, be handed to no other page.
const FIELDS: [(&str, &str); 6] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
];

const TEXT: &str = "text/plain; charset=utf-8";

/// A minute between two steps is slow enough for any person.
const SLOW_MILLIS_MAX: u64 = 60_000;

const SLOW_ADVICE: &str =
    "Say how long to wait between two steps: /slow?interval_ms=300, 1 to 60000.\n";
const SLOT_ADVICE: &str = "A slot is a number, as in slot=3.\n";

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Page(Part),
    Alive,
    Ready,
    Events,
    State,
    Metrics,
    Pause,
    Resume,
    Step,
    Slow,
}

impl Route {
    fn of(path: &str) -> Option<Route> {
        match path {
            "/healthz" => Some(Route::Alive),
            "/readyz" => Some(Route::Ready),
            "/events" => Some(Route::Events),
            "/state.json" => Some(Route::State),
            "/metrics" => Some(Route::Metrics),
            "/pause" => Some(Route::Pause),
            "/resume" => Some(Route::Resume),
            "/step" => Some(Route::Step),
            "/slow" => Some(Route::Slow),
            _ => Part::at(path).map(Route::Page),
        }
    }

    /// Whom it is for.
    fn audience(self) -> Audience {
        match self {
            Route::Alive | Route::Ready | Route::Metrics => Audience::Programs,
            Route::Page(_)
            | Route::Events
            | Route::State
            | Route::Pause
            | Route::Resume
            | Route::Step
            | Route::Slow => Audience::People,
        }
    }

    /// The methods by which it can be asked for. Nothing changes by a GET.
    fn allow(self) -> &'static str {
        match self {
            Route::Page(_)
            | Route::Alive
            | Route::Ready
            | Route::Events
            | Route::State
            | Route::Metrics => "GET, HEAD",
            Route::Pause | Route::Resume | Route::Step | Route::Slow => "POST",
        }
    }
}

/// A parameter that is there and is no number.
struct Unreadable;

/// The number that the target's query gives for `name`.
fn value_of<N: FromStr>(request: &Request<'_>, name: &str) -> Result<Option<N>, Unreadable> {
    let mut parameters = request.query().unwrap_or_default().split('&');
    let value = parameters.find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.map(|value| value.parse().map_err(|_| Unreadable)).transpose()
}

/// The handler of the admin listener, or of the health listener, which has routes for programs only.
#[derive(Debug)]
pub(crate) struct Routes {
    names: Names,
    audience: Audience,
    mailbox: Shared,
    static_facts: Arc<StaticFacts>,
    fields: FieldBlock,
}

impl Routes {
    /// Answers requests that ask by one of these names. For programs alone, or for people, too.
    pub(super) fn new(
        names: Names,
        audience: Audience,
        mailbox: Shared,
        static_facts: Arc<StaticFacts>,
    ) -> Routes {
        let add = |block: FieldBlock, (name, value)| block.with(name, value);
        let fields: Result<_, InvalidField> = FIELDS.into_iter().try_fold(FieldBlock::new(), add);
        let fields = fields.expect("these are valid fields");
        Routes { names, audience, mailbox, static_facts, fields }
    }

    fn answer(&self, route: Route, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match route {
            Route::Page(part) => {
                let head = self.head(reply, Status::OK).field("Content-Type", part.content_type);
                head.send(part.text)
            }
            // The loop turns, or this would not be answered.
            Route::Alive => self.say(reply, Status::OK, "ok\n"),
            Route::Ready => {
                let (status, text) = self.readiness();
                self.say(reply, status, text)
            }
            Route::Events => self.show(request, reply),
            Route::State => match value_of(request, "slot") {
                Ok(slot) => {
                    let purpose = Purpose::State(slot, Arc::clone(&self.static_facts));
                    self.look(purpose, "application/json", reply)
                }
                Err(Unreadable) => self.say(reply, Status::BAD_REQUEST, SLOT_ADVICE),
            },
            Route::Metrics => self.look(Purpose::Metrics, exposition::CONTENT_TYPE, reply),
            Route::Pause => self.order(Order::Pause, reply),
            Route::Resume => self.order(Order::Resume, reply),
            Route::Step => self.order(Order::Step, reply),
            Route::Slow => match value_of(request, "interval_ms") {
                Ok(Some(millis @ 1..=SLOW_MILLIS_MAX)) => {
                    self.order(Order::Slow(Duration::from_millis(millis)), reply)
                }
                Ok(_) | Err(Unreadable) => self.say(reply, Status::BAD_REQUEST, SLOW_ADVICE),
            },
        }
    }

    /// Whether the public is served, and goes on to be.
    fn readiness(&self) -> (Status, &'static str) {
        let mailbox = self.mailbox.lock();
        match (mailbox.is_stopping, mailbox.is_held) {
            (true, _) => (Status::SERVICE_UNAVAILABLE, "stopping\n"),
            (false, true) => (Status::SERVICE_UNAVAILABLE, "paused\n"),
            (false, false) => (Status::OK, "ready\n"),
        }
    }

    /// A frame ten times a second, while there is a watcher.
    fn show(&self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let Ok(slot) = value_of(request, "slot") else {
            return self.say(reply, Status::BAD_REQUEST, SLOT_ADVICE);
        };
        let Some(subscription) = self.mailbox.subscribe(slot) else {
            let text = "Too many pages are watching; close another one.\n";
            return self.say(reply, Status::SERVICE_UNAVAILABLE, text);
        };
        let head = self.head(reply, Status::OK).field("Content-Type", "text/event-stream");
        head.stream(Frames::new(subscription, slot))
    }

    /// An answer that is written from a look at all clients.
    fn look(&self, purpose: Purpose, content_type: &str, reply: Reply<'_>) -> Sent {
        let head = self.head(reply, Status::OK).field("Content-Type", content_type);
        head.stream(Single::new(&self.mailbox, purpose))
    }

    /// The loop acts on it within this turn.
    fn order(&self, order: Order, reply: Reply<'_>) -> Sent {
        self.mailbox.lock().orders.push(order);
        self.head(reply, Status::NO_CONTENT).send("")
    }

    fn head<'a>(&self, reply: Reply<'a>, status: Status) -> ReplyHead<'a> {
        reply.status(status).fields(&self.fields)
    }

    fn say(&self, reply: Reply<'_>, status: Status, text: &str) -> Sent {
        self.head(reply, status).field("Content-Type", TEXT).send(text)
    }
}

impl Handler for Routes {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let route = Route::of(request.path());
        let audience = route.map_or(Audience::People, Route::audience);
        if audience == Audience::People && self.audience == Audience::Programs {
            let text = "There is nothing here; see /healthz, /readyz and /metrics.\n";
            return self.say(reply, Status::NOT_FOUND, text);
        }
        let Some(name) = self.names.asked(request, audience) else {
            let text = "Ask by this listener's own address and port, by localhost, or by a name \
                        that --admin-host gives it.\n";
            return self.say(reply, Status::MISDIRECTED_REQUEST, text);
        };
        let Some(route) = route else {
            return self.say(reply, Status::NOT_FOUND, "There is nothing here; see /.\n");
        };
        let allow = route.allow();
        if !allow.split(", ").any(|method| method == request.method().as_str()) {
            let head = self.head(reply, Status::METHOD_NOT_ALLOWED).field("Allow", allow);
            return head.field("Content-Type", TEXT).send(format!("Use {allow}.\n"));
        }
        // A user who follows a link to the page comes from another site.
        let is_page = matches!(route, Route::Page(part) if part.is_page());
        if !is_page && !guard::is_own(request, name) {
            let text = "Requests from pages of other sites are refused.\n";
            return self.say(reply, Status::FORBIDDEN, text);
        }
        self.answer(route, request, reply)
    }

    /// No order has content.
    fn content_plan(&mut self, _: &Request<'_>) -> ContentPlan {
        ContentPlan::Drop
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        self.say(reply, fault.status(), &fault.to_string())
    }
}
