//! Limits of a head: its bytes, its target, its fields.

use super::*;

#[test]
fn a_head_of_the_limit_is_answered_and_one_byte_more_is_431() {
    for max in [128, 1000, 16 * 1024, 64 * 1024] {
        let server = strict(&limited(|limits| {
            limits.head_bytes_max = max;
            limits.target_bytes_max = max / 2;
        }));
        for (bytes, status) in [(max - 1, 200), (max, 200), (max + 1, 431)] {
            assert_eq!(status_of(&server, &with_head_of(bytes)), status, "{bytes} of {max}");
        }
    }
}

#[test]
fn a_head_that_reaches_the_limit_without_ending_is_431_without_waiting_for_more() {
    let server = strict(&limited(|limits| {
        limits.head_bytes_max = 128;
        limits.target_bytes_max = 64;
    }));
    let request = with_head_of(200);
    let mut client = server.connect();
    client.send(&request[..127]);
    server.wait_until(|seen| seen.metrics.received_bytes == 127);
    assert!(!client.hears_now(), "127 bytes may still become a head");
    client.send(&request[127..128]);
    assert_eq!(client.answer().status, 431);
}

#[test]
fn a_target_of_the_limit_is_answered_and_one_byte_more_is_414() {
    for max in [10, 100, 8 * 1024] {
        let server = strict(&limited(|limits| limits.target_bytes_max = max));
        for (bytes, status) in [(max - 1, 200), (max, 200), (max + 1, 414)] {
            let request = get(&format!("/{}", "a".repeat(bytes - 1)));
            assert_eq!(status_of(&server, &request), status, "{bytes} of {max}");
        }
    }
}

#[test]
fn a_target_that_exceeds_the_limit_is_414_before_its_line_has_ended() {
    let server = strict(&limited(|limits| limits.target_bytes_max = 100));
    let mut client = server.connect();
    client.send(format!("GET /{}", "a".repeat(100)));
    assert_eq!(client.answer().status, 414);
}

#[test]
fn as_many_fields_as_the_limit_are_answered_and_one_more_is_431() {
    for max in [1, 8, 100, FIELDS_CAPACITY] {
        let server = strict(&limited(|limits| limits.fields_max = max));
        for (fields, status) in [(max - 1, 200), (max, 200), (max + 1, 431)] {
            // `Host` is one of them; HTTP/1.0 needs none.
            let request = match fields {
                0 => "GET / HTTP/1.0\r\n\r\n".to_owned(),
                _ => format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(fields - 1)),
            };
            let mut client = server.connect();
            client.send(request);
            assert_eq!(client.answer().status, status, "{fields} of {max}");
        }
    }
}
