//! What the program prints while it runs: its log, `--explain`, its first lines.

use super::*;

#[test]
fn rust_log_wins_over_verbosity() {
    // Starting waits for the line about listening, which `-qq` alone would hold back.
    Running::start(oneloop().arg("-qq").env("RUST_LOG", "info"));
}

#[test]
fn a_form_of_telling_that_does_not_exist_is_one_line() {
    let forms = "write --explain, --explain=text, --explain=json or --explain=trace";
    assert!(mistake(&["--explain=xml"]).ends_with(forms));
    let told = refusal(oneloop().env("ONELOOP_EXPLAIN", "xml"), 2);
    assert!(told.contains("ONELOOP_EXPLAIN") && told.ends_with(forms), "{told}");
    let told = mistake(&["--slow-motion", "300"]);
    assert!(told.ends_with("write a duration with its unit, such as 10s, 500ms or 2min"), "{told}");
}

#[test]
fn explain_tells_each_step_and_the_log_goes_on_beside_it() {
    let told = |command: &mut Command| {
        let mut running = Running::launch(command.args(["-l", "127.0.0.1:0"]));
        let line = running.wait_for_line("listen    at http://127.0.0.1:");
        let (_, url) = line.split_once("http://").expect("a URL");
        running.address = url.trim_end_matches('/').parse().expect("an address in the URL");
        running
    };
    let running = told(oneloop().arg("--explain").env("RUST_LOG", "oneloop=trace"));
    running.answer();
    let (told_line, logged) = (running.wait_for_line("state"), running.wait_for_line("close "));
    assert!(!told_line.contains('\x1b'), "no colours in a pipe: {told_line}");
    assert!(logged.contains("client 0"), "{logged}");
    let running = told(oneloop().env("ONELOOP_EXPLAIN", "1"));
    running.answer();
    running.wait_for_line("its descriptor is closed, and slot 0 is free");
}

#[test]
fn colours_come_where_they_are_wanted() {
    let first_line = |name: &str| {
        let mut command = oneloop();
        command.env_remove("NO_COLOR").env(name, "1");
        let running = Running::launch(command.args(["-l", "127.0.0.1:0", "--explain"]));
        running.wait_for_line("http://127.0.0.1:")
    };
    assert!(first_line("CLICOLOR_FORCE").contains("\x1b[1mlisten"));
    assert!(!first_line("NO_COLOR").contains('\x1b'));
}

#[test]
fn json_is_alone_on_standard_error() {
    let arguments = ["-l", "127.0.0.1:0", "--explain=json"];
    let mut running = Running::launch(oneloop().args(arguments));
    let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect(line);
    let first = parse(&running.wait_for_line(""));
    assert_eq!(first["step"], "listen");
    let address = first["address"].as_str().expect("an address");
    running.address = address.parse().expect("an address");
    running.answer();
    running.signal("-TERM");
    let mut steps = Vec::new();
    while let Ok(line) = running.log.recv_timeout(PATIENCE) {
        let step = parse(&line);
        steps.push(step["step"].as_str().expect("a name").to_owned());
    }
    for step in ["poll", "told", "accept", "recv", "state", "send", "close", "free", "stop"] {
        assert!(steps.iter().any(|told| told == step), "{step} is not among {steps:?}");
    }
    assert_eq!(steps.last().map(String::as_str), Some("stopped"));
    assert!(running.end().success());
}

#[test]
fn a_trace_is_an_array_that_ends_with_the_server() {
    let arguments = ["-l", "127.0.0.1:0", "--explain=trace"];
    let mut running = Running::launch(oneloop().args(arguments));
    let mut told = running.wait_for_line("");
    let listens = running.wait_for_line("");
    running.address = addresses(&listens)[0];
    running.answer();
    running.signal("-TERM");
    told += &listens;
    while let Ok(line) = running.log.recv_timeout(PATIENCE) {
        told += &line;
    }
    assert!(running.end().success());
    let trace: Vec<serde_json::Value> = serde_json::from_str(&told).expect(&told);
    let at = |name: &str| {
        let event = trace.iter().find(|it| it["name"].as_str().is_some_and(|it| it == name));
        event.unwrap_or_else(|| panic!("no {name} in {trace:?}"))["ts"].as_f64().expect("a time")
    };
    let [accepted, given, closed] = ["accept", "GET / -> 200", "close"].map(at);
    assert!(0.0 < accepted && accepted < given && given < closed, "by the clock of each step");
}

#[test]
fn a_signal_stops_slow_motion_at_once() {
    let arguments = ["-l", "127.0.0.1:0", "--slow-motion", "1h"];
    let running = Running::launch(oneloop().args(arguments));
    running.wait_for_line("listen    at");
    running.signal("-TERM");
    running.wait_for_line("stopped   no client is left");
    assert!(running.end().success());
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_cannot_be_told_is_served_all_the_same() {
    // A port of its own choice could not be told: one that was free a moment ago.
    let free = || {
        let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
        holder.local_addr().expect("its address")
    };
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let (reader, closed) = std::io::pipe().expect("a pipe");
    drop(reader);
    for stderr in [Stdio::from(full), Stdio::from(closed)] {
        let address = free();
        let mut command = oneloop();
        command.args(["-l", &address.to_string(), "--explain"]).stderr(stderr);
        let mut child = command.spawn().expect("the program starts");
        let began = Instant::now();
        let mut stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(reason) => assert!(began.elapsed() < PATIENCE, "{reason}"),
            }
            thread::yield_now();
        };
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("a request sent");
        let mut answer = String::new();
        let answered = stream.read_to_string(&mut answer);
        let _ = child.kill();
        let _ = child.wait();
        answered.expect("an answer and the end of it");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[test]
fn the_first_lines_say_where_it_can_be_watched() {
    let anyone = ["--admin", "0.0.0.0:0", "--admin-anyone-can-reach-it"];
    for arguments in [&["--admin", "0"][..], &["--admin", "[::1]:0"], &anyone] {
        let running = Running::start(oneloop().args(arguments));
        let address = addresses(&running.wait_for_line("admin page at http://"))[0];
        let mut admin = TcpStream::connect(address).expect("it listens there");
        write!(admin, "GET /healthz HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("it is there");
        let mut answer = String::new();
        admin.read_to_string(&mut answer).expect("an answer and its end");
        assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
        running.signal("-TERM");
        assert_eq!(running.end().code(), Some(0));
    }
}

#[test]
fn a_quiet_server_says_nothing_about_listening() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("its address").to_string();
    // It would have logged the first address before it failed at the second.
    let mut command = oneloop();
    command.args(["-q", "-l", "127.0.0.1:0", "-l", &taken]);
    refusal(&mut command, 1);
}
