//! What is told besides the table: files, nothing at all, and what the table's numbers hide.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::support::Server;
use super::{RIGHT, ended, herd};

#[test]
fn the_lines_of_the_csv_are_the_points_of_the_json() {
    let server = Server::start(&[]);
    let file = std::env::temp_dir().join(format!("herd-csv-{}", std::process::id()));
    let arguments = ["--get", "2", "--rate", "200", "--for", "3s", "--csv", file.to_str().unwrap()];
    let told = herd(server.address(), &arguments);
    let csv = std::fs::read_to_string(&file).unwrap();
    let _ = std::fs::remove_file(&file);
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let points = told.json["over_time"].as_array().unwrap();
    assert!(points.len() >= 2, "{told:?}");
    let (mut right, mut count) = (0, 0);
    for (line, point) in lines.zip(points) {
        let value = |name: &str| -> f64 {
            let column = head.iter().position(|column| *column == name).unwrap();
            line[column].parse().unwrap()
        };
        assert_eq!(line.len(), head.len(), "{csv}");
        right += value("right") as u64;
        assert_eq!(point["right"], right, "{csv}");
        assert!((value("p99_us") - point["p99_us"].as_f64().unwrap()).abs() < 0.1, "{csv}");
        assert_eq!(value("open") as u64, 2, "{csv}");
        count += 1;
    }
    assert_eq!(count, points.len(), "{csv}");
}

/// The line of the log says of which kind it is, and how long the longest took, in milliseconds.
#[test]
fn the_log_of_histograms_has_a_line_for_each_kind_in_each_part() {
    let server = Server::start(&[]);
    let file = std::env::temp_dir().join(format!("herd-hdr-{}", std::process::id()));
    let arguments = ["--get", "2", "--rate", "200", "--connect-close", "2@50", "--calm", "1s"];
    let files = ["--for", "2s", "--hdr", file.to_str().unwrap()];
    let told = herd(server.address(), &[&arguments[..], &files].concat());
    let log = std::fs::read_to_string(&file).unwrap();
    let _ = std::fs::remove_file(&file);
    assert!(log.starts_with("#"), "{log}");
    let lines = log.lines().filter(|line| line.starts_with("Tag="));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let parts = told.json["parts"].as_array().unwrap().len();
    for kind in ["get", "connect-close"] {
        let tag = format!("Tag={kind}");
        let of_kind: Vec<&Vec<&str>> = lines.iter().filter(|line| line[0] == tag).collect();
        assert_eq!(of_kind.len(), parts, "{log}");
        let longest = of_kind.iter().map(|line| line[3].parse::<f64>().unwrap());
        let longest = longest.fold(0.0, f64::max);
        let max = told.kind(kind)["latency_us"]["max"].as_f64().unwrap() / 1e3;
        assert!((longest / max - 1.0).abs() < 0.002, "{longest} and {max}: {log}");
        assert!(of_kind.iter().all(|line| line[4].starts_with("HISTFAAA")), "{log}");
    }
}

#[test]
fn a_quiet_run_shows_nothing_but_its_report() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let arguments = [&address, "--get", "2", "--for", "1500ms"];
    let loud = ended(&arguments);
    assert!(loud.errors.contains("open 2"), "{}", loud.errors);
    let quiet = ended(&[&arguments[..], &["--quiet"]].concat());
    assert_eq!((quiet.errors.as_str(), quiet.status.code()), ("", Some(0)));
    assert!(quiet.output.contains("answered correctly"), "{}", quiet.output);
}

/// A server that answers at once, but stands still before the hundredth answer and all that follow it
/// meanwhile.
fn pausing(pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let answers = Arc::new(AtomicUsize::new(0));
        for mut stream in listener.incoming().map_while(Result::ok) {
            let answers = Arc::clone(&answers);
            thread::spawn(move || {
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    // Each of two clients waits once.
                    if (100..102).contains(&answers.fetch_add(1, Ordering::Relaxed)) {
                        thread::sleep(pause);
                    }
                    let _ = stream.write_all(RIGHT.as_bytes());
                }
            });
        }
    });
    address
}

#[test]
fn a_closed_loop_that_stood_still_says_so() {
    let still = herd(pausing(Duration::from_millis(1200)), &["--get", "2", "--for", "3s"]);
    assert_eq!(still.code, Some(0), "{still:?}");
    let silence = still.kind("get")["longest_silence_ms"].as_f64().unwrap();
    assert!((1100.0..2500.0).contains(&silence), "{still:?}");
    assert!(still.table.contains("No answer came to get clients for 1."), "{still:?}");
    assert!(still.table.contains("With --rate they do not"), "{still:?}");
    // What it hides: of thousands of answers two were late.
    assert!(still.kind("get")["latency_us"]["p99"].as_f64().unwrap() < 1e6, "{still:?}");

    assert!(still.kind("get")["latency_corrected_us"].is_null(), "{still:?}");

    let server = Server::start(&[]);
    let steady = herd(server.address(), &["--get", "2", "--for", "1s"]);
    assert!(!steady.table.contains("No answer came"), "{steady:?}");
}

#[test]
fn a_closed_loop_that_stood_still_is_corrected_on_request() {
    for by in ["--corrected", "--corrected=1ms"] {
        let still = herd(pausing(Duration::from_millis(1200)), &["--get", "2", "--for", "3s", by]);
        assert_eq!(still.code, Some(0), "{still:?}");
        let get = still.kind("get");
        let number = |which: &str, what: &str| get[which][what].as_f64().unwrap();
        let usual = get["corrected_by_us"].as_f64().unwrap();
        let is_median = (usual - number("latency_us", "p50")).abs() < 0.01 * usual;
        assert!(if by == "--corrected" { is_median } else { usual == 1000.0 }, "{still:?}");
        // Two clients have waited for two fifths of the time, and so have two of five requests.
        let [plain, corrected] = ["latency_us", "latency_corrected_us"].map(|it| number(it, "p99"));
        let added = number("latency_corrected_us", "count") - number("latency_us", "count");
        match by {
            "--corrected" => assert!(plain < 1e5 && corrected > 5e5, "{still:?}"),
            _ => assert!((2000.0..4000.0).contains(&added), "{still:?}"),
        }
        assert!(still.table.lines().any(|line| line.starts_with("  corrected")), "{still:?}");
        assert!(still.table.contains("The corrected ones do not."), "{still:?}");
    }
}
