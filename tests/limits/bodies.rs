//! Limits of content, by length and in chunks.

use super::*;

#[test]
fn a_declared_body_of_the_limit_is_answered_and_one_byte_more_is_413() {
    for max in [1, 1000, 1024 * 1024] {
        let server = measuring(&limited(|limits| limits.body_bytes_max = max));
        for bytes in [max - 1, max] {
            let mut client = server.connect();
            let fields = format!("Content-Length: {bytes}\r\n");
            client.send(posted(&fields, &"b".repeat(bytes)));
            assert_eq!(client.answer().text(), bytes.to_string());
            assert_eq!(client.get("/").text(), "0", "the connection goes on");
        }
        let too_long = posted(&format!("Content-Length: {}\r\n", max + 1), "");
        assert_eq!(status_of(&server, &too_long), 413);
    }
}

#[test]
fn a_body_limit_of_zero_takes_empty_bodies_only() {
    let server = measuring(&limited(|limits| limits.body_bytes_max = 0));
    assert_eq!(status_of(&server, &posted("Content-Length: 0\r\n", "")), 200);
    assert_eq!(status_of(&server, &chunked("0\r\n\r\n")), 200);
    assert_eq!(status_of(&server, &posted("Content-Length: 1\r\n", "")), 413);
    assert_eq!(status_of(&server, &chunked("1\r\n")), 413);
}

#[test]
fn a_length_that_no_integer_holds_is_refused() {
    let server = measuring(&config());
    for length in ["4294967296", "18446744073709551615"] {
        let request = posted(&format!("Content-Length: {length}\r\n"), "");
        assert_eq!(status_of(&server, &request), 413, "{length}");
    }
}

#[test]
fn a_refused_body_that_is_sent_all_the_same_does_not_destroy_the_answer() {
    let server = measuring(&config());
    let mut client = server.connect();
    let piece = vec![b'b'; 64 * 1024];
    let pieces = 500;
    assert!(pieces * piece.len() > 30 * Limits::default().body_bytes_max);
    client.send(posted(&format!("Content-Length: {}\r\n", pieces * piece.len()), ""));
    server.wait_until(|seen| seen.metrics.faults == 1);
    // The answer lies unread in our kernel; a reset would throw it away.
    for _ in 0..pieces {
        client.send(&piece);
    }
    client.finish();
    assert_eq!(client.answer().status, 413);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_refused_body_that_comes_with_its_head_does_not_destroy_the_answer() {
    let server = measuring(&limited(|limits| limits.body_bytes_max = 1000));
    let mut client = server.connect();
    client.send(posted("Content-Length: 500000\r\n", &"b".repeat(500_000)));
    client.finish();
    assert_eq!(client.answer().status, 413);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_chunked_body_of_the_limit_is_answered_and_one_byte_more_is_413() {
    for max in [1000, 1024 * 1024] {
        let server = measuring(&limited(|limits| limits.body_bytes_max = max));
        for bytes in [max - 1, max] {
            let content = chunks::chunked(&vec![b'c'; bytes], &[400, bytes - 400], "", "");
            let mut client = server.connect();
            client.send(chunked(str::from_utf8(&content).unwrap()));
            assert_eq!(client.answer().text(), bytes.to_string());
            assert_eq!(client.get("/").text(), "0", "the connection goes on");
        }
    }
}

#[test]
fn a_chunk_that_exceeds_the_body_limit_is_413_before_its_data_comes() {
    let server = measuring(&limited(|limits| limits.body_bytes_max = 1000));
    let first = format!("1f4\r\n{}\r\n", "c".repeat(500));
    assert_eq!(status_of(&server, &chunked(&format!("{first}1f5\r\n"))), 413);
    assert_eq!(status_of(&server, &chunked("3e9\r\n")), 413);
    assert_eq!(status_of(&server, &chunked("ffffffffffffffff\r\n")), 413);
}

#[test]
fn as_many_trailers_as_the_limit_are_taken_and_one_more_is_431() {
    let server = measuring(&limited(|limits| limits.fields_max = 8));
    for (trailers, status) in [(7, 200), (8, 200), (9, 431)] {
        let content = format!("1\r\nc\r\n0\r\n{}\r\n", "X: y\r\n".repeat(trailers));
        assert_eq!(status_of(&server, &chunked(&content)), status, "{trailers}");
    }
}

#[test]
fn trailers_as_long_as_a_head_may_be_are_taken_and_one_byte_more_is_431() {
    let server = measuring(&limited(|limits| {
        limits.head_bytes_max = 1000;
        limits.target_bytes_max = 100;
    }));
    for (bytes, status) in [(999, 200), (1000, 200), (1001, 431)] {
        let trailers = format!("X: {}\r\n\r\n", "y".repeat(bytes - "X: \r\n\r\n".len()));
        assert_eq!(trailers.len(), bytes);
        assert_eq!(status_of(&server, &chunked(&format!("0\r\n{trailers}"))), status, "{bytes}");
    }
}

#[test]
fn a_chunk_size_line_of_256_bytes_is_taken_and_one_more_is_400() {
    let server = measuring(&config());
    for (bytes, status) in [(255, 200), (256, 200), (257, 400)] {
        let line = format!("1;{}\r", "e".repeat(bytes - "1;\r".len()));
        let content = format!("{line}\nc\r\n0\r\n\r\n");
        assert_eq!(status_of(&server, &chunked(&content)), status, "{bytes}");
    }
}

#[test]
fn chunk_extensions_that_together_exceed_a_heads_limit_are_400() {
    let server = measuring(&limited(|limits| {
        limits.head_bytes_max = 1000;
        limits.target_bytes_max = 100;
    }));
    let chunk = format!("1;{}\r\nc\r\n", "e".repeat(99));
    assert_eq!(status_of(&server, &chunked(&format!("{}0\r\n\r\n", chunk.repeat(9)))), 200);
    assert_eq!(status_of(&server, &chunked(&format!("{}0\r\n\r\n", chunk.repeat(11)))), 400);
}
