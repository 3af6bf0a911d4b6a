//! However the input is cut, the answers are the same.

use super::*;

/// What the server says to `input`, sent in the given pieces, up to the end of the input.
pub(super) fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, CloseReason) {
    let mut bench = Bench::new();
    let mut said = String::new();
    for piece in pieces {
        if bench.connection.demand() == Demand::Receive {
            bench.receive(piece);
            said += &bench.send_all();
        }
    }
    if matches!(bench.connection.demand(), Demand::Receive | Demand::Discard) {
        said += &bench.end_of_input();
    }
    let Demand::Close(reason) = bench.connection.demand() else {
        panic!("the end of input ends a connection");
    };
    // Whether a 100 is due depends on whether the body was there already.
    (said.replace("HTTP/1.1 100 Continue\r\n\r\n", ""), reason)
}

#[track_caller]
fn assert_cuts_do_not_matter(input: &[u8]) {
    let whole = verdict([input]);
    for cut in 1..input.len() {
        let (first, rest) = input.split_at(cut);
        assert_eq!(verdict([first, rest]), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    assert_eq!(verdict(input.chunks(1)), whole, "byte by byte: {}", input.escape_ascii());
}

#[test]
fn every_request_cut_at_every_byte_gives_the_same_answers() {
    for input in [GET, POST, CHUNKED, EXPECT, "hello\r\n", "\r\n\r\n", "GET /\u{e9} HTTP/1.1\r\n"] {
        assert_cuts_do_not_matter(input.as_bytes());
    }
    let all =
        format!("{GET}{POST}\r\n{CHUNKED}{}{GET}", EXPECT.replace("\r\n\r\n", "\r\n\r\nhello"));
    assert_cuts_do_not_matter(all.as_bytes());
    assert_cuts_do_not_matter(format!("{GET}{}{POST}", streamed("a,b")).as_bytes());
    let dropped = CHUNKED.replace("/c", "/dropped");
    let all = format!("{GET}{dropped}{dropped}\r\n{GET}");
    assert_cuts_do_not_matter(all.as_bytes());
}

/// What is said to `input` while the peer still waits: a fault is told at once, not at a deadline.
#[test]
fn every_fault_is_told_at_once_however_the_input_is_cut() {
    let long = format!("GET /{} HT", "a".repeat(9000));
    for input in [
        "GET / HTTP/2.0",
        "hello\x01",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0",
        "GET / HTTP/1.1\r\nHost: a\r\nX :",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb",
        "GET / HTTP/1.1\r\nHost: a\r\n ",
        long.as_str(),
    ] {
        let whole = Bench::new().exchange(input);
        assert!(whole.starts_with("HTTP/1.1 "), "{input:.60}");
        for cut in (1..input.len()).step_by(1 + input.len() / 100) {
            let mut bench = Bench::new();
            let mut said = bench.exchange(&input[..cut]);
            if bench.connection.demand() == Demand::Receive {
                said += &bench.exchange(&input[cut..]);
            }
            assert_eq!(said, whole, "{input:.60} cut at {cut}");
        }
    }
}

#[test]
fn every_given_case_cut_at_every_byte_gives_the_same_answers() {
    let mut inputs = 0;
    for line in include_str!("../../../tests/cases/cases.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case a line");
        let send = &case["send"];
        let pieces = send.as_array().cloned().unwrap_or_else(|| vec![send.clone()]);
        let texts: Vec<&str> = pieces.iter().filter_map(|piece| piece.as_str()).collect();
        let text: String = texts.concat().replace("@H@", "a:1").replace("@G@", "/");
        let text = text.replace("@P@", "/").replace("@SML@", "44").replace("@SML5@", "49");
        let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
        if texts.len() == pieces.len() && bytes.len() <= 1000 {
            assert_cuts_do_not_matter(&bytes);
            inputs += 1;
        }
    }
    assert!(inputs > 100, "only {inputs} cases were tried");
}
