//! Makes a route of a line's words. Each mistake is told with its column, what was expected there, and
//! an example.

use super::chance;
use super::given::Given;
use super::route::{Action, Branch, Matcher, PathPattern, Route, Stage};
use super::values::positive;
use super::words::{Mistake, Quoted, Word, words};
use crate::http::method::Method;

/// How long a line may be, in bytes: a text that is longer is better kept in a file.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024;

const ROUTE_EXAMPLE: &str = "write a path first, as in: /hello text=\"hello\"";

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
            "expected a host such as a.example, found {}; write a path alone for all hosts",
            Quoted(host)
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
        given.take(word)?;
    }
    Ok((given.chance, given.action(words, end)?))
}
