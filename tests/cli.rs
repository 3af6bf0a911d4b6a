//! The program from outside: arguments, environment and signals in; standard output, standard
//! error, exit codes and HTTP answers out.
#![cfg(all(feature = "cli", unix))]

use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{Limits, Timeouts};

#[path = "cli/fields.rs"]
mod fields;
#[path = "cli/places.rs"]
mod places;
#[path = "cli/starting.rs"]
mod starting;
#[path = "cli/typing.rs"]
mod typing;

/// Long enough for a loaded machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program, without what the environment of the test run would tell it.
fn oneloop() -> Command {
    oneloop_at(Path::new(env!("CARGO_BIN_EXE_oneloop")))
}

fn oneloop_at(path: &Path) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONELOOP_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Copies the program, so that every user may run it. Another program writes the copy: were the file
/// open here while another test starts a child, that child would hold it, and it could not be run.
fn copy_program(to: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_oneloop")).arg(to).status();
    assert!(copied.expect("a cp command").success());
}

/// A started program. Dropping it ends it.
struct Running {
    child: Child,
    log: Receiver<String>,
    address: SocketAddr,
}

impl Running {
    /// Starts the program on a port of the system's choice and waits until it listens.
    fn start(command: &mut Command) -> Running {
        let mut running = Running::launch(command.args(["-l", "127.0.0.1:0"]));
        running.wait_for_address();
        running
    }

    fn launch(command: &mut Command) -> Running {
        let mut child = command.spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("a piped standard error"));
        let (sender, log) = mpsc::channel();
        // Ends with the child, whose end of the pipe it reads.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Running { child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    fn wait_for_address(&mut self) {
        let line = self.wait_for_line("listening on http://127.0.0.1:");
        self.address = addresses(&line)[0];
    }

    /// The first line from here on that contains `part`.
    fn wait_for_line(&self, part: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(reason) => panic!("no line with {part:?} ({reason}) among {seen:#?}"),
            }
        }
    }

    /// The head and the body of the answer to a plain GET on a connection of its own.
    fn answer(&self) -> (String, Vec<u8>) {
        self.answer_to("/")
    }

    /// As [`Running::answer`], for another path.
    fn answer_to(&self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
            .write_all(
                format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                    .as_bytes(),
            )
            .expect("a request sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer and the end of it");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let body = bytes.split_off(end + 4);
        (String::from_utf8(bytes).expect("a head in ASCII"), body)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &pid]).status().expect("a kill command");
        assert!(kill.success());
    }

    /// How it ended, once its end of the log is closed: that is what is waited for.
    fn end(mut self) -> ExitStatus {
        while self.log.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().expect("an exit status")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The addresses of the URLs in a line of the log.
fn addresses(line: &str) -> Vec<SocketAddr> {
    let urls = line.split("http://").skip(1).map(|rest| rest.split('/').next());
    urls.map(|address| address.and_then(|it| it.parse().ok()).expect(line)).collect()
}

/// What a program that is expected to end by itself says.
fn output(command: &mut Command) -> Output {
    let mut running = Running::launch(command);
    let mut stderr = Vec::new();
    let mut stdout = Vec::new();
    let mut pipe = running.child.stdout.take().expect("a piped standard output");
    pipe.read_to_end(&mut stdout).expect("its standard output");
    while let Ok(line) = running.log.recv_timeout(PATIENCE) {
        stderr.extend_from_slice(line.as_bytes());
        stderr.push(b'\n');
    }
    let status = running.child.wait().expect("an exit status");
    Output { status, stdout, stderr }
}

/// The one line on standard error of a program that refuses to run with this exit code.
fn refusal(command: &mut Command, code: i32) -> String {
    let output = output(command);
    let stderr = String::from_utf8(output.stderr).expect("a message in UTF-8");
    assert_eq!(output.status.code(), Some(code), "{command:?} said {stderr}");
    assert_eq!(output.stdout, b"", "{command:?}");
    assert_eq!(stderr.lines().count(), 1, "{command:?} said {stderr}");
    assert!(stderr.starts_with("oneloop: ") && stderr.ends_with('\n'), "{command:?} said {stderr}");
    stderr.trim_end().to_owned()
}

fn mistake<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    refusal(oneloop().args(arguments), 2)
}

fn page(argument: &str) -> String {
    let output = output(oneloop().arg(argument));
    assert_eq!(output.status.code(), Some(0), "{argument}");
    assert_eq!(output.stderr, b"", "{argument}");
    String::from_utf8(output.stdout).expect("a page in UTF-8")
}

/// A file of this test run's own.
fn file(name: &str, content: &[u8]) -> String {
    let path = format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&path, content).expect("a written file");
    path
}

/// Every option with a value, the variable that stands for it, and its default as help shows it.
fn options() -> Vec<(&'static str, &'static str, Option<String>)> {
    let limits = Limits::default();
    let timeouts = Timeouts::default();
    let kib = |bytes: usize| Some(format!("{}KiB", bytes / 1024));
    let mib = |bytes: usize| Some(format!("{}MiB", bytes / 1024 / 1024));
    let time = |span| Some(humantime::format_duration(span).to_string());
    let text = "\"This is the server respose! :)\"";
    vec![
        ("--listen", "ONELOOP_LISTEN", Some("8888".into())),
        ("--port", "ONELOOP_PORT", None),
        ("--text", "ONELOOP_TEXT", Some(text.into())),
        ("--file", "ONELOOP_FILE", None),
        ("--status", "ONELOOP_STATUS", Some("200".into())),
        ("--header", "ONELOOP_HEADER", None),
        ("--strict", "ONELOOP_STRICT", None),
        ("--list", "ONELOOP_LIST", None),
        ("--spa", "ONELOOP_SPA", None),
        ("--hidden", "ONELOOP_HIDDEN", None),
        ("--cache-control", "ONELOOP_CACHE_CONTROL", Some("no-cache".into())),
        ("--type", "ONELOOP_TYPE", None),
        ("--cache-bytes", "ONELOOP_CACHE_BYTES", mib(64 << 20)),
        ("--typing-grace", "ONELOOP_TYPING_GRACE", Some("1s".into())),
        ("--head-max", "ONELOOP_HEAD_MAX", kib(limits.head_bytes_max)),
        ("--target-max", "ONELOOP_TARGET_MAX", kib(limits.target_bytes_max)),
        ("--fields-max", "ONELOOP_FIELDS_MAX", Some(limits.fields_max.to_string())),
        ("--body-max", "ONELOOP_BODY_MAX", mib(limits.body_bytes_max)),
        ("--output-high-water", "ONELOOP_OUTPUT_HIGH_WATER", kib(limits.output_bytes_high_water)),
        ("--linger-max", "ONELOOP_LINGER_MAX", mib(limits.linger_bytes_max)),
        ("--turn-max", "ONELOOP_TURN_MAX", mib(limits.turn_bytes_max)),
        ("--accepts-max", "ONELOOP_ACCEPTS_MAX", Some(limits.accepts_per_turn_max.to_string())),
        (
            "--deadlines-max",
            "ONELOOP_DEADLINES_MAX",
            Some(limits.deadlines_per_turn_max.to_string()),
        ),
        ("--clients-max", "ONELOOP_CLIENTS_MAX", Some("what the descriptor limit allows".into())),
        (
            "--progress-min",
            "ONELOOP_PROGRESS_MIN",
            Some(limits.progress_bytes_per_second_min.to_string()),
        ),
        ("--backlog", "ONELOOP_BACKLOG", Some(limits.backlog.to_string())),
        ("--first-byte-timeout", "ONELOOP_FIRST_BYTE_TIMEOUT", time(timeouts.first_byte)),
        ("--head-timeout", "ONELOOP_HEAD_TIMEOUT", time(timeouts.head)),
        ("--body-timeout", "ONELOOP_BODY_TIMEOUT", time(timeouts.body)),
        ("--write-timeout", "ONELOOP_WRITE_TIMEOUT", time(timeouts.write)),
        ("--idle-timeout", "ONELOOP_IDLE_TIMEOUT", time(timeouts.idle)),
        ("--linger-timeout", "ONELOOP_LINGER_TIMEOUT", time(timeouts.linger)),
        ("--drain-timeout", "ONELOOP_DRAIN_TIMEOUT", time(timeouts.drain)),
        ("--explain", "ONELOOP_EXPLAIN", None),
        ("--slow-motion", "ONELOOP_SLOW_MOTION", None),
        ("--admin", "ONELOOP_ADMIN", None),
        ("--admin-anyone-can-reach-it", "ONELOOP_ADMIN_ANYONE_CAN_REACH_IT", None),
        ("--admin-host", "ONELOOP_ADMIN_HOST", None),
        ("--verbose", "RUST_LOG", Some("info".into())),
    ]
}

/// One option's entry in a help page: from its name to the next option's, in one line.
fn entry(page: &str, option: &str) -> String {
    // `-t, --text <TEXT>` or `--file <FILE>`: the name is among the first words, or it is prose.
    let names = |line: &str| line.trim_start().starts_with('-');
    let named =
        |line: &str| line.trim_start().split([' ', ',', '.', '[']).take(3).any(|it| it == option);
    let mut lines = page.lines().skip_while(|line| !(names(line) && named(line)));
    let first = lines.next().expect(option);
    let rest = lines.take_while(|line| !names(line));
    let words = std::iter::once(first).chain(rest).flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_directory_is_served_and_the_start_line_says_which_and_where() {
    let root = env!("CARGO_TARGET_TMPDIR");
    file("served.txt", b"served");
    let arguments = ["-l", "127.0.0.1:0", "--list", "-H", "X-A: b", root];
    let mut running = Running::launch(oneloop().args(arguments));
    let line = running.wait_for_line("listening on ");
    running.address = addresses(&line)[0];
    let said = format!("http://{}/, serving {root} (at most: clients ", running.address);
    assert!(line.contains(&said), "{line}");
    assert!(line.contains(", files ") && line.ends_with(" at once); Ctrl-C stops it"), "{line}");
    let (head, body) = running.answer();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("X-A: b\r\n"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("served.txt"));
}

#[test]
fn types_are_said_on_the_command_line_or_in_the_environment() {
    let root = env!("CARGO_TARGET_TMPDIR");
    file("typed.ts", b"let a = 1;");
    file("typed.xlog", b"a");
    let arguments = ["--type", "ts=video/mp2t", "--type", "xlog=text/x-log; charset=utf-8", root];
    let by_arguments = Running::start(oneloop().args(arguments));
    let value = "ts=video/mp2t\n.XLOG=text/x-log; charset=utf-8\n";
    let by_variable = Running::start(oneloop().env("ONELOOP_TYPE", value).arg(root));
    for running in [by_arguments, by_variable] {
        for (path, media_type) in
            [("/typed.ts", "video/mp2t"), ("/typed.xlog", "text/x-log; charset=utf-8")]
        {
            let head = running.answer_to(path).0;
            assert!(head.contains(&format!("\r\nContent-Type: {media_type}\r\n")), "{head}");
        }
    }
}

/// A copy of the program beside a site of these files, and a command that runs it as a user who may
/// not do everything: root would.
fn unprivileged(name: &str, files: &[(&str, u32)]) -> (PathBuf, Command) {
    let folder = env::temp_dir().join(format!("oneloop-{name}-{}", process::id()));
    let (program, site) = (folder.join("oneloop"), folder.join("site"));
    fs::create_dir_all(&site).expect("a temporary folder");
    fs::copy(env!("CARGO_BIN_EXE_oneloop"), &program).expect("a copy that everybody may run");
    for (name, mode) in files {
        fs::write(site.join(name), name).expect("a file");
        fs::set_permissions(site.join(name), Permissions::from_mode(*mode)).expect("our own file");
    }
    let mut command = oneloop_at(&program);
    if rustix::process::geteuid().is_root() {
        command.uid(65534);
    }
    (folder, command)
}

#[test]
fn a_file_that_may_not_be_read_is_forbidden() {
    let files = [("open.txt", 0o644), ("closed.txt", 0o000)];
    let (folder, mut command) = unprivileged("forbidden", &files);
    let running = Running::start(command.arg(folder.join("site")));
    let status = |path| running.answer_to(path).0[9..12].to_owned();
    assert_eq!([status("/open.txt"), status("/closed.txt")], ["200", "403"]);
    fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_directory_that_may_only_be_searched_is_served_but_not_listed() {
    let (folder, mut command) = unprivileged("searched", &[("open.txt", 0o644)]);
    let site = folder.join("site");
    // The owner is somebody else if root runs this.
    fs::set_permissions(&site, Permissions::from_mode(0o311)).expect("our own folder");
    let running = Running::start(command.arg("--list").arg(&site));
    let status = |path| running.answer_to(path).0[9..12].to_owned();
    assert_eq!([status("/open.txt"), status("/"), status("/x")], ["200", "403", "404"]);
    fs::set_permissions(&site, Permissions::from_mode(0o755)).expect("our own folder");
    assert_eq!(status("/"), "200", "it may be listed now");
    fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_directory_that_may_not_be_searched_is_a_mistake() {
    let (folder, mut command) = unprivileged("unsearched", &[("open.txt", 0o644)]);
    let site = folder.join("site");
    fs::set_permissions(&site, Permissions::from_mode(0o644)).expect("our own folder");
    let sentence = refusal(command.arg(&site), 2);
    assert!(sentence.contains("ermission denied"), "{sentence}");
    fs::set_permissions(&site, Permissions::from_mode(0o755)).expect("our own folder");
    fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn both_help_pages_list_every_option_with_its_variable_and_its_default() {
    for page in [page("-h"), page("--help")] {
        for (option, variable, default) in options() {
            let entry = entry(&page, option);
            assert!(entry.contains(&format!("[env: {variable}=")), "{option}: {entry}");
            let shown =
                default.is_none_or(|default| entry.contains(&format!("[default: {default}]")));
            assert!(shown, "{option}: {entry}");
        }
        for heading in
            ["Listening:", "Answer:", "Site:", "Limits:", "Timeouts:", "Watching:", "Logging:"]
        {
            assert!(page.lines().any(|line| line == heading), "{heading}");
        }
        assert!(page.contains("--quiet") && page.contains("--version") && page.contains("--help"));
    }
}

#[test]
fn the_help_lists_no_option_that_these_tests_do_not_know() {
    let known = options();
    for word in page("--help").split_whitespace().filter(|word| word.starts_with("--")) {
        let name = word.trim_end_matches("...").trim_end_matches([',', '.', ';', ':']);
        let name = name.split('[').next().expect("a first part");
        let mine = ["--help", "--version", "--quiet"].contains(&name);
        assert!(mine || known.iter().any(|(option, ..)| *option == name), "{word}");
    }
}

#[test]
fn the_help_begins_with_what_most_people_want_and_ends_with_limits() {
    for page in [page("-h"), page("--help")] {
        let headings: Vec<&str> = page
            .lines()
            .filter(|line| !line.starts_with(' ') && line.ends_with(':'))
            .filter(|line| !line.starts_with("Without"))
            .collect();
        assert_eq!(
            headings,
            [
                "Arguments:",
                "Site:",
                "Listening:",
                "Answer:",
                "Watching:",
                "Logging:",
                "Limits:",
                "Timeouts:",
                "Help:",
                "Examples:"
            ]
        );
    }
}

#[test]
fn the_long_help_says_more_than_the_short_one() {
    assert!(page("--help").len() > page("-h").len());
}

#[test]
fn the_version_is_the_packages() {
    let version = format!("oneloop {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(page("-V"), version);
    assert_eq!(page("--version"), version);
}

#[test]
fn help_that_nobody_reads_is_no_panic() {
    for _ in 0..10 {
        let mut running = Running::launch(oneloop().arg("--help"));
        drop(running.child.stdout.take());
        if let Ok(line) = running.log.recv_timeout(PATIENCE) {
            panic!("it said {line}");
        }
        assert_eq!(running.end().code(), Some(0));
    }
}

#[test]
fn each_kind_of_mistake_is_one_line_and_exit_code_2() {
    let cases: [(&[&str], &str); 40] = [
        (&["--lisen", "8888"], "'--listen'"),
        (&["--surprise"], "oneloop --help"),
        (&["no/such/directory"], "name a directory"),
        (&["Cargo.toml"], "write --file 'Cargo.toml'"),
        (&[".", "another"], "name one directory"),
        (&[".", "--file", "page.html"], "give only one"),
        (&["--list"], "name the directory"),
        (&[".", "-H", "ETag: x"], "ETag"),
        (&["--type", "ts=video/mp2t"], "'--type' is for a site"),
        (&[".", "--type", "ts"], "EXT=TYPE"),
        (&[".", "--type", "=text/plain"], "extension"),
        (&[".", "--type", "ts=text"], "'text/plain'"),
        (&[".", "--type", "a/b=text/plain"], "such as log"),
        (&["-x"], "oneloop --help"),
        (&["--strict=1"], "'--strict'"),
        (&["--listen"], "oneloop --help"),
        (&["-l", "example.com:80"], "localhost:8888"),
        (&["-l", "65536"], "[::1]:8888"),
        (&["-l", "a\nb\n\nc"], "-l: there is a line feed"),
        (&["-t", "a", "--file", "b"], "give only one"),
        (&["--status", "200", "--status", "201"], "give only one"),
        (&["--status", "99"], "200 to 599"),
        (&["--status", "OK"], "200 to 599"),
        (&["-H", "no colon"], "'Name: value'"),
        (&["-H", "Content-Length: 5"], "Content-Length"),
        (&["-H", "two words: value"], "two words"),
        (&["--file", "no/such/file"], "no/such/file"),
        (&["--file", "/"], "name a readable file"),
        (&["--head-max", "large"], "16KiB"),
        (&["--fields-max", "many"], "such as 100"),
        (&["--backlog", "2147483648"], "smaller"),
        (&["--idle-timeout", "10"], "500ms"),
        (&["--head-max", "63"], "make it 64 or more"),
        (&["--target-max", "16KiB"], "lower"),
        (&["--idle-timeout", "0s"], "longer"),
        (&["--admin", "127.0.0.1"], "127.0.0.1:9000"),
        (&["--admin", "9000", "--admin-host", "http://oneloop:9000"], "without a scheme"),
        (&["--admin", "0.0.0.0:9000"], "--admin-anyone-can-reach-it"),
        (&["--admin", "[::]:9000"], "use 127.0.0.1:9000"),
        (&["--admin", "0", "--slow-motion", "1s"], "slow motion of its page"),
    ];
    for (arguments, part) in cases {
        let sentence = mistake(arguments);
        assert!(sentence.contains(part), "{arguments:?}: {sentence}");
    }
}

#[test]
fn arguments_that_are_not_utf_8_are_mistakes_and_no_panic() {
    let bytes = OsStr::from_bytes(b"\xff\xfe");
    mistake(&[bytes]);
    for option in ["--listen", "--text", "--file", "--header", "--status", "--head-max"] {
        mistake(&[OsStr::new(option), bytes]);
    }
    refusal(oneloop().env("ONELOOP_TEXT", bytes), 2);
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    for (variable, value) in [
        ("ONELOOP_LISTEN", "8888,somewhere"),
        ("ONELOOP_HEADER", "X-A: b\nno colon"),
        ("ONELOOP_STRICT", "maybe"),
        ("ONELOOP_TYPE", "log=text/plain\nts"),
        ("ONELOOP_HEAD_MAX", ""),
        ("ONELOOP_DRAIN_TIMEOUT", "soon"),
    ] {
        let sentence = refusal(oneloop().env(variable, value), 2);
        assert!(sentence.contains(variable), "{sentence}");
    }
}

#[test]
fn an_address_that_is_taken_is_one_line_with_its_name_and_exit_code_1() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("its address").to_string();
    let sentence = refusal(oneloop().args(["-l", &address]), 1);
    assert!(sentence.contains(&address) && sentence.contains("in use"), "{sentence}");
}

#[test]
fn without_options_the_answer_is_the_text_that_it_always_was() {
    let (head, body) = Running::start(&mut oneloop()).answer();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
    assert_eq!(body, b"This is the server respose! :)\n");
}

#[test]
fn text_status_and_headers_reach_the_client() {
    let mut command = oneloop();
    command.args(["-t", "Back søøn", "--status", "503", "-H", "Retry-After: 60", "-H", "X-B:c"]);
    let (head, body) = Running::start(&mut command).answer();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("\r\nRetry-After: 60\r\n") && head.contains("\r\nX-B: c\r\n"), "{head}");
    assert_eq!(body, "Back søøn\n".as_bytes());
}

#[test]
fn a_content_type_given_replaces_the_usual_one() {
    let mut command = oneloop();
    command.args(["-t", "{}", "-H", "content-type: application/json"]);
    let (head, _) = Running::start(&mut command).answer();
    let head = head.to_ascii_lowercase();
    assert_eq!(head.matches("\r\ncontent-type:").count(), 1, "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
}

#[test]
fn a_file_is_answered_byte_for_byte_with_the_type_of_its_name() {
    let content = b"<p>\xc3\xa9\0\r\n\xff, no line feed at the end";
    for (name, content_type) in [
        ("cli-answer.html", "text/html; charset=utf-8"),
        ("cli-answer.png", "image/png"),
        ("cli-answer", "application/octet-stream"),
    ] {
        let path = file(name, content);
        let (head, body) = Running::start(oneloop().args(["--file", &path])).answer();
        assert!(head.contains(&format!("\r\nContent-Type: {content_type}\r\n")), "{head}");
        assert_eq!(body, content);
    }
}

#[test]
fn a_file_named_hyphen_is_standard_input() {
    let path = file("cli-standard-input", b"piped");
    let input = fs::File::open(path).expect("the file just written");
    let (head, body) = Running::start(oneloop().args(["--file", "-"]).stdin(input)).answer();
    assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
    assert_eq!(body, b"piped");
}

#[test]
fn the_environment_says_what_arguments_do_not() {
    let mut command = oneloop();
    command
        .env("ONELOOP_LISTEN", "127.0.0.1:0,127.0.0.1:0")
        .env("ONELOOP_TEXT", "from the environment")
        .env("ONELOOP_STATUS", "404")
        .env("ONELOOP_HEADER", "X-A: b\nX-C: d\n")
        .env("ONELOOP_STRICT", "1");
    let mut running = Running::launch(&mut command);
    let addresses = addresses(&running.wait_for_line("listening on "));
    assert_eq!(addresses.len(), 2);
    running.address = addresses[1];
    let (head, body) = running.answer();
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert!(head.contains("\r\nX-A: b\r\n") && head.contains("\r\nX-C: d\r\n"), "{head}");
    assert_eq!(body, b"from the environment\n");
}

#[test]
fn arguments_win_over_the_environment() {
    let path = file("cli-environment.txt", b"file");
    let mut command = oneloop();
    command.env("ONELOOP_TEXT", "environment").args(["-t", "argument"]);
    assert_eq!(Running::start(&mut command).answer().1, b"argument\n");
    let mut command = oneloop();
    command.env("ONELOOP_TEXT", "environment").args(["--file", &path]);
    assert_eq!(Running::start(&mut command).answer().1, b"file");
    let mut command = oneloop();
    command.env("ONELOOP_FILE", &path).args(["-t", "argument"]);
    assert_eq!(Running::start(&mut command).answer().1, b"argument\n");
}

#[test]
fn a_strict_server_answers_what_is_no_request_with_an_error() {
    for (arguments, expected) in [(&[][..], "This is the server respose"), (&["--strict"], " 400 ")]
    {
        let running = Running::start(oneloop().args(arguments));
        let mut stream = TcpStream::connect(running.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(b"\x01 is no method\r\n\r\n").expect("noise sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer and the end of it");
        assert!(answer.contains(expected), "{arguments:?}: {answer}");
    }
}

#[test]
fn rust_log_wins_over_verbosity() {
    // Starting waits for the line about listening, which `-qq` alone would hold back.
    Running::start(oneloop().arg("-qq").env("RUST_LOG", "info"));
}

#[test]
fn a_form_of_telling_that_does_not_exist_is_one_line() {
    let forms = "write --explain, --explain=text or --explain=json";
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

#[test]
fn being_told_to_stop_is_exit_code_0() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let running = Running::start(&mut oneloop());
        // What answers is in its loop, so it heeds signals by now.
        running.answer();
        running.signal(signal);
        assert_eq!(running.end().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once_with_its_number() {
    let running = Running::start(oneloop().args(["--drain-timeout", "1h", "--body-timeout", "1h"]));
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // `100 Continue` proves that the body is being waited for, so that draining takes an hour.
    let head =
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).expect("a head sent");
    let mut interim = [0; 12];
    stream.read_exact(&mut interim).expect("an interim response");
    assert_eq!(&interim, b"HTTP/1.1 100");
    running.signal("-TERM");
    // It refuses connections once it has begun to drain; two signals at once would be one.
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(running.address).is_ok() {
        assert!(Instant::now() < deadline, "it goes on listening");
        thread::yield_now();
    }
    running.signal("-INT");
    assert_eq!(running.end().code(), Some(130));
}
