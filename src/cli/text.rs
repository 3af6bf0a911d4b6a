//! The options of an answer that is the same for every request: a text or a file, with a status and
//! fields.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use humantime::Duration;
use oneloop::Status;
use oneloop::handlers::{FixedText, media_type};

use super::option_sources::OptionSources;
use super::values::{Fields, status, switch};
use crate::arguments::Refusal;
use crate::arguments::values::duration;

/// What the program has answered since its first day, spelling included.
const TEXT: &str = "This is the server respose! :)";

/// The options under the heading "Answer".
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Answer")]
pub struct AnswerOptions {
    /// Answer every request with this text and a line feed
    ///
    /// A text of several lines can come from --file, or from standard input by --file -.
    #[arg(
        short, long, value_name = "TEXT", env = "ONELOOP_TEXT", default_value = TEXT,
        allow_hyphen_values = true
    )]
    text: String,

    /// Answer every request with this file; - is standard input
    ///
    /// It is read at the start, and again when SIGHUP comes. Its name decides the Content-Type.
    #[arg(long, value_name = "FILE", env = "ONELOOP_FILE")]
    pub(super) file: Option<PathBuf>,

    /// Answer with this status code, 200 to 599
    #[arg(
        long, value_name = "CODE", env = "ONELOOP_STATUS", value_parser = status,
        default_value = "200"
    )]
    status: Status,

    /// Add this header field to each answer, also those of a site; may be repeated
    ///
    /// A Content-Type replaces the usual one. Vary and, for a site, Allow are merged with the
    /// server's own. The variable holds one field per line.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", env = "ONELOOP_HEADER")]
    pub(super) header: Vec<Fields>,

    /// Answer invalid requests with an error instead of the text
    ///
    /// The error is a 4xx whose body says what was received and what is missing. There is then no
    /// typing grace. A site is always strict.
    #[arg(long, env = "ONELOOP_STRICT", value_parser = switch)]
    pub(super) strict: bool,

    // A person who has typed a line and looks up waits a second gladly; a network never pauses for
    // a second in the middle of a head.
    /// Answer an unfinished request after this long without input
    ///
    /// For people who type a request line at telnet and wait.
    #[arg(
        long, value_name = "TIME", env = "ONELOOP_TYPING_GRACE", value_parser = duration,
        default_value = "1s"
    )]
    pub(super) typing_grace: Duration,
}

impl AnswerOptions {
    /// The handler that answers every request with the text or the file.
    pub fn handler(&self, given: &OptionSources) -> Result<FixedText, Refusal> {
        let (body, content_type) = self.body(given)?;
        let mut handler = FixedText::new(body).status(self.status);
        if self.strict {
            handler = handler.strict();
        }
        let mut fields = vec![("Content-Type", content_type.as_str())];
        for (name, value) in self.header.iter().flat_map(|given| &given.0) {
            fields.push((name, value));
        }
        for (name, value) in fields {
            let with_field = match name.eq_ignore_ascii_case("Content-Type") {
                true => handler.content_type(value),
                false => handler.header(name, value),
            };
            handler = with_field.map_err(|reason| {
                let variable = given.variable("header");
                Refusal::Mistake(format!("{variable}invalid header '{name}: {value}': {reason}"))
            })?;
        }
        Ok(handler)
    }

    /// The file, if there is one that can be read again.
    pub fn text_file(&self, given: &OptionSources) -> Option<TextFile> {
        let path = self.file.clone().filter(|file| file != Path::new(STANDARD_INPUT))?;
        Some(TextFile { path, options: self.clone(), given: given.clone() })
    }

    /// The bytes to answer with, and their type.
    fn body(&self, given: &OptionSources) -> Result<(Vec<u8>, String), Refusal> {
        let Some(file) = &self.file else {
            return Ok((format!("{}\n", self.text).into_bytes(), TEXT_PLAIN.to_owned()));
        };
        let is_standard_input = file == Path::new(STANDARD_INPUT);
        let read = if is_standard_input { standard_input() } else { fs::read(file) };
        let bytes = read.map_err(|reason| {
            let (name, file) = (given.name("file"), file.display());
            Refusal::Mistake(format!(
                "{name}: cannot read '{file}': {reason}; name a readable file"
            ))
        })?;
        let content_type = match is_standard_input {
            true => TEXT_PLAIN.to_owned(),
            false => media_type(file, &bytes),
        };
        Ok((bytes, content_type))
    }
}

/// A file that every request is answered with, and how.
#[derive(Debug)]
pub struct TextFile {
    path: PathBuf,
    options: AnswerOptions,
    given: OptionSources,
}

impl TextFile {
    /// What it is now, to be answered with; or why it cannot be.
    pub fn read_again(&self) -> Result<FixedText, String> {
        // All clients wait meanwhile, and a pipe could have them wait for ever.
        if self.path.exists() && !self.path.is_file() {
            let (name, path) = (self.given.name("file"), self.path.display());
            return Err(format!(
                "{name}: '{path}' is no regular file, and can be read only once; name one that is"
            ));
        }
        self.options.handler(&self.given).map_err(|refusal| refusal.to_string())
    }
}

impl Display for TextFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the file '{}'", self.path.display())
    }
}

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

const TEXT_PLAIN: &str = "text/plain; charset=utf-8";

fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        answer: AnswerOptions,
    }

    fn body(arguments: &[&str]) -> (Vec<u8>, String) {
        let arguments = ["oneloop"].iter().chain(arguments);
        let read = Only::try_parse_from(arguments).expect("good arguments");
        read.answer.body(&OptionSources::default()).expect("a readable body")
    }

    #[test]
    fn a_text_gets_a_line_feed_and_may_begin_with_a_hyphen() {
        let plain = |text: &str| (text.as_bytes().to_vec(), TEXT_PLAIN.to_owned());
        assert_eq!(body(&[]), plain("This is the server respose! :)\n"));
        assert_eq!(body(&["-t", "hello"]), plain("hello\n"));
        assert_eq!(body(&["--text", ""]), plain("\n"));
        assert_eq!(body(&["-t", "--- é"]), plain("--- é\n"));
    }

    #[test]
    fn a_file_is_answered_byte_for_byte() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert_eq!(body(&["--file", file]).0, fs::read(file).expect("our own manifest"));
    }
}
