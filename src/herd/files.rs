//! Where reports go: files that are opened before a run, and standard streams that may be closed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::arguments::Refusal;
use crate::plan::Destination;

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

/// Where the report for programs goes, if there is to be one.
pub enum ForPrograms<'p> {
    Nowhere,
    Output,
    File(Named<'p>),
}

impl ForPrograms<'_> {
    /// Opens it: a file that cannot be written is better known now than after an hour.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(wanted: Option<&Destination>) -> Result<ForPrograms<'_>, Refusal> {
        Ok(match wanted {
            None => ForPrograms::Nowhere,
            Some(Destination::Output) => ForPrograms::Output,
            Some(Destination::File(path)) => ForPrograms::File(create(path)?),
        })
    }

    /// Prints the table for people: to standard error, if standard output is for programs.
    pub fn print_beside(&self, table: &str) {
        match self {
            ForPrograms::Output => print(&mut io::stderr(), table),
            ForPrograms::Nowhere | ForPrograms::File(_) => print(&mut io::stdout(), table),
        }
    }

    /// Writes the report, which is made only if there is to be one.
    ///
    /// # Errors
    /// When the system refuses to write a file.
    pub fn fill(self, report: impl FnOnce() -> String) -> Result<(), Refusal> {
        match self {
            ForPrograms::Nowhere => Ok(()),
            ForPrograms::Output => {
                print(&mut io::stdout(), &report());
                Ok(())
            }
            ForPrograms::File(file) => file.fill(&report()),
        }
    }
}

/// If a standard stream is closed, the exit code still tells.
pub fn print(stream: &mut dyn Write, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}
