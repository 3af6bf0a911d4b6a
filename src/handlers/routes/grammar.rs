//! Makes a route of a line's words. Each mistake is told with its column, what was expected there, and
//! an example.

use std::time::Duration;

use super::chance;
use super::route::{Action, Branch, Content, Matcher, PathPattern, Route, Span, Stage};
use super::values::{
    bytes, chance_of, duration, echo, field, name, no_value, place, positive, span, status, value,
};
use super::words::{Mistake, Quoted, Word, words};
use crate::http::method::Method;
use crate::http::status::Status;

/// How long a line may be, in bytes: a text that is longer is better kept in a file.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024;

/// The shortest time between two events, which is also how often the loop looks at a source.
const EVERY_MIN: Duration = Duration::from_millis(1);

const ROUTE_EXAMPLE: &str = "write a path first, as in: /hello text=\"hello\"";

const ACTIONS: &str = "answers are text= file= bytes= echo= redirect= dir= events and status=; \
                       beside them stand field= after= over= chunked every= count= first= and p=";

/// Reads one line, which is no comment and not empty.
pub(super) fn route(line: &str) -> Result<Route, Mistake> {
    if line.len() > LINE_BYTES_MAX {
        let sentence = format!(
            "a line has at most {LINE_BYTES_MAX} bytes; put a long text into a \
                                file, and write file=NAME"
        );
        return Err(Mistake::new(1, &sentence));
    }
    let control = line.chars().position(|c| c.is_control() && c != '\t');
    if let Some(at) = control {
        return Err(Mistake::new(at + 1, "write \\n, \\r or \\t instead of a control character"));
    }
    let words = words(line)?;
    let end = line.chars().count() + 1;
    let (matcher, used) = matcher(&words, end)?;
    let mut stages = Vec::new();
    let mut rest = &words[used..];
    loop {
        let then = rest.iter().position(|word| is_sign(word, "then"));
        let stage_end = then.map_or(end, |at| rest[at].column);
        stages.push(stage(&rest[..then.unwrap_or(rest.len())], then.is_some(), stage_end)?);
        match then {
            Some(at) => rest = &rest[at + 1..],
            None => return Ok(Route { matcher, stages }),
        }
    }
}

fn is_sign(word: &Word, sign: &str) -> bool {
    word.value.is_none() && word.name == sign
}

/// Who is answered, and how many words that took.
#[cold]
#[inline(never)]
fn matcher(words: &[Word], end: usize) -> Result<(Matcher, usize), Mistake> {
    let first = words.first().ok_or_else(|| Mistake::new(end, ROUTE_EXAMPLE))?;
    let method = Method::from_name(&first.name).filter(|_| first.value.is_none());
    if let Some(Method::Connect | Method::Trace) = method {
        let sentence = format!("the server itself answers {} with 405; leave it out", first.name);
        return Err(first.wrong(&sentence));
    }
    let used = usize::from(method.is_some());
    let place = words.get(used).ok_or_else(|| Mistake::new(end, ROUTE_EXAMPLE))?;
    let text = place.text();
    let Some(slash) = text.find('/') else {
        let sentence =
            format!("expected a path such as /hello, found {}; {ROUTE_EXAMPLE}", Quoted(&text));
        return Err(place.wrong(&sentence));
    };
    let (host, path) = text.split_at(slash);
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    if !host.chars().all(is_host) {
        let sentence = format!(
            "expected a host such as a.example, found \"{host}\"; write a path \
                                alone for all hosts"
        );
        return Err(place.wrong(&sentence));
    }
    if let Some(at) = path.find(['?', '#']) {
        let column = place.column + text[..slash + at].chars().count();
        return Err(Mistake::new(column, "a path ends before ? and #; a route takes every query"));
    }
    let host = (!host.is_empty()).then(|| host.to_ascii_lowercase());
    let path = match path.strip_suffix("/*") {
        Some(prefix) => PathPattern::Beneath(format!("{prefix}/")),
        None => PathPattern::Exact(path.to_owned()),
    };
    Ok((Matcher { method, host, path }, used + 1))
}

/// The answers up to a `then`, or up to the end.
#[cold]
#[inline(never)]
fn stage(words: &[Word], then: bool, end: usize) -> Result<Stage, Mistake> {
    let is_first = |word: &&Word| word.name == "first" && word.value.is_some();
    let counts: Vec<&Word> = words.iter().filter(is_first).collect();
    let first = match (counts.as_slice(), then) {
        ([], false) => None,
        ([], true) => {
            let sentence = "before 'then' stands for how many requests it is: first=2";
            return Err(Mistake::new(end, sentence));
        }
        ([_, again, ..], _) => return Err(again.wrong("'first' is given twice; leave one out")),
        ([one], false) => {
            let sentence = "behind first=N stands what comes then: first=2 then text=\"ok\"";
            return Err(one.wrong(sentence));
        }
        ([one], true) => Some(positive(one, "a number of requests such as 2")?),
    };
    let rest: Vec<&Word> = words.iter().filter(|word| !is_first(word)).collect();
    let mut branches = Vec::new();
    let (mut left, mut seen) = (chance::WHOLE, 0);
    let mut parts = rest.split(|word| is_sign(word, "|")).peekable();
    while let Some(part) = parts.next() {
        seen += part.len();
        let part_end = rest.get(seen).map_or(end, |or| or.column);
        seen += 1;
        let (chance, action) = branch(part, part_end)?;
        match (&chance, parts.peek()) {
            (None, Some(_)) => {
                let column = part.first().map_or(end, |word| word.column);
                let sentence = "each answer but the last says how likely it is: p=0.1";
                return Err(Mistake::new(column, sentence));
            }
            (Some((_, column)), None) => {
                let sentence = "the last answer has the rest of the chances, and no p; write what \
                                comes otherwise behind a |, as in: p=0.1 status=503 | text=\"ok\"";
                return Err(Mistake::new(*column, sentence));
            }
            (Some((millionths, column)), Some(_)) => match left.checked_sub(*millionths) {
                Some(rest) if rest > 0 => left = rest,
                Some(_) | None => {
                    let sentence = "these chances leave nothing for the last answer; they add up \
                                    to less than 1";
                    return Err(Mistake::new(*column, sentence));
                }
            },
            (None, None) => {}
        }
        branches.push(Branch { chance: chance.map(|(millionths, _)| millionths), action });
    }
    Ok(Stage { first, branches })
}

/// One answer, its chance, and the column of that.
#[cold]
#[inline(never)]
fn branch(words: &[&Word], end: usize) -> Result<(Option<(u32, usize)>, Action), Mistake> {
    let mut given = Given::default();
    for word in words {
        let name = word.name.as_str();
        if name != "field" && given.names.iter().any(|it| it == name) {
            return Err(word.wrong(&format!("'{name}' is given twice; leave one out")));
        }
        given.names.push(name.to_owned());
        given.take(word)?;
    }
    let chance = given.chance;
    Ok((chance, given.action(words, end)?))
}

/// What has been said of an answer.
#[derive(Default)]
struct Given {
    names: Vec<String>,
    chance: Option<(u32, usize)>,
    content: Option<Content>,
    status: Option<Status>,
    fields: Vec<(String, String)>,
    after: Option<Span>,
    over: Option<Duration>,
    every: Option<Duration>,
    count: Option<u64>,
    chunked: bool,
}

impl Given {
    fn take(&mut self, word: &Word) -> Result<(), Mistake> {
        let content = match word.name.as_str() {
            "text" => Content::Text(value(word, "text=\"hello\"")?.text.clone()),
            "file" => Content::File(name(word, "file=page.html")?),
            "dir" => Content::Dir(name(word, "dir=./public")?),
            "bytes" => bytes(word)?,
            "echo" => Content::Echo(echo(word)?),
            "redirect" => Content::Redirect(place(word)?),
            "events" => {
                no_value(word)?;
                Content::Events { every: Duration::from_secs(1), count: None }
            }
            _ => return self.take_more(word),
        };
        if self.content.is_some() {
            let sentence = format!(
                "'{}' is one answer too many; write one, or p=0.5 ANSWER | \
                                    ANSWER for a choice",
                word.name
            );
            return Err(word.wrong(&sentence));
        }
        self.content = Some(content);
        Ok(())
    }

    /// What stands beside the content.
    fn take_more(&mut self, word: &Word) -> Result<(), Mistake> {
        match word.name.as_str() {
            "status" => self.status = Some(status(word)?),
            "field" => self.fields.push(field(word)?),
            "after" => self.after = Some(span(word)?),
            "over" => self.over = Some(duration(word, "over=5s")?),
            "every" => {
                let every = duration(word, "every=1s")?;
                if every < EVERY_MIN {
                    let sentence = "events come at least a millisecond apart; write every=1ms";
                    return Err(Mistake::new(word.value_column(), sentence));
                }
                self.every = Some(every);
            }
            "count" => self.count = Some(positive(word, "a number of events such as 10")?),
            "chunked" => {
                no_value(word)?;
                self.chunked = true;
            }
            "p" => self.chance = Some((chance_of(word)?, word.column)),
            other => {
                let sentence = format!(
                    "expected an answer such as text=\"hello\", found \
                                        \"{other}\"; {ACTIONS}"
                );
                return Err(word.wrong(&sentence));
            }
        }
        Ok(())
    }

    fn action(mut self, words: &[&Word], end: usize) -> Result<Action, Mistake> {
        let mut content = match (self.content.take(), self.status) {
            (Some(content), _) => content,
            (None, Some(_)) => Content::Status,
            (None, None) => {
                let sentence = format!("expected an answer such as text=\"hello\"; {ACTIONS}");
                return Err(Mistake::new(end, &sentence));
            }
        };
        let column = |name: &str| {
            let found = words.iter().find(|word| word.name == name);
            found.map_or(end, |word| word.column)
        };
        let stands_alone = |name: &str, with: &str| {
            Mistake::new(column(name), &format!("'{name}' goes with {with}; leave it out"))
        };
        let is_dir = matches!(content, Content::Dir(_));
        let is_events = matches!(content, Content::Events { .. });
        let others = "an answer that has a text, a file, bytes or an echo";
        if is_dir && self.status.is_some() {
            return Err(stands_alone("status", "an answer that is no directory"));
        }
        if self.after.is_some() && is_dir {
            let sentence = "'after' does not go with a directory, whose requests are answered at \
                            once; leave it out";
            return Err(Mistake::new(column("after"), sentence));
        }
        if self.over.is_some() && (is_dir || is_events) {
            return Err(stands_alone("over", others));
        }
        if self.chunked && (is_dir || is_events) {
            return Err(stands_alone("chunked", others));
        }
        if self.every.is_some() && !is_events {
            return Err(stands_alone("every", "events, as in: events every=1s"));
        }
        if self.count.is_some() && !is_events {
            return Err(stands_alone("count", "events, as in: events count=10"));
        }
        if let Content::Events { every, count } = &mut content {
            (*every, *count) = (self.every.unwrap_or(*every), self.count);
        }
        let Given { status, fields, after, over, chunked, .. } = self;
        Ok(Action { content, status, fields, after, over, chunked })
    }
}
