//! The access log: where its lines go, what they tell, and a reader that has stopped.

use super::*;
use std::net::Shutdown;

/// A folder of this test's own, with a page and a large file in it.
pub fn site(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("access-log-{name}"));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("index.html"), "hello\n").expect("a page");
    let large = fs::File::create(folder.join("large")).expect("a file");
    large.set_len(64 * 1024 * 1024).expect("room for it");
    folder
}

/// Ends the server, and says what its standard output was.
pub fn output_of(mut running: Running) -> String {
    let mut stdout = running.child.stdout.take().expect("a piped standard output");
    running.signal("-TERM");
    let mut output = String::new();
    stdout.read_to_string(&mut output).expect("text");
    assert_eq!(running.end().code(), Some(0));
    output
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).expect(line)
}

#[test]
fn a_directory_has_its_lines_on_standard_output_and_a_text_has_none() {
    let running = Running::start(oneloop().arg(site("default")));
    running.answer();
    running.answer_to("/nothing?here");
    let output = output_of(running);
    let lines: Vec<&str> = output.lines().collect();
    let request = |line: &str| line.split('"').nth(1).map(str::to_owned);
    assert_eq!(request(lines[0]), Some("GET / HTTP/1.1".to_owned()), "{output}");
    assert!(lines[0].starts_with("127.0.0.1 - - [") && lines[0].ends_with("\" 200 6 \"-\" \"-\""));
    assert_eq!(request(lines[1]), Some("GET /nothing?here HTTP/1.1".to_owned()), "{output}");
    assert!(lines[1].contains("\" 404 "), "{output}");
    assert_eq!(lines.len(), 2, "{output}");

    let running = Running::start(&mut oneloop());
    running.answer();
    assert_eq!(output_of(running), "");
    let running = Running::start(oneloop().args(["--access-log", "-"]));
    running.answer();
    assert_eq!(output_of(running).lines().count(), 1);
    let running = Running::start(oneloop().args(["--access-log", "off"]).arg(site("off")));
    running.answer();
    assert_eq!(output_of(running), "");
}

#[test]
fn a_request_that_a_believed_proxy_has_passed_on_has_its_clients_address() {
    let lines_with = |arguments: &[&str]| {
        let running = Running::start(oneloop().args(["--access-log", "-"]).args(arguments));
        let mut stream = TcpStream::connect(running.address).expect("a connection");
        let fields = "X-Forwarded-For: 198.51.100.7, 2001:db8::1";
        let request = format!("GET / HTTP/1.0\r\n{fields}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        stream.read_to_end(&mut Vec::new()).expect("an answer");
        (output_of(running), stream.local_addr().expect("its address").to_string())
    };
    let (output, _) = lines_with(&[]);
    assert!(output.starts_with("2001:db8::1 - - ["), "{output}");
    let (output, _) = lines_with(&["--proxied-by", "127.0.0.0/8,2001:db8::/32"]);
    assert!(output.starts_with("198.51.100.7 - - ["), "{output}");
    for arguments in [["--proxied-by", "none"], ["--proxied-by", "10.0.0.0/8"]] {
        let (output, _) = lines_with(&arguments);
        assert!(output.starts_with("127.0.0.1 - - ["), "{output}");
    }
    let (output, proxy) = lines_with(&["--access-log-format", "json"]);
    let line = json(output.trim_end());
    assert_eq!(line["client"], "2001:db8::1");
    assert_eq!(line["proxy"].as_str(), Some(&*proxy));
}

#[test]
fn a_file_is_appended_to_and_one_that_cannot_be_opened_is_a_line() {
    let log = site("file").join("access.log");
    let _ = fs::remove_file(&log);
    for runs in 1..=2 {
        let mut command = oneloop();
        command.args(["--access-log-format", "logfmt", "--access-log"]).arg(&log);
        let running = Running::start(&mut command);
        running.answer();
        assert_eq!(output_of(running), "");
        let lines = fs::read_to_string(&log).expect("it is there");
        assert_eq!(lines.matches("target=\"/\" version=\"HTTP/1.1\" status=200").count(), runs);
    }
    let mode = fs::metadata(&log).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o137, 0, "only its owner writes it, and his group reads it");
    let mut command = oneloop();
    command.args(["-l", "127.0.0.1:0", "--access-log", "/nowhere/access.log"]);
    let told = refusal(&mut command, 1);
    assert!(told.contains("cannot open the access log '/nowhere/access.log'"), "{told}");
}

#[test]
fn what_is_no_request_and_what_is_not_taken_have_lines_that_say_so() {
    let mut command = oneloop();
    let running =
        Running::start(command.args(["-v", "--access-log-format=json"]).arg(site("ends")));
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(b"\x16\x03\"\x01\r\n\r\n").expect("sent");
    let _ = stream.read_to_end(&mut Vec::new());
    // Half of the large file, and then no more.
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    stream.read_exact(&mut vec![0; 32 * 1024 * 1024]).expect("half of it");
    stream.shutdown(Shutdown::Both).expect("an end");
    drop(stream);
    // Its end is known when the server has tried to send more.
    running.wait_for_line("close ");
    running.wait_for_line("close ");
    let output = output_of(running);
    let lines: Vec<serde_json::Value> = output.lines().map(json).collect();
    assert_eq!(lines.len(), 2, "{output}");
    assert_eq!(lines[0]["received"].as_str(), Some("\u{16}"), "{output}");
    assert_eq!(
        (lines[0]["status"].as_u64(), lines[0]["ended"].as_str()),
        (Some(400), Some("whole"))
    );
    assert_eq!(
        (lines[1]["status"].as_u64(), lines[1]["ended"].as_str()),
        (Some(200), Some("reset"))
    );
    let bytes = lines[1]["bytes"].as_u64().expect("a number");
    assert!((32 * 1024 * 1024 - 1000..64 * 1024 * 1024).contains(&bytes), "{bytes}");
    assert_eq!(lines[1]["connection"].as_u64(), Some(1));
    assert_eq!(lines[1]["request"].as_u64(), Some(1));
}

#[test]
fn paths_are_excepted_and_connections_sampled_but_failures_are_told() {
    let mut command = oneloop();
    command.args(["--access-log-except", "/", "--access-log-except", "/b"]);
    let running = Running::start(command.arg(site("except")));
    for path in ["/", "/?a", "/b", "/c"] {
        running.answer_to(path);
    }
    let output = output_of(running);
    assert!(output.lines().count() == 1 && output.contains("\"GET /c HTTP/1.1\" 404"), "{output}");

    let mut command = oneloop();
    let running = Running::start(command.args(["--access-log-sample", "1/3"]).arg(site("sample")));
    for _ in 0..6 {
        running.answer();
    }
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.write_all(b"nonsense\r\n\r\n").expect("sent");
    let _ = stream.read_to_end(&mut Vec::new());
    let output = output_of(running);
    assert_eq!(output.matches("\"GET / HTTP/1.1\" 200").count(), 2, "{output}");
    assert_eq!(output.matches(" 400 ").count(), 1, "{output}");
}

#[test]
fn the_health_path_is_answered_before_the_site_and_has_no_line() {
    let mut command = oneloop();
    let running = Running::start(command.args(["--health-path", "/alive"]).arg(site("health")));
    assert!(running.answer_to("/alive").0.contains("200 OK"), "the site has no such file");
    assert!(running.answer_to("/other").0.contains(" 404 "));
    let url = format!("http://{}/alive", running.address);
    let asked = oneloop().args(["health", &url]).output().expect("it runs");
    assert_eq!((asked.status.code(), &asked.stdout[..]), (Some(0), &b"ready\n"[..]));
    let output = output_of(running);
    assert!(output.lines().count() == 1 && output.contains("\"GET /other "), "{output}");
}

#[test]
fn connections_without_a_request_have_lines_if_they_are_asked_for() {
    let ended = |arguments: &[&str]| {
        let mut command = oneloop();
        command.args(["-v", "--strict", "--first-byte-timeout", "1s", "--access-log=-"]);
        let running = Running::start(command.arg("--access-log-format=json").args(arguments));
        let connect = || TcpStream::connect(running.address).expect("a connection");
        drop(connect());
        running.wait_for_line("close ");
        // It is closed by the server: nothing was sent in time.
        let mut silent = connect();
        silent.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        assert_eq!(read_some(&mut silent, &mut [0]).expect("an end"), 0);
        running.wait_for_line("close ");
        let mut half = connect();
        half.write_all(b"GET / HT").expect("sent");
        socket2::SockRef::from(&half).set_linger(Some(Duration::ZERO)).expect("a reset");
        drop(half);
        running.wait_for_line("close ");
        // Those that are answered have their lines already.
        running.answer();
        running.wait_for_line("close ");
        let mut noise = connect();
        noise.write_all(b"noise\r\n").expect("sent");
        let _ = noise.read_to_end(&mut Vec::new());
        running.wait_for_line("close ");
        let output = output_of(running);
        let lines: Vec<serde_json::Value> = output.lines().map(json).collect();
        let part = |line: &serde_json::Value, name: &str| line[name].as_u64().expect("a number");
        let lines = lines.iter().map(|line| {
            let numbers = [part(line, "connection"), part(line, "request"), part(line, "status")];
            (numbers, line["ended"].as_str().expect("a reason").to_owned())
        });
        lines.collect::<Vec<_>>()
    };
    let line = |numbers: [u64; 3], ended: &str| (numbers, ended.to_owned());
    let answered = [line([3, 1, 200], "whole"), line([4, 1, 400], "whole")];
    assert_eq!(ended(&[]), answered);
    let unanswered = [
        line([0, 0, 0], "peer-closed"),
        line([1, 0, 0], "first-byte-timeout"),
        line([2, 0, 0], "reset"),
    ];
    let all = [&unanswered[..], &answered].concat();
    assert_eq!(ended(&["--access-log-connections"]), all);
    let sampled = [&unanswered[..1], &answered].concat();
    assert_eq!(ended(&["--access-log-connections", "--access-log-sample=1/3"]), sampled);
}

/// A line behind others comes without a further request, too, but it is gathered for 50 ms. The
/// machine may be busy, so the quickest of some times counts.
#[test]
fn a_line_behind_a_pause_is_there_at_once_and_so_is_that_of_a_fault() {
    const TRIES: usize = 5;
    const AT_ONCE: Duration = Duration::from_millis(25);
    let mut command = oneloop();
    let mut running = Running::start(command.arg(site("at-once")));
    let mut stdout = BufReader::new(running.child.stdout.take().expect("a piped output"));
    let mut time_to = |request: &str, status: &str| {
        let began = Instant::now();
        let mut stream = TcpStream::connect(running.address).expect("a connection");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        assert!(line.contains(status), "{line}");
        began.elapsed()
    };
    let (get, noise) = ("GET / HTTP/1.0\r\n\r\n", "noise\r\n\r\n");
    let times = (0..TRIES).map(|_| {
        thread::sleep(Duration::from_millis(100));
        let alone = time_to(get, " 200 ");
        time_to(get, " 200 ");
        time_to(get, " 200 ");
        (alone, time_to(noise, " 400 "))
    });
    let (alone, faults): (Vec<_>, Vec<_>) = times.unzip();
    assert!(alone.iter().any(|took| *took < AT_ONCE), "{alone:?}");
    assert!(faults.iter().any(|took| *took < AT_ONCE), "{faults:?}");
    drop(stdout);
    running.signal("-TERM");
    assert_eq!(running.end().code(), Some(0));
}

/// How many lines there are, and of how many more it is told that they were dropped.
fn told(output: &str) -> (usize, usize) {
    let (mut lines, mut dropped) = (0, 0);
    for line in output.lines() {
        match line.strip_prefix("oneloop: ") {
            Some(notice) => {
                let number = notice.split(' ').next().expect("words");
                dropped += number.parse::<usize>().expect("a number");
            }
            None => {
                let is_whole =
                    line.starts_with("127.0.0.1 - - [") && line.ends_with(" \"-\" \"-\"");
                assert!(is_whole, "{line}");
                lines += 1;
            }
        }
    }
    (lines, dropped)
}

/// Standard output is a pipe that is not read until the end.
#[test]
fn a_reader_that_has_stopped_holds_up_nothing_and_is_told_what_is_missing() {
    const REQUESTS: usize = 6000;
    let mut command = oneloop();
    command.args(["--admin", "127.0.0.1:0", "--access-log-bytes", "64KiB"]);
    let running = Running::start(command.arg(site("stuck")));
    let admin = running.wait_for_line("admin page at http://");
    let admin = admin.split("http://").nth(1).expect("an address").trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    let mut answer = vec![0; 64 * 1024];
    for _ in 0..REQUESTS {
        stream.write_all(request).expect("sent");
        let bytes = read_some(&mut stream, &mut answer).expect("an answer");
        assert!(answer[..bytes].starts_with(b"HTTP/1.1 404 "));
    }
    drop(stream);
    let mut stream = TcpStream::connect(&admin).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("sent");
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).expect("metrics");
    let output = output_of(running);
    let (lines, dropped) = told(&output);
    assert!(dropped > 0 && lines > 1000, "{lines} lines and {dropped} dropped");
    assert_eq!(lines + dropped, REQUESTS);
    let counted = format!("oneloop_log_lines_dropped_total {dropped}\n");
    assert!(metrics.contains(&counted), "{counted} {metrics}");
}

/// Standard output is a pipe that is not read before the end. What does not fit into it is lost, and
/// standard error says how much.
#[test]
fn what_a_reader_that_has_stopped_never_takes_is_told_at_the_end() {
    const REQUESTS: usize = 3000;
    let mut command = oneloop();
    command.args(["--access-log-bytes", "32KiB"]);
    let mut running = Running::start(command.arg(site("lost")));
    let mut stdout = running.child.stdout.take().expect("a piped standard output");
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut answer = vec![0; 64 * 1024];
    for _ in 0..REQUESTS {
        stream.write_all(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        read_some(&mut stream, &mut answer).expect("an answer");
    }
    running.signal("-TERM");
    let line = running.wait_for_line(" lost at the end: standard output could not be written");
    assert_eq!(running.end().code(), Some(0));
    let lost = line.split("lines were").next().and_then(|words| words.split_whitespace().last());
    let lost: usize = lost.expect(&line).parse().expect(&line);
    let mut output = String::new();
    stdout.read_to_string(&mut output).expect("text");
    let (lines, dropped) = told(&output[..output.rfind('\n').expect("a line") + 1]);
    assert!(lost > 100, "{line}");
    assert_eq!(lines + dropped + lost, REQUESTS);
}

/// Both standard streams are one pipe, as with `2>&1`.
#[test]
fn lines_of_both_kinds_share_a_pipe_and_tear_none() {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("its address");
    drop(holder);
    let mut command = oneloop();
    command.args(["-v", "-l", &address.to_string()]).arg(site("shared"));
    command.stdout(writer.try_clone().expect("a copy")).stderr(writer);
    let mut child = command.spawn().expect("the program starts");
    drop(command);
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < PATIENCE);
        thread::yield_now();
    }
    let reading = thread::spawn(move || {
        let mut output = String::new();
        reader.read_to_string(&mut output).map(|_| output)
    });
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
        stream.read_to_end(&mut Vec::new()).expect("an answer");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    child.wait().expect("its end");
    let output = reading.join().expect("a reader").expect("text");
    assert_eq!(output.lines().filter(|line| line.starts_with("127.0.0.1 - - [")).count(), 100);
    let is_whole = |line: &str| line.starts_with("[20") || line.ends_with(" 200 6 \"-\" \"-\"");
    assert_eq!(output.lines().find(|line| !is_whole(line)), None, "{output}");
}
