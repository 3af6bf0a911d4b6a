//! What the program answers with: one of the handlers that ship, as one type.
//!
//! One type means one loop. If the loop were compiled once for each handler, its functions would
//! have two callers each, and the compiler would inline fewer of them: 130 instructions more a
//! request.

use std::path::Path;

use oneloop::handlers::{FixedText, HealthPath, Routes, Site};
use oneloop::{ContentPlan, Fault, Handler, Needs, Reloaded, Reply, Request, Sent};

use super::text::TextFile;

/// What is answered.
#[derive(Debug)]
pub enum Answer {
    /// Everything with one text, and the file that it is from, if it can be read again.
    Text(FixedText, Option<Box<TextFile>>),
    /// A directory's files.
    Files(Box<Site>),
    /// Each request by its route.
    Routes(Box<Routes>),
    /// One of these, and a path that says whether the server is ready.
    Watched(Box<HealthPath<Answer>>),
}

impl Answer {
    /// The directory that is served, if one is.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Answer::Text(..) | Answer::Routes(_) => None,
            Answer::Files(site) => Some(site.directory()),
            Answer::Watched(answer) => answer.handler().directory(),
        }
    }
}

impl Handler for Answer {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match self {
            Answer::Text(text, _) => text.handle(request, reply),
            Answer::Files(site) => site.handle(request, reply),
            Answer::Routes(routes) => routes.handle(request, reply),
            Answer::Watched(answer) => answer.handle(request, reply),
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        match self {
            Answer::Text(text, _) => text.handle_fault(fault, reply),
            Answer::Files(site) => site.handle_fault(fault, reply),
            Answer::Routes(routes) => routes.handle_fault(fault, reply),
            Answer::Watched(answer) => answer.handle_fault(fault, reply),
        }
    }

    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match self {
            Answer::Text(text, _) => text.content_plan(request),
            Answer::Files(site) => site.content_plan(request),
            Answer::Routes(routes) => routes.content_plan(request),
            Answer::Watched(answer) => answer.content_plan(request),
        }
    }

    fn needs(&mut self, descriptors: usize) -> Needs {
        match self {
            Answer::Text(text, file) => {
                let mut needs = text.needs(descriptors);
                // The file may be one of those that the kernel holds, once it is read again.
                needs.files = needs.files.max(usize::from(file.is_some()));
                needs
            }
            Answer::Files(site) => site.needs(descriptors),
            Answer::Routes(routes) => routes.needs(descriptors),
            Answer::Watched(answer) => answer.needs(descriptors),
        }
    }

    fn release_descriptors(&mut self) -> bool {
        match self {
            Answer::Text(text, _) => text.release_descriptors(),
            Answer::Files(site) => site.release_descriptors(),
            Answer::Routes(routes) => routes.release_descriptors(),
            Answer::Watched(answer) => answer.release_descriptors(),
        }
    }

    fn on_stopping(&mut self) {
        match self {
            Answer::Text(text, _) => text.on_stopping(),
            Answer::Files(site) => site.on_stopping(),
            Answer::Routes(routes) => routes.on_stopping(),
            Answer::Watched(answer) => answer.on_stopping(),
        }
    }

    fn reload(&mut self) -> Reloaded {
        match self {
            Answer::Text(_, None) => Reloaded::Nothing,
            Answer::Text(text, Some(file)) => match file.read_again() {
                Ok(again) => {
                    *text = again;
                    Reloaded::Done(file.to_string())
                }
                Err(why) => Reloaded::Failed(why),
            },
            Answer::Files(site) => site.reload(),
            Answer::Routes(routes) => routes.reload(),
            Answer::Watched(answer) => answer.reload(),
        }
    }
}
