//! The options, and what they mean together: a [`Config`], and a [`FixedText`] or a [`Site`].
//!
//! One struct for each heading of the help, in the order of the help. A doc comment's first paragraph
//! is what `-h` shows, all of it what `--help` shows. Parsing reads arguments and the environment,
//! [`Cli::answer`] the file to answer with, or opens the directory; nothing else is read here, and
//! nothing written.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser};
use log::LevelFilter;
use oneloop::handlers::{FixedText, HealthPath};
use oneloop::{Config, Error};

use super::answer::Answer;
use super::explain::{Explain, WatchingOptions};
use super::habits;
use super::listening::ListeningOptions;
use super::logging::{AccessLogOptions, LoggingOptions};
use super::numbers::{LimitOptions, TimeoutOptions};
use super::option_sources::OptionSources;
use super::routes::RouteOptions;
use super::site::SiteOptions;
use super::start;
use super::text::AnswerOptions;
use crate::arguments::Refusal;
use crate::arguments::reading::{self, Exceptions};

/// A web server on one thread: serves a directory, or answers every request with one text.
///
/// Without DIR it answers everything with the text: a browser's request, a line typed at telnet,
/// noise. An environment variable can stand for each option; the command line wins. Write a SIZE as
/// 4096, 16KiB or 1MB, and a TIME as 500ms, 10s or 2min.
#[derive(Debug, Parser)]
#[command(
    name = "oneloop", version, after_help = EXAMPLES,
    disable_help_flag = true, disable_version_flag = true
)]
pub struct Cli {
    #[command(flatten)]
    site: SiteOptions,
    #[command(flatten)]
    listening: ListeningOptions,
    #[command(flatten)]
    answer: AnswerOptions,
    #[command(flatten)]
    routes: RouteOptions,
    #[command(flatten)]
    pub watching: WatchingOptions,
    #[command(flatten)]
    logging: LoggingOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    timeouts: TimeoutOptions,
    #[command(flatten)]
    _help: HelpOptions,
    #[arg(skip)]
    given: OptionSources,
    /// The page that is served in place of what the options say.
    #[arg(skip)]
    pub page: Option<FixedText>,
}

const EXAMPLES: &str = "\
Examples:
  oneloop ./public                   serve the files of a directory at http://localhost:8888/
  oneloop --list . -p 8000           this directory, with listings, as python -m http.server
  oneloop --spa ./dist -l localhost  a single-page application, for this machine only
  oneloop -t 'Back soon' --status 503 -H 'Retry-After: 60'
  oneloop --route '/a text=\"hi\"' --route '/b status=503'  answers by path, to test clients
  oneloop --file page.html --strict  one page for all paths; errors are answered as errors";

/// The variables that have one value a line: header fields, media types, and routes.
const LISTS: Exceptions<'_> = Exceptions { bodies: &[], lists: &["header", "type", "route"] };

impl Cli {
    /// Reads arguments, the program's name first, and the environment for what they leave out.
    pub fn from_arguments<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Cli, Refusal> {
        let matches = reading::read(&Cli::command(), arguments, habits::advice, LISTS)?;
        let read = Cli::from_arg_matches(&matches);
        let mut cli = read.map_err(|error| Refusal::Mistake(error.to_string()))?;
        cli.given = OptionSources::of(&matches);
        cli.settle_routes()?;
        cli.settle_directory()?;
        cli.settle_text()?;
        cli.watching.check(&cli.given)?;
        cli.listening.check(&cli.given)?;
        Ok(cli)
    }

    /// Decides between a text and a file. Clap's own `conflicts_with` would refuse an argument for
    /// what the environment says.
    fn settle_text(&mut self) -> Result<(), Refusal> {
        match (self.given.source("text"), self.given.source("file")) {
            (Some(text), Some(file)) if text == file => Err(Refusal::Mistake(format!(
                "{} cannot be used with {}; give only one of them",
                self.given.name("text"),
                self.given.name("file")
            ))),
            (Some(ValueSource::CommandLine), Some(_)) => {
                self.answer.file = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Decides between routes and another answer, as for which the command line speaks.
    fn settle_routes(&mut self) -> Result<(), Refusal> {
        let sources = RouteOptions::NAMES.map(|name| (name, self.given.source(name)));
        let is_on_line = |source: &Option<ValueSource>| *source == Some(ValueSource::CommandLine);
        let found = sources.iter().find(|(_, source)| is_on_line(source));
        let found = found.or(sources.iter().find(|(_, source)| source.is_some()));
        let Some((name, Some(routes))) = found else {
            return match self.given.source("seed") {
                Some(ValueSource::CommandLine) => Err(Refusal::Mistake(
                    "'--seed' is for routes; write --route or --routes, too".to_owned(),
                )),
                Some(_) | None => Ok(()),
            };
        };
        for other in ["directory", "text", "file", "status", "spa", "list"] {
            match self.given.source(other) {
                Some(source) if source == *routes => {
                    let (name, other) = (self.given.name(name), self.given.name(other));
                    let other = if other == "'--directory'" { "a directory".into() } else { other };
                    return Err(Refusal::Mistake(format!(
                        "{name} cannot be used with {other}; give only one of them, or write a \
                         route such as '/* dir=./public'"
                    )));
                }
                Some(ValueSource::CommandLine) => {
                    self.routes.clear();
                    return Ok(());
                }
                Some(_) | None => {}
            }
        }
        self.site.directory = None;
        Ok(())
    }

    /// Decides between a directory and a text, as for which the command line speaks.
    fn settle_directory(&mut self) -> Result<(), Refusal> {
        if self.routes.is_any() {
            return Ok(());
        }
        let Some(directory) = self.given.source("directory") else {
            return match self.site.dependent(&self.given) {
                Some(option) => Err(Refusal::Mistake(format!(
                    "{} is for a site; name the directory to serve, too ('oneloop .' serves this \
                     one)",
                    self.given.name(option)
                ))),
                None => Ok(()),
            };
        };
        for name in ["text", "file", "status"] {
            match self.given.source(name) {
                Some(text) if text == directory => {
                    return Err(Refusal::Mistake(format!(
                        "{} cannot be used with a directory; give only one of them",
                        self.given.name(name)
                    )));
                }
                Some(ValueSource::CommandLine) => self.site.directory = None,
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// How the server is to run.
    ///
    /// # Errors
    /// If limits or timeouts contradict each other.
    pub fn config(&self) -> Result<Config, Refusal> {
        let typing_grace =
            match self.answer.strict || self.site.directory.is_some() || self.routes.is_any() {
                true => None,
                false => Some(*self.answer.typing_grace),
            };
        let mut config = Config::default();
        config.listen = self.listening.places(&self.given);
        config.proxied_by = self.listening.proxied_by();
        config.admin = self.watching.admin();
        config.health = self.watching.health();
        config.takeover = self.listening.takeover();
        config.reuse_port = self.listening.reuse_port();
        config.admin_hosts = self.watching.admin_hosts().to_vec();
        config.limits = self.limits.limits();
        config.timeouts = self.timeouts.timeouts(typing_grace);
        config.check().map_err(|error| self.given.refusal(error))?;
        Ok(config)
    }

    /// What to say of `error`, which kept a server of this configuration from starting.
    pub fn not_started(&self, error: Error, config: &Config) -> Refusal {
        start::refusal(error, config, &self.given)
    }

    /// What the user may want to know of the directory.
    pub fn notice(&self) -> Option<&'static str> {
        self.site.notice()
    }

    /// Whether each line of the log says which part of the program it is from.
    pub fn logs_modules(&self) -> bool {
        self.log_level() >= LevelFilter::Debug
    }

    /// What the server is to answer. Opens the directory or reads the file, if one is named.
    pub fn answer(&self) -> Result<Answer, Refusal> {
        let answer = self.unwatched_answer()?;
        Ok(match self.watching.health_path() {
            Some(path) => Answer::Watched(Box::new(HealthPath::new(path, answer))),
            None => answer,
        })
    }

    fn unwatched_answer(&self) -> Result<Answer, Refusal> {
        let fields = self.answer.header.iter().flat_map(|given| &given.0);
        if let Some(page) = &self.page {
            return Ok(Answer::Text(page.clone(), None));
        }
        if self.routes.is_any() {
            let routes = self.routes.load(fields, &self.given)?;
            return Ok(Answer::Routes(Box::new(routes)));
        }
        let Some(directory) = &self.site.directory else {
            let text = self.answer.handler(&self.given)?;
            let file = self.answer.text_file(&self.given);
            return Ok(Answer::Text(text, file.map(Box::new)));
        };
        let site = self.site.open(directory, fields, &self.given)?;
        Ok(Answer::Files(Box::new(site)))
    }

    /// The access log, if one is wanted: by default, of a directory and of routes.
    pub fn access_log(&self) -> Option<&AccessLogOptions> {
        let is_default = self.site.directory.is_some() || self.routes.is_any();
        self.logging.access_log.is_wanted(is_default).then_some(&self.logging.access_log)
    }

    /// How much is logged unless `RUST_LOG` says otherwise.
    pub fn log_level(&self) -> LevelFilter {
        // What is told anyway need not be logged, and a program that reads JSON wants nothing else.
        let least = match self.watching.explain() {
            Explain::Off => 0,
            Explain::Text => -1,
            Explain::Json | Explain::Trace => -3,
        };
        match least + i16::from(self.logging.verbose) - i16::from(self.logging.quiet) {
            ..=-3 => LevelFilter::Off,
            -2 => LevelFilter::Error,
            -1 => LevelFilter::Warn,
            0 => LevelFilter::Info,
            1 => LevelFilter::Debug,
            2.. => LevelFilter::Trace,
        }
    }
}

/// Clap's own would come first, where what most people look for belongs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Help")]
struct HelpOptions {
    /// Print this help; -h is short, --help says more about each option
    #[arg(short, long, action = ArgAction::Help)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

#[cfg(test)]
mod tests {
    use oneloop::{Limits, Timeouts};

    use super::*;

    fn cli(arguments: &[&str]) -> Cli {
        Cli::from_arguments(["oneloop"].iter().chain(arguments)).expect("good arguments")
    }

    #[test]
    fn the_definition_contradicts_nothing() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_arguments_everything_is_the_librarys_default_but_typing_grace() {
        let config = cli(&[]).config().expect("the defaults contradict nothing");
        let typing_grace = Some(std::time::Duration::from_secs(1));
        assert_eq!(config.listen, Config::default().listen);
        assert_eq!(config.limits, Limits::default());
        let mut timeouts = Timeouts::default();
        timeouts.typing_grace = typing_grace;
        assert_eq!(config.timeouts, timeouts);
    }

    #[test]
    fn strict_has_no_typing_grace() {
        let timeouts = |arguments: &[&str]| cli(arguments).config().expect("good values").timeouts;
        assert_eq!(timeouts(&["--strict"]), Timeouts::default());
        let graced = timeouts(&["--typing-grace", "250ms"]).typing_grace;
        assert_eq!(graced, Some(std::time::Duration::from_millis(250)));
    }

    #[test]
    fn a_file_that_cannot_be_read_and_a_field_that_cannot_be_sent_are_mistakes() {
        for arguments in [["--file", "no/such/file"], ["-H", "Content-Length: 5"], ["-H", "a b: c"]]
        {
            match cli(&arguments).answer() {
                Err(Refusal::Mistake(sentence)) => {
                    assert!(sentence.contains(arguments[1]), "{sentence}");
                }
                _ => panic!("{arguments:?} was taken"),
            }
        }
    }

    #[test]
    fn verbose_and_quiet_count_and_cancel_out() {
        let levels = [
            (vec!["-qqq"], LevelFilter::Off),
            (vec!["-qq"], LevelFilter::Error),
            (vec!["-q"], LevelFilter::Warn),
            (vec![], LevelFilter::Info),
            (vec!["-q", "-v"], LevelFilter::Info),
            (vec!["-v"], LevelFilter::Debug),
            (vec!["-v", "--verbose"], LevelFilter::Trace),
            (vec!["-vvvv"], LevelFilter::Trace),
        ];
        for (arguments, level) in levels {
            assert_eq!(cli(&arguments).log_level(), level, "{arguments:?}");
        }
    }

    #[test]
    fn who_is_told_each_step_need_not_read_the_log_as_well() {
        let levels = [
            (vec!["--explain"], LevelFilter::Warn),
            (vec!["--explain", "-v"], LevelFilter::Info),
            (vec!["--explain=text"], LevelFilter::Warn),
            (vec!["--slow-motion", "1ms"], LevelFilter::Warn),
            (vec!["--explain=json"], LevelFilter::Off),
            (vec!["--explain=json", "--slow-motion=1ms"], LevelFilter::Off),
            (vec!["--explain=0"], LevelFilter::Info),
        ];
        for (arguments, level) in levels {
            assert_eq!(cli(&arguments).log_level(), level, "{arguments:?}");
        }
    }

    fn mistake(arguments: &[&str]) -> String {
        match Cli::from_arguments(["oneloop"].iter().chain(arguments)) {
            Err(Refusal::Mistake(sentence)) => sentence,
            outcome => panic!("{arguments:?} gave {outcome:?}"),
        }
    }

    #[test]
    fn a_misspelt_option_gets_the_suggestion_in_the_same_line() {
        assert_eq!(
            mistake(&["--lisen", "8888"]),
            "unexpected argument '--lisen' found; a similar argument exists: '--listen'"
        );
    }

    #[test]
    fn an_unlike_option_gets_the_way_to_the_help() {
        assert_eq!(
            mistake(&["--surprise"]),
            "unexpected argument '--surprise' found; see 'oneloop --help'"
        );
    }

    #[test]
    fn options_that_exclude_each_other_are_both_named() {
        assert_eq!(
            mistake(&["--text", "a", "--file", "b"]),
            "'--text' cannot be used with '--file'; give only one of them"
        );
    }

    #[test]
    fn a_site_is_strict_and_its_directory_and_header_are_its_own() {
        let root = env!("CARGO_MANIFEST_DIR");
        let site = cli(&["--list", "--cache-bytes", "1MiB", "-H", "X-A: b", root]);
        assert_eq!(site.config().expect("good values").timeouts, Timeouts::default());
        match site.answer() {
            Ok(Answer::Files(site)) => assert_eq!(site.directory(), std::path::Path::new(root)),
            outcome => panic!("{outcome:?}"),
        }
        for arguments in
            [["no/such/directory", "--list"], ["Cargo.toml", "--list"], [root, "-HETag: x"]]
        {
            match cli(&arguments).answer() {
                Err(Refusal::Mistake(sentence)) => assert!(!sentence.is_empty()),
                outcome => panic!("{arguments:?} gave {outcome:?}"),
            }
        }
    }

    #[test]
    fn a_directory_and_a_text_exclude_each_other_and_a_sites_options_need_one() {
        assert_eq!(
            mistake(&["-t", "a", "."]),
            "'--text' cannot be used with a directory; give only one of them"
        );
        assert_eq!(
            mistake(&["--status", "404", "."]),
            "'--status' cannot be used with a directory; give only one of them"
        );
        assert_eq!(
            mistake(&["--cache-control", "no-store"]),
            "'--cache-control' is for a site; name the directory to serve, too ('oneloop .' \
             serves this one)"
        );
    }

    #[test]
    fn an_option_given_twice_is_one_line() {
        assert_eq!(
            mistake(&["--status", "200", "--status", "404"]),
            "the argument '--status <CODE>' cannot be used multiple times; give only one"
        );
    }

    #[test]
    fn a_missing_value_is_one_line() {
        assert_eq!(
            mistake(&["--status"]),
            "a value is required for '--status <CODE>' but none was supplied; see 'oneloop --help'"
        );
    }

    #[test]
    fn line_feeds_in_an_argument_are_refused_in_one_line() {
        assert_eq!(
            mistake(&["--listen", "a\nb\n\nc"]),
            "--listen: there is a line feed in the value; write it without control characters"
        );
    }

    #[test]
    fn help_and_version_are_no_mistakes() {
        for argument in ["-h", "--help", "-V", "--version"] {
            let outcome = Cli::from_arguments(["oneloop", argument]);
            assert!(matches!(outcome, Err(Refusal::Page(_))), "{argument}");
        }
    }
}
