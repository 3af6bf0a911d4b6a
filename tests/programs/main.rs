//! The real programs that people point at a server, against the real binary: telnet, curl, nc
//! and a browser; Prometheus, which reads the metrics; and logrotate.
//!
//! A program that this machine lacks is no failure: its tests say `NOT RUN` on standard error,
//! past the harness, append that line to the file that `ONELOOP_NOT_RUN` names, and pass. With
//! `ONELOOP_REQUIRE_PROGRAMS=1` they fail. `tests/run` installs what is missing where it can.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/needed.rs"]
mod needed;
#[path = "../support/sockets.rs"]
mod sockets;
#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "routes")]
mod faults;
mod logrotate;
mod prometheus;
mod telnet;

use std::fs;
#[cfg(target_os = "linux")]
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use needed::{CHROMIUM, Folder, Needed};
use oneloop::testing::Answer;
use oneloop::{Next, Piece, Reply, Request};
use sockets::Background;
use support::{Answers, Ended, PATIENCE, Program, Server, TEXT};

/// A grace that no test waits for: with it, what is answered was answered at once.
const NO_GRACE: [&str; 2] = ["--typing-grace", "10m"];

/// How long the default grace of one second may seem to somebody on a busy machine.
const GRACE: std::ops::Range<Duration> = Duration::from_millis(900)..Duration::from_secs(4);

/// The values of all fields with this name.
fn values<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.values(name).collect()
}

#[test]
fn curl_gets_the_text_and_the_fields_that_belong_to_it() {
    let Some(curl) = CURL.find(curl_gets_the_text_and_the_fields_that_belong_to_it) else { return };
    let server = Server::start(&NO_GRACE);
    let output = printed_by(curl_with(&curl, &["--include", &server.url("/")]));
    let answers = Answers::read(output.as_bytes(), false, &[]);
    let [answer] = &answers.list[..] else { panic!("{output}") };
    assert_eq!((answer.status(), answer.version()), (200, "HTTP/1.1"));
    assert_eq!(values(answer, "content-type"), ["text/plain; charset=utf-8"]);
    assert_eq!(values(answer, "content-length"), ["31"]);
    assert_eq!(values(answer, "date").len(), 1);
    assert_eq!(answer.body(), TEXT.as_bytes());
}

/// curl sends a `Host` without the zone, as RFC 6874 §4 says, also to the admin page. Whether there
/// is a link-local address depends on the machine.
#[cfg(target_os = "linux")]
#[test]
fn curl_reaches_a_link_local_address_by_its_zone() {
    let Some(curl) = CURL.find(curl_reaches_a_link_local_address_by_its_zone) else { return };
    let Some((ip, interface)) = link_local_address() else { return };
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    let address = format!("[{ip}%{interface}]:0");
    command.args(["-l", &address, "--admin", &address, "--admin-anyone-can-reach-it"]);
    let mut server = Server::launch(command);
    let (port, admin_port) = (server.address().port(), server.admin().port());
    for zone in ["%25", "%"] {
        let url = format!("http://[{ip}{zone}{interface}]:{port}/");
        let output = printed_by(curl_with(&curl, &["--globoff", &url]));
        assert_eq!(output, TEXT, "{url}");
        let url = format!("http://[{ip}{zone}{interface}]:{admin_port}/healthz");
        assert_eq!(printed_by(curl_with(&curl, &["--globoff", &url])), "ok\n", "{url}");
    }
}

/// An address of this machine for which its interface has to be named, and the interface.
#[cfg(target_os = "linux")]
fn link_local_address() -> Option<(Ipv6Addr, String)> {
    /// Of an address that cannot be used yet, or not at all, because another may have it.
    const TENTATIVE_OR_TAKEN: u8 = 0x48;
    let table = fs::read_to_string("/proc/net/if_inet6").ok()?;
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, _, _, flags, interface] = fields[..] else { return None };
        let ip = Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let is_usable = ip.is_unicast_link_local() && flags & TENTATIVE_OR_TAKEN == 0;
        is_usable.then(|| (ip, interface.to_owned()))
    })
}

#[test]
fn curl_keeps_its_connection_for_the_next_requests() {
    let Some(curl) = CURL.find(curl_keeps_its_connection_for_the_next_requests) else { return };
    let server = Server::start(&NO_GRACE);
    let counted = ["--write-out", "%{num_connects}", "--output", "/dev/null"];
    let url = server.url("/[1-5]");
    let output = printed_by(curl_with(&curl, &[&counted[..], &[&url]].concat()));
    assert_eq!(output, "10000", "a connection for the first request only");
}

#[test]
fn curl_has_every_one_of_many_parallel_requests_answered() {
    let Some(curl) = CURL.find(curl_has_every_one_of_many_parallel_requests_answered) else {
        return;
    };
    let server = Server::start(&NO_GRACE);
    let parallel = ["--parallel", "--parallel-max", "50"];
    let counted = ["--write-out", "%{http_code} %{size_download} %{num_connects}\n"];
    let to = ["--output", "/dev/null", &server.url("/[1-1000]")];
    let output = printed_by(curl_with(&curl, &[&parallel[..], &counted, &to].concat()));
    let answered = output.lines().filter(|line| line.starts_with("200 31 ")).count();
    assert_eq!(answered, 1000, "{output}");
    let connections: usize = output.lines().filter(|line| line.ends_with(" 1")).count();
    assert!((1..1000).contains(&connections), "{connections} connections for 1000 requests");
}

#[test]
fn curl_gets_the_head_alone_when_it_asks_for_that() {
    let Some(curl) = CURL.find(curl_gets_the_head_alone_when_it_asks_for_that) else { return };
    let server = Server::start(&NO_GRACE);
    let output = printed_by(curl_with(&curl, &["--head", &server.url("/"), &server.url("/2")]));
    let answers = Answers::read(output.as_bytes(), false, &["HEAD", "HEAD"].map(String::from));
    assert!(answers.are_whole(), "{output}");
    let statuses: Vec<u16> = answers.list.iter().map(|answer| answer.status()).collect();
    assert_eq!(statuses, [200, 200]);
    assert!(answers.list.iter().all(|answer| values(answer, "content-length") == ["31"]));
}

#[test]
fn curl_posts_a_body_and_goes_on_with_the_same_connection() {
    let Some(curl) = CURL.find(curl_posts_a_body_and_goes_on_with_the_same_connection) else {
        return;
    };
    let server = Server::start(&NO_GRACE);
    let counted = ["--write-out", "%{http_code} %{num_connects}\n", "--data", "a=b&c=d"];
    let urls = [server.url("/1"), server.url("/2")];
    let output = printed_by(curl_with(&curl, &[&counted[..], &[&urls[0], &urls[1]]].concat()));
    assert_eq!(output, format!("{TEXT}200 1\n{TEXT}200 0\n"));
}

#[test]
fn curl_takes_a_compressed_sibling_and_unpacks_it() {
    let Some(curl) = CURL.find(curl_takes_a_compressed_sibling_and_unpacks_it) else { return };
    let text = "the same again and again ".repeat(1000);
    let site = site("compressed", &[("page.txt", &text)]);
    let gzip = Command::new("gzip").arg("--keep").arg(site.join("page.txt")).status();
    assert!(gzip.unwrap().success());
    let server = Server::start(&[site.to_str().unwrap()]);
    let url = server.url("/page.txt");
    let sized = ["--write-out", "%{size_download} %{stderr}%header{content-encoding}"];
    let plain = printed_by(curl_with(&curl, &[&sized[..], &[&url]].concat()));
    assert!(plain == format!("{text}{} ", text.len()), "what is stored is sent");
    let output = printed_by(curl_with(&curl, &[&sized[..], &["--compressed", &url]].concat()));
    let (unpacked, size) = output.split_at(text.len());
    let size: usize = size.trim().parse().unwrap();
    assert!(unpacked == text && size < text.len() / 10, "{size} bytes came");
}

#[test]
fn curl_gets_parts_and_goes_on_with_what_it_has() {
    let Some(curl) = CURL.find(curl_gets_parts_and_goes_on_with_what_it_has) else { return };
    let text: String = (0..100_000).map(|number| format!("{number}\n")).collect();
    let site = site("parts", &[("page.txt", &text)]);
    let server = Server::start(&[site.to_str().unwrap()]);
    let url = server.url("/page.txt");
    let part = printed_by(curl_with(&curl, &["--range", "10-19", &url]));
    assert_eq!(part, text[10..20]);
    let end = printed_by(curl_with(&curl, &["--range", "-6", &url]));
    assert_eq!(end, "99999\n");
    let file = site.join("begun");
    fs::write(&file, &text[..300_000]).unwrap();
    let to = ["--continue-at", "-", "--output", file.to_str().unwrap()];
    let came = ["--write-out", "%{http_code} %{size_download}"];
    let output = printed_by(curl_with(&curl, &[&to[..], &came, &[&url]].concat()));
    assert_eq!(output, format!("206 {}", text.len() - 300_000));
    assert!(fs::read_to_string(&file).unwrap() == text);
}

#[test]
fn curl_gets_a_file_only_if_it_is_newer_than_its_own() {
    let Some(curl) = CURL.find(curl_gets_a_file_only_if_it_is_newer_than_its_own) else { return };
    let site = site("newer", &[("page.txt", "hello")]);
    let server = Server::start(&[site.to_str().unwrap()]);
    let url = server.url("/page.txt");
    let code = ["--write-out", "%{http_code}"];
    for (since, expected) in
        [("Sun, 06 Nov 1994 08:49:37 GMT", "hello200"), ("Fri, 31 Dec 2100 23:59:59 GMT", "304")]
    {
        let output = printed_by(curl_with(&curl, &[&code[..], &["-z", since, &url]].concat()));
        assert_eq!(output, expected, "{since}");
    }
}

#[test]
fn curl_gets_what_comes_over_time_in_chunks_and_in_http_1_0() {
    let Some(curl) = CURL.find(curl_gets_what_comes_over_time_in_chunks_and_in_http_1_0) else {
        return;
    };
    let server = Background::start(&sockets::config(), |_: &Request<'_>, reply: Reply<'_>| {
        let mut left = 3;
        reply.stream(move |piece: &mut Piece<'_>| {
            left -= 1;
            piece.append("piece\n");
            if left == 0 { Next::Done } else { Next::After(Duration::from_millis(100)) }
        })
    });
    let urls = [1, 2].map(|number| format!("http://{}/{number}", server.address()));
    let counted = ["--no-buffer", "--write-out", "%{http_code} %{num_connects}\n"];
    let output = printed_by(curl_with(&curl, &[&counted[..], &[&urls[0], &urls[1]]].concat()));
    let body = "piece\n".repeat(3);
    assert_eq!(output, format!("{body}200 1\n{body}200 0\n"), "the connection is kept");
    let old = ["--http1.0", "--write-out", "%{http_code}\n", &urls[0]];
    assert_eq!(printed_by(curl_with(&curl, &old)), format!("{body}200\n"));
    let output = printed_by(curl_with(&curl, &["--head", &urls[0]]));
    assert!(output.contains("Transfer-Encoding: chunked"), "{output}");
    server.wait_until(|seen| seen.metrics.streams == 3);
}

#[test]
fn curl_gets_the_text_in_http_1_0_and_the_connection_closed() {
    let Some(curl) = CURL.find(curl_gets_the_text_in_http_1_0_and_the_connection_closed) else {
        return;
    };
    let server = Server::start(&NO_GRACE);
    let counted = ["--http1.0", "--write-out", "%{num_connects}\n"];
    let urls = [server.url("/1"), server.url("/2")];
    let output = printed_by(curl_with(&curl, &[&counted[..], &[&urls[0], &urls[1]]].concat()));
    assert_eq!(output, format!("{TEXT}1\n{TEXT}1\n"), "a connection for each");
}

#[test]
fn curl_is_told_to_continue_and_uploads_a_file() {
    let Some(curl) = CURL.find(curl_is_told_to_continue_and_uploads_a_file) else { return };
    let server = Server::start(&NO_GRACE);
    let folder = Folder::new("upload");
    let file = folder.path().join("file");
    fs::write(&file, vec![b'x'; 300_000]).unwrap();
    let expect = ["--verbose", "--header", "Expect: 100-continue"];
    // Only if a 100 comes does it not wait so long, far over any test's patience.
    let patient = ["--expect100-timeout", "3600", "--upload-file"];
    let url = server.url("/file");
    let known_length = file.to_str().unwrap();
    let chunked = "-";
    for source in [known_length, chunked] {
        let to = [source, &url];
        let mut command = curl_with(&curl, &[&expect[..], &patient, &to].concat());
        let mut curl = Program::start(&mut command);
        if source == chunked {
            curl.say(&"x".repeat(300_000));
        }
        curl.hang_up();
        let ended = curl.finish();
        assert!(ended.status.success(), "{}", ended.errors);
        assert!(ended.errors.contains("< HTTP/1.1 100"), "{}", ended.errors);
        assert_eq!(ended.output, TEXT);
    }
}

#[test]
fn nc_gets_the_answer_to_a_request_from_a_pipe() {
    let Some(nc) = NC.find(nc_gets_the_answer_to_a_request_from_a_pipe) else { return };
    let server = Server::start(&NO_GRACE);
    // With -N it closes its half of the connection when its input ends.
    for half_close in [&[][..], &["-N"]] {
        let ended = nc_says(&nc, half_close, &server, "GET / HTTP/1.0\r\n\r\n");
        let answers = Answers::read(ended.output.as_bytes(), true, &[]);
        let [answer] = &answers.list[..] else { panic!("{}", ended.output) };
        assert_eq!((answer.status(), answer.body()), (200, TEXT.as_bytes()));
    }
}

#[test]
fn nc_gets_the_text_for_a_word_from_a_pipe() {
    let Some(nc) = NC.find(nc_gets_the_text_for_a_word_from_a_pipe) else { return };
    let server = Server::start(&[]);
    let asked = Instant::now();
    assert!(nc_says(&nc, &[], &server, "hi").output.contains(TEXT));
    let waited = asked.elapsed();
    assert!(GRACE.contains(&waited), "answered after {waited:?}");
}

#[test]
fn nc_gets_the_text_at_once_when_it_half_closes_after_a_word() {
    let Some(nc) = NC.find(nc_gets_the_text_at_once_when_it_half_closes_after_a_word) else {
        return;
    };
    let server = Server::start(&NO_GRACE);
    assert!(nc_says(&nc, &["-N"], &server, "hi").output.contains(TEXT));
}

#[test]
fn a_browser_shows_the_text() {
    let Some(chromium) = CHROMIUM.find(a_browser_shows_the_text) else { return };
    let server = Server::start(&NO_GRACE);
    let folder = Folder::new("browser");
    let mut command = Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    command.args(["--disable-quic", "--no-first-run", "--disable-background-networking"]);
    command.arg("--no-proxy-server").arg(format!("--user-data-dir={}", folder.path().display()));
    command.args(["--dump-dom", &server.url("/")]);
    let ended = Program::start(&mut command).finish();
    assert!(ended.output.contains(TEXT.trim_end()), "{}\n{}", ended.output, ended.errors);
}

const TELNET: Needed = Needed { names: &["telnet"], package: "telnet" };
const CURL: Needed = Needed { names: &["curl"], package: "curl" };
/// There are several programs called nc; on Debian this name tells the one that has `-N`.
const NC: Needed = Needed { names: &["nc.openbsd", "nc"], package: "netcat-openbsd" };

/// telnet says so, and its input is still open, so it did not end by itself.
fn assert_closed_by_server(ended: Ended) {
    let printed = format!("{}{}", ended.output, ended.errors);
    assert!(printed.contains("Connection closed by foreign host"), "{printed}");
}

/// A directory of this test's own, with these files.
fn site(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let site = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("programs-{name}"));
    let _ = fs::remove_dir_all(&site);
    fs::create_dir(&site).unwrap();
    for (name, content) in files {
        fs::write(site.join(name), content).unwrap();
    }
    site
}

/// curl, quiet but for errors, untouched by the user's settings.
fn curl_with(curl: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(curl);
    let seconds_max = PATIENCE.as_secs().to_string();
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*"]);
    command.args(["--max-time", &seconds_max]).args(arguments);
    command
}

/// What `command` prints, if it succeeds.
fn printed_by(mut command: Command) -> String {
    let ended = Program::start(&mut command).finish();
    assert!(ended.status.success(), "{command:?}: {}\n{}", ended.status, ended.errors);
    ended.output
}

/// `printf text | nc options host port`: nc ends when the server closes the connection.
fn nc_says(nc: &Path, options: &[&str], server: &Server, text: &str) -> Ended {
    let address = server.address();
    let mut command = Command::new(nc);
    command.args(options).args([address.ip().to_string(), address.port().to_string()]);
    let mut nc = Program::start(&mut command);
    nc.say(text);
    nc.hang_up();
    nc.finish()
}
