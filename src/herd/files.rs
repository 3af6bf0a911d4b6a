//! Where reports go: files that are opened before a run, and standard streams that may be closed.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::arguments::Refusal;

/// A file that was opened, and how the user calls it.
pub struct Named<'p> {
    file: File,
    path: &'p Path,
}

/// An empty file.
///
/// # Errors
/// When it cannot be written.
pub fn create(path: &Path) -> Result<Named<'_>, Refusal> {
    match File::create(path) {
        Ok(file) => Ok(Named { file, path }),
        Err(reason) => Err(Refusal::Mistake(format!(
            "cannot write '{}': {reason}; name a file that can be written",
            path.display()
        ))),
    }
}

impl Named<'_> {
    /// Writes all of it.
    ///
    /// # Errors
    /// When the system refuses that.
    pub fn fill(mut self, text: &str) -> Result<(), Refusal> {
        self.file.write_all(text.as_bytes()).map_err(|reason| {
            Refusal::System(format!("cannot write '{}': {reason}", self.path.display()))
        })
    }
}

/// If a standard stream is closed, the exit code still tells.
pub fn print(stream: &mut dyn Write, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}
