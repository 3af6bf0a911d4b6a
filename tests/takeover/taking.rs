//! The new process, and what it finds at the path: nothing, something else, or an old process that does
//! not answer.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::time::Instant;

use super::*;
use crate::needed::report_not_run;

/// A user that every system has, and no test runs as.
const NOBODY: u32 = 65534;

#[test]
fn a_first_start_binds_everything_also_where_a_killed_process_was() {
    let (_folder, path) = meeting("first");
    let first = Instance::start(&path, PLACE);
    let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    first.signal(Signal::KILL);
    first.end();
    assert!(path.exists(), "it was killed");
    let second = Instance::start(&path, PLACE);
    assert_eq!(Client::connect(second.address()).get("/").status, 200);
    assert_eq!(second.stop().status.code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn what_is_no_process_to_take_over_from_is_told() {
    let (folder, path) = meeting("others");
    std::fs::write(&path, "").expect("a file");
    let ended = refused(oneloop(&path, PLACE));
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.errors.contains("something that is no socket is there"), "{}", ended.errors);
    let ended = refused(oneloop(Path::new("/none/such/t"), PLACE));
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.errors.contains("there is no directory /none/such"), "{}", ended.errors);
    // A server, but not of that kind.
    let web = folder.path().join("web");
    let server =
        Instance::start(&folder.path().join("u"), &["-l", &format!("unix:{}", web.display())]);
    let ended = refused(oneloop(&web, PLACE));
    assert_eq!(ended.status.code(), Some(1));
    let says = "' is no part of a takeover; 'oneloop takeover 1' is what this process speaks";
    assert!(ended.errors.contains(says), "{}", ended.errors);
    assert_eq!(unix_client(&web).get("/").status, 200);
    assert_eq!(server.stop().status.code(), Some(0));
    for (bad, says) in [("@a", "write the path alone"), ("unix:/a", "write the path alone")] {
        let ended = refused(oneloop(Path::new(bad), PLACE));
        assert_eq!(ended.status.code(), Some(2), "{bad}");
        assert!(ended.errors.contains(says), "{}", ended.errors);
    }
}

#[test]
fn an_old_process_that_is_stopped_by_a_debugger_is_named_and_keeps_all() {
    let (_folder, path) = meeting("frozen");
    let old = Instance::start(&path, PLACE);
    old.signal(Signal::STOP);
    let began = Instant::now();
    let ended = refused(oneloop(&path, PLACE));
    let took = began.elapsed().as_secs();
    assert!((5..20).contains(&took), "{took} s");
    assert_eq!(ended.status.code(), Some(1));
    let says = format!("{} does not answer within 5s; ", old.named());
    assert!(ended.errors.contains(&says), "{}", ended.errors);
    old.signal(Signal::CONT);
    assert_eq!(Client::connect(old.address()).get("/").status, 200);
    assert_eq!(old.stop().status.code(), Some(0));
}

#[test]
fn a_place_that_cannot_be_bound_leaves_the_old_process_as_it_was() {
    let (folder, path) = meeting("unbound");
    let web = folder.path().join("web");
    let unix = format!("unix:{}", web.display());
    let old = Instance::start(&path, &["-l", &unix]);
    let ended = refused(oneloop(&path, &["-l", &unix, "-l", "192.0.2.1:80"]));
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.errors.contains("cannot listen at 192.0.2.1:80"), "{}", ended.errors);
    assert_eq!(unix_client(&web).get("/").status, 200, "nor is its file removed");
    assert_eq!(old.stop().status.code(), Some(0));
}

#[test]
fn another_user_gets_nothing_and_gives_nothing() {
    let test = another_user_gets_nothing_and_gives_nothing;
    if !rustix::process::geteuid().is_root() {
        return report_not_run(test, "only root can start a process of another user");
    }
    let folder = Folder::new("user");
    // Where all users may go; the target folder need not be one.
    let place = std::env::temp_dir().join(format!("oneloop-takeover-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("a folder");
    let (path, program) = (place.join("t"), place.join("oneloop"));
    std::fs::copy(env!("CARGO_BIN_EXE_oneloop"), &program).expect("room for it");
    chown(&place, Some(NOBODY), None).expect("root may");
    let as_nobody = |path: &Path| {
        let mut command = Command::new(&program);
        command.uid(NOBODY).args(PLACE).arg("--takeover").arg(path);
        command
    };
    // Ours is not for others, by its mode.
    let ours = Instance::start(&folder.path().join("t"), PLACE);
    let at = place.join("ours");
    std::os::unix::fs::symlink(folder.path().join("t"), &at).expect("a link");
    let ended = refused(as_nobody(&at));
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.errors.contains("run both processes as the same user"), "{}", ended.errors);
    // Root may connect anywhere, and does not trust what is there.
    let theirs = Instance::launch(&mut as_nobody(&path));
    let ended = refused(oneloop(&path, PLACE));
    assert_eq!(ended.status.code(), Some(1));
    let says = "one process is of user 65534 and the other of user 0; run both as the same user";
    assert!(ended.errors.contains(says), "{}", ended.errors);
    assert_eq!(Client::connect(theirs.address()).get("/").status, 200);
    // Nor does the other trust it.
    let mut stream = UnixStream::connect(&path).expect("it is listened at");
    let mut told = String::new();
    std::io::Read::read_to_string(&mut stream, &mut told).expect("an answer, and the end");
    assert!(told.contains("one process is of user 0 and the other of user 65534"), "{told}");
    assert_eq!(theirs.stop().status.code(), Some(0));
    assert_eq!(ours.stop().status.code(), Some(0));
    let _ = std::fs::remove_dir_all(&place);
}
