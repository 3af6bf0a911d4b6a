//! A site of files, as the servers serve it and the clients ask for it.
//!
//! All files have the same content, so that every answer can be checked against one; they are
//! files of their own all the same, each with a name to be looked up.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::text;

/// The folder of the site, in the server's own.
pub const FOLDER: &str = "site";

/// When all files were last modified: long before any server begins, since some take the `ETag` of a
/// file that is younger than a second or two for a weak one.
const MODIFIED: (Duration, &str) =
    (Duration::from_secs(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");

/// Files are asked for in steps of so many: a prime, so that with any number of files below it
/// everyone's turn comes, and never right after its neighbour's.
const STEP: usize = 7_919;

/// A site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// How many files it has.
    pub files: usize,
    /// How long each is.
    pub file_bytes: usize,
    /// What the clients know of them.
    pub known: Known,
}

/// What the clients know of the files that they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// The content: they ask whether it has changed since, and it has not.
    Content,
}

impl Site {
    /// Writes the files into their folder below `at`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, at: &Path) -> io::Result<()> {
        let folder = at.join(FOLDER);
        fs::create_dir(&folder)?;
        let content = text::body(Some(self.file_bytes));
        let modified = SystemTime::UNIX_EPOCH + MODIFIED.0;
        for number in 0..self.files {
            let path = folder.join(name(number));
            fs::write(&path, &content)?;
            File::options().write(true).open(&path)?.set_modified(modified)?;
        }
        Ok(())
    }

    /// The targets that are asked for, one after the other and then again from the first.
    pub fn targets(&self) -> impl Iterator<Item = String> {
        let files = self.files;
        (0..files).map(move |turn| format!("/{}", name(turn * STEP % files)))
    }

    /// The fields that say what the clients know.
    pub fn fields(&self) -> String {
        match self.known {
            Known::Nothing => String::new(),
            Known::Content => format!("If-Modified-Since: {}\r\n", MODIFIED.1),
        }
    }
}

/// All names are of the same length, and so are all requests.
fn name(number: usize) -> String {
    format!("{number:05}.txt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_is_asked_for_once_in_a_round() {
        for files in [1, 2, 1000, 10_000] {
            let site = Site { files, file_bytes: 1, known: Known::Nothing };
            assert_eq!(site.targets().collect::<BTreeSet<_>>().len(), files);
        }
    }

    #[test]
    fn the_date_that_is_told_is_the_date_that_is_set() {
        let modified = SystemTime::UNIX_EPOCH + MODIFIED.0;
        let told = humantime::format_rfc3339_seconds(modified).to_string();
        assert_eq!(told, "2023-11-14T22:13:20Z", "{}", MODIFIED.1);
    }
}
