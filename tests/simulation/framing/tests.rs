//! The model itself, by examples: it judges the server, so it must not be taken on trust.

use oneloop::Limits;

use super::{Meaning, messages};

/// What each message is: where it ends, and its target or its statuses.
#[track_caller]
fn read(stream: &str) -> Vec<(usize, String)> {
    let mut limits = Limits::default();
    limits.head_bytes_max = 100;
    limits.target_bytes_max = 20;
    limits.fields_max = 3;
    limits.body_bytes_max = 16;
    let summary = |meaning: Meaning| match meaning {
        Meaning::Request(asked) => {
            format!("{} {} {}", asked.method, asked.target, asked.body.escape_ascii())
        }
        Meaning::Unsupported(asked, status) => format!("{} {status}", asked.method),
        Meaning::Faulty(statuses) => format!("{statuses:?}"),
        Meaning::Unfinished => "unfinished".to_owned(),
    };
    let messages = messages(stream.as_bytes(), &limits);
    messages.into_iter().map(|message| (message.end, summary(message.meaning))).collect()
}

#[test]
fn requests_end_where_their_framing_says() {
    let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let coded = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3;a=\"b\"\r\nhel\r\n2\r\nlo\r\n0\r\nT: x\r\n\r\n";
    let all = [get, post, "\r\n\r\n", coded, get].concat();
    let ends = [get.len(), get.len() + post.len(), all.len() - get.len(), all.len()];
    let asked = ["GET /a ", "POST / hello", "POST / hello", "GET /a "];
    let expected: Vec<_> = ends.into_iter().zip(asked.map(String::from)).collect();
    assert_eq!(read(&all), expected);
}

#[test]
fn a_fault_lies_at_the_byte_that_decides() {
    let host = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (stream, at, statuses) in [
        ("hello\r\n".to_owned(), 6, "[400]"),
        ("\nGET".to_owned(), 1, "[400]"),
        ("\rG".to_owned(), 2, "[400]"),
        ("G@T / HTTP/1.1\r\n".to_owned(), 2, "[400]"),
        ("GET  / HTTP/1.1\r\n".to_owned(), 5, "[400]"),
        ("GET / HTTQ".to_owned(), 10, "[400]"),
        ("GET / HTTP/2.0\r\n\r\n".to_owned(), 14, "[505]"),
        ("GET / HTTP/1.1 \r\n".to_owned(), 15, "[400]"),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(), 15, "[400]"),
        (format!("GET /{} HT", "a".repeat(30)), 25, "[414]"),
        (format!("{host} folded\r\n\r\n"), 26, "[400]"),
        (format!("{host}X : y\r\n\r\n"), 27, "[400]"),
        (format!("{host}X: \0y\r\n\r\n"), 29, "[400]"),
        (format!("{host}X: a\rb\r\n\r\n"), 31, "[400]"),
        (format!("{host}A: a\r\nB: b\r\nC: c\r\n\r\n"), 43, "[431]"),
        (format!("{host}A: {}\r\n\r\n", "a".repeat(80)), 100, "[431]"),
        ("\r\n".repeat(60), 102, "[431]"),
        (format!("{host}Host: b\r\n\r\n"), 36, "[400]"),
        ("GET / HTTP/1.1\r\nHost: [::1]0\r\n\r\n".to_owned(), 32, "[400]"),
        ("GET / HTTP/1.1\r\nHost: %a\r\n\r\n".to_owned(), 28, "[400]"),
        (format!("{host}Expect: x\r\nContent-Length: y\r\n\r\n"), 57, "[417, 400]"),
        (format!("{host}Content-Length: 17\r\n\r\n"), 47, "[413]"),
    ] {
        assert_eq!(read(&stream), [(at, statuses.to_owned())], "{stream:?}");
    }
}

#[test]
fn a_fault_in_chunks_lies_at_the_byte_that_decides() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (content, at, statuses) in [
        ("x", 1, "[400]"),
        ("\r\n", 1, "[400]"),
        ("5\nhello", 2, "[400]"),
        ("5 \r\n", 3, "[400]"),
        ("5;\r\n", 3, "[400]"),
        ("5;a=\"b\r\n", 7, "[400]"),
        ("5\r\nhelloX", 9, "[400]"),
        ("5\r\nhello\rX", 10, "[400]"),
        ("11\r\n", 3, "[413]"),
        ("ffffffffffffffff1", 17, "[400]"),
        ("0\r\nT\r\n", 5, "[400]"),
        ("0\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", 16, "[431]"),
    ] {
        let stream = format!("{head}{content}");
        assert_eq!(read(&stream), [(head.len() + at, statuses.to_owned())], "{content:?}");
    }
}

#[test]
fn what_can_still_become_a_request_is_unfinished() {
    let whole = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3 ; a = \"b\\\"\" ;c\t=d\r\nabc\r\n0\r\nT: x\r\n\r\n";
    for len in 1..whole.len() {
        assert_eq!(read(&whole[..len]), [(usize::MAX, "unfinished".to_owned())], "{len}");
    }
    assert_eq!(read(whole), [(whole.len(), "POST /a abc".to_owned())]);
}

#[test]
fn nothing_is_read_behind_the_last_request() {
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(read(&format!("{close}{close}")).len(), 1);
    let old = "GET / HTTP/1.0\r\n\r\n";
    assert_eq!(read(&format!("{old}{old}")).len(), 1);
    let kept = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    assert_eq!(read(&format!("{kept}{kept}")).len(), 2);
    let strange = "FLY / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(read(&format!("{strange}{kept}")).len(), 2);
    assert_eq!(read("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nGET")[0].1, "CONNECT 405");
}
