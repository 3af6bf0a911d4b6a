//! What the live page tells of steps: what happened, and nothing that a free loop would not do.

use serde_json::Value;

use super::figures::state;
use super::sockets::Background;
use super::watcher::Watcher;
use super::{ask, shown};

fn step(server: &Background) -> (u64, String) {
    assert_eq!(ask(server, "POST /step", &[]).status, 204);
    let told = state(server, "")["last_step"].clone();
    (told["number"].as_u64().unwrap(), told["says"].as_str().unwrap().to_owned())
}

#[test]
fn a_step_says_what_it_came_to_also_if_there_was_nothing_to_do() {
    let server = shown(|_| ());
    assert_eq!(state(&server, "")["last_step"], Value::Null);
    ask(&server, "POST /pause", &[]);
    assert_eq!(state(&server, "")["last_step"], Value::Null, "no step was asked for");
    let nothing = "no client can run; the loop would sleep";
    assert_eq!(step(&server), (1, nothing.into()));
    assert_eq!(step(&server), (2, nothing.into()));
    let mut client = server.connect();
    client.ask("/");
    assert_eq!(step(&server), (3, "a connection is accepted".into()));
    let (number, says) = step(&server);
    assert_eq!(number, 4);
    assert!(says.starts_with("client ") && says.ends_with(": Fresh to Writing"), "{says}");
    assert!(step(&server).1.ends_with(": Writing to Idle"));
    assert_eq!(client.answer().text(), "hello");
    assert!(step(&server).1.ends_with(": it stays in Idle"));
    assert_eq!(step(&server), (7, nothing.into()));
    ask(&server, "POST /resume", &[]);
    assert_eq!(state(&server, "")["last_step"], Value::Null);
}

/// 16 bytes were "enough for one turn", and the poll was asked for room, while somebody stepped.
#[test]
fn the_steps_of_a_held_client_are_those_of_a_free_one() {
    let server = shown(|_| ());
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    let mut watcher = Watcher::of(&server, "?slot=0");
    watcher.frame_with(|frame| frame["client"]["slot"] == 0);
    ask(&server, "POST /pause", &[]);
    client.send("GET / HTTP/1.1\r\n");
    step(&server);
    let steps = steps_up_to(&mut watcher, "Idle -> ReadingHead", "held");
    assert_eq!(steps.last().unwrap(), "held      one step at a time; it goes on with the next");
    step(&server);
    steps_up_to(&mut watcher, "Idle -> ReadingHead", "wait");
    client.send("Host: a\r\n\r\n");
    for _ in 0..3 {
        step(&server);
    }
    assert_eq!(client.answer().text(), "hello");
    let steps = steps_up_to(&mut watcher, "Writing -> Idle", "wait");
    let untrue = |step: &String| step.contains("enough for one turn") || step.contains("writable");
    assert!(!steps.iter().any(untrue), "{steps:?}");
}

#[test]
fn whatever_a_client_has_sent_a_frame_is_json() {
    let server = shown(|_| ());
    let mut client = server.connect();
    let mut watcher = Watcher::of(&server, "?slot=0");
    watcher.frame_with(|frame| frame["client"]["slot"] == 0);
    client.send("GET /\"quoted\" HTTP/1.1\r\nHost: a\r\n\r\nGET /\"\\");
    let steps = steps_up_to(&mut watcher, "GET /\"quoted\" -> ", "wait");
    assert!(!steps.is_empty());
    let kept = state(&server, "?slot=0")["client"]["kept"].clone();
    assert_eq!(kept, "GET /\"\\x5C", "as it is shown everywhere");
}

/// The chosen client's steps, once one of them says this and the last is of this kind.
fn steps_up_to(watcher: &mut Watcher, said: &str, verb: &str) -> Vec<String> {
    let texts = |frame: &Value| {
        let steps = frame["client"]["steps"].as_array().into_iter().flatten();
        steps.map(|step| step["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let fits = |frame: &Value| {
        let steps = texts(frame);
        let is_last = steps.last().is_some_and(|step| step.starts_with(verb));
        is_last && steps.iter().any(|step| step.contains(said))
    };
    texts(&watcher.frame_with(fits))
}
