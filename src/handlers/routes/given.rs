//! What the words of one answer say, taken one after the other, and what goes together.

use std::time::Duration;

use super::route::{Action, Content, Fault, Span};
use super::values::{
    by, bytes, chance_of, duration, echo, fault, field, name, no_value, place, positive, span,
    status, value,
};
use super::words::{Mistake, Word};
use crate::answer::planned_fault::BreakOff;
use crate::http::status::Status;

/// The shortest time between two events, which is also how often the loop looks at a source.
const EVERY_MIN: Duration = Duration::from_millis(1);

const ACTIONS: &str = "answers are text= file= bytes= echo= redirect= dir= events and status=; \
                       beside them stand field= after= over= chunked every= count= first= and p=; \
                       faults are reset close silence garbage never-read break-at= length= \
                       two-lengths bad-chunk head-over= and interim=";

/// What has been said of an answer.
#[derive(Default)]
pub(super) struct Given {
    names: Vec<String>,
    /// In millionths, and its column.
    pub(super) chance: Option<(u32, usize)>,
    content: Option<Content>,
    status: Option<Status>,
    fields: Vec<(String, String)>,
    after: Option<Span>,
    over: Option<Duration>,
    every: Option<Duration>,
    count: Option<u64>,
    chunked: bool,
    fault: Option<Fault>,
    by: Option<BreakOff>,
}

impl Given {
    /// Takes the next word.
    #[cold]
    #[inline(never)]
    pub(super) fn take(&mut self, word: &Word) -> Result<(), Mistake> {
        if word.name != "field" && self.names.contains(&word.name) {
            return Err(word.wrong(&format!("'{}' is given twice; leave one out", word.name)));
        }
        self.names.push(word.name.clone());
        if let Some(fault) = fault(word)? {
            if let Some(other) = self.fault.replace(fault) {
                let sentence = format!("'{other}' is a fault already; write one, or a choice");
                return Err(word.wrong(&sentence));
            }
            return Ok(());
        }
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
            "by" => self.by = Some(by(word)?),
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

    /// The answer of which this was said by these words, which end in this column.
    #[cold]
    #[inline(never)]
    pub(super) fn action(mut self, words: &[&Word], end: usize) -> Result<Action, Mistake> {
        let is_instead = self.fault.is_some_and(Fault::is_instead);
        let mut content = match (self.content.take(), self.status) {
            (Some(content), _) => content,
            (None, Some(_)) => Content::Status,
            (None, None) if is_instead => Content::Nothing,
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
        self.check_fault(&content, words, end)?;
        match (&mut self.fault, self.by) {
            (_, None) => {}
            (Some(Fault::BreakAt { by, .. }), Some(said)) => *by = said,
            (_, Some(_)) => {
                return Err(stands_alone("by", "break-at, as in: break-at=50% by=reset"));
            }
        }
        if let Content::Events { every, count } = &mut content {
            (*every, *count) = (self.every.unwrap_or(*every), self.count);
        }
        let Given { status, fields, after, over, chunked, fault, .. } = self;
        Ok(Action { content, status, fields, after, over, chunked, fault })
    }

    /// What cannot stand beside a fault.
    fn check_fault(&self, content: &Content, words: &[&Word], end: usize) -> Result<(), Mistake> {
        let Some(fault) = self.fault else { return Ok(()) };
        let mut others = words.iter().filter(|word| word.name != "p" && word.name != "after");
        let (column, count) = (others.next().map_or(end, |word| word.column), others.count());
        let wrong = |sentence: String| Err(Mistake::new(column, &sentence));
        if fault.is_instead() && count > 0 {
            return wrong(format!("'{fault}' stands instead of an answer; leave out the other"));
        }
        if let Content::Dir(_) | Content::Events { .. } = content {
            let goes_with = "an answer that has a text, a file, bytes or an echo";
            return wrong(format!("'{fault}' goes with {goes_with}; leave it out"));
        }
        if self.chunked && matches!(fault, Fault::Length(_) | Fault::TwoLengths) {
            return wrong(format!("chunks have no length; leave out 'chunked' or '{fault}'"));
        }
        Ok(())
    }
}
