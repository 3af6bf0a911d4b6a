//! How single values of herd's options are written, beyond those of all programs.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use crate::arguments::Refusal;
use crate::arguments::values::{count, duration};
use crate::habits;
use crate::plan::{Corrected, Wanted};
use crate::server::Asked;

/// A server, or a word that belongs elsewhere.
pub fn asked(text: &str) -> Result<Asked, String> {
    match habits::misplaced(text) {
        Some(advice) => Err(advice),
        None => text.parse(),
    }
}

/// What percentiles are corrected by.
pub fn corrected(text: &str) -> Result<Corrected, String> {
    match text {
        "median" => Ok(Corrected::ByMedian),
        _ => duration(text).map(|time| Corrected::By(*time)),
    }
}

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Wanted, Self::Err> {
        let group = match text.split_once('@') {
            None => count(text).map(|clients| Wanted { clients, rate: None }),
            Some((clients, per_second)) => count(clients).and_then(|clients| {
                rate(per_second).map(|rate| Wanted { clients, rate: Some(rate) })
            }),
        };
        group.map_err(
            |_| "write a number of clients, such as 50, or add requests per second: 50@500",
        )
    }
}

/// How often a second: a number above 0.
pub fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.trim().parse::<f64>().ok();
    // Faster than one a nanosecond is no schedule any more.
    let rate = rate.filter(|rate| (1e-6..=1e9).contains(rate));
    rate.ok_or("write a number per second, such as 5000 or 0.5")
}

/// A status that ends an exchange.
pub fn status(text: &str) -> Result<u16, &'static str> {
    let status = text.trim().parse::<u16>().ok().filter(|status| (200..=599).contains(status));
    status.ok_or("write a status from 200 to 599, such as 404")
}

/// A time. Some programs have their content behind `-d`.
pub fn length(text: &str) -> Result<humantime::Duration, String> {
    match text.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
        true => duration(text),
        false => Err("write how long to run, such as 10s; content is --body TEXT".to_owned()),
    }
}

/// A file. A URL behind `--json` is meant as the server.
pub fn report_file(path: PathBuf) -> Result<PathBuf, &'static str> {
    match path.to_string_lossy().contains("://") {
        true => Err("write a file before the server, or - for standard output"),
        false => Ok(path),
    }
}

/// A time. A number alone is what other programs take for threads.
pub fn timeout(text: &str) -> Result<humantime::Duration, String> {
    match text.trim().parse::<u32>() {
        Ok(_) => {
            Err("write how long an answer may take, with its unit, as in -t 2s; how long to run \
                      is -z 10s, and herd is one thread"
                .to_owned())
        }
        Err(_) => duration(text),
    }
}

/// A number that is not 0.
pub fn at_least_one(text: &str) -> Result<usize, &'static str> {
    match count(text)? {
        0 => Err("write a number above 0"),
        number => Ok(number),
    }
}

/// The bytes of a text, or of the file that `@` names.
pub fn bytes_of(option: &str, text: Option<&str>) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let Some(file) = text.strip_prefix('@') else {
        return Ok(Some(text.as_bytes().to_vec()));
    };
    let bytes = fs::read(file).map_err(|reason| {
        Refusal::Mistake(format!(
            "cannot read {option} '@{file}': {reason}; name a file that exists"
        ))
    })?;
    Ok(Some(bytes))
}
