//! The values behind the words of a line: what each has to be, and how it is written.

use std::time::Duration;

use super::chance;
use super::quantity;
use super::route::{Content, Echo, Fault, Place, Span};
use super::words::{Mistake, Quoted, Value, Word};
use crate::answer::planned_fault::BreakOff;
use crate::http::encode;
use crate::http::status::Status;

/// How many bytes of the pattern an answer may have. None of them are kept, so it is about time: at a
/// gigabyte a second a client reads for a quarter of an hour.
const BYTES_MAX: u64 = 1 << 40;

/// The longest time that a line may name. Longer waits belong into a test's own clock.
const TIME_MAX: Duration = Duration::from_secs(3600);

#[cold]
#[inline(never)]
pub(super) fn value<'w>(word: &'w Word, example: &str) -> Result<&'w Value, Mistake> {
    let missing = || {
        let sentence = format!("expected a value behind '{}'; write {example}", word.name);
        Mistake::new(word.value_column(), &sentence)
    };
    word.value.as_ref().ok_or_else(missing)
}

#[cold]
#[inline(never)]
pub(super) fn no_value(word: &Word) -> Result<(), Mistake> {
    match &word.value {
        None => Ok(()),
        Some(value) => {
            let sentence = format!("'{0}' has no value; write {0} alone", word.name);
            Err(Mistake::new(value.column - 1, &sentence))
        }
    }
}

/// A mistake in a value.
#[cold]
#[inline(never)]
fn expected(value: &Value, what: &str) -> Mistake {
    Mistake::new(value.column, &format!("expected {what}, found {}", Quoted(&value.text)))
}

#[cold]
#[inline(never)]
pub(super) fn name(word: &Word, example: &str) -> Result<String, Mistake> {
    let value = value(word, example)?;
    match value.text.is_empty() || value.text.contains('\0') {
        true => Err(expected(value, &format!("a name, as in {example}"))),
        false => Ok(value.text.clone()),
    }
}

/// A whole number above zero.
#[cold]
#[inline(never)]
pub(super) fn positive(word: &Word, what: &str) -> Result<u64, Mistake> {
    let value = value(word, "first=2 or count=10")?;
    let is_number = value.text.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.text.parse().ok().filter(|number| is_number && *number > 0);
    number.ok_or_else(|| expected(value, what))
}

#[cold]
#[inline(never)]
pub(super) fn duration(word: &Word, example: &str) -> Result<Duration, Mistake> {
    let value = value(word, example)?;
    time(&value.text, value)
}

/// One time, or two with dots between them.
#[cold]
#[inline(never)]
pub(super) fn span(word: &Word) -> Result<Span, Mistake> {
    let value = value(word, "after=2s or after=1s..3s")?;
    let (from, to) = value.text.split_once("..").unwrap_or((&value.text, &value.text));
    let (from, to) = (time(from, value)?, time(to, value)?);
    match from <= to {
        true => Ok(Span { from, to }),
        false => Err(expected(value, "times that do not go backwards, such as 1s..3s")),
    }
}

#[cold]
#[inline(never)]
fn time(text: &str, value: &Value) -> Result<Duration, Mistake> {
    let read = quantity::duration(text);
    let read = read.ok_or_else(|| expected(value, "a duration such as 2s"))?;
    match read <= TIME_MAX {
        true => Ok(read),
        false => Err(expected(value, "a duration of at most 1h, such as 2s")),
    }
}

#[cold]
#[inline(never)]
fn size(text: &str, value: &Value) -> Result<u64, Mistake> {
    let read = quantity::size(text);
    let read = read.ok_or_else(|| expected(value, "a size such as 10KiB, or 1KiB..2KiB"))?;
    match read <= BYTES_MAX {
        true => Ok(read),
        false => Err(expected(value, "a size of at most 1024GiB, such as 10KiB")),
    }
}

#[cold]
#[inline(never)]
pub(super) fn bytes(word: &Word) -> Result<Content, Mistake> {
    let value = value(word, "bytes=10KiB")?;
    let Some((from, to)) = value.text.split_once("..") else {
        return Ok(Content::Bytes { from: 0, to: size(&value.text, value)? });
    };
    let (from, to) = (size(from, value)?, size(to, value)?);
    match from <= to {
        true => Ok(Content::Bytes { from, to }),
        false => Err(expected(value, "a range that does not go backwards, such as 1KiB..2KiB")),
    }
}

/// How long silence lasts where no time is given.
const SILENCE: Duration = Duration::from_secs(60);

/// How many bytes are garbage where no number is given, and at most: they are kept in memory.
const GARBAGE_BYTES: u64 = 64;
const GARBAGE_BYTES_MAX: u64 = 64 * 1024;

/// How many interim answers may come.
const INTERIM_MAX: u64 = 100;

/// The fault of this name, `None` if it is no fault's.
#[cold]
#[inline(never)]
pub(super) fn fault(word: &Word) -> Result<Option<Fault>, Mistake> {
    let bare = |fault| no_value(word).map(|()| Some(fault));
    Ok(Some(match word.name.as_str() {
        "reset" => return bare(Fault::Reset),
        "close" => return bare(Fault::Close),
        "two-lengths" => return bare(Fault::TwoLengths),
        "bad-chunk" => return bare(Fault::BadChunk),
        "silence" if word.value.is_none() => Fault::Silence(SILENCE),
        "silence" => Fault::Silence(duration(word, "silence=10s")?),
        "never-read" if word.value.is_none() => Fault::NeverRead(SILENCE),
        "never-read" => Fault::NeverRead(duration(word, "never-read=10s")?),
        "garbage" if word.value.is_none() => Fault::Garbage(GARBAGE_BYTES),
        "garbage" => {
            let value = value(word, "garbage=64")?;
            let bytes = size(&value.text, value)?;
            match (1..=GARBAGE_BYTES_MAX).contains(&bytes) {
                true => Fault::Garbage(bytes),
                false => return Err(expected(value, "1 to 64KiB of garbage")),
            }
        }
        "head-over" => Fault::HeadOver(duration(word, "head-over=2s")?),
        "interim" => match positive(word, "a number of interim answers such as 3")? {
            count if count <= INTERIM_MAX => Fault::Interim(count),
            _ => return Err(expected(value(word, "interim=3")?, "at most 100 interim answers")),
        },
        "break-at" => Fault::BreakAt { at: break_at(word)?, by: BreakOff::End },
        "length" => Fault::Length(length(word)?),
        "fail" => return failing(word),
        _ => return Ok(None),
    }))
}

/// `fail=reset` is `reset`.
#[cold]
#[inline(never)]
fn failing(word: &Word) -> Result<Option<Fault>, Mistake> {
    let value = value(word, "fail=reset")?;
    let (name, column) = (value.text.clone(), value.column);
    match ["reset", "close", "silence", "garbage", "never-read"].contains(&name.as_str()) {
        true => fault(&Word { name, column, value: None }),
        false => Err(expected(value, "one of reset, close, silence, garbage and never-read")),
    }
}

#[cold]
#[inline(never)]
fn break_at(word: &Word) -> Result<Place, Mistake> {
    let value = value(word, "break-at=50%")?;
    let Some(percent) = value.text.strip_suffix('%') else {
        return Ok(Place::Bytes(size(&value.text, value)?));
    };
    let part = quantity::millionths(percent).map(|part| part / 100);
    match part.filter(|part| *part <= chance::WHOLE.into()) {
        Some(part) => Ok(Place::Millionths(part as u32)),
        None => Err(expected(value, "a size such as 10KiB, or a part such as 50%")),
    }
}

/// A number with its sign.
#[cold]
#[inline(never)]
fn length(word: &Word) -> Result<i64, Mistake> {
    let value = value(word, "length=+5")?;
    let bound = -(BYTES_MAX as i64)..=BYTES_MAX as i64;
    let read = value.text.parse::<i64>().ok().filter(|more| bound.contains(more) && *more != 0);
    let read = read.filter(|_| value.text.starts_with(['+', '-']));
    read.ok_or_else(|| expected(value, "how much too long or too short, such as +5 or -5"))
}

#[cold]
#[inline(never)]
pub(super) fn by(word: &Word) -> Result<BreakOff, Mistake> {
    let value = value(word, "by=reset")?;
    match value.text.as_str() {
        "fin" => Ok(BreakOff::End),
        "reset" => Ok(BreakOff::Reset),
        _ => Err(expected(value, "fin or reset, as in by=reset")),
    }
}

#[cold]
#[inline(never)]
pub(super) fn echo(word: &Word) -> Result<Echo, Mistake> {
    let value = value(word, "echo=json")?;
    match value.text.as_str() {
        "raw" => Ok(Echo::Raw),
        "json" => Ok(Echo::Json),
        _ => Err(expected(value, "raw or json, as in echo=json")),
    }
}

#[cold]
#[inline(never)]
pub(super) fn place(word: &Word) -> Result<String, Mistake> {
    let value = value(word, "redirect=/new")?;
    match !value.text.is_empty() && encode::check_field("Location", value.text.as_bytes()).is_ok() {
        true => Ok(value.text.clone()),
        false => Err(expected(value, "a place such as /new")),
    }
}

#[cold]
#[inline(never)]
pub(super) fn status(word: &Word) -> Result<Status, Mistake> {
    let value = value(word, "status=503")?;
    let read = value.text.parse::<u16>().ok().and_then(|code| Status::try_from(code).ok());
    read.ok_or_else(|| expected(value, "a status from 200 to 599, such as 503"))
}

#[cold]
#[inline(never)]
pub(super) fn field(word: &Word) -> Result<(String, String), Mistake> {
    let value = value(word, "field=\"X-Name: value\"")?;
    let (name, content) = value.text.split_once(':').ok_or_else(|| {
        expected(value, "a name, a colon and a value, as in field=\"X-Name: value\"")
    })?;
    let content = content.trim_matches([' ', '\t']);
    encode::check_field(name, content.as_bytes()).map_err(|reason| {
        Mistake::new(value.column, &format!("{}: {reason}", Quoted(&value.text)))
    })?;
    Ok((name.to_owned(), content.to_owned()))
}

#[cold]
#[inline(never)]
pub(super) fn chance_of(word: &Word) -> Result<u32, Mistake> {
    let value = value(word, "p=0.1")?;
    let read = quantity::millionths(&value.text).and_then(|read| u32::try_from(read).ok());
    let read = read.filter(|read| (1..chance::WHOLE).contains(read));
    read.ok_or_else(|| expected(value, "a chance between 0 and 1, such as 0.1"))
}
