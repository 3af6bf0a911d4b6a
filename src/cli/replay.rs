//! `oneloop replay`: a recording as a page that plays it, served or printed.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use oneloop::handlers::FixedText;

use super::options::Cli;
use super::record::RECORDING_BYTES_MAX;
use crate::arguments::Refusal;

/// The word that asks for this, as the first argument. A directory of that name is `./replay`.
pub const WORD: &str = "replay";

/// Where the page is, unless it is said.
const PLACE: &str = "127.0.0.1:9000";

const HELP: &str = "\
Play in a browser what a server has recorded by --record

Usage: oneloop replay FILE [PLACE]
       oneloop replay --html FILE > page.html

  FILE    the recording
  PLACE   where to serve the page: a port, or an address with one [default: 127.0.0.1:9000]
  --html  print the page instead: one file, which a browser plays without a server
";

/// What the arguments behind `replay` come to.
pub enum Asked {
    /// It is printed.
    Printed,
    /// The page is to be served, by a server that was started so.
    Served(Box<Cli>),
}

/// Makes the page of a recording, and prints it if that is asked for.
///
/// # Errors
/// If the arguments are wrong, or the file cannot be read.
pub fn ask(arguments: impl Iterator<Item = OsString>) -> Result<Asked, Refusal> {
    let arguments: Vec<OsString> = arguments.collect();
    let is_option = |it: &&OsString| it.as_encoded_bytes().starts_with(b"-");
    let (options, names): (Vec<_>, Vec<_>) = arguments.iter().partition(is_option);
    if options.iter().any(|it| *it == "-h" || *it == "--help") {
        return print(HELP);
    }
    let is_printed = options.iter().any(|it| *it == "--html");
    if let Some(other) = options.iter().find(|it| **it != "--html") {
        let other = other.display();
        return Err(mistake(format!("unexpected '{other}'; see 'oneloop replay -h'")));
    }
    let (file, place) = match names[..] {
        [file] => (file, None),
        [file, place] if !is_printed => (file, Some(place)),
        _ => return Err(mistake("name one recording, as in 'oneloop replay steps.jsonl'".into())),
    };
    let page = page(Path::new(file))?;
    if is_printed {
        return print(&page);
    }
    let place = place.map_or_else(|| PLACE.into(), OsString::clone);
    let mut cli = Cli::from_arguments([OsString::from("oneloop"), "--listen".into(), place])?;
    let page = FixedText::new(page.into_bytes()).content_type("text/html; charset=utf-8");
    cli.page = Some(page.map_err(|_| mistake("the page has no media type".into()))?);
    Ok(Asked::Served(Box::new(cli)))
}

fn mistake(sentence: String) -> Refusal {
    Refusal::Mistake(sentence)
}

fn print(text: &str) -> Result<Asked, Refusal> {
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|reason| Refusal::System(format!("cannot print the page: {reason}")))?;
    Ok(Asked::Printed)
}

/// The page that plays this recording.
fn page(path: &Path) -> Result<String, Refusal> {
    let mut recording = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(RECORDING_BYTES_MAX as u64).read_to_string(&mut recording));
    let name = path.display();
    read.map_err(|reason| Refusal::System(format!("cannot read '{name}': {reason}")))?;
    if !recording.starts_with('{') {
        return Err(mistake(format!("'{name}' is no recording; one is made by --record {name}")));
    }
    Ok(oneloop::replay_page(&recording))
}
