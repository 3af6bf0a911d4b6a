//! A new process that starts while the old one, which was told to stop, has not ended yet: it gets the
//! listeners that are left.

use super::giving::offered;
use super::*;

/// A request that waits for its content: its client is in flight.
fn in_flight(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.answer_head().status, 100);
    client
}

#[test]
fn an_old_process_that_only_announces_its_end_hands_everything_over_and_goes_on_to_end() {
    let (folder, path) = meeting("announcing");
    let web = folder.path().join("web");
    let unix = format!("unix:{}", web.display());
    let health = folder.path().join("health");
    let own = format!("unix:{}", health.display());
    let places = ["-l", "127.0.0.1:0", "-l", &unix, "--health", &own, "--drain-announce", "1h"];
    let mut old = Instance::start(&path, &[&places[..], &["-t", "old"]].concat());
    old.signal(Signal::TERM);
    old.program.hear_error("announcing that for 3600s");
    assert_eq!(unix_client(&health).get("/readyz").status, 503);
    let mut new = Instance::start(&path, &[&places[..], &["-t", "new"]].concat());
    assert_eq!(new.address(), old.address());
    assert_eq!(old.end().status.code(), Some(0), "it does not go on announcing");
    assert_eq!(Client::connect(new.address()).get("/").text(), "new\n");
    assert_eq!(unix_client(&web).get("/").text(), "new\n");
    assert_eq!(unix_client(&health).get("/readyz").status, 200);
    new.signal(Signal::TERM);
    new.program.hear_error("announcing that for 3600s");
    new.signal(Signal::TERM);
    assert_eq!(new.end().status.code(), Some(143));
    assert!(!web.exists() && !health.exists() && !path.exists(), "the last one removes them");
}

#[test]
fn an_old_process_that_drains_hands_over_its_health_place_and_lets_its_clients_finish() {
    let (_folder, path) = meeting("draining");
    let places = ["-l", "127.0.0.1:0", "--health", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let limits = ["--drain-timeout", "1h", "--drain-idle", "0s"];
    let mut old = Instance::start(&path, &[&places[..], &limits, &["-t", "old"]].concat());
    old.program.hear_error("health at ");
    let mut client = in_flight(old.address());
    old.signal(Signal::TERM);
    old.program.hear_error("stopping by SIGTERM");
    let port = old.address();
    let deadline = std::time::Instant::now() + sockets::PATIENCE;
    while TcpStream::connect(port).is_ok() {
        assert!(std::time::Instant::now() < deadline, "its listener stays open");
    }
    // It binds the port that is free, and takes over those that are not.
    let places = ["-l", &port.to_string(), "--health", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut new = Instance::start(&path, &[&places[..], &["-t", "new"]].concat());
    new.program.hear_error("health at ");
    for words in ["health at http://", "admin page at http://"] {
        assert_eq!(new.address_behind(words), old.address_behind(words));
    }
    old.program.hear_error("has taken over: ");
    assert_eq!(Client::connect(port).get("/").text(), "new\n");
    let health = new.address_behind("health at http://");
    assert_eq!(Client::connect(health).get("/readyz").status, 200);
    client.send("body");
    assert_eq!(client.answer().text(), "old\n");
    assert_eq!(old.end().status.code(), Some(0));
    assert_eq!(new.stop().status.code(), Some(0));
    assert!(!path.exists());
}

/// The signal that told it to stop was the first: the next one is not too late for a takeover.
#[test]
fn a_signal_after_a_stop_and_a_takeover_is_the_second_one() {
    let (_folder, path) = meeting("second");
    let arguments = ["-l", "127.0.0.1:0", "--drain-announce", "1h", "--drain-timeout", "1h"];
    let mut old = Instance::start(&path, &arguments);
    let _client = in_flight(old.address());
    old.signal(Signal::TERM);
    old.program.hear_error("announcing that for ");
    let new = Instance::start(&path, &arguments);
    old.program.hear_error("has taken over: ");
    old.signal(Signal::TERM);
    assert_eq!(old.end().status.code(), Some(143));
    assert_eq!(Client::connect(new.address()).get("/").status, 200);
}

/// The new process has been offered them, and starts.
#[test]
fn listeners_that_the_old_process_closes_meanwhile_are_left_with_their_files() {
    let (folder, path) = meeting("meanwhile");
    let [web, health] = ["web", "health"].map(|name| folder.path().join(name));
    let place = |path: &Path| format!("unix:{}", path.display());
    let (unix, own) = (place(&web), place(&health));
    for announce in ["1s", "1h"] {
        let arguments = ["-l", &unix, "--health", &own, "--drain-announce", announce];
        let mut old = Instance::start(&path, &arguments);
        old.signal(Signal::TERM);
        old.program.hear_error("announcing that for ");
        let (mut stream, text, descriptors) = offered(&path);
        assert_eq!((text.matches("place ").count(), descriptors.len()), (2, 2), "{text}");
        let is_told_again = announce == "1h";
        if is_told_again {
            old.signal(Signal::TERM);
        }
        assert_eq!(old.end().status.code(), Some(if is_told_again { 143 } else { 0 }));
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
        assert!(rest.is_empty(), "the end says that all is the new one's");
        for path in [&web, &health] {
            let _waits = UnixStream::connect(path).expect("it is listened at");
            std::fs::remove_file(path).expect("it is left to the new one");
        }
    }
}
