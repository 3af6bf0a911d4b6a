//! SIGHUP: what is read again, what stays when that fails, and when it still means the end.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// How long a file is that is still being sent when its directory has gone: more than sockets hold.
const LARGE: usize = 16 * 1024 * 1024;

/// A folder with two releases of a site, `1` and `2`, and a link `now` to the first. Each page, and
/// each byte of the large file, is the number of its release.
fn releases(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("releases-{name}"));
    let _ = fs::remove_dir_all(&folder);
    for release in ["1", "2"] {
        fs::create_dir_all(folder.join(release)).expect("a folder");
        fs::write(folder.join(release).join("index.html"), release).expect("a page");
        fs::write(folder.join(release).join("large"), release.repeat(LARGE)).expect("a file");
    }
    symlink("1", folder.join("now")).expect("a link");
    folder
}

/// Has the link lead to this release, from one moment to the next.
fn deploy(folder: &Path, release: &str) {
    let next = folder.join("next");
    symlink(release, &next).expect("a link");
    fs::rename(next, folder.join("now")).expect("the same folder");
}

fn serve(folder: &Path) -> Running {
    Running::start(oneloop().args(["--access-log", "off"]).arg(folder.join("now")))
}

impl Running {
    /// Sends SIGHUP, and waits for the line that tells what has come of it.
    fn reload(&self, says: &str) -> String {
        self.signal("-HUP");
        self.wait_for_line(says)
    }

    fn body(&self) -> String {
        String::from_utf8(self.answer().1).expect("text")
    }
}

#[test]
fn a_site_whose_link_leads_elsewhere_is_the_new_one_from_the_reload_on() {
    let folder = releases("link");
    let running = serve(&folder);
    for release in ["1", "2", "1", "2"] {
        deploy(&folder, release);
        let line = running.reload("reloaded");
        assert!(line.contains(&format!("the directory '{}/now'", folder.display())), "{line}");
        // Without the signal it may be the old one for a second.
        assert_eq!(running.body(), release);
    }
    // A new directory under the name of the old one.
    fs::remove_file(folder.join("now")).expect("a link");
    fs::rename(folder.join("1"), folder.join("now")).expect("the same folder");
    running.reload("reloaded");
    assert_eq!(running.body(), "1");
    // What has changed in a directory that stays is seen at once, too.
    fs::write(folder.join("now/index.html"), "3").expect("a page");
    running.reload("reloaded");
    assert_eq!(running.body(), "3");
}

#[test]
fn a_reload_under_load_loses_no_request_and_cuts_no_answer() {
    const DEPLOYMENTS: usize = 30;
    let folder = releases("load");
    let running = serve(&folder);
    let address = running.address;
    let mut large = TcpStream::connect(address).expect("a connection");
    large.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    large.write_all(b"GET /large HTTP/1.0\r\n\r\n").expect("sent");
    let mut first = [0; 1];
    large.read_exact(&mut first).expect("the answer has begun");
    let (is_over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, asked) = (Arc::clone(&is_over), Arc::clone(&asked));
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let mut answer = vec![0; 4096];
                while !is_over.load(Ordering::Relaxed) {
                    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
                    let bytes = read_some(&mut stream, &mut answer).expect("an answer");
                    let answer = String::from_utf8_lossy(&answer[..bytes]);
                    let is_whole = answer.ends_with("\r\n\r\n1") || answer.ends_with("\r\n\r\n2");
                    assert!(answer.starts_with("HTTP/1.1 200 ") && is_whole, "{answer}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for deployment in 0..DEPLOYMENTS {
        let before = asked.load(Ordering::Relaxed);
        deploy(&folder, if deployment % 2 == 0 { "2" } else { "1" });
        running.reload("reloaded");
        let began = Instant::now();
        while asked.load(Ordering::Relaxed) < before + 20 {
            assert!(began.elapsed() < PATIENCE, "requests go on");
            thread::yield_now();
        }
    }
    is_over.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("no request is lost"));
    // Its directory is no longer served, and has gone.
    deploy(&folder, "2");
    fs::remove_dir_all(folder.join("1")).expect("a folder");
    running.reload("reloaded");
    let mut bytes = first.to_vec();
    large.read_to_end(&mut bytes).expect("the rest");
    let (answers, _) = Answer::read_all(&bytes, ["GET"]);
    let body = answers[0].body();
    assert!(body.len() == LARGE && body.iter().all(|byte| *byte == b'1'), "{}", body.len());
}

#[test]
fn a_root_that_is_missing_leaves_the_old_one_and_one_line() {
    let folder = releases("missing");
    let running = serve(&folder);
    fs::rename(folder.join("now"), folder.join("elsewhere")).expect("the same folder");
    for _ in 0..2 {
        let line = running.reload("reload");
        let path = format!("'{}/now'", folder.display());
        let says = ["ERROR", "cannot reload", &path, "No such file", "reload again"];
        assert!(says.iter().all(|words| line.contains(words)), "{line}");
        assert_eq!(running.body(), "1");
    }
    fs::write(folder.join("now"), "no directory").expect("a file");
    assert!(running.reload("reload").contains("Not a directory"));
    assert_eq!(running.body(), "1");
    fs::remove_file(folder.join("now")).expect("a file");
    symlink("2", folder.join("now")).expect("a link");
    assert!(running.reload("reload").contains("reloaded"));
    assert_eq!(running.body(), "2");
}

#[test]
fn a_file_for_all_requests_is_read_again_with_its_type() {
    let path = file("reloaded.html", b"<p>one");
    let mut command = oneloop();
    let running =
        Running::start(command.args(["--file", &path, "-H", "X-A: b", "--status", "203"]));
    let head_and_body = |running: &Running| {
        let (head, body) = running.answer();
        (head, String::from_utf8(body).expect("text"))
    };
    assert_eq!(head_and_body(&running).1, "<p>one");
    // One that the kernel holds, which takes a descriptor.
    let long = "<p>".to_owned() + &"2".repeat(100_000);
    for (content, has_gone) in [("<p>two", false), (&long, false), ("", false), ("<p>3", true)] {
        fs::write(&path, content).expect("a file");
        let line = running.reload("reload");
        assert!(line.contains(&format!("reloaded the file '{path}'")), "{line}");
        if has_gone {
            fs::remove_file(&path).expect("a file");
            let line = running.reload("cannot reload");
            assert!(line.contains("'--file'") && line.contains("No such file"), "{line}");
        }
        let (head, body) = head_and_body(&running);
        assert_eq!(body, content);
        for words in ["203", "Content-Type: text/html", "X-A: b"] {
            assert!(head.contains(words), "{head}");
        }
    }
}

/// All clients would wait for it.
#[test]
fn a_file_that_has_become_a_pipe_is_not_waited_for() {
    // Only a run that has failed leaves a pipe.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let _ = fs::remove_file(folder.join("becomes-a-pipe.txt"));
    let path = file("becomes-a-pipe.txt", b"text\n");
    let running = Running::start(oneloop().args(["--file", &path]));
    fs::remove_file(&path).expect("a file");
    let made = Command::new("mkfifo").arg(&path).status().expect("a mkfifo command");
    assert!(made.success());
    let line = running.reload("cannot reload");
    assert!(line.contains(&path) && line.contains("is no regular file"), "{line}");
    assert_eq!(running.body(), "text\n");
    fs::remove_file(&path).expect("a pipe");
}

#[test]
fn a_text_has_nothing_to_reload_and_is_served_on() {
    let running = Running::start(oneloop().args(["-t", "hello"]));
    for _ in 0..3 {
        running.reload("nothing to reload");
        assert_eq!(running.body(), "hello\n");
    }
    running.signal("-TERM");
    assert_eq!(running.end().code(), Some(0));
}

/// Its clients go on, and what they ask for is of the new site.
#[test]
fn a_reload_during_the_end_is_no_second_signal_to_stop() {
    let folder = releases("stopping");
    let mut command = oneloop();
    command.args(["--access-log", "off", "--drain-announce", "1h"]);
    let running = Running::start(command.arg(folder.join("now")));
    running.signal("-TERM");
    running.wait_for_line("stopping by SIGTERM");
    deploy(&folder, "2");
    running.reload("reloaded");
    assert_eq!(running.body(), "2");
    running.signal("-TERM");
    assert_eq!(running.end().code(), Some(143));
}

/// Its own listeners are no part of a reload: their clients go on, too.
#[test]
fn a_reload_leaves_the_admin_page_and_the_health_place_as_they_are() {
    let folder = releases("own-listeners");
    let mut command = oneloop();
    command.args(["--access-log", "off", "--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"]);
    let mut running = Running::start(command.arg(folder.join("now")));
    let public = running.address;
    let admin = addresses(&running.wait_for_line("admin page at http://"))[0];
    let health = addresses(&running.wait_for_line("health at http://"))[0];
    let mut watcher = TcpStream::connect(admin).expect("a connection");
    watcher.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    watcher
        .write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("room for a request");
    for release in ["2", "1", "2"] {
        deploy(&folder, release);
        running.reload("reloaded");
        running.address = health;
        assert_eq!((running.status_of("/readyz"), running.status_of("/metrics")), (200, 200));
        running.address = public;
        assert_eq!(running.body(), release);
        // Frames go on coming.
        assert!(watcher.read(&mut [0; 64 * 1024]).expect("a frame") > 0);
    }
    running.signal("-TERM");
    assert_eq!(running.end().code(), Some(0));
}

/// Commands of a shell at a terminal of its own, which is closed when the guard is dropped.
struct AtTerminal {
    holder: Child,
    log: PathBuf,
    pid: PathBuf,
}

impl AtTerminal {
    /// Starts the program, of which standard input is not the terminal, and waits until it listens.
    /// `then` is what the shell does behind it.
    fn start(name: &str, then: &str) -> AtTerminal {
        let log = PathBuf::from(file(&format!("{name}.log"), b""));
        let pid = PathBuf::from(file(&format!("{name}.pid"), b""));
        let program = env!("CARGO_BIN_EXE_oneloop");
        let start = format!("{program} -l 127.0.0.1:0 </dev/null 2>'{}' &", log.display());
        // Jobs of their own groups, as in a shell that a person uses.
        let line = format!("set -m; {start} echo $! >'{}'; {then}", pid.display());
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env("SHELL", "/bin/sh");
        let streams = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let holder = streams.spawn().expect("a script command");
        let terminal = AtTerminal { holder, log, pid };
        terminal.wait_for("listening on");
        terminal
    }

    fn wait_for(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let lines = fs::read_to_string(&self.log).expect("a log");
            if lines.contains(words) {
                return lines;
            }
            assert!(began.elapsed() < PATIENCE, "no {words:?} in {lines}");
            thread::yield_now();
        }
    }

    fn hang_up(&self) {
        let pid = fs::read_to_string(&self.pid).expect("a number");
        let sent = Command::new("kill").args(["-HUP", pid.trim()]).status();
        assert!(sent.expect("a kill command").success());
    }

    fn close(&mut self) {
        // Without its holder there is no terminal.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        self.close();
        // If the test has failed it may not have ended; another process may have its number.
        let pid = fs::read_to_string(&self.pid).unwrap_or_default();
        let is_ours = |exe: PathBuf| exe == Path::new(env!("CARGO_BIN_EXE_oneloop"));
        if fs::read_link(format!("/proc/{}/exe", pid.trim())).is_ok_and(is_ours) {
            let _ = Command::new("kill").args(["-KILL", pid.trim()]).output();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_hang_up_stops_the_server_only_when_its_terminal_has_been_closed() {
    // In the foreground: the kernel tells it that its terminal is closed.
    let mut terminal = AtTerminal::start("foreground", "fg");
    terminal.hang_up();
    terminal.wait_for("nothing to reload");
    terminal.close();
    let lines = terminal.wait_for("stopping by SIGHUP");
    assert_eq!(lines.matches("nothing to reload").count(), 1, "{lines}");
}

/// A shell sends the signal to its jobs before it exits, and so before the terminal is closed.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_just_after_the_hang_up_is_what_it_meant() {
    // The kernel tells the leader of the session, which is not the server's shell, and nobody else.
    let mut terminal = AtTerminal::start("background", "exec sleep 60");
    terminal.hang_up();
    terminal.wait_for("nothing to reload");
    terminal.close();
    terminal.wait_for("stopping by SIGHUP");
}
