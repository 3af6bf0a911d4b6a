//! The options of a site: a directory that is served instead of one text.

use std::path::{Path, PathBuf};

use clap::Args;
use oneloop::arguments::Refusal;
use oneloop::arguments::values::{Size, switch};
use oneloop::handlers::Site;

/// The directory, and how it is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Site")]
pub struct SiteOptions {
    /// Serve the files of this directory, instead of answering with a text
    ///
    /// index.html stands for its directory, and 404.html says what is not there. A file's siblings
    /// that end in .br, .zst or .gz are sent to whoever takes them. Errors are answered as errors.
    #[arg(value_name = "DIR", env = "ONELOOP_DIR")]
    pub directory: Option<PathBuf>,

    /// List directories that have no index.html
    #[arg(long, env = "ONELOOP_LIST", value_parser = switch)]
    list: bool,

    /// Answer unknown paths without an extension with /index.html
    #[arg(long, env = "ONELOOP_SPA", value_parser = switch)]
    spa: bool,

    /// Serve dot-files, too; otherwise they are absent, but for /.well-known
    #[arg(long, env = "ONELOOP_HIDDEN", value_parser = switch)]
    hidden: bool,

    /// Send this as Cache-Control with files; empty: none
    ///
    /// The default has caches ask each time whether what they have is still good. Without the
    /// field they guess for how long it is.
    #[arg(
        long,
        value_name = "VALUE",
        env = "ONELOOP_CACHE_CONTROL",
        default_value = "no-cache",
        allow_hyphen_values = true
    )]
    cache_control: String,

    /// How much memory may hold files that are asked for often
    #[arg(
        long, value_name = "SIZE", env = "ONELOOP_CACHE_BYTES",
        default_value_t = Size(Site::CACHE_BYTES)
    )]
    cache_bytes: Size,
}

impl SiteOptions {
    /// The names of those that mean nothing without a directory, as clap knows them.
    pub const DEPENDENT: [&str; 5] = ["list", "spa", "hidden", "cache_control", "cache_bytes"];

    /// Opens the directory, and adds the `fields` to what is said with every answer.
    pub fn open<'f>(
        &self,
        directory: &Path,
        fields: impl Iterator<Item = &'f (String, String)>,
    ) -> Result<Site, Refusal> {
        let mut site = Site::open(directory).map_err(|reason| {
            let directory = directory.display();
            Refusal::Mistake(format!(
                "cannot serve '{directory}': {reason}; name a directory that can be read"
            ))
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
        site = site
            .cache_control(&self.cache_control)
            .map_err(|reason| Refusal::Mistake(format!("invalid --cache-control: {reason}")))?;
        for (name, value) in fields {
            site = site.header(name, value).map_err(|reason| {
                Refusal::Mistake(format!("invalid header '{name}: {value}': {reason}"))
            })?;
        }
        Ok(site)
    }
}
