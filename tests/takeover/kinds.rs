//! Listeners of all kinds: which are taken over, bound and closed, and which process removes a file.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::SocketAddr as UnixAddress;

use super::needed::Needed;
use super::*;

const ACTIVATE: Needed = Needed { names: &["systemd-socket-activate"], package: "systemd" };

#[test]
fn listeners_of_all_kinds_go_to_the_new_process_and_stay_the_same() {
    let (folder, path) = meeting("kinds");
    let name = format!("oneloop-{}-kinds", std::process::id());
    let web = folder.path().join("web");
    let unix = format!("unix:{}", web.display());
    let hidden = format!("unix:@{name}");
    let arguments = ["-l", "127.0.0.1:0", "-l", &unix, "-l", &hidden, "-l", "127.0.0.1:0"];
    let own = ["--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"];
    let mut arguments = [&arguments[..], &own[..], &["-t", "old"]].concat();
    let old = Instance::start(&path, &arguments);
    // The option differs, and the place is the same.
    let changed = format!("{unix},mode=0600");
    (arguments[3], *arguments.last_mut().expect("a text")) = (&changed, "new");
    let mut new = Instance::start(&path, &arguments);
    new.program.hear_error("health at ");
    let told = |it: &Instance| -> Vec<String> {
        let log = it.program.errors();
        let lines = log.lines().filter_map(|line| line.split_once(" INFO ] ").map(|it| it.1));
        let told = lines.filter(|line| line.starts_with("listening") || line.contains(" at http"));
        told.map(str::to_owned).collect()
    };
    let ended = old.end();
    assert_eq!(ended.status.code(), Some(0));
    let places = told(&new);
    assert_eq!(places.len(), 3, "{places:?}");
    for line in &places {
        assert!(ended.errors.contains(line), "{line} in {}", ended.errors);
    }
    let address = new.address();
    assert_eq!(Client::connect(address).get("/").text(), "new\n");
    assert_eq!(unix_client(&web).get("/").text(), "new\n");
    let mode = fs::metadata(&web).expect("a file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let abstract_name = UnixAddress::from_abstract_name(&name).expect("a name");
    let stream = UnixStream::connect_addr(&abstract_name).expect("it is listened at");
    assert_eq!(Client::new(TcpStream::from(OwnedFd::from(stream))).get("/").text(), "new\n");
    let health = new.address_behind("health at http://");
    assert_eq!(Client::connect(health).get("/readyz").status, 200);
    let admin = new.address_behind("admin page at http://");
    let mut client = Client::connect(admin);
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert!(path.exists() && web.exists(), "the old one has left them");
    assert_eq!(new.stop().status.code(), Some(0));
    assert!(!path.exists() && !web.exists(), "the last one removes them");
}

#[test]
fn a_place_of_the_old_process_alone_is_closed_and_one_of_the_new_alone_is_bound() {
    let (folder, path) = meeting("places");
    let [left, kept, added] = ["left", "kept", "added"].map(|name| folder.path().join(name));
    let place = |path: &Path| format!("unix:{}", path.display());
    let [at_left, at_kept, at_added] = [&left, &kept, &added].map(|it| place(it));
    let arguments = ["-l", &at_left, "-l", "127.0.0.1:0", "-l", &at_kept, "-t", "old"];
    let mut old = Instance::start(&path, &arguments);
    let port = {
        let log = old.program.errors();
        let (_, rest) = log.split_once("http://127.0.0.1:").expect("its port");
        rest.split_once('/').expect("a URL").0.parse::<u16>().expect("a port")
    };
    // It waits in a queue that the new process does not get.
    old.signal(Signal::STOP);
    let mut waiting = unix_client(&left);
    waiting.ask("/");
    let arguments = ["-l", &at_added, "-l", &at_kept, "-t", "new"];
    let starting = Program::start(&mut oneloop(&path, &arguments));
    old.signal(Signal::CONT);
    let mut new = Instance { program: starting };
    new.program.hear_error("Ctrl-C stops it\n");
    old.program.hear_error("has taken over");
    assert_eq!(waiting.answer().text(), "old\n");
    assert_eq!(old.end().status.code(), Some(0));
    assert!(!left.exists(), "it was the old one's alone");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nor does any listen here");
    for path in [&kept, &added] {
        assert_eq!(unix_client(path).get("/").text(), "new\n");
    }
    assert_eq!(new.stop().status.code(), Some(0));
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

/// The new one need not be started by the service manager.
#[test]
fn a_listener_from_the_service_manager_is_handed_on() {
    let test = a_listener_from_the_service_manager_is_handed_on;
    let Some(tool) = ACTIVATE.find(test) else { return };
    let (folder, path) = meeting("inherited");
    let web = folder.path().join("web");
    let mut command = Command::new(tool);
    command.arg("-l").arg(&web).arg("--fdname=web").arg(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-l", "fd:web", "-t", "old", "--takeover"]).arg(&path);
    let mut old = Program::start(&mut command);
    old.hear_error(" as 3.");
    assert_eq!(unix_client(&web).get("/").text(), "old\n");
    old.hear_error("Ctrl-C stops it\n");
    let new = Instance::start(&path, &["-l", "fd:web", "-t", "new"]);
    assert_eq!(unix_client(&web).get("/").text(), "new\n");
    assert_eq!(old.finish().status.code(), Some(0));
    assert_eq!(unix_client(&web).get("/").text(), "new\n");
    assert_eq!(new.stop().status.code(), Some(0));
    assert!(web.exists(), "it belongs to the service manager");
}

#[test]
fn a_relative_path_is_the_same_place_from_another_directory() {
    let (folder, path) = meeting("relative");
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let at = |directory: &Path, place: &str, text: &str| {
        let mut command = oneloop(&path, &["-l", place, "-t", text]);
        Instance::launch(command.current_dir(directory))
    };
    let old = at(folder.path(), "unix:web", "old");
    let new = at(&inner, &format!("unix:{}/web", folder.path().display()), "new");
    assert_eq!(old.end().status.code(), Some(0));
    assert_eq!(unix_client(&folder.path().join("web")).get("/").text(), "new\n");
    assert_eq!(new.stop().status.code(), Some(0));
}
