//! Each error of each call, once and for ever: the server rests, serves who can be served, says so
//! once, and stops when it is told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, IoSliceMut, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::client::{Answer, ask_for};
use crate::needed::Folder;
use crate::server::{Server, Times};
use crate::support::{PATIENCE, read_some};
use crate::trace::can_trace;

/// How many servers run at the same time. They sleep most of the time.
const AT_ONCE: usize = 8;

/// The share of a processor that a server may take in which a call fails for ever, in percent.
const LOAD_MAX: u64 = 5;

/// How long a client waits that may never be served.
const SHORT: Duration = Duration::from_millis(200);

/// What a client asks for: a directory's list, small and large files, a link out and in again.
const PATHS: [&str; 5] = ["/sub/", "/small", "/large", "/link", "/small"];

/// Errors that any call may fail with, as the system or a sandbox decides.
const ERRORS: [Errno; 7] =
    [Errno::INTR, Errno::AGAIN, Errno::PERM, Errno::NOSYS, Errno::INVAL, Errno::IO, Errno::NOMEM];

/// Those that are tried once, one for each of the ways that an error passes.
const ONCE: [Errno; 3] = [Errno::INTR, Errno::PERM, Errno::NOMEM];

/// Each call that the running server makes, and errors of its own.
pub const CALLS: [(&str, &[Errno]); 27] = [
    ("accept4", &[Errno::MFILE, Errno::NFILE, Errno::CONNABORTED, Errno::PROTO, Errno::NETDOWN]),
    ("close", &[]),
    ("epoll_ctl", &[Errno::NOSPC]),
    ("epoll_wait", &[Errno::BADF]),
    ("fadvise64", &[]),
    ("fstat", &[]),
    ("fstatfs", &[]),
    ("getdents64", &[]),
    ("newfstatat", &[]),
    ("openat", &[Errno::MFILE]),
    ("openat2", &[Errno::MFILE]),
    ("poll", &[]),
    ("pread64", &[]),
    ("preadv2", &[Errno::OPNOTSUPP]),
    ("pwritev2", &[Errno::OPNOTSUPP, Errno::NOSPC, Errno::PIPE]),
    ("read", &[]),
    ("readlink", &[]),
    ("readlinkat", &[]),
    ("recvfrom", &[Errno::NOBUFS, Errno::CONNRESET]),
    ("sendfile", &[Errno::NOBUFS]),
    ("sendto", &[Errno::NOBUFS, Errno::PIPE]),
    ("setsockopt", &[]),
    ("shutdown", &[]),
    ("statx", &[]),
    ("timerfd_settime", &[]),
    ("write", &[Errno::NOSPC, Errno::PIPE, Errno::FBIG]),
    ("writev", &[Errno::PIPE]),
];

/// Calls for which another way serves, whatever they fail with, but for these errors.
const SERVED: [(&str, &[Errno]); 13] = [
    ("fadvise64", &[]),
    ("fstatfs", &[]),
    ("openat2", &[Errno::INTR, Errno::AGAIN, Errno::INVAL, Errno::IO, Errno::NOMEM, Errno::MFILE]),
    ("poll", &[]),
    ("pread64", &[]),
    ("preadv2", &[Errno::INTR, Errno::AGAIN, Errno::IO, Errno::NOMEM]),
    ("pwritev2", &[]),
    ("read", &[]),
    ("sendfile", &[Errno::INTR, Errno::AGAIN]),
    ("setsockopt", &[]),
    ("statx", &[]),
    ("timerfd_settime", &[]),
    ("write", &[]),
];

/// Errors that pass: a client waits until they have passed, and is served.
const WAITED_FOR: [(&str, &[Errno]); 1] = [("epoll_ctl", &[Errno::NOMEM, Errno::NOSPC])];

/// A call that fails in this way.
#[derive(Clone, Copy, Debug)]
struct Case {
    call: &'static str,
    error: Errno,
    times: Times,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (call, own) in CALLS {
        let each = ERRORS.iter().chain(own);
        cases.extend(each.map(|error| Case { call, error: *error, times: Times::ForEver }));
        cases.extend(ONCE.map(|error| Case { call, error, times: Times::Once }));
    }
    cases
}

/// A site with one of everything, in a folder of this name.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::create_dir_all(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub/entry"), "entry").unwrap();
    fs::write(folder.path().join("small"), "small").unwrap();
    fs::write(folder.path().join("large"), vec![b'x'; 300_000]).unwrap();
    // An absolute one, which the server itself resolves. This fails only if the folder was left
    // behind by another run.
    let _ = std::os::unix::fs::symlink(folder.path().join("small"), folder.path().join("link"));
    folder
}

/// Whether the file system of this site has small files read without waiting.
fn tells_what_is_cached(folder: &Folder) -> bool {
    let small = File::open(folder.path().join("small")).unwrap();
    let mut bytes = [0; 5];
    preadv2(&small, &mut [IoSliceMut::new(&mut bytes)], 0, ReadWriteFlags::NOWAIT)
        != Err(Errno::OPNOTSUPP)
}

/// Lets the call fail, and says what the server does that it must not do.
fn faults(folder: &Folder, case: Case) -> Vec<String> {
    let Case { call, error, times } = case;
    let mut server = Server::start(folder.path(), call, error, times);
    let is_served = SERVED.iter().any(|(name, but)| *name == call && !but.contains(&error));
    // Where the file system cannot tell what is cached, `pread64` is the other way already.
    let is_served = is_served && (call != "pread64" || tells_what_is_cached(folder));
    let is_served = is_served || times == Times::Once && is_waited_for(case);
    let patience = if is_served || times == Times::Once { PATIENCE } else { SHORT };
    let mut faults = Vec::new();
    let (public, admin) = (server.port, server.admin_port());
    for (port, path) in PATHS.map(|path| (public, path)).into_iter().chain([(admin, "/metrics")]) {
        let answer = ask_for(port, path, patience);
        if answer == Answer::Short || is_served && answer != Answer::Whole(200) {
            faults.push(format!("{path} was answered by {answer:?}"));
        }
    }
    if times == Times::Once {
        for path in PATHS {
            let answer = ask_for(server.port, path, PATIENCE);
            if answer != Answer::Whole(200) {
                faults.push(format!("{path} was answered by {answer:?} when it had passed"));
            }
        }
    } else if server.load() >= LOAD_MAX {
        // It may have been at work still.
        let load = server.load();
        if load >= LOAD_MAX {
            faults.push(format!("it takes {load} % of a processor"));
        }
    }
    let log = server.log();
    faults.extend(repeated(&log).map(|line| format!("it says more than once {line}")));
    stop(&mut server, case, &mut faults);
    faults
}

fn is_waited_for(case: Case) -> bool {
    WAITED_FOR.iter().any(|(call, errors)| *call == case.call && errors.contains(&case.error))
}

/// Lines, without their times, that stand in the log more than once.
fn repeated(log: &str) -> impl Iterator<Item = String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in log.lines() {
        *counts.entry(line.split_once(' ').map_or(line, |(_, line)| line)).or_default() += 1;
    }
    let repeated = counts.into_iter().filter(|(_, count)| *count > 1);
    repeated.map(|(line, _)| line.to_owned()).collect::<Vec<_>>().into_iter()
}

/// The first signal may leave a client that is not done, the second may not.
fn stop(server: &mut Server, case: Case, faults: &mut Vec<String>) {
    let unfinished = TcpStream::connect(("127.0.0.1", server.port));
    let _ = unfinished.as_ref().map(|mut stream| stream.write_all(b"GET / HTTP/1.1\r\nHost:"));
    server.tell_to_stop();
    // Where the log cannot be written, it does not tell that the signal was seen.
    let says_so = case.call != "write";
    let has_seen = |server: &Server| server.log().contains("stopping by ");
    let longest = if says_so { PATIENCE / 8 } else { SHORT };
    if server.end_unless(longest, has_seen).is_some() {
        return;
    }
    if says_so && !has_seen(server) {
        faults.push("it does not see a signal".to_owned());
        return;
    }
    server.tell_to_stop();
    if server.end_within(PATIENCE / 8).is_none() {
        faults.push("a second signal does not end it".to_owned());
    }
}

#[test]
fn no_error_of_a_call_makes_the_server_spin_or_lie_or_unstoppable() {
    if !can_trace(no_error_of_a_call_makes_the_server_spin_or_lie_or_unstoppable) {
        return;
    }
    let folder = folder("system-calls-site");
    let cases = cases();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let faults = faults(&folder, *case);
                    if !faults.is_empty() {
                        found.lock().unwrap().push(format!("{case:?}: {faults:?}"));
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), cases.len(), found.join("\n"));
}

/// The calls by which the kernel holds a long text, before the server listens, and sends it; and what
/// the log says of them.
const OF_A_TEXT: [(&str, &str); 2] = [
    ("memfd_create", "cannot hold a long text in memory of the kernel"),
    ("sendfile", "cannot send a file by sendfile"),
];

#[test]
fn a_long_text_is_answered_with_whatever_the_kernel_refuses() {
    let folder = folder("system-calls-text");
    let file = folder.path().join("text");
    fs::write(&file, vec![b't'; 100_000]).unwrap();
    for (call, line) in OF_A_TEXT {
        for error in [Errno::PERM, Errno::NOSYS, Errno::INVAL, Errno::NOMEM] {
            let Some(server) = Server::start_with_text(&file, call, error) else { return };
            for _ in 0..2 {
                assert_eq!(ask_for(server.port, "/", PATIENCE), Answer::Whole(200), "{call}");
            }
            let log = server.log();
            assert_eq!(log.matches(line).count(), 1, "{call} {error:?}: {log}");
        }
    }
}

#[test]
fn the_log_is_told_once_that_neither_door_accepts() {
    if !can_trace(the_log_is_told_once_that_neither_door_accepts) {
        return;
    }
    let folder = folder("system-calls-doors");
    for error in [Errno::PERM, Errno::MFILE] {
        let mut server = Server::start(folder.path(), "accept4", error, Times::ForEver);
        let is_told = |server: &Server| server.log().contains("cannot accept ");
        // The public listener has nothing to accept.
        let waiting = TcpStream::connect(("127.0.0.1", server.admin_port())).unwrap();
        assert_eq!(server.end_unless(PATIENCE, is_told), None);
        assert!(is_told(&server), "{}", server.log());
        assert_eq!(ask_for(server.port, "/small", SHORT), Answer::Late);
        assert_eq!(server.log().matches("cannot accept ").count(), 1, "{}", server.log());
        drop(waiting);
    }
}

#[test]
fn a_client_that_cannot_be_registered_waits_and_is_served_when_it_can() {
    if !can_trace(a_client_that_cannot_be_registered_waits_and_is_served_when_it_can) {
        return;
    }
    let folder = folder("system-calls-registrations");
    for (error, times) in WAITED_FOR[0]
        .1
        .iter()
        .flat_map(|error| [Times::Once, Times::ForEver].map(|times| (*error, times)))
    {
        let mut server = Server::start(folder.path(), "epoll_ctl", error, times);
        let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let is_told = |server: &Server| server.log().contains("cannot register more clients");
        assert_eq!(server.end_unless(PATIENCE, is_told), None);
        assert!(is_told(&server), "{}", server.log());
        let request = format!("GET /small HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port);
        client.write_all(request.as_bytes()).unwrap();
        client.set_read_timeout(Some(if times == Times::Once { PATIENCE } else { SHORT })).unwrap();
        let mut answer = [0; 12];
        let received = read_some(&mut client, &mut answer).map_err(|error| error.kind());
        match times {
            Times::Once => assert_eq!((received, &answer), (Ok(12), b"HTTP/1.1 200")),
            // It is not closed. Its deadline is not over.
            Times::ForEver => assert_eq!(received, Err(ErrorKind::WouldBlock)),
        }
    }
}
