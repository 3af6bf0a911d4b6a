//! An answer that is ready to be given: its files are read, and its fields are checked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::body::{Bytes, Dripping, Ticking};
use super::chance::Draw;
use super::echo;
use super::fault::Right;
use super::files;
use super::route::{Action, Content, Echo, Fault, PathPattern, Span};
use crate::answer::handler::{ContentPlan, Handler, Reply, ReplyHead, Sent};
use crate::handlers::{Site, media_type};
use crate::http::encode::FieldBlock;
use crate::http::request::Request;
use crate::http::status::Status;
use crate::http::target::Target;

/// The longest file that is kept, in bytes: a longer one is better served from its directory.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
#[derive(Debug)]
pub(super) struct Ready {
    /// Shared with answers that have not begun.
    made: Arc<Made>,
    /// The site that it serves, and what stands before the names of its files.
    site: Option<(Box<Site>, String)>,
}

/// What an answer is made of that does not need its request.
#[derive(Debug)]
struct Made {
    status: Status,
    fields: FieldBlock,
    content: MadeContent,
    after: Option<Span>,
    over: Option<Duration>,
    chunked: bool,
    fault: Option<Fault>,
}

#[derive(Debug)]
enum MadeContent {
    Bytes(Bytes),
    /// Those of the request.
    Echo(Echo),
    Events {
        every: Duration,
        count: Option<u64>,
    },
}

impl Ready {
    /// Makes `action` ready for the requests of `path`. `common` are the fields of all answers.
    ///
    /// # Errors
    /// If a file or a directory cannot be read, or is too long. The sentence says so.
    #[cold]
    #[inline(never)]
    pub(super) fn new(
        action: &Action,
        path: &PathPattern,
        common: &[(String, String)],
    ) -> Result<Ready, String> {
        let mut content_type = None;
        let mut status = Status::OK;
        let mut location = None;
        let mut site = None;
        let content = match &action.content {
            Content::Status => {
                let said = action.status.unwrap_or(Status::OK);
                MadeContent::Bytes(Bytes::Shared(format!("{said}\n").into_bytes().into()))
            }
            Content::Nothing => MadeContent::Bytes(Bytes::Shared(Arc::default())),
            Content::Text(text) => MadeContent::Bytes(Bytes::Shared(text.as_bytes().into())),
            Content::File(name) => {
                let bytes: Arc<[u8]> = files::read(Path::new(name), FILE_BYTES_MAX)?.into();
                content_type = Some(media_type(Path::new(name), &bytes));
                MadeContent::Bytes(Bytes::Shared(bytes))
            }
            Content::Bytes { from, to } => {
                MadeContent::Bytes(Bytes::Pattern { from: *from, to: *to })
            }
            Content::Echo(form) => {
                if *form == Echo::Json {
                    content_type = Some("application/json".to_owned());
                }
                MadeContent::Echo(*form)
            }
            Content::Redirect(place) => {
                status = Status::FOUND;
                location = Some(place.as_str());
                MadeContent::Bytes(Bytes::Shared(Arc::default()))
            }
            Content::Events { every, count } => {
                content_type = Some("text/event-stream".to_owned());
                MadeContent::Events { every: *every, count: *count }
            }
            Content::Dir(name) => {
                let fields = common.iter().chain(&action.fields);
                site = Some((Box::new(open(name, path, fields)?), prefix(path).to_owned()));
                MadeContent::Bytes(Bytes::Shared(Arc::default()))
            }
        };
        let content_type = content_type.as_deref().unwrap_or(PLAIN_TEXT);
        let fields = fields(content_type, location, &action.fields, common)?;
        let status = action.status.unwrap_or(status);
        let Action { after, over, chunked, fault, .. } = *action;
        let made = Arc::new(Made { status, fields, content, after, over, chunked, fault });
        Ok(Ready { made, site })
    }

    /// Answers `request`. What is chosen for it follows from `draw`.
    #[inline(never)]
    pub(super) fn answer(&mut self, request: &Request<'_>, draw: Draw, reply: Reply<'_>) -> Sent {
        if let Some((site, prefix)) = &mut self.site {
            let target = beneath(request.target, prefix);
            return site.handle(&Request { target: &target, ..*request }, reply);
        }
        // The request's bytes vanish when this returns.
        let echo: Option<Arc<[u8]>> = match &self.made.content {
            MadeContent::Echo(Echo::Raw) => Some(echo::raw(request).into()),
            MadeContent::Echo(Echo::Json) => Some(echo::json(request).into_bytes().into()),
            MadeContent::Bytes(_) | MadeContent::Events { .. } => None,
        };
        let bits = draw.bits();
        let Some(span) = self.made.after else { return self.made.give(echo, bits, reply) };
        let made = Arc::clone(&self.made);
        reply.after(draw.time(span), move |reply| made.give(echo, bits, reply))
    }

    /// What it does with content that is not whole yet.
    pub(super) fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        if let Some((site, prefix)) = &mut self.site {
            let target = beneath(request.target, prefix);
            return site.content_plan(&Request { target: &target, ..*request });
        }
        if let Some(Fault::NeverRead(_)) = self.made.fault {
            // What is still to come is not read.
            return ContentPlan::Refuse;
        }
        match self.holds_content() {
            true => ContentPlan::Hold,
            false => ContentPlan::Drop,
        }
    }

    /// Whether requests are held until they are whole.
    pub(super) fn holds_content(&self) -> bool {
        matches!(self.made.content, MadeContent::Echo(_))
    }

    /// The site that it serves, if it is one.
    pub(super) fn site(&mut self) -> Option<&mut Site> {
        self.site.as_mut().map(|(site, _)| &mut **site)
    }

    /// The memory that it keeps, in bytes, its fields apart.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.made.content {
            MadeContent::Bytes(Bytes::Shared(bytes)) => bytes.len(),
            MadeContent::Bytes(Bytes::Pattern { .. })
            | MadeContent::Echo(_)
            | MadeContent::Events { .. } => 0,
        }
    }

    /// How long its fields are, in bytes.
    pub(super) fn fields_bytes(&self) -> usize {
        self.made.fields.lines().len()
    }
}

impl Made {
    /// The bytes of its body, which are those of the `echo` if it has one. Events have none.
    fn bytes(&self, echo: &Option<Arc<[u8]>>) -> Option<Bytes> {
        match (&self.content, echo) {
            (_, Some(echo)) => Some(Bytes::Shared(Arc::clone(echo))),
            (MadeContent::Bytes(bytes), None) => Some(bytes.clone()),
            (MadeContent::Events { .. } | MadeContent::Echo(_), None) => None,
        }
    }

    /// Gives the answer, or its `echo` if it has one.
    fn give(&self, echo: Option<Arc<[u8]>>, bits: u64, reply: Reply<'_>) -> Sent {
        if let Some(fault) = self.fault
            && let Some(source) = fault.instead(bits)
        {
            return reply.raw(None, fault.planned(), source);
        }
        if let (Some(fault), Some(bytes)) = (self.fault, self.bytes(&echo)) {
            let begin: &dyn for<'r> Fn(Reply<'r>) -> ReplyHead<'r> =
                &|reply| reply.status(self.status).fields(&self.fields);
            let (over, is_chunked, status) = (self.over, self.chunked, self.status.code());
            return fault.within(Right { bytes, over, is_chunked, status, begin }, reply);
        }
        let head = reply.status(self.status).fields(&self.fields);
        if let MadeContent::Events { every, count } = self.content {
            return head.stream(Ticking { every, left: count, number: 0 });
        }
        let bytes = self.bytes(&echo).expect("what is no event has bytes");
        let len = bytes.len();
        match (bytes, self.over, self.chunked) {
            (Bytes::Shared(bytes), None, false) => head.send(&bytes),
            (bytes, over, false) => head.stream_sized(len, Dripping::new(bytes, over)),
            (bytes, over, true) => head.stream(Dripping::new(bytes, over)),
        }
    }
}

/// What stands before the names of a directory's files: all of the path that takes them, but its slash.
fn prefix(path: &PathPattern) -> &str {
    match path {
        PathPattern::Exact(_) => "",
        PathPattern::Beneath(prefix) => prefix.trim_end_matches('/'),
    }
}

/// The target as a site sees it that is served beneath `prefix`.
fn beneath<'b>(target: &Target<'b>, prefix: &str) -> Target<'b> {
    Target { path: target.path.strip_prefix(prefix).unwrap_or(target.path), query: target.query }
}

#[cold]
#[inline(never)]
fn open<'f>(
    name: &str,
    path: &PathPattern,
    fields: impl Iterator<Item = &'f (String, String)>,
) -> Result<Site, String> {
    if let PathPattern::Exact(path) = path {
        let path = path.trim_end_matches('/');
        return Err(format!("a directory needs a path with a star, as in: {path}/* dir={name}"));
    }
    let site = Site::open(name).map_err(|reason| {
        format!("cannot serve '{name}': {reason}; name a directory whose files can be read")
    })?;
    let mut site = site.listing().beneath(prefix(path));
    for (name, value) in fields {
        let with = site.header(name, value);
        site = with.map_err(|reason| format!("invalid field '{name}: {value}': {reason}"))?;
    }
    Ok(site)
}

/// The fields of an answer. What a route says outweighs what is said for all, and both outweigh what is
/// usual.
#[cold]
#[inline(never)]
fn fields(
    content_type: &str,
    location: Option<&str>,
    own: &[(String, String)],
    common: &[(String, String)],
) -> Result<FieldBlock, String> {
    let mut said: Vec<(&str, &str)> = Vec::new();
    let usual = [("Content-Type", Some(content_type)), ("Location", location)];
    said.extend(own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    for (name, value) in common {
        if !is_in(name, &said[..own.len()]) {
            said.push((name, value));
        }
    }
    for (name, value) in usual {
        if let Some(value) = value.filter(|_| !is_in(name, &said)) {
            said.insert(0, (name, value));
        }
    }
    let mut block = FieldBlock::new();
    for (name, value) in said {
        let with = block.with(name, value);
        block = with.map_err(|reason| format!("invalid field '{name}: {value}': {reason}"))?;
    }
    Ok(block)
}

#[inline(never)]
fn is_in(name: &str, fields: &[(&str, &str)]) -> bool {
    fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}
