//! What a line means. Written again, it is a line that means the same.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::quantity::{ShownDuration, ShownSize};
use super::words::Quoted;
use crate::answer::planned_fault::BreakOff;
use crate::http::method::Method;
use crate::http::status::Status;

/// One line: whose requests it takes, and what they get.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    pub(super) matcher: Matcher,
    /// At least one. All but the last say how many requests they are for.
    pub(super) stages: Vec<Stage>,
}

/// Which requests a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matcher {
    /// `None` is every method.
    pub(super) method: Option<Method>,
    /// In lower case, without a port. `None` is every host.
    pub(super) host: Option<String>,
    pub(super) path: PathPattern,
}

/// Which paths a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathPattern {
    Exact(String),
    /// Everything that begins with this, which ends in a slash.
    Beneath(String),
}

/// What the next requests get.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    /// How many of them; `None` in the last stage, which is for all.
    pub(super) first: Option<u64>,
    /// At least one. All but the last have a chance; the last one has the rest.
    pub(super) branches: Vec<Branch>,
}

/// One of the answers between which chance decides.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branch {
    /// In millionths.
    pub(super) chance: Option<u32>,
    pub(super) action: Action,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) content: Content,
    pub(super) status: Option<Status>,
    pub(super) fields: Vec<(String, String)>,
    /// How long it waits before it begins.
    pub(super) after: Option<Span>,
    /// For how long its body is spread.
    pub(super) over: Option<Duration>,
    /// Its length is not told: its body comes in chunks.
    pub(super) chunked: bool,
    /// What is wrong with it on purpose.
    pub(super) fault: Option<Fault>,
}

/// A fault that is committed on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Instead of an answer the connection is reset.
    Reset,
    /// Instead of an answer our side is closed.
    Close,
    /// Nothing is sent for this long, and then our side is closed.
    Silence(Duration),
    /// Instead of an answer come this many bytes that are no HTTP.
    Garbage(u64),
    /// Nothing more is read or sent for this long, and then the connection is reset.
    NeverRead(Duration),
    /// The body ends there.
    BreakAt { at: Place, by: BreakOff },
    /// The length is told wrong by this much.
    Length(i64),
    /// Two lengths are told.
    TwoLengths,
    /// Behind the body comes a chunk whose size is none.
    BadChunk,
    /// The head is spread over this time.
    HeadOver(Duration),
    /// This many interim answers come before it.
    Interim(u64),
}

impl Fault {
    /// Whether it is committed instead of an answer.
    pub(super) fn is_instead(self) -> bool {
        match self {
            Fault::Reset
            | Fault::Close
            | Fault::Silence(_)
            | Fault::Garbage(_)
            | Fault::NeverRead(_) => true,
            Fault::BreakAt { .. }
            | Fault::Length(_)
            | Fault::TwoLengths
            | Fault::BadChunk
            | Fault::HeadOver(_)
            | Fault::Interim(_) => false,
        }
    }
}

/// A place in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Bytes(u64),
    Millionths(u32),
}

/// A time between two, both included, which may be the same. Each request draws its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// What an answer has for a body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// The status, in words.
    Status,
    /// None: a fault is committed instead.
    Nothing,
    Text(String),
    /// The file of this name.
    File(String),
    /// From one position of the pattern to another.
    Bytes {
        from: u64,
        to: u64,
    },
    Echo(Echo),
    /// Another place.
    Redirect(String),
    /// The files of the directory of this name.
    Dir(String),
    /// Server-sent events: one each time this long has passed, for ever or this many.
    Events {
        every: Duration,
        count: Option<u64>,
    },
}

/// How a request is told to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    Raw,
    Json,
}

impl Display for Route {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.matcher)?;
        for (at, stage) in self.stages.iter().enumerate() {
            let then = if at == 0 { "" } else { " then" };
            write!(f, "{then}{stage}")?;
        }
        Ok(())
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(method) = self.method {
            write!(f, "{} ", method.as_str())?;
        }
        f.write_str(self.host.as_deref().unwrap_or_default())?;
        match &self.path {
            PathPattern::Exact(path) => f.write_str(path),
            PathPattern::Beneath(path) => write!(f, "{path}*"),
        }
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.first {
            write!(f, " first={first}")?;
        }
        for (at, branch) in self.branches.iter().enumerate() {
            let or = if at == 0 { "" } else { " |" };
            write!(f, "{or}{branch}")?;
        }
        Ok(())
    }
}

impl Display for Branch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(millionths) = self.chance {
            let digits = format!("{millionths:07}");
            let (whole, part) = digits.split_at(1);
            write!(f, " p={}", format!("{whole}.{part}").trim_end_matches('0'))?;
        }
        write!(f, "{}", self.action)
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, " status={}", status.code())?;
        }
        match &self.content {
            Content::Status | Content::Nothing => {}
            Content::Text(text) => write!(f, " text={}", Quoted(text))?,
            Content::File(path) => write!(f, " file={}", Quoted(path))?,
            Content::Bytes { from: 0, to } => write!(f, " bytes={}", ShownSize(*to))?,
            Content::Bytes { from, to } => {
                write!(f, " bytes={}..{}", ShownSize(*from), ShownSize(*to))?;
            }
            Content::Echo(Echo::Raw) => f.write_str(" echo=raw")?,
            Content::Echo(Echo::Json) => f.write_str(" echo=json")?,
            Content::Redirect(place) => write!(f, " redirect={}", Quoted(place))?,
            Content::Dir(path) => write!(f, " dir={}", Quoted(path))?,
            Content::Events { every, count } => {
                write!(f, " events every={}", ShownDuration(*every))?;
                if let Some(count) = count {
                    write!(f, " count={count}")?;
                }
            }
        }
        for (name, value) in &self.fields {
            write!(f, " field={}", Quoted(&format!("{name}: {value}")))?;
        }
        if let Some(Span { from, to }) = self.after {
            write!(f, " after={}", ShownDuration(from))?;
            if from != to {
                write!(f, "..{}", ShownDuration(to))?;
            }
        }
        if let Some(over) = self.over {
            write!(f, " over={}", ShownDuration(over))?;
        }
        if self.chunked {
            f.write_str(" chunked")?;
        }
        self.fault.map_or(Ok(()), |fault| write!(f, " {fault}"))
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::Reset => f.write_str("reset"),
            Fault::Close => f.write_str("close"),
            Fault::Silence(time) => write!(f, "silence={}", ShownDuration(time)),
            Fault::Garbage(bytes) => write!(f, "garbage={}", ShownSize(bytes)),
            Fault::NeverRead(time) => write!(f, "never-read={}", ShownDuration(time)),
            Fault::BreakAt { at, by } => {
                match at {
                    Place::Bytes(bytes) => write!(f, "break-at={}", ShownSize(bytes))?,
                    Place::Millionths(part) => {
                        let percent = format!("{}.{:04}", part / 10_000, part % 10_000);
                        let percent = percent.trim_end_matches('0').trim_end_matches('.');
                        write!(f, "break-at={percent}%")?;
                    }
                }
                match by {
                    BreakOff::End => f.write_str(" by=fin"),
                    BreakOff::Reset => f.write_str(" by=reset"),
                }
            }
            Fault::Length(more) => write!(f, "length={more:+}"),
            Fault::TwoLengths => f.write_str("two-lengths"),
            Fault::BadChunk => f.write_str("bad-chunk"),
            Fault::HeadOver(time) => write!(f, "head-over={}", ShownDuration(time)),
            Fault::Interim(count) => write!(f, "interim={count}"),
        }
    }
}
