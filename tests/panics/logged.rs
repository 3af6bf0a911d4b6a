//! What the access log tells of a panic: each answer has one line, with its own client, and so has a
//! request whose handler panicked.

use oneloop::journal::{Format, Journal};
use oneloop::watch::AccessLog;

use super::*;

/// A line of the log.
#[derive(Debug, PartialEq)]
struct Line {
    client: String,
    connection: u64,
    request: u64,
    asked: String,
    status: u64,
    ended: String,
}

/// Has the answers to this crowd logged.
fn logged(crowd: &mut Crowd) -> Journal {
    let journal = Journal::default();
    AccessLog::new(Format::Json, journal.clone()).watch(crowd.engine.clients_mut());
    journal
}

/// The lines, those of each connection together.
fn lines(journal: &Journal) -> Vec<Line> {
    let mut text = Vec::new();
    let taken = journal.write_by(|lines| {
        text.extend_from_slice(lines);
        Ok(lines.len())
    });
    taken.unwrap();
    let line = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        Line {
            client: text("client").unwrap(),
            connection: line["connection"].as_u64().unwrap(),
            request: line["request"].as_u64().unwrap(),
            asked: text("target").or(text("received")).unwrap(),
            status: line["status"].as_u64().unwrap(),
            ended: text("ended").unwrap(),
        }
    };
    let mut lines: Vec<Line> = String::from_utf8(text).unwrap().lines().map(line).collect();
    lines.sort_by_key(|line| line.connection);
    lines
}

fn line(connection: u64, request: u64, asked: &str, status: u64, ended: &str) -> Line {
    let (client, asked) = (format!("127.0.0.1:{}", connection + 1), asked.to_owned());
    Line { client, connection, request, asked, status, ended: ended.to_owned() }
}

#[test]
fn each_answer_has_one_line_of_its_own_client_whatever_panics() {
    for guilty in ["/panic", "/half", "/whole", "/source", "/source-at-once"] {
        for place in 0..5 {
            let said: Vec<String> = (0..5)
                .map(|client| match client == place {
                    true => get("/before") + &get(guilty) + &get("/behind"),
                    false => get(&format!("/{client}/0")) + &get(&format!("/{client}/1")),
                })
                .collect();
            let mut crowd = Crowd::of(&said);
            let journal = logged(&mut crowd);
            crowd.run(Time::START);
            crowd.run(Time::START + SECOND * 2);
            let panicked = CloseReason::HandlerPanicked.word();
            let expected: Vec<Line> = (0..5)
                .flat_map(|client| match client == place {
                    // Of a source that panics later, the head and what came before are out.
                    true if guilty == "/source" => [
                        line(client, 1, "/before", 200, "whole"),
                        line(client, 2, guilty, 200, panicked),
                    ],
                    true => {
                        let status = if guilty == "/source-at-once" { 200 } else { 0 };
                        let before = line(client, 1, "/before", 200, panicked);
                        [before, line(client, 2, guilty, status, panicked)]
                    }
                    false => {
                        let line = |nth| {
                            line(client, nth, &format!("/{client}/{}", nth - 1), 200, "whole")
                        };
                        [line(1), line(2)]
                    }
                })
                .collect();
            assert_eq!(lines(&journal), expected, "{guilty} of client {place}");
        }
    }
}

#[test]
fn what_is_no_request_has_a_line_when_its_handler_panics() {
    let said = [get("/a"), "panic\r\n".to_owned(), get("/b"), "panic".to_owned()];
    let mut crowd = Crowd::of(&said);
    let journal = logged(&mut crowd);
    crowd.run(Time::START);
    crowd.run(Time::START + Timeouts::default().head * 2);
    let expected = [
        line(0, 1, "/a", 200, "whole"),
        line(1, 1, "panic", 0, "handler-panicked"),
        line(2, 1, "/b", 200, "whole"),
        line(3, 1, "panic", 0, "handler-panicked"),
    ];
    assert_eq!(lines(&journal), expected);
}

/// A handler is asked for a plan when a head has come without its content.
#[test]
fn a_request_has_a_line_when_the_plan_for_its_content_panics() {
    let head = |path| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    let mut crowd = Crowd::of(&[head("/panic-early"), head("/a"), get("/b")]);
    let journal = logged(&mut crowd);
    crowd.run(Time::START);
    crowd.peers[1].say("x");
    let later = crowd.engine.clients().next_due().unwrap();
    crowd.run(later);
    let lines = lines(&journal);
    assert_eq!(lines[0], line(0, 1, "/panic-early", 0, "handler-panicked"));
    assert_eq!(lines[2], line(2, 1, "/b", 200, "whole"));
    assert_eq!((lines.len(), lines[1].connection, lines[1].request), (3, 1, 1));
}
