//! From lines and files to routes that are ready: all of them, or the first mistake.

use std::path::{Path, PathBuf};

use super::action::Ready;
use super::files;
use super::grammar;
use super::route::{Matcher, Route};
use super::words::Mistake;

/// The most routes that there can be: each request is compared with one after the other.
const ROUTES_MAX: usize = 1000;

/// The longest file of routes, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A route as it is written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteLine {
    /// What a mistake in it is told with: `--route 3`.
    pub place: String,
    /// The line.
    pub text: String,
}

impl RouteLine {
    /// The route that stands at `place`.
    pub fn new(place: impl Into<String>, text: impl Into<String>) -> RouteLine {
        RouteLine { place: place.into(), text: text.into() }
    }
}

/// Where routes come from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RouteSources {
    /// Lines that stay as they are.
    pub lines: Vec<RouteLine>,
    /// A file with a route a line, which come behind those. It is read again by
    /// [`Handler::reload`](crate::Handler::reload).
    pub file: Option<PathBuf>,
    /// Fields of all answers.
    pub fields: Vec<(String, String)>,
    /// What all choices follow from.
    pub seed: u64,
}

/// A route that is ready.
#[derive(Debug)]
pub(super) struct ReadyRoute {
    pub(super) matcher: Matcher,
    pub(super) stages: Vec<ReadyStage>,
    /// How many requests it has answered.
    pub(super) answered: u64,
}

#[derive(Debug)]
pub(super) struct ReadyStage {
    /// For how many requests it is; `None` for all.
    pub(super) first: Option<u64>,
    /// Each answer, and the millionths below which it is chosen; the last one has all.
    pub(super) branches: Vec<(u32, Ready)>,
}

/// All routes of these sources.
///
/// # Errors
/// The first mistake, in a sentence.
#[cold]
#[inline(never)]
pub(super) fn load(sources: &RouteSources) -> Result<Vec<ReadyRoute>, String> {
    let mut lines = sources.lines.clone();
    if let Some(file) = &sources.file {
        lines.extend(lines_of(file)?);
    }
    if lines.len() > ROUTES_MAX {
        return Err(format!("there are {} routes; at most {ROUTES_MAX} can be", lines.len()));
    }
    if lines.is_empty() {
        let file = sources.file.as_deref().unwrap_or(Path::new("")).display();
        return Err(format!("'{file}' has no route; write one a line, as in: / text=\"hello\""));
    }
    let mut routes: Vec<(RouteLine, Route)> = Vec::new();
    for line in lines {
        let read = grammar::route(&line.text).map_err(|mistake| told(&line, &mistake))?;
        let hiding = routes.iter().find(|(_, earlier)| earlier.matcher.hides(&read.matcher));
        if let Some((earlier, _)) = hiding {
            let sentence = format!(
                "no request can come to this route, as '{}' takes all of them; write this one \
                 before that",
                earlier.place
            );
            return Err(told(&line, &Mistake::new(1, &sentence)));
        }
        routes.push((line, read));
    }
    let ready = routes.iter().map(|(line, route)| {
        let ready = ready(route, &sources.fields);
        ready.map_err(|sentence| format!("{}: {sentence}", line.place))
    });
    ready.collect()
}

fn told(line: &RouteLine, mistake: &Mistake) -> String {
    format!("{}, column {}: {}", line.place, mistake.column, mistake.sentence)
}

#[cold]
#[inline(never)]
fn ready(route: &Route, fields: &[(String, String)]) -> Result<ReadyRoute, String> {
    let mut stages = Vec::new();
    for stage in &route.stages {
        let mut below = 0;
        let mut branches = Vec::new();
        for branch in &stage.branches {
            below = branch.chance.map_or(u32::MAX, |chance| below + chance);
            branches.push((below, Ready::new(&branch.action, &route.matcher.path, fields)?));
        }
        stages.push(ReadyStage { first: stage.first, branches });
    }
    Ok(ReadyRoute { matcher: route.matcher.clone(), stages, answered: 0 })
}

/// The lines of a file that are routes: neither empty nor comments.
fn lines_of(file: &Path) -> Result<Vec<RouteLine>, String> {
    let name = file.display();
    let text = files::read(file, FILE_BYTES_MAX)?;
    let text = String::from_utf8(text).map_err(|_| format!("'{name}' is no UTF-8; write UTF-8"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    });
    let lines = lines.map(|(at, line)| RouteLine::new(format!("'{name}', line {}", at + 1), line));
    Ok(lines.collect())
}
