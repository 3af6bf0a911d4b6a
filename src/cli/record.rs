//! `--record`: each step as a line of a file, for `oneloop replay`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use oneloop::Outlet;
use oneloop::journal::{Journal, Notice};
use oneloop::watch::{Event, What};

use crate::arguments::Refusal;

/// How long a recording may be: the page that plays it holds all of its steps, and so much of them a
/// browser reads in a second.
pub const RECORDING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What may wait for the disk: a turn of 256 clients has some 2,000 steps.
const WAITING_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Writes each step down until the recording is as long as it may be.
pub struct Recorder {
    lines: Journal,
    /// How many bytes may still be written.
    bytes_left: usize,
    line: Vec<u8>,
}

impl Recorder {
    /// Makes the file anew.
    pub fn open(path: &Path) -> Result<(Recorder, Outlet), Refusal> {
        let lines = Journal::new(WAITING_BYTES_MAX, Notice::Json);
        let opened = File::create(path).and_then(|_| Outlet::file(lines.clone(), path));
        let outlet = opened.map_err(|reason| {
            let path = path.display();
            Refusal::System(format!(
                "cannot record to '{path}': {reason}; name a file that can be written"
            ))
        })?;
        Ok((Recorder { lines, bytes_left: RECORDING_BYTES_MAX, line: Vec::new() }, outlet))
    }

    /// Writes this step down, if it is not one of the admin listener's clients.
    pub fn record(&mut self, event: &Event) {
        if matches!(event.what, What::Admin(..)) {
            return;
        }
        self.line.clear();
        // Writing to memory cannot fail.
        let _ = writeln!(self.line, "{}", event.json());
        match self.bytes_left.checked_sub(self.line.len()) {
            Some(left) => {
                self.bytes_left = left;
                self.lines.push(&self.line);
            }
            None => self.bytes_left = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use oneloop::Time;
    use oneloop::watch::LoopEvent;

    use super::*;

    #[test]
    fn a_recording_ends_with_a_whole_line_before_it_is_too_long() {
        let event = Event::new(Time::START, What::Loop(LoopEvent::Stopped));
        let line = format!("{}\n", event.json());
        for (bytes_max, lines_written) in
            [(2 * line.len() - 1, 1), (2 * line.len(), 2), (2 * line.len() + 1, 2)]
        {
            let lines = Journal::new(WAITING_BYTES_MAX, Notice::Json);
            let (bytes_left, line_room) = (bytes_max, Vec::new());
            let mut recorder = Recorder { lines: lines.clone(), bytes_left, line: line_room };
            (0..4).for_each(|_| recorder.record(&event));
            let mut written = Vec::new();
            let all = lines.write_by(|bytes| {
                written.extend_from_slice(bytes);
                Ok(bytes.len())
            });
            assert_eq!(all.ok(), Some(lines_written * line.len()), "{bytes_max}");
            assert_eq!(written, line.repeat(lines_written).as_bytes());
        }
    }
}
