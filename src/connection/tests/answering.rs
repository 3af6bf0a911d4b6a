//! Requests and their answers: in order, pipelined, in pieces, refused.

use super::*;

#[test]
pub(super) fn a_kept_connection_answers_one_request_after_the_other() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        assert_eq!(bodies(&bench.exchange(GET)), ["<GET /a >"]);
        bench.assert_state(StateName::Idle);
    }
    bench.end_of_input();
    bench.assert_closed(CloseReason::PeerClosed);
}

#[test]
fn pipelined_requests_are_answered_in_order_before_one_send() {
    let mut bench = Bench::new();
    bench.receive(format!("{GET}{POST}{CHUNKED}{GET}").as_bytes());
    let sent = String::from_utf8(bench.send(usize::MAX)).expect("text");
    assert_eq!(bodies(&sent), ["<GET /a >", "<POST /p hello>", "<POST /c hello>", "<GET /a >"]);
    bench.assert_state(StateName::Idle);
}

#[test]
fn a_partial_send_goes_on_where_it_stopped() {
    let whole = Bench::new().exchange(&format!("{GET}{GET}"));
    let mut bench = Bench::new();
    bench.receive(format!("{GET}{GET}").as_bytes());
    let mut sent = Vec::new();
    while bench.connection.demand() == Demand::Send {
        sent.extend(bench.send(7));
        bench.connection.park(&mut bench.common.output);
    }
    assert_eq!(sent, whole.as_bytes());
    bench.assert_state(StateName::Idle);
}

#[test]
fn a_large_shared_body_is_sent_before_the_next_request_is_looked_at() {
    let mut bench = Bench::new();
    let large = GET.replace("/a", "/large");
    bench.receive(format!("{large}{GET}").as_bytes());
    assert_eq!(bench.common.metrics.requests, 1);
    let sent = bench.send_all();
    assert_eq!(bodies(&sent)[0].len(), 100_000);
    assert_eq!(bodies(&sent)[1], "<GET /a >");
}

#[test]
fn above_the_high_water_mark_answers_are_sent_before_more_are_made() {
    let mut bench = Bench::new();
    bench.common.limits.output_bytes_high_water = 1024;
    bench.receive(GET.repeat(100).as_bytes());
    let first = bench.send(usize::MAX);
    assert!((1024..1200).contains(&first.len()), "{}", first.len());
    let rest = bench.send_all();
    assert_eq!(bench.common.metrics.requests, 100);
    assert_eq!(statuses(&rest).len() + statuses(&String::from_utf8_lossy(&first)).len(), 100);
}

#[test]
pub(super) fn nothing_after_close_is_processed_and_the_rest_is_lingered_for() {
    let mut bench = Bench::new();
    let close = GET.replace("Host", "Connection: close\r\nHost");
    let sent = bench.exchange(&format!("{close}{GET}"));
    assert_eq!(bodies(&sent), ["<GET /a >"]);
    bench.assert_state(StateName::Lingering);
    bench.end_of_input();
    bench.assert_closed(CloseReason::Answered);

    let mut bench = Bench::new();
    bench.exchange(&close);
    bench.assert_closed(CloseReason::Answered);
}

#[test]
pub(super) fn an_idle_connection_is_told_the_end_and_lingered_for() {
    for before in ["", GET] {
        let mut bench = Bench::new();
        bench.exchange(before);
        bench.connection.on_drained(bench.now);
        bench.assert_state(StateName::Lingering);
        bench.end_of_input();
        bench.assert_closed(CloseReason::Drained);
    }
}

#[test]
pub(super) fn a_client_that_waits_for_100_gets_it_once_and_only_if_its_body_is_wanted() {
    let mut bench = Bench::new();
    assert_eq!(bench.exchange(EXPECT), "HTTP/1.1 100 Continue\r\n\r\n");
    bench.assert_state(StateName::ReadingBody);
    assert_eq!(bodies(&bench.exchange("hello")), ["<PUT /e hello>"]);

    let together = Bench::new().exchange(&format!("{EXPECT}hello"));
    assert_eq!(statuses(&together), ["200"]);
    let old = Bench::new().exchange(&EXPECT.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(old, "");
    let refused = Bench::new().exchange(&EXPECT.replace(": 5", ": 5000000"));
    assert_eq!(statuses(&refused), ["413"]);
    let behind = Bench::new().exchange(&format!("{GET}{EXPECT}"));
    assert_eq!(statuses(&behind), ["200", "100"]);
}

#[test]
fn a_body_behind_answers_waits_until_they_are_out() {
    let mut bench = Bench::new();
    let (head, rest) = CHUNKED.split_at(CHUNKED.len() - 12);
    assert_eq!(bodies(&bench.exchange(&format!("{GET}{head}"))), ["<GET /a >"]);
    bench.assert_state(StateName::ReadingBody);
    assert_eq!(bodies(&bench.exchange(rest)), ["<POST /c hello>"]);
}

#[test]
fn half_closing_peers_get_their_answer() {
    let mut bench = Bench::new();
    bench.receive(GET.as_bytes());
    assert_eq!(bodies(&bench.send_all()), ["<GET /a >"]);
    bench.end_of_input();
    bench.assert_closed(CloseReason::PeerClosed);

    for (input, status) in [("GET /", "400"), (&POST[..POST.len() - 1], "400"), ("\r\n", "400")] {
        let mut bench = Bench::new();
        bench.exchange(input);
        assert_eq!(statuses(&bench.end_of_input()), [status], "{input:?}");
        bench.assert_closed(CloseReason::Fault);
    }
}

#[test]
pub(super) fn empty_lines_between_requests_are_no_requests() {
    let mut bench = Bench::new();
    let sent = bench.exchange(&format!("\r\n{GET}\r\n\r\n{GET}\r\n"));
    assert_eq!(statuses(&sent), ["200", "200"]);
    bench.assert_state(StateName::Idle);
    for piece in [&b"\r\n"[..], b"\r", b"\n", b"\r"] {
        bench.after(Duration::from_secs(1)).receive(piece);
        bench.assert_state(StateName::Idle);
    }
    let left = bench.common.timeouts.idle - Duration::from_secs(4);
    assert_eq!(bench.time_left(), left, "empty lines do not make a client any less idle");
    assert_eq!(statuses(&bench.exchange(&format!("\n{GET}\r"))), ["200"]);
    bench.end_of_input();
    bench.assert_closed(CloseReason::PeerClosed);
}

#[test]
fn empty_lines_before_the_first_request_are_typing_and_bounded() {
    let mut bench = Bench::lenient();
    bench.receive(b"\r\n");
    bench.assert_state(StateName::ReadingHead);
    assert_eq!(bench.connection.parked_bytes(), 0);
    assert_eq!(statuses(&bench.run_out()), ["408"]);

    let lines_max = Limits::default().head_bytes_max / 2;
    for (lines, status) in [(lines_max - 1, "200"), (lines_max, "200"), (lines_max + 1, "431")] {
        let mut bench = Bench::new();
        let sent = bench.exchange(&format!("{}{GET}", "\r\n".repeat(lines)));
        assert_eq!(statuses(&sent), [status]);
    }
}

#[test]
fn the_answer_to_head_has_no_content_even_if_it_is_a_fault() {
    for head in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost : a\r\n\r\n",
        "\r\nHEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx",
    ] {
        let sent = Bench::new().exchange(head);
        assert_eq!(bodies(&sent), [""], "{head}: {sent}");
    }
}

#[test]
fn a_request_that_will_be_refused_is_not_told_to_continue() {
    for (method, status) in [("BREW", "501"), ("TRACE", "405")] {
        let mut bench = Bench::new();
        let sent = bench.exchange(&EXPECT.replace("PUT", method));
        assert_eq!(statuses(&sent), [status]);
        bench.assert_state(StateName::Lingering);
    }
}

#[test]
fn while_draining_every_answer_is_the_last() {
    let mut bench = Bench::new();
    bench.receive(&POST.as_bytes()[..POST.len() - 1]);
    bench.common.phase = Phase::Stopping;
    let sent = bench.exchange("o");
    assert!(sent.contains("Connection: close\r\n"), "{sent}");
    bench.assert_state(StateName::Lingering);
    bench.end_of_input();
    bench.assert_closed(CloseReason::Answered);
}

#[test]
fn methods_that_are_not_for_us_are_refused_and_the_connection_goes_on() {
    let mut bench = Bench::new();
    let unknown = POST.replace("POST", "BREW");
    let trace = GET.replace("GET", "TRACE");
    let sent = bench.exchange(&format!("{unknown}{trace}{GET}"));
    assert_eq!(statuses(&sent), ["501", "405", "200"]);
    assert!(sent.contains("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
    let connect = "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(statuses(&bench.exchange(&format!("{connect}{GET}"))), ["405"]);
}

#[test]
pub(super) fn the_first_reason_to_end_stays() {
    let mut bench = Bench::new();
    bench.exchange("hello\r\n");
    bench.connection.on_close(CloseReason::Reset);
    bench.assert_closed(CloseReason::Fault);
    let mut bench = Bench::new();
    bench.receive(b"G");
    bench.connection.on_close(CloseReason::Reset);
    bench.assert_closed(CloseReason::Reset);
    let mut bench = Bench::new();
    bench.exchange(&POST[..POST.len() - 1]);
    bench.connection.on_close(CloseReason::Reset);
    bench.assert_closed(CloseReason::Reset);
}
