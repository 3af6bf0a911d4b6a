//! SIGINT, SIGTERM, SIGHUP and SIGUSR1 as events of the same poll, and a handle for other threads.
//!
//! A signal handler may do next to nothing. It sets a flag, which the loop reads in each turn, and
//! writes a byte to a pipe, which wakes the poll. The number of bytes says how often the signal
//! came. The flag says that it came at all, even if the pipe cannot be used. The loop looks at the
//! flags once more before it sleeps. Once it has seen a flag without its byte, it sleeps for
//! [`REST`] at most: nothing else would wake it if the next signal came in between.
//!
//! A signal that was ignored when the process started (`nohup`, a shell's background job) stays
//! ignored. When the last [`Signals`] of the process is dropped, a signal does again what it did
//! before the first.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::iter;
use std::os::unix::net::UnixStream as Pipe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token, Waker};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::{SigId, flag, low_level};

use crate::time::Time;

mod terminal;

use terminal::Terminal;

/// How long after SIGHUP the terminal is watched: a shell that exits sends it to its jobs first.
const HANG_UP_WATCH: Duration = Duration::from_secs(2);

/// The signals that stop a server.
const STOPPING: [i32; 2] = [SIGINT, SIGTERM];

/// The signal that asks for things to be read again, unless it says that the terminal was closed.
const HANG_UP: i32 = SIGHUP;

/// The signal that asks for log files to be opened again: what rotates logs sends it when it has moved
/// them.
const REOPENING: i32 = SIGUSR1;

/// The signal that comes when a write would make a file longer than the process may
/// (`RLIMIT_FSIZE`): in a server that is the file into which standard error goes. It ends the
/// process, unless it is caught. Then the write fails, and the log leaves out that line.
const FILE_TOO_LARGE: i32 = SIGXFSZ;

/// How often one signal counts at most between two polls. Twice ends the server at once.
const COUNTED_MAX: usize = 16;

/// How long the loop sleeps at most while a signal may be unable to wake it, or nothing will tell it that
/// the terminal has been closed.
const REST: Duration = Duration::from_millis(100);

/// The signals that stop a server, and the one that would end it because of its log, caught as long
/// as this lives.
#[derive(Debug)]
pub(crate) struct Signals {
    stopping: Vec<Caught>,
    /// `None` if it is ignored.
    hang_up: Option<Caught>,
    /// Where the process was started, if that is a terminal.
    terminal: Option<Terminal>,
    /// Until when it is looked at again, after a SIGHUP that came while it was there.
    watched_until: Option<Time>,
    /// Caught only if there are files to be opened again.
    reopening: Option<Caught>,
    /// Nothing is done about it: `None` if the process was started with it ignored.
    _file_too_large: Option<Unheeded>,
}

/// What a SIGHUP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// Things are to be read again.
    Asked,
    /// The terminal was closed: the server is to stop, as often as the signal came.
    TerminalClosed { signal: i32, times: usize },
}

/// A signal that is caught so that it does nothing.
#[derive(Debug)]
struct Unheeded {
    signal: i32,
    action: SigId,
}

/// One signal that is caught.
#[derive(Debug)]
struct Caught {
    signal: i32,
    /// It has come since the loop last looked.
    came: Arc<AtomicBool>,
    /// A byte arrives here each time it comes.
    pipe: UnixStream,
    /// How often it was counted by its flag, and the byte was still to arrive.
    bytes_due: usize,
    /// What happens when it comes.
    actions: Vec<SigId>,
}

impl Signals {
    /// Catches the signals that stop a server or make it reload, and makes the poll report them by
    /// `token`. As soon as one to stop comes, `stop_requests` is set.
    ///
    /// # Errors
    /// If the system refuses a pipe, a handler, or its registration.
    pub(crate) fn catch(
        registry: &Registry,
        token: Token,
        stop_requests: &StopRequests,
    ) -> io::Result<Signals> {
        let ignored = Mask::of_process("SigIgn:");
        let mut signals = Signals {
            stopping: Vec::new(),
            hang_up: None,
            terminal: None,
            watched_until: None,
            reopening: None,
            _file_too_large: match ignored.has(FILE_TOO_LARGE) {
                true => None,
                false => Some(Unheeded::catch(FILE_TOO_LARGE)?),
            },
        };
        for signal in STOPPING.into_iter().filter(|signal| !ignored.has(*signal)) {
            let flags = [Arc::clone(&stop_requests.any), Arc::clone(&stop_requests.heard)];
            signals.stopping.push(Caught::catch(registry, token, signal, flags)?);
        }
        if !ignored.has(HANG_UP) {
            let flags = [Arc::clone(&stop_requests.heard)];
            signals.hang_up = Some(Caught::catch(registry, token, HANG_UP, flags)?);
            signals.terminal = Terminal::of_process();
        }
        Ok(signals)
    }

    /// Catches the signal that asks for log files to be opened again, too.
    ///
    /// # Errors
    /// As [`Signals::catch`].
    pub(crate) fn catch_reopening(
        &mut self,
        registry: &Registry,
        token: Token,
        requests: &StopRequests,
    ) -> io::Result<()> {
        if !Mask::of_process("SigIgn:").has(REOPENING) {
            let flags = [Arc::clone(&requests.heard)];
            self.reopening = Some(Caught::catch(registry, token, REOPENING, flags)?);
        }
        Ok(())
    }

    /// What SIGHUP means, if it has come since the last call. If the terminal is closed soon after it
    /// has come, it meant that.
    pub(crate) fn take_hang_ups(&mut self, now: Time) -> Option<HangUp> {
        let caught = self.hang_up.as_mut()?;
        let times = caught.take();
        if times == 0 && self.watched_until.is_none() {
            return None;
        }
        if self.terminal.as_ref().is_some_and(Terminal::is_closed) {
            self.watched_until = None;
            return Some(HangUp::TerminalClosed { signal: caught.signal, times: times.max(1) });
        }
        if times > 0 {
            self.watched_until = self.terminal.as_ref().map(|_| now + HANG_UP_WATCH);
            return Some(HangUp::Asked);
        }
        self.watched_until = self.watched_until.filter(|until| now < *until);
        None
    }

    /// Whether it has come since the last call.
    pub(crate) fn take_reopening(&mut self) -> bool {
        self.reopening.as_mut().is_some_and(|caught| caught.take() > 0)
    }

    /// Waits until one of them comes, at most for `rest`: for a loop whose poll has failed.
    ///
    /// # Errors
    /// If the system refuses this as well.
    pub(crate) fn wait<'a>(signals: Option<&'a Signals>, rest: Duration) -> io::Result<()> {
        let all = |signals: &'a Signals| signals.stopping.iter().chain(&signals.hang_up);
        let caught = signals.into_iter().flat_map(all);
        let mut pipes: Vec<_> =
            caught.map(|caught| PollFd::new(&caught.pipe, PollFlags::IN)).collect();
        let rest = Timespec::try_from(rest).map_err(io::Error::other)?;
        match rustix::event::poll(&mut pipes, Some(&rest)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(reason) => Err(reason.into()),
        }
    }

    /// How long the loop may sleep, as far as signals are concerned: not at all if one has come, and
    /// not for long if a byte is missing that should have woken it, or while the terminal is watched.
    pub(crate) fn sleep_max(&self) -> Option<Duration> {
        let mut all = self.stopping.iter().chain(&self.hang_up).chain(&self.reopening);
        if all.clone().any(|caught| caught.came.load(Ordering::SeqCst)) {
            return Some(Duration::ZERO);
        }
        let looks_again = self.watched_until.is_some() || all.any(|caught| caught.bytes_due > 0);
        looks_again.then_some(REST)
    }

    /// The signals that have come since the last call, each as often as it came.
    pub(crate) fn take(&mut self) -> Vec<i32> {
        let each = self.stopping.iter_mut();
        each.flat_map(|caught| iter::repeat_n(caught.signal, caught.take())).collect()
    }
}

impl Caught {
    /// Catches `signal`, and makes the poll report it by `token`. Each time it comes, `flags` are set.
    fn catch<const N: usize>(
        registry: &Registry,
        token: Token,
        signal: i32,
        flags: [Arc<AtomicBool>; N],
    ) -> io::Result<Caught> {
        let (pipe, end) = Pipe::pair()?;
        pipe.set_nonblocking(true)?;
        Defaults::suspend(signal)?;
        // From here on dropping it undoes what has been done.
        let mut caught = Caught {
            signal,
            came: Arc::default(),
            pipe: UnixStream::from_std(pipe),
            bytes_due: 0,
            actions: Vec::new(),
        };
        // The flags first: a thread that the byte wakes finds them set. Its own before those that make
        // the loop look at it.
        caught.actions.push(flag::register(signal, Arc::clone(&caught.came))?);
        for flag in flags {
            caught.actions.push(flag::register(signal, flag)?);
        }
        caught.actions.push(low_level::pipe::register(signal, end)?);
        registry.register(&mut caught.pipe, token, Interest::READABLE)?;
        Ok(caught)
    }

    /// How often it has come since the last call.
    fn take(&mut self) -> usize {
        // A load first: in nearly every turn nothing has come, and a swap costs more.
        let came = self.came.load(Ordering::SeqCst) && self.came.swap(false, Ordering::SeqCst);
        if !came && self.bytes_due == 0 {
            return 0;
        }
        // Nothing, if the system refuses to write or to read it.
        let bytes = self.pipe.read(&mut [0; COUNTED_MAX]).unwrap_or_default();
        let late = bytes.min(self.bytes_due);
        self.bytes_due -= late;
        if !came {
            return 0;
        }
        if bytes == late {
            // The flag alone has come, so this is once.
            self.bytes_due = (self.bytes_due + 1).min(COUNTED_MAX);
        }
        (bytes - late).max(1)
    }
}

impl Unheeded {
    fn catch(signal: i32) -> io::Result<Unheeded> {
        Defaults::suspend(signal)?;
        match flag::register(signal, Arc::default()) {
            Ok(action) => Ok(Unheeded { signal, action }),
            Err(reason) => {
                Defaults::resume(signal);
                Err(reason)
            }
        }
    }
}

impl Drop for Unheeded {
    fn drop(&mut self) {
        low_level::unregister(self.action);
        Defaults::resume(self.signal);
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        for action in self.actions.drain(..) {
            low_level::unregister(action);
        }
        Defaults::resume(self.signal);
    }
}

/// What a signal does to a process that has no handler for it, once no server here catches it any
/// more: a handler cannot be removed again, so it does itself what the system would do.
struct Defaults {
    signal: i32,
    /// How many catch it.
    catchers: usize,
    /// No server does. If the signal comes now, it ends the process.
    is_on: Arc<AtomicBool>,
}

/// One for each signal that was ever caught.
static DEFAULTS: Mutex<Vec<Defaults>> = Mutex::new(Vec::new());

impl Defaults {
    /// Another one catches this signal.
    fn suspend(signal: i32) -> io::Result<()> {
        let mut all = DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|it| it.signal == signal);
        let index = match known {
            Some(index) => index,
            None => {
                let is_on = Arc::default();
                // A program that had a handler before has it again.
                if !Mask::of_process("SigCgt:").has(signal) {
                    flag::register_conditional_default(signal, Arc::clone(&is_on))?;
                }
                all.push(Defaults { signal, catchers: 0, is_on });
                all.len() - 1
            }
        };
        all[index].catchers += 1;
        all[index].is_on.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// One who caught this signal is gone.
    fn resume(signal: i32) {
        let mut all = DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(defaults) = all.iter_mut().find(|it| it.signal == signal) {
            defaults.catchers -= 1;
            defaults.is_on.store(defaults.catchers == 0, Ordering::SeqCst);
        }
    }
}

/// A set of signals, as the system tells it of this process.
#[derive(Clone, Copy)]
struct Mask(u64);

impl Mask {
    /// The set behind this name; an empty one where the system does not say.
    fn of_process(name: &str) -> Mask {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        Mask(mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0))
    }

    fn has(self, signal: i32) -> bool {
        self.0 & (1 << (signal - 1)) != 0
    }
}

/// Whether the server was told to stop, known before the poll says so.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopRequests {
    /// A signal or a handle has asked for anything, at any time. Most servers see one signal, their last:
    /// until then each turn looks here alone.
    heard: Arc<AtomicBool>,
    /// By a signal or a handle, at any time.
    any: Arc<AtomicBool>,
    /// By a handle, since the loop last looked.
    by_handle: Arc<AtomicBool>,
}

impl StopRequests {
    /// Whether a signal that is caught, or a handle, has ever asked for anything.
    #[inline]
    pub(crate) fn heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Whether there has been one.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// There is one that no signal's own flag tells of.
    pub(crate) fn note(&self) {
        self.any.store(true, Ordering::SeqCst);
        self.heard.store(true, Ordering::SeqCst);
    }

    /// Whether a handle has asked for it since the last [`StopRequests::take_by_handle`].
    pub(crate) fn by_handle(&self) -> bool {
        self.by_handle.load(Ordering::SeqCst)
    }

    /// Whether a handle has asked for it since the last call.
    pub(crate) fn take_by_handle(&self) -> bool {
        self.by_handle.swap(false, Ordering::SeqCst)
    }
}

/// A signal's name.
pub(crate) fn name(signal: i32) -> &'static str {
    match signal {
        SIGHUP => "SIGHUP",
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "a signal",
    }
}

/// Stops a server from another thread: see [`Server::stop_handle`](crate::Server::stop_handle).
#[derive(Clone)]
pub struct StopHandle {
    pub(crate) waker: Arc<Waker>,
    pub(crate) stop_requests: StopRequests,
}

impl StopHandle {
    /// Tells the server to drain, as a first SIGTERM does. A later call, once the drain has begun,
    /// makes it stop at once; calls before that count as one, beside each signal that comes.
    /// Returns without waiting for either. Does nothing if the server is gone.
    pub fn stop(&self) {
        self.stop_requests.by_handle.store(true, Ordering::SeqCst);
        self.stop_requests.note();
        // If the system refuses, the server learns of it in its next turn.
        let _ = self.waker.wake();
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopHandle")
    }
}
