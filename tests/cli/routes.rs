//! Routes on the command line, in a file and in the environment.

use super::*;

fn body_of(running: &Running, path: &str) -> String {
    String::from_utf8(running.answer_to(path).1).expect("text")
}

#[test]
fn routes_of_the_line_come_before_those_of_the_file() {
    let file = file("routes.txt", b"# a comment\n\n  # another\n/b/* text=file\n/* text=rest\n");
    let running = Running::start(oneloop().args([
        "--route",
        "/a text=line",
        "--routes",
        &file,
        "-H",
        "X-Y: z",
    ]));
    let bodies = ["/a", "/b/c", "/b"].map(|path| body_of(&running, path));
    assert_eq!(bodies, ["line", "file", "rest"]);
    assert!(running.get("/b").values("X-Y").eq(["z"]));
    let said = mistake(&["--route", "/* text=a", "--routes", &file]);
    let place = format!("oneloop: '{file}', line 4, column 1: no request can come");
    assert!(said.starts_with(&place), "{said}");
}

#[test]
fn the_environment_has_one_route_a_line() {
    let routes = "/a text=\"one\"\n\n/b status=404\n";
    let running = Running::start(oneloop().env("ONELOOP_ROUTE", routes).env("ONELOOP_SEED", "7"));
    assert_eq!((body_of(&running, "/a"), running.status_of("/b")), ("one".to_owned(), 404));
    let said = refusal(oneloop().env("ONELOOP_ROUTE", "/a text=a\n/b\n"), 2);
    assert!(said.contains("ONELOOP_ROUTE, line 2, column 3: expected an answer"), "{said}");
    // The command line outweighs the environment, whichever of them has the routes.
    let mut command = oneloop();
    let running = Running::start(command.env("ONELOOP_ROUTE", routes).args(["-t", "text"]));
    assert_eq!(body_of(&running, "/a"), "text\n");
    let mut command = oneloop();
    command.env("ONELOOP_DIR", ".").env("ONELOOP_TEXT", "text").args(["--route", "/a text=a"]);
    assert_eq!(body_of(&Running::start(&mut command), "/a"), "a");
}

#[test]
fn routes_exclude_other_answers() {
    for other in [vec!["-t", "a"], vec!["--status", "404"], vec!["--file", "Cargo.toml"], vec!["."]]
    {
        let said = mistake(&[&["--route", "/ text=a"][..], &other].concat());
        assert!(said.contains("'--route' cannot be used with "), "{said}");
    }
    assert!(mistake(&["--seed", "4"]).contains("'--seed' is for routes"));
    assert!(mistake(&["--routes", "no/such/file"]).contains("cannot read 'no/such/file'"));
    assert!(mistake(&["--routes", &file("none.txt", b"# nothing\n")]).contains("has no route"));
}

#[test]
fn a_reload_takes_the_whole_file_or_leaves_everything_as_it_was() {
    let path = file("reloaded.txt", b"/a text=one\n/n status=500 first=1 then text=ok\n");
    let running = Running::start(oneloop().args(["--routes", &path]));
    assert_eq!((running.status_of("/n"), running.status_of("/n")), (500, 200));
    file("reloaded.txt", b"/a text=two\n/n text=\n/b over=x\n");
    running.signal("-HUP");
    let line = running.wait_for_line("line 3, column 9");
    assert!(line.contains(&path), "{line}");
    assert_eq!((body_of(&running, "/a"), running.status_of("/n")), ("one".to_owned(), 200));
    file("reloaded.txt", b"/a text=two\n/n status=500 first=1 then text=ok\n");
    running.signal("-HUP");
    running.wait_for_line(&format!("the routes of '{path}'"));
    assert_eq!((body_of(&running, "/a"), running.status_of("/n")), ("two".to_owned(), 500));
}

/// Runs these routes with a log, lets `act` be a client, and returns the lines of the log.
fn logged(routes: &[&str], act: impl FnOnce(&Running)) -> Vec<serde_json::Value> {
    let mut command = oneloop();
    command.args(["--access-log", "-", "--access-log-format", "json"]);
    routes.iter().for_each(|route| _ = command.args(["--route", route]));
    let running = Running::start(&mut command);
    act(&running);
    let output = access_log::output_of(running);
    output.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn an_answer_that_begins_later_has_one_line_with_its_status_and_its_pause() {
    let routes = ["/slow status=503 after=200ms text=later", "/never after=1h text=x", "/ text=a"];
    let lines = logged(&routes, |running| {
        let began = Instant::now();
        assert_eq!(running.status_of("/slow"), 503);
        assert!(began.elapsed() >= Duration::from_millis(200));
        let mut leaving = TcpStream::connect(running.address).expect("a connection");
        leaving.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        // The server has read it when it answers a later client.
        running.answer();
        socket2::SockRef::from(&leaving).set_linger(Some(Duration::ZERO)).expect("a socket");
        drop(leaving);
        running.answer();
    });
    let of = |target: &str| {
        let mut of: Vec<_> = lines.iter().filter(|line| line["target"] == target).collect();
        assert_eq!(of.len(), 1, "{lines:?}");
        of.remove(0)
    };
    let slow = of("/slow");
    assert_eq!((&slow["status"], &slow["bytes"]), (&503.into(), &5.into()));
    assert_eq!(slow["ended"], "whole");
    let first_byte = slow["first_byte"].as_f64().expect("a time");
    assert!((0.2..2.0).contains(&first_byte), "{slow}");
    let never = of("/never");
    assert_eq!((&never["status"], &never["bytes"]), (&0.into(), &0.into()));
    assert_eq!(never["ended"], "reset");
    assert!(never["first_byte"].is_null(), "{never}");
}
