//! Answers that come over time, from a source.

use super::*;

#[test]
pub(super) fn a_source_is_asked_when_its_time_has_come_and_each_piece_is_a_chunk() {
    let mut bench = Bench::new();
    let sent = bench.exchange(&streamed("one@1000,@1000,three"));
    assert!(sent.contains("\r\nTransfer-Encoding: chunked\r\n"), "{sent}");
    assert!(!sent.contains("Connection:") && !sent.contains("Content-Length:"), "{sent}");
    assert_eq!(bodies(&sent), ["3\r\none\r\n"], "the first piece goes out with the head");
    bench.assert_state(StateName::Pausing);
    assert_eq!((bench.connection.parked_bytes(), bench.time_left()), (0, SECOND));
    assert_eq!(bench.run_out(), "", "an empty piece does not end the body");
    bench.assert_state(StateName::Pausing);
    assert_eq!(bench.time_left(), SECOND);
    let dropped = DROPPED.get();
    assert_eq!(bench.run_out(), "5\r\nthree\r\n0\r\n\r\n");
    bench.assert_state(StateName::Idle);
    assert_eq!(DROPPED.get(), dropped + 1);
    assert_eq!((bench.common.metrics.streams, bench.common.metrics.pieces), (1, 3));
    assert_eq!(bodies(&bench.exchange(GET)), ["<GET /a >"]);
}

#[test]
pub(super) fn requests_behind_a_stream_are_answered_behind_it() {
    let mut bench = Bench::new();
    let input = format!("{GET}{}{POST}{}{GET}", streamed("a@1000,b"), streamed("c"));
    assert_eq!(bodies(&bench.exchange(&input)), ["<GET /a >", "1\r\na\r\n"]);
    assert_eq!(bench.common.metrics.requests, 2);
    let sent = bench.run_out();
    let (end, behind) = sent.split_at(sent.find("HTTP/1.1").expect("more answers"));
    assert_eq!(end, "1\r\nb\r\n0\r\n\r\n");
    assert_eq!(statuses(behind), ["200", "200", "200"]);
    assert!(behind.contains("<POST /p hello>HTTP/1.1") && behind.ends_with("<GET /a >"));
    bench.assert_state(StateName::Idle);
}

#[test]
fn a_source_is_asked_for_more_only_when_its_piece_has_been_taken() {
    let mut bench = Bench::new();
    let high_water = bench.common.limits.output_bytes_high_water;
    bench.receive(streamed("*,*,*").as_bytes());
    let owed = |bench: &Bench| -> usize {
        bench
            .connection
            .owed(&bench.common.output, usize::MAX)
            .iter()
            .map(|piece| piece.len())
            .sum()
    };
    for pieces in 1..=3 {
        for _ in 0..2 {
            assert_eq!(bench.common.metrics.pieces, pieces);
            assert!(owed(&bench) <= high_water, "{} bytes are owed", owed(&bench));
            let half = owed(&bench) / 2;
            bench.send(half);
            bench.connection.park(&mut bench.common.output);
            bench.assert_state(StateName::Writing);
            assert!(bench.connection.parked_bytes() <= high_water);
        }
        bench.send(usize::MAX);
    }
    bench.assert_state(StateName::Idle);
    assert_eq!(bench.connection.parked_bytes(), 0);
}

#[test]
fn behind_answers_that_fill_the_output_a_source_is_asked_once_they_are_out() {
    let mut bench = Bench::new();
    bench.common.limits.output_bytes_high_water = 1024;
    bench.receive(format!("{}{}", GET.repeat(8), streamed("*")).as_bytes());
    assert_eq!((bench.common.metrics.requests, bench.common.metrics.pieces), (9, 0));
    bench.send(usize::MAX);
    assert_eq!(bench.common.metrics.pieces, 1);
    assert_eq!(bench.send(usize::MAX).len(), 1024 - 32 + "3e0\r\n\r\n0\r\n\r\n".len());
    bench.assert_state(StateName::Idle);
}

#[test]
fn to_http_1_0_the_end_of_the_connection_ends_the_body() {
    for (script, waits) in [("a,b", false), ("a@1000,b", true), ("a@1000,b@1000,", true)] {
        let old = streamed(script).replace("HTTP/1.1", "HTTP/1.0");
        for keep in ["", "Connection: keep-alive\r\n"] {
            let mut bench = Bench::new();
            let mut sent = bench.exchange(&old.replace("\r\n\r\n", &format!("\r\n{keep}\r\n")));
            assert!(sent.contains("\r\nConnection: close\r\n"), "{sent}");
            assert!(!sent.contains("chunked"), "{sent}");
            if waits {
                bench.assert_state(StateName::Pausing);
                sent += &bench.run_out();
            }
            assert_eq!(statuses(&sent), ["200"]);
            if script.ends_with(',') {
                bench.assert_state(StateName::Pausing);
                assert_eq!(bench.run_out(), "");
            }
            assert!(sent.ends_with("\r\n\r\nab"), "{sent}");
            if keep.is_empty() {
                bench.assert_closed(CloseReason::Answered);
            } else {
                // It may be sending more.
                bench.assert_state(StateName::Lingering);
            }
        }
    }
}

#[test]
fn the_answer_to_head_does_not_ask_the_source() {
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let head = streamed("a").replace("GET", "HEAD").replace("HTTP/1.1", version);
        let head = head.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
        let (mut bench, dropped) = (Bench::new(), DROPPED.get());
        let sent = bench.exchange(&head);
        assert_eq!(bodies(&sent), [""]);
        assert_eq!(sent.contains("chunked"), version == "HTTP/1.1", "{sent}");
        assert_eq!((bench.common.metrics.pieces, DROPPED.get()), (0, dropped + 1));
        bench.assert_state(StateName::Idle);
    }
}

#[test]
pub(super) fn a_stream_with_a_length_keeps_the_connection_if_it_keeps_its_word() {
    let sized = |length: usize, script: &str| {
        let path = format!("/sized/{length}/{script}");
        format!("{}{GET}", GET.replace("/a", &path).replace("HTTP/1.1", "HTTP/1.0")).replacen(
            "\r\n\r\n",
            "\r\nConnection: keep-alive\r\n\r\n",
            1,
        )
    };
    for script in ["hello", "hel,lo", "hel,lo,", ",hello"] {
        let mut bench = Bench::new();
        let mut sent = bench.exchange(&sized(5, script));
        if bench.connection.demand() == Demand::Pause {
            sent += &bench.run_out();
        }
        assert!(sent.contains("\r\nContent-Length: 5\r\n"), "{sent}");
        assert_eq!(statuses(&sent), ["200", "200"], "{script}");
        assert!(bodies(&sent)[0].starts_with("hello"), "{sent}");
        bench.assert_state(StateName::Idle);
    }
    for (script, given) in
        [("hell", "hell"), ("hel,lo!", "hel"), ("hello,!", "hello"), ("hello!", "")]
    {
        let mut bench = Bench::new();
        let sent = bench.exchange(&sized(5, script));
        assert_eq!(bodies(&sent), [given], "{script}: nothing follows");
        bench.assert_state(StateName::Lingering);
        bench.end_of_input();
        bench.assert_closed(CloseReason::SourceBroken);
    }
    // Broken when nothing is owed.
    let mut bench = Bench::new();
    bench.exchange(&sized(5, "hell@1000,"));
    assert!(bench.connection.parked_bytes() > 0, "the next request waits");
    assert_eq!(bench.run_out(), "");
    bench.assert_state(StateName::Lingering);
    assert_eq!(bench.connection.parked_bytes(), 0, "it will not be looked at any more");
    bench.run_out();
    bench.assert_closed(CloseReason::SourceBroken);
}

#[test]
fn a_source_without_bytes_is_left_alone_for_a_moment() {
    let mut bench = Bench::new();
    bench.exchange(&streamed(",,,a"));
    for pieces in 1..=3 {
        bench.assert_state(StateName::Pausing);
        assert_eq!(bench.common.metrics.pieces, pieces);
        assert_eq!(bench.time_left(), Duration::from_millis(1));
        bench.run_out();
    }
    bench.assert_state(StateName::Idle);
}

#[test]
fn the_write_timeout_runs_while_bytes_are_owed_and_not_while_the_source_pauses() {
    let mut bench = Bench::new();
    bench.receive(streamed("*@3600000,*").as_bytes());
    bench.send(1000);
    bench.connection.park(&mut bench.common.output);
    bench.after(20 * SECOND);
    assert_eq!(bench.time_left(), 10 * SECOND);
    bench.send_all();
    assert_eq!(bench.time_left(), 3580 * SECOND, "counted from when it was asked");
    bench.after(3580 * SECOND);
    bench.with(|connection, context| connection.on_deadline(context));
    bench.assert_state(StateName::Writing);
    assert_eq!(bench.time_left(), 30 * SECOND);
    bench.run_out();
    bench.assert_closed(CloseReason::WriteTimeout);
}

#[test]
fn a_source_whose_time_came_while_its_piece_was_taken_is_asked_at_once() {
    let mut bench = Bench::new();
    bench.receive(streamed("a@1000,b").as_bytes());
    bench.after(SECOND);
    assert!(bench.send_all().ends_with("1\r\na\r\n1\r\nb\r\n0\r\n\r\n"));
    bench.assert_state(StateName::Idle);
}

#[test]
pub(super) fn a_connection_that_ends_drops_its_source() {
    for state in [StateName::Writing, StateName::Pausing] {
        let (mut bench, dropped) = (Bench::new(), DROPPED.get());
        bench.receive(streamed("a@1000,b").as_bytes());
        if state == StateName::Pausing {
            bench.send_all();
        }
        bench.assert_state(state);
        bench.connection.on_close(CloseReason::Reset);
        bench.assert_closed(CloseReason::Reset);
        assert_eq!(DROPPED.get(), dropped + 1);
    }
}

#[test]
fn nothing_behind_a_last_answer_that_streams_is_processed() {
    let mut bench = Bench::new();
    let close = streamed("a@1000,b").replace("Host", "Connection: close\r\nHost");
    bench.exchange(&format!("{close}{GET}"));
    bench.assert_state(StateName::Pausing);
    assert_eq!(bench.connection.parked_bytes(), 0);
    assert_eq!(bench.run_out(), "1\r\nb\r\n0\r\n\r\n");
    bench.assert_state(StateName::Lingering);
    bench.end_of_input();
    bench.assert_closed(CloseReason::Answered);

    let mut bench = Bench::new();
    bench.exchange(&close);
    bench.run_out();
    bench.assert_closed(CloseReason::Answered);
}

#[test]
fn a_stream_that_has_begun_goes_on_while_the_server_drains() {
    let mut bench = Bench::new();
    bench.exchange(&format!("{}{GET}", streamed("a@1000,b")));
    bench.common.phase = Phase::Stopping;
    let sent = bench.run_out();
    assert!(sent.starts_with("1\r\nb\r\n0\r\n\r\nHTTP/1.1 200 "), "{sent}");
    assert!(sent.contains("Connection: close\r\n"), "{sent}");
    bench.assert_state(StateName::Lingering);
}
