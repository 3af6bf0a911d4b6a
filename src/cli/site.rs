//! The options of a site: a directory that is served instead of one text.

use std::path::{Path, PathBuf};

use clap::Args;
use oneloop::handlers::Site;

use super::habits;
use super::option_sources::OptionSources;
use super::values::{MediaTypes, switch};
use crate::arguments::Refusal;
use crate::arguments::values::Size;

/// The directory, and how it is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Site")]
pub struct SiteOptions {
    /// Serve the files of this directory
    ///
    /// index.html is the page of its directory, and 404.html the not-found page. If app.js.br, .zst
    /// or .gz lies beside app.js, clients that accept it get it. SIGHUP opens the directory again, by
    /// its name.
    #[arg(value_name = "DIR", env = "ONELOOP_DIR", help_heading = None::<&str>)]
    pub directory: Option<PathBuf>,

    /// Show the files of directories that have no index.html
    #[arg(long, env = "ONELOOP_LIST", value_parser = switch)]
    list: bool,

    /// Answer unknown paths without an extension with /index.html (a single-page application)
    #[arg(long, env = "ONELOOP_SPA", value_parser = switch)]
    spa: bool,

    /// Serve files whose names begin with a dot, too
    ///
    /// Otherwise they get 404, except those in /.well-known.
    #[arg(long, env = "ONELOOP_HIDDEN", value_parser = switch)]
    hidden: bool,

    /// Send this Cache-Control value with each file; empty: send none
    ///
    /// With no-cache a cache asks each time whether its copy is still good. Without a value it
    /// guesses how long its copy stays good.
    #[arg(
        long,
        value_name = "VALUE",
        env = "ONELOOP_CACHE_CONTROL",
        default_value = "no-cache",
        allow_hyphen_values = true
    )]
    cache_control: String,

    /// Send this media type with files that have this extension; may be repeated
    ///
    /// The longest extension of a name decides, as in d.ts=text/plain. A text should have a charset:
    /// 'log=text/plain; charset=utf-8'. The variable holds one per
    /// line.
    #[arg(id = "type", long, value_name = "EXT=TYPE", env = "ONELOOP_TYPE")]
    media_types: Vec<MediaTypes>,

    /// Keep up to this much of often requested files in memory
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_CACHE_BYTES",
        default_value_t = Size(Site::CACHE_BYTES)
    )]
    cache_bytes: Size,
}

impl SiteOptions {
    /// An option that is given and means nothing without a directory, as clap knows it. A switch
    /// that the environment turns off is not given.
    pub fn dependent(&self, given: &OptionSources) -> Option<&'static str> {
        let options = [
            ("list", self.list),
            ("spa", self.spa),
            ("hidden", self.hidden),
            ("cache_control", true),
            ("type", true),
            ("cache_bytes", true),
        ];
        let found =
            options.into_iter().find(|(name, is_on)| *is_on && given.source(name).is_some());
        found.map(|(name, _)| name)
    }

    /// What a user should know who would see nothing but 404 at /.
    pub fn notice(&self) -> Option<&'static str> {
        let directory = self.directory.as_ref()?;
        let is_empty = !self.list && !self.spa && !directory.join("index.html").exists();
        is_empty.then_some("no index.html here: --list shows directories")
    }

    /// Opens the directory, and adds the `fields` to what is said with every answer.
    pub fn open<'f>(
        &self,
        directory: &Path,
        fields: impl Iterator<Item = &'f (String, String)>,
        given: &OptionSources,
    ) -> Result<Site, Refusal> {
        let mut site = Site::open(directory).map_err(|reason| {
            let (variable, remedy) = (given.variable("directory"), remedy(directory));
            let directory = directory.display();
            Refusal::Mistake(format!("{variable}cannot serve '{directory}': {reason}; {remedy}"))
        })?;
        site = site.cache_bytes(self.cache_bytes.0);
        if self.list {
            site = site.listing();
        }
        if self.spa {
            site = site.single_page();
        }
        if self.hidden {
            site = site.hidden();
        }
        site = site.cache_control(&self.cache_control).map_err(|reason| {
            let name = given.name("cache_control");
            Refusal::Mistake(format!("{name}: {reason}"))
        })?;
        for (extension, media_type) in self.media_types.iter().flat_map(|given| &given.0) {
            site = site.media_type(extension, media_type).map_err(|reason| {
                let name = given.name("type");
                Refusal::Mistake(format!("{name}: '{extension}={media_type}': {reason}"))
            })?;
        }
        for (name, value) in fields {
            site = site.header(name, value).map_err(|reason| {
                let variable = given.variable("header");
                Refusal::Mistake(format!("{variable}invalid header '{name}: {value}': {reason}"))
            })?;
        }
        Ok(site)
    }
}

/// What to name instead of something that is no directory to serve.
fn remedy(directory: &Path) -> String {
    if directory.is_file() {
        let file = directory.display();
        return format!("to answer every request with this file, write --file '{file}'");
    }
    let meant = if directory.exists() { None } else { habits::meant_by(directory) };
    meant.unwrap_or_else(|| "name a directory whose files can be read".to_owned())
}
