//! What a connection holds of content that has not come whole, or that no handler wants.

use super::*;

#[test]
fn a_waiting_client_holds_little_more_than_what_it_sent() {
    let mut bench = Bench::new();
    bench.receive(b"GET / HT");
    assert!(bench.connection.parked_bytes() <= 128);
    bench.receive(&[b'x'; 1000]);
    assert!(bench.connection.parked_bytes() <= 2048);
    let mut bench = Bench::new();
    bench.exchange(GET);
    assert_eq!(bench.connection.parked_bytes(), 0);
}

#[test]
fn of_content_that_is_dropped_only_the_head_is_kept() {
    let chunked = "POST /dropped HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let length = "POST /dropped HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
    let piece = "z".repeat(30_000);
    let chunk = format!("7530\r\n{piece}\r\n");
    for (head, piece, end) in [(length, &piece, ""), (chunked, &chunk, "0\r\n\r\n")] {
        let mut bench = Bench::new();
        assert_eq!(bench.exchange(&format!("{GET}{head}{}", &piece[..40])).matches('<').count(), 1);
        assert_eq!(bench.exchange(&piece[40..]), "");
        for _ in 0..9 {
            bench.assert_state(StateName::ReadingBody);
            assert_eq!(bench.connection.kept_bytes(), head.len());
            assert!(bench.connection.parked_bytes() <= 512);
            bench.receive(piece.as_bytes());
        }
        bench.receive(format!("{end}{GET}POST /p HT").as_bytes());
        let said = bench.send_all();
        assert_eq!(bodies(&said), ["<POST /dropped >", "<GET /a >"], "{said}");
        bench.assert_state(StateName::ReadingHead);
        assert_eq!(bench.connection.kept_bytes(), "POST /p HT".len());
    }
}

#[test]
fn chunks_are_joined_in_room_for_one_receive_and_longer_ones_where_they_lie() {
    let head = "POST /held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut bench = Bench::new();
    for (content, room) in [("z".repeat(70_000), 0), ("abc".to_owned(), 64)] {
        let chunks = format!("{:x}\r\n{content}\r\n0\r\n\r\n", content.len());
        bench.receive(format!("{head}{chunks}{GET}").as_bytes());
        let said = bench.send_all();
        assert_eq!(bodies(&said), [&format!("<POST /held {content}>"), "<GET /a >"]);
        assert!(bench.common.joined.capacity() <= room, "{}", bench.common.joined.capacity());
    }
}

#[test]
fn content_that_is_dropped_is_limited_and_has_to_make_progress_like_any_other() {
    let chunked = "POST /dropped HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut bench = Bench::new();
    assert_eq!(bench.exchange(&format!("{chunked}3\r\nab")), "");
    assert_eq!(statuses(&bench.exchange("c,")), ["400"]);
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.exchange("fffff\r\n")), [""; 0]);
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.exchange("100000\r\n")), ["413"], "a byte too much in all");
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.run_out()), ["408"]);
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.end_of_input()), ["400"]);
}

#[test]
fn a_request_that_no_handler_sees_makes_us_hold_no_content() {
    let mut bench = Bench::new();
    let head = "BREW /a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n";
    bench.exchange(head);
    for _ in 0..4 {
        assert_eq!(bench.exchange(&"x".repeat(40_000)), "");
        assert_eq!(bench.connection.kept_bytes(), head.len());
    }
    let said = bench.exchange(&format!("{}{GET}", "x".repeat(40_000)));
    assert_eq!(statuses(&said), ["501", "200"]);
}
