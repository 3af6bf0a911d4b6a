//! The handler that finds a request's route and lets it answer.

use super::action::Ready;
use super::chance::Draw;
use super::matcher::{self, Match};
use super::table::{self, ReadyRoute, RouteSources};
use crate::answer::handler::{ContentPlan, HEAD_BYTES, Handler, Needs, Reloaded, Reply, Sent};
use crate::buffer::COPIED_BYTES_MAX;
use crate::http::request::Request;

/// Answers requests by routes, the first of which that takes a request answers it: for tests of clients.
///
/// Unstable: a program that wants routes of its own writes a [`Handler`].
#[derive(Debug)]
pub struct Routes {
    sources: RouteSources,
    routes: Vec<ReadyRoute>,
    /// Some route names a host, so that requests have to be asked for theirs.
    asks_host: bool,
    descriptors: usize,
}

impl Routes {
    /// Reads the lines and the files of these sources.
    ///
    /// # Errors
    /// If there is a mistake in a line, or something cannot be read. The sentence says which.
    pub fn load(sources: RouteSources) -> Result<Routes, String> {
        let routes = table::load(&sources)?;
        let asks_host = routes.iter().any(|route| route.matcher.host.is_some());
        Ok(Routes { sources, routes, asks_host, descriptors: 0 })
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The route that takes this request; or whether one would with another method.
    fn find(&self, request: &Request<'_>) -> Result<usize, Match> {
        let host = if self.asks_host { matcher::host(request) } else { None };
        let mut missed = Match::No;
        for (at, route) in self.routes.iter().enumerate() {
            match route.matcher.judge(request, host.as_deref()) {
                Match::Takes => return Ok(at),
                Match::OtherMethod => missed = Match::OtherMethod,
                Match::No => {}
            }
        }
        Err(missed)
    }

    /// What this route answers to this request, which is counted as its next one; and from what all
    /// that is drawn for it follows.
    fn choose(&mut self, route: usize, request: &Request<'_>) -> (&mut Ready, Draw) {
        let draw = Draw {
            seed: self.sources.seed,
            connection: request.connection(),
            request: request.number(),
            route,
        };
        let route = &mut self.routes[route];
        let mut before = route.answered;
        route.answered += 1;
        let is_now = |first: Option<u64>| match first {
            Some(first) if before >= first => {
                before -= first;
                false
            }
            Some(_) | None => true,
        };
        let stage = route.stages.iter().map(|stage| stage.first).position(is_now);
        let stage = &mut route.stages[stage.expect("the last stage is for all")];
        let drawn = if stage.branches.len() == 1 { 0 } else { draw.millionths() };
        let branch = stage.branches.iter_mut().find(|(below, _)| drawn < *below);
        (&mut branch.expect("the last answer has all that is left").1, draw)
    }

    /// Every answer of every route.
    fn answers(&mut self) -> impl Iterator<Item = &mut Ready> {
        let stages = self.routes.iter_mut().flat_map(|route| &mut route.stages);
        stages.flat_map(|stage| &mut stage.branches).map(|(_, answer)| answer)
    }

    /// The methods of the routes that would take this request.
    fn allowed(&self, request: &Request<'_>) -> String {
        let host = if self.asks_host { matcher::host(request) } else { None };
        let others = self
            .routes
            .iter()
            .filter(|route| route.matcher.judge(request, host.as_deref()) == Match::OtherMethod);
        let mut methods: Vec<&str> = Vec::new();
        for method in others.filter_map(|route| route.matcher.method) {
            if !methods.contains(&method.as_str()) {
                methods.push(method.as_str());
            }
        }
        methods.join(", ")
    }
}

impl Handler for Routes {
    #[cold]
    #[inline(never)]
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let (status, text) = match self.find(request) {
            Ok(route) => {
                let (answer, draw) = self.choose(route, request);
                return answer.answer(request, draw, reply);
            }
            Err(Match::OtherMethod) => {
                let allowed = self.allowed(request);
                let head = reply.status(405).field("Allow", &allowed);
                let head = head.field("Content-Type", "text/plain; charset=utf-8");
                return head.send(format!("This route takes {allowed}.\n"));
            }
            Err(Match::Takes | Match::No) => (404, "No route takes this request.\n"),
        };
        reply.status(status).field("Content-Type", "text/plain; charset=utf-8").send(text)
    }

    /// Content is held where a route may want it, and where the answer says so.
    #[cold]
    #[inline(never)]
    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        let Ok(route) = self.find(request) else { return ContentPlan::Drop };
        let mut plan = ContentPlan::Refuse;
        // Which of its answers it is, is chosen once the request is whole: so all may want it.
        for stage in &mut self.routes[route].stages {
            for (_, answer) in &mut stage.branches {
                plan = match (plan, answer.content_plan(request)) {
                    (ContentPlan::Hold, _) | (_, ContentPlan::Hold) => ContentPlan::Hold,
                    (ContentPlan::Drop, _) | (_, ContentPlan::Drop) => ContentPlan::Drop,
                    (ContentPlan::Refuse, ContentPlan::Refuse) => ContentPlan::Refuse,
                };
            }
        }
        plan
    }

    #[cold]
    #[inline(never)]
    fn needs(&mut self, descriptors: usize) -> Needs {
        self.descriptors = descriptors;
        let mut needs = Needs { content: ContentPlan::Drop, ..Needs::default() };
        let mut fields_max = 0;
        for answer in self.answers() {
            fields_max = fields_max.max(answer.fields_bytes());
            needs.memory_bytes = needs.memory_bytes.saturating_add(answer.memory_bytes());
            if answer.holds_content() {
                needs.content = ContentPlan::Hold;
            }
            if let Some(site) = answer.site() {
                let more = site.needs(descriptors);
                needs.files += more.files;
                needs.memory_bytes = needs.memory_bytes.saturating_add(more.memory_bytes);
                needs.answer_bytes = needs.answer_bytes.max(more.answer_bytes);
            }
        }
        // A reload may bring an echo, which holds what clients send.
        if self.sources.file.is_some() {
            needs.content = ContentPlan::Hold;
        }
        let own = HEAD_BYTES + fields_max + COPIED_BYTES_MAX;
        needs.answer_bytes = needs.answer_bytes.max(own);
        needs
    }

    #[cold]
    #[inline(never)]
    fn release_descriptors(&mut self) -> bool {
        let mut released = false;
        for site in self.answers().filter_map(Ready::site) {
            released |= site.release_descriptors();
        }
        released
    }

    /// Reads the file again, and everything that routes name: whole or not at all. All routes count
    /// their requests from the beginning.
    #[cold]
    #[inline(never)]
    fn reload(&mut self) -> Reloaded {
        let what = match &self.sources.file {
            Some(file) => format!("the routes of '{}'", file.display()),
            None => "the routes".to_owned(),
        };
        match Routes::load(self.sources.clone()) {
            Ok(again) => {
                let descriptors = self.descriptors;
                *self = again;
                self.needs(descriptors);
                Reloaded::Done(what)
            }
            Err(why) => Reloaded::Failed(why),
        }
    }
}
