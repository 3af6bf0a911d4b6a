//! Where the lines of a journal go: a standard stream or a file, written to without waiting.
//!
//! An outlet writes at most once a turn, and its [`Schedule`] says when; [`writing`](super::writing)
//! has the call. What cannot be written waits in the journal, and is tried again ever less often.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use log::{info, warn};

use super::writing::{Method, Target, Writing, are_same, has_room, open_to_append};
use crate::journal::Journal;
use crate::journal::schedule::Schedule;
use crate::metrics::LogMetrics;
use crate::time::Time;

/// How soon the rest of a line is tried again that goes to an old file: its disk may be full.
const REST_OF_UNFINISHED: Duration = Duration::from_secs(1);

/// How long the end of the program waits for room at once.
const LAST_WAIT: Duration = Duration::from_millis(10);

/// How often it may do so in vain: a reader that has stopped costs a fifth of a second.
const LAST_WAITS_MAX: usize = 20;

/// How often it may write: a pipe has room for a page at least, and a full journal is 64 of them.
const LAST_WRITES_MAX: usize = 512;

/// A standard stream or a file, and the [`Journal`] whose lines go there.
///
/// A [`Server`](crate::Server) writes them at the end of a turn: see
/// [`Server::write_to`](crate::Server::write_to). An outlet that is dropped gives the reader a last,
/// short time to take what waits.
#[derive(Debug)]
pub struct Outlet {
    journal: Journal,
    target: Target,
    method: Method,
    schedule: Schedule,
    /// The line that was written last is not whole.
    is_in_line: bool,
    unfinished: Option<Unfinished>,
    metrics: LogMetrics,
}

/// A file of old lines whose last line is not whole, because there was no room for the rest. It is
/// tried again before further lines are written, and at the end: so each line is in one file.
#[derive(Debug)]
struct Unfinished {
    file: File,
    method: Method,
    rest: Vec<u8>,
    rests_until: Time,
}

impl Outlet {
    /// Lines of `journal` go to standard error.
    pub fn standard_error(journal: Journal) -> Outlet {
        Outlet::new(journal, Target::StandardError(io::stderr()))
    }

    /// Lines of `journal` go to standard output.
    pub fn standard_output(journal: Journal) -> Outlet {
        Outlet::new(journal, Target::StandardOutput(io::stdout()))
    }

    /// Lines of `journal` are appended to this file, which is made if it is not there. A write to a
    /// file on a slow disk can hold up the loop: the kernel cannot be asked whether it would.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn file(journal: Journal, path: &Path) -> io::Result<Outlet> {
        let path = path.to_owned();
        let file = open_to_append(&path)?;
        Ok(Outlet::new(journal, Target::File { file, path }))
    }

    /// Whether both go to the same file, pipe or socket.
    pub fn is_same_file(&self, other: &Outlet) -> bool {
        are_same(&self.target, &other.target)
    }

    /// Whether it has a name by which it can be opened again.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.target, Target::File { .. })
    }

    /// Opens its file again by its name: it may have been moved, to be a file of old lines. What waits
    /// goes there. If the name cannot be opened, lines go where they went before.
    pub(super) fn reopen(&mut self) {
        if !self.is_file() {
            return;
        }
        // What cannot be written there goes to the new file.
        self.write_now();
        let Target::File { file, path } = &mut self.target else { return };
        match open_to_append(path) {
            Ok(again) => {
                info!("opened {} again", path.display());
                let is_moved = !are_same(&*file, &again);
                let file = std::mem::replace(file, again);
                let method = std::mem::replace(&mut self.method, Method::WithoutWaiting);
                self.schedule = Schedule::default();
                if self.is_in_line && is_moved {
                    self.is_in_line = false;
                    self.leave_unfinished(file, method);
                }
            }
            Err(reason) => {
                let path = path.display();
                warn!("cannot open {path} again ({reason}): its lines go where they went before");
            }
        }
    }

    /// The line that has begun in this file goes on there, and not in the one that is opened now.
    fn leave_unfinished(&mut self, file: File, method: Method) {
        let mut rest = Vec::new();
        // The rest of a line is always there: it is taken, and nothing is written.
        let _ = self.journal.write_by(|bytes| {
            let end = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            rest.extend_from_slice(&bytes[..end]);
            Ok(end)
        });
        let unfinished = Unfinished { file, method, rest, rests_until: Time::START };
        if self.unfinished.replace(unfinished).is_some() {
            self.metrics.dropped += 1;
            warn!("the last line of an older file stays cut: there was no room for its rest");
        }
        self.try_unfinished(Time::START, &|| Time::START);
    }

    /// What has been written and dropped. Costs a look at what waits.
    pub(super) fn metrics(&self) -> LogMetrics {
        let mut metrics = self.metrics;
        // The rest of a line that was cut was taken, and perhaps not written.
        let cut = metrics.dropped + u64::from(self.unfinished.is_some());
        metrics.lines = self.journal.taken().saturating_sub(cut);
        metrics.dropped += self.journal.dropped();
        metrics
    }

    fn new(journal: Journal, target: Target) -> Outlet {
        Outlet {
            journal,
            target,
            method: Method::WithoutWaiting,
            schedule: Schedule::default(),
            is_in_line: false,
            unfinished: None,
            metrics: LogMetrics::default(),
        }
    }

    /// When there is something to be written, and it may be tried.
    #[inline]
    pub(super) fn due(&self) -> Option<Time> {
        self.schedule.due(self.journal.waiting())
    }

    /// Writes what waits, as far as that does not block, if it is due. The
    /// `clock` is asked how long a write to a file takes, which may wait for a disk.
    #[inline]
    pub(super) fn write_lines(&mut self, now: Time, clock: impl Fn() -> Time) {
        if self.due().is_some_and(|due| due <= now) {
            self.try_at(now, &clock);
        }
    }

    #[inline(never)]
    fn try_at(&mut self, now: Time, clock: &dyn Fn() -> Time) {
        self.try_unfinished(now, clock);
        match self.try_write(clock) {
            Ok(_) => self.schedule.on_written(now, self.journal.waiting()),
            Err(reason) if reason.kind() == ErrorKind::WouldBlock => self.schedule.on_refused(now),
            Err(reason) => {
                if self.schedule.on_failed(now) {
                    let name = self.target.name();
                    warn!("cannot write to {name} ({reason}): trying again each second");
                }
            }
        }
    }

    /// Writes what waits at once, as far as that does not block: for a program whose loop does not
    /// run.
    pub fn write_now(&mut self) {
        // What cannot be written is written later, or told as dropped.
        let _ = self.try_write(&|| Time::START);
    }

    /// Goes on with the line that an old file ends with, if there is one.
    fn try_unfinished(&mut self, now: Time, clock: &dyn Fn() -> Time) {
        let Some(unfinished) = self.unfinished.as_mut().filter(|it| it.rests_until <= now) else {
            return;
        };
        let Unfinished { file, method, rest, rests_until } = unfinished;
        *rests_until = now + REST_OF_UNFINISHED;
        let mut writing = Writing { method, clock, metrics: &mut self.metrics };
        if let Ok(written) = writing.try_once(file.as_fd(), rest) {
            rest.drain(..written);
        }
        if rest.is_empty() {
            self.unfinished = None;
        }
    }

    /// Gives the reader a last, short time to take what waits. Where writing has just failed, it would
    /// fail again.
    fn finish(&mut self) {
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.rests_until = Time::START;
            self.try_unfinished(Time::START, &|| Time::START);
        }
        if self.schedule.fails() {
            return;
        }
        let mut waits = 0;
        for _ in 0..LAST_WRITES_MAX {
            if self.journal.is_empty() {
                return;
            }
            match self.try_write(&|| Time::START) {
                Ok(_) => {}
                Err(reason) if reason.kind() == ErrorKind::WouldBlock => {
                    while !has_room(self.target.as_fd(), LAST_WAIT) {
                        waits += 1;
                        if waits == LAST_WAITS_MAX {
                            return;
                        }
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// Tells the log of this many lines that were not written, if that goes elsewhere.
    fn tell_of_lost(&self, lines: u64) {
        let lines = lines + u64::from(self.unfinished.is_some());
        let is_log = matches!(self.target, Target::StandardError(_));
        if lines > 0 && !is_log {
            let (were, name) =
                (if lines == 1 { "line was" } else { "lines were" }, self.target.name());
            warn!("{lines} {were} lost at the end: {name} could not be written in time");
        }
    }

    fn try_write(&mut self, clock: &dyn Fn() -> Time) -> io::Result<usize> {
        let Outlet { journal, target, method, metrics, is_in_line, .. } = self;
        journal.write_by(|bytes| {
            let mut writing = Writing { method, clock, metrics };
            let written = match writing.try_once(target.as_fd(), bytes) {
                Err(reason) if writing.method.is_unknown_for(&reason) => {
                    *writing.method = Method::find(target);
                    writing.try_once(target.as_fd(), bytes)
                }
                written @ (Ok(_) | Err(_)) => written,
            }?;
            if let Some(last) = bytes[..written].last() {
                *is_in_line = *last != b'\n';
            }
            Ok(written)
        })
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.finish();
        let lost = self.journal.untold();
        self.journal.clear();
        self.tell_of_lost(lost);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};
    use std::os::fd::OwnedFd;
    use std::path::PathBuf;

    use super::*;
    use crate::journal::Notice;

    const LINE: &[u8] = b"a line of the log, as long as such lines are: fifty-nine bytes\n";

    fn after_millis(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    fn outlet_to(target: impl Into<OwnedFd>) -> Outlet {
        let target = Target::File { file: File::from(target.into()), path: PathBuf::new() };
        Outlet::new(Journal::default(), target)
    }

    /// A file of this test's own.
    fn file(name: &str) -> (PathBuf, File) {
        let name = format!("oneloop-outlet-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = open_to_append(&path).expect("a file");
        (path, file)
    }

    #[test]
    fn a_file_that_cannot_be_written_without_waiting_is_written_all_the_same() {
        let (path, file) = file("plain");
        let mut outlet = outlet_to(file);
        outlet.journal.push(LINE);
        outlet.write_lines(Time::START, || Time::START);
        outlet.journal.push(LINE);
        outlet.write_lines(Time::START, || Time::START);
        let written = std::fs::read(&path).expect("it is there");
        std::fs::remove_file(path).expect("it is there");
        assert_eq!(written, LINE.repeat(2));
    }

    #[test]
    fn a_reader_that_has_stopped_is_tried_ever_less_often_and_gets_all_that_waited() {
        let (mut reader, pipe) = pipe().expect("a pipe");
        let mut outlet = outlet_to(pipe);
        for _ in 0..1500 {
            outlet.journal.push(LINE);
        }
        let mut tries = Vec::new();
        for millis in 0..1000 {
            let before = outlet.due();
            outlet.write_lines(after_millis(millis), || Time::START);
            if outlet.due() != before {
                tries.push(millis);
            }
        }
        assert_eq!(tries, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 384, 512, 640, 768, 896]);
        let (mut out, mut piece) = (Vec::new(), [0; 4096]);
        while out.len() < 1500 * LINE.len() {
            let bytes = reader.read(&mut piece).expect("bytes");
            out.extend_from_slice(&piece[..bytes]);
            outlet.write_lines(outlet.due().unwrap_or_default(), || Time::START);
        }
        assert!(out == LINE.repeat(1500), "{} bytes", out.len());
        assert_eq!(outlet.due(), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_written_at_all_is_tried_each_second() {
        let full = File::options().write(true).open("/dev/full").expect("a full device");
        let (reader, closed) = pipe().expect("a pipe");
        drop(reader);
        for target in [OwnedFd::from(full), OwnedFd::from(closed)] {
            let mut outlet = outlet_to(target);
            outlet.journal.push(LINE);
            outlet.write_lines(after_millis(5), || Time::START);
            assert!(outlet.schedule.fails());
            assert_eq!(outlet.due(), Some(after_millis(1005)));
        }
    }

    #[test]
    fn a_line_that_was_cut_goes_on_in_the_file_where_it_began() {
        let (path, _) = file("rotated");
        let (mut reader, pipe) = pipe().expect("a pipe");
        let target = Target::File { file: File::from(OwnedFd::from(pipe)), path: path.clone() };
        let mut outlet = Outlet::new(Journal::default(), target);
        for _ in 0..1500 {
            outlet.journal.push(LINE);
        }
        outlet.write_lines(Time::START, || Time::START);
        assert!(outlet.is_in_line);
        outlet.reopen();
        // There is still no room in the old one.
        outlet.write_lines(Time::START, || Time::START);
        assert_eq!((outlet.due(), outlet.unfinished.is_some()), (None, true));
        let in_new = std::fs::metadata(&path).expect("it is there").len();
        let mut old = vec![0; (outlet.metrics.bytes - in_new) as usize];
        reader.read_exact(&mut old).expect("what it had room for");
        outlet.journal.push(LINE);
        outlet.write_lines(after_millis(2000), || Time::START);
        assert!(outlet.unfinished.is_none());
        let metrics = outlet.metrics();
        drop(outlet);
        reader.read_to_end(&mut old).expect("its rest");
        let new = std::fs::read(&path).expect("it is there");
        std::fs::remove_file(path).expect("it is there");
        let lines = old.len() / LINE.len();
        assert!(old == LINE.repeat(lines), "{} bytes", old.len());
        assert!(new == LINE.repeat(1501 - lines), "{} bytes", new.len());
        assert_eq!((metrics.lines, metrics.dropped), (1501, 0));
        assert_eq!(metrics.bytes, 1501 * LINE.len() as u64);
    }

    #[test]
    fn a_line_goes_on_where_it_was_cut_if_the_file_was_not_moved() {
        let (path, file) = file("unmoved");
        let target = Target::File { file, path: path.clone() };
        let mut outlet = Outlet::new(Journal::default(), target);
        outlet.journal.push(LINE);
        // A disk that was full has taken ten bytes.
        std::fs::write(&path, &LINE[..10]).expect("it is there");
        outlet.journal.write_by(|_| Ok(10)).expect("they are taken");
        outlet.is_in_line = true;
        outlet.reopen();
        assert!(outlet.unfinished.is_none());
        outlet.journal.push(LINE);
        outlet.write_lines(Time::START, || Time::START);
        let written = std::fs::read(&path).expect("it is there");
        std::fs::remove_file(path).expect("it is there");
        assert_eq!(written, LINE.repeat(2));
    }

    #[test]
    fn the_longest_write_to_a_file_is_noted() {
        let (path, file) = file("slow");
        let mut outlet = outlet_to(file);
        outlet.method = Method::File;
        for (millis, longest) in [(5, 5), (3, 5), (8, 8)] {
            outlet.journal.push(LINE);
            let clock = std::cell::Cell::new(0);
            outlet.write_lines(Time::START, || after_millis(clock.replace(millis)));
            assert_eq!(outlet.metrics().longest_write, Duration::from_millis(longest));
        }
        std::fs::remove_file(path).expect("it is there");
        assert_eq!((outlet.metrics().lines, outlet.metrics().bytes), (3, 3 * LINE.len() as u64));
    }

    #[test]
    fn the_end_of_the_program_waits_for_a_reader_and_not_for_ever() {
        let (mut reader, pipe) = pipe().expect("a pipe");
        let outlet = outlet_to(pipe);
        for _ in 0..3000 {
            outlet.journal.push(LINE);
        }
        let reading = std::thread::spawn(move || {
            let mut out = Vec::new();
            reader.read_to_end(&mut out).map(|_| out)
        });
        drop(outlet);
        let out = reading.join().expect("it reads").expect("all");
        assert!(out == LINE.repeat(3000), "{} bytes", out.len());

        let (_reader, pipe) = std::io::pipe().expect("a pipe");
        let target = Target::File { file: File::from(OwnedFd::from(pipe)), path: PathBuf::new() };
        let outlet = Outlet::new(Journal::new(128 * 1024, Notice::Text), target);
        for _ in 0..3000 {
            outlet.journal.push(LINE);
        }
        let began = std::time::Instant::now();
        drop(outlet);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
