//! What a service manager is told at a takeover: which process is the main one, and not that its service
//! stops.

use std::os::unix::net::UnixDatagram;

use super::*;

fn heard(manager: &UnixDatagram) -> String {
    let mut room = [0; 1024];
    let bytes = manager.recv(&mut room).expect("a message in time");
    String::from_utf8(room[..bytes].to_vec()).expect("text")
}

#[test]
fn the_manager_hears_of_the_new_main_process_and_of_no_end() {
    let (folder, path) = meeting("manager");
    let name = folder.path().join("n");
    let manager = UnixDatagram::bind(&name).expect("a free path");
    manager.set_read_timeout(Some(sockets::PATIENCE)).expect("an option");
    let command = || {
        let mut command = oneloop(&path, PLACE);
        command.env("NOTIFY_SOCKET", &name);
        command
    };
    // The manager tells the time of the watchdog only to the process that it starts.
    let old = Instance::launch(command().env("WATCHDOG_USEC", "600000000"));
    let first: Vec<String> = (0..2).map(|_| heard(&manager)).collect();
    assert!(first.iter().any(|it| it == "WATCHDOG=1"), "{first:?}");
    assert!(first.iter().any(|it| it.starts_with("READY=1\nSTATUS=")), "{first:?}");
    let new = Instance::launch(&mut command());
    assert_eq!(old.end().status.code(), Some(0));
    // The old process tells it as well, and first: the new one may come to it when the old one has ended.
    let main = format!("MAINPID={}", new.program.pid().as_raw_pid());
    assert_eq!(heard(&manager), main);
    let next: Vec<String> = (0..2).map(|_| heard(&manager)).collect();
    let ready = format!("READY=1\n{main}\nSTATUS=");
    assert!(next.iter().any(|it| it.starts_with(&ready)), "{next:?}");
    assert!(next.iter().any(|it| it == "WATCHDOG=1"), "{next:?}");
    new.signal(Signal::TERM);
    assert!(heard(&manager).starts_with("STOPPING=1\n"), "nothing but this since");
    assert_eq!(new.end().status.code(), Some(0));
}
