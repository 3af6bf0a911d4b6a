//! Which options are given, and where: a sentence about an option names what the user has written,
//! the option itself or the environment variable that stands for it.

use clap::ArgMatches;
use clap::parser::ValueSource;
use oneloop::Error;

use crate::arguments::Refusal;

/// The library's name of a setting, and the option that decides it.
const SETTINGS: [(&str, &str); 19] = [
    ("limits.head_bytes_max", "head_max"),
    ("limits.target_bytes_max", "target_max"),
    ("limits.fields_max", "fields_max"),
    ("limits.body_bytes_max", "body_max"),
    ("limits.output_bytes_high_water", "output_high_water"),
    ("limits.turn_bytes_max", "turn_max"),
    ("limits.accepts_per_turn_max", "accepts_max"),
    ("limits.deadlines_per_turn_max", "deadlines_max"),
    ("limits.clients_max", "clients_max"),
    ("timeouts.first_byte", "first_byte_timeout"),
    ("timeouts.head", "head_timeout"),
    ("timeouts.typing_grace", "typing_grace"),
    ("timeouts.body", "body_timeout"),
    ("timeouts.write", "write_timeout"),
    ("timeouts.idle", "idle_timeout"),
    ("timeouts.linger", "linger_timeout"),
    ("admin_hosts", "admin_host"),
    ("listen", "listen"),
    ("reuse_port", "reuse_port"),
];

/// The options that are not left at their defaults, and where each comes from.
#[derive(Clone, Debug, Default)]
pub struct OptionSources {
    sources: Vec<(String, ValueSource)>,
}

impl OptionSources {
    /// What clap has found.
    pub fn of(matches: &ArgMatches) -> OptionSources {
        let sources = matches.ids().filter_map(|id| {
            let source = matches.value_source(id.as_str())?;
            (source != ValueSource::DefaultValue).then(|| (id.as_str().to_owned(), source))
        });
        OptionSources { sources: sources.collect() }
    }

    /// Where the option comes from, if it is given.
    pub fn source(&self, option: &str) -> Option<ValueSource> {
        self.sources.iter().find(|(given, _)| given == option).map(|(_, source)| *source)
    }

    /// What the user has written: `'--head-max'` or `ONELOOP_HEAD_MAX`.
    pub fn name(&self, option: &str) -> String {
        match self.source(option) {
            Some(ValueSource::EnvVariable) => format!("ONELOOP_{}", option.to_uppercase()),
            Some(_) | None => format!("'--{}'", option.replace('_', "-")),
        }
    }

    /// `ONELOOP_DIR: ` for an option from the environment, nothing for one of the command line, whose
    /// value says enough.
    pub fn variable(&self, option: &str) -> String {
        let variable = if option == "directory" { "dir" } else { option };
        match self.source(option) {
            Some(ValueSource::EnvVariable) => format!("ONELOOP_{}: ", variable.to_uppercase()),
            Some(_) | None => String::new(),
        }
    }

    /// What the library has found wrong, in the words of the command line.
    pub fn refusal(&self, error: Error) -> Refusal {
        let Error::Config { sentence, .. } = error else {
            return Refusal::System(error.to_string());
        };
        let in_our_words = SETTINGS.iter().fold(sentence, |sentence, (setting, option)| {
            replace_word(&sentence, setting, &self.name(option))
        });
        Refusal::Mistake(in_our_words)
    }
}

/// Replaces `word` where it is not part of a longer one.
fn replace_word(sentence: &str, word: &str, by: &str) -> String {
    let words = sentence.split(' ').map(|part| {
        let bare = part.trim_end_matches([':', ',', ';']);
        if bare == word { format!("{by}{}", &part[bare.len()..]) } else { part.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}
