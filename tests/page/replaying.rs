//! Recordings, in a real browser: what was recorded is played, forwards and back.

use std::process::{Command, Stdio};

use super::*;

/// How large the recording of the documentation may be.
const DOCUMENTED_BYTES_MAX: usize = 500_000;

fn replay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.arg("replay").args(arguments).stdin(Stdio::null());
    command
}

/// Three clients: one asks twice, one sends half a request, and one says nothing.
fn record(file: &Path) {
    let mut server = start_at("127.0.0.1:0", &["--record", file.to_str().unwrap()]);
    // What watches is not recorded.
    drop(Client::connect(server.admin()));
    let streams = [0, 1, 2].map(|_| TcpStream::connect(server.address()).unwrap());
    say(&streams[1], "GET /half");
    let mut asking = Client::new(streams[0].try_clone().unwrap());
    for _ in 0..2 {
        asking.get("/twice");
    }
    drop((asking, streams));
    assert!(server.stop().success());
    assert!(!fs::read_to_string(file).unwrap().contains("\"admin\":"));
}

#[test]
fn a_recording_is_played_and_each_step_can_be_taken_back() {
    let Some(program) = CHROMIUM.find(a_recording_is_played_and_each_step_can_be_taken_back) else {
        return;
    };
    let folder = Folder::new("recording");
    let file = folder.path().join("steps.jsonl");
    record(&file);
    let html = replay(&["--html", file.to_str().unwrap()]).output().unwrap();
    assert!(html.status.success() && html.stderr.is_empty(), "{html:?}");
    let page = folder.path().join("page.html");
    fs::write(&page, html.stdout).unwrap();
    let mut browser = Browser::start(&program, WIDTH, HEIGHT);
    browser.open(&format!("file://{}", page.display()));
    browser.await_true("document.body.dataset.pace === 'paused'");
    let frame = |browser: &mut Browser| browser.evaluate("window.oneloop.frame");
    let end = frame(&mut browser);
    // The half one, too, when its client left.
    let totals = &end["totals"];
    assert_eq!((&totals["requests"], &totals["answers"]["2xx"]), (&3.into(), &3.into()));
    assert_eq!(end["totals"]["connections_accepted"], 3);
    assert_eq!((&end["clients"], &end["grid"]), (&0.into(), &"...".into()));
    let steps = end["last_step"]["number"].as_u64().unwrap();
    // Each step back to the first, and each of them forward again: the same is seen.
    let mut seen = vec![end];
    for _ in 0..steps {
        browser.press(",");
        seen.push(frame(&mut browser));
    }
    assert_eq!(
        (&seen[steps as usize]["clients"], &seen[steps as usize]["last"]),
        (&0.into(), &serde_json::Value::Null)
    );
    let grids: Vec<&str> = seen.iter().map(|frame| frame["grid"].as_str().unwrap()).collect();
    for expected in ["F", "FF", "FFF", "WHF", "IHF"] {
        let is_seen = grids.iter().any(|grid| {
            let mut letters: Vec<char> = grid.chars().collect();
            let mut wanted: Vec<char> = expected.chars().collect();
            letters.sort_unstable();
            wanted.sort_unstable();
            letters == wanted
        });
        assert!(is_seen, "{expected} is not among {grids:?}");
    }
    let ready = |frame: &serde_json::Value| frame["queue"]["count"] == 1;
    assert!(seen.iter().any(ready), "a client that is told of is ready");
    for before in seen.iter().rev().skip(1) {
        browser.press(".");
        assert_eq!(&frame(&mut browser), before);
    }
    browser.evaluate("document.getElementById('speed').value = '10'");
    browser.press(" ");
    browser.await_true("document.body.dataset.pace === 'running'");
    browser.await_true(&format!(
        "document.body.dataset.pace === 'paused' && \
         window.oneloop.frame.last_step.number === {steps}"
    ));
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn a_recording_is_served_at_a_port() {
    let Some(program) = CHROMIUM.find(a_recording_is_served_at_a_port) else { return };
    let folder = Folder::new("served-recording");
    let file = folder.path().join("steps.jsonl");
    record(&file);
    let server = Server::launch(replay(&[file.to_str().unwrap(), "127.0.0.1:0"]));
    let mut browser = Browser::start(&program, WIDTH, HEIGHT);
    browser.open(&server.url("/"));
    browser.await_true("document.body.dataset.pace === 'paused'");
    assert!(browser.text("status").starts_with("Paused at "));
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
    assert!(server.stop().success());
}

#[test]
fn the_recording_of_the_documentation_plays() {
    let Some(program) = CHROMIUM.find(the_recording_of_the_documentation_plays) else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/recording.html");
    let bytes = fs::metadata(&file).unwrap().len() as usize;
    assert!(bytes < DOCUMENTED_BYTES_MAX, "{bytes} bytes");
    let mut browser = Browser::start(&program, WIDTH, HEIGHT);
    browser.open(&format!("file://{}", file.display()));
    browser.await_true("window.oneloop?.frame.totals.requests > 10");
    browser.await_true("window.oneloop.frame.clients > 5");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}
