//! Answers that begin some time after their handler has returned.

use super::*;

fn late(script: &str) -> String {
    GET.replace("/a", &format!("/late/{script}"))
}

#[test]
pub(super) fn an_answer_begins_when_its_time_has_come() {
    let mut bench = Bench::new();
    assert_eq!(bench.exchange(&late("1000/x")), "");
    bench.assert_state(StateName::Pausing);
    assert_eq!((bench.connection.parked_bytes(), bench.time_left()), (0, SECOND));
    let sent = bench.run_out();
    assert_eq!((statuses(&sent), bodies(&sent)), (vec!["503"], vec!["<1000/x>"]));
    assert!(!sent.contains("Connection:"), "{sent}");
    bench.assert_state(StateName::Idle);
    let answers: Vec<u64> = bench.common.metrics.answers().map(|(_, count)| count).collect();
    assert_eq!((bench.common.metrics.requests, answers), (1, vec![0, 0, 0, 1]));
    assert_eq!(bodies(&bench.exchange(GET)), ["<GET /a >"]);
}

#[test]
fn requests_before_and_behind_it_are_answered_in_their_order() {
    let mut bench = Bench::new();
    let input = format!("{GET}{}{POST}{}{GET}", late("1000/x"), late("0/stream/a@1000,b"));
    assert_eq!(bodies(&bench.exchange(&input)), ["<GET /a >"]);
    bench.assert_state(StateName::Pausing);
    assert!(bench.connection.parked_bytes() > 0, "what comes behind it waits");
    let sent = bench.run_out();
    // The next one that is late waits for no time, and begins as soon as all before it is out.
    assert_eq!(bodies(&sent), ["<1000/x>", "<POST /p hello>", "1\r\na\r\n"]);
    bench.assert_state(StateName::Pausing);
    let sent = bench.run_out();
    assert!(sent.starts_with("1\r\nb\r\n0\r\n\r\nHTTP/1.1 200 "), "{sent}");
    assert_eq!(bodies(&sent), ["<GET /a >"]);
    bench.assert_state(StateName::Idle);
    assert_eq!(bench.connection.parked_bytes(), 0);
}

#[test]
fn its_pause_begins_with_its_request_however_long_answers_before_it_take() {
    let mut bench = Bench::new();
    bench.receive(format!("{GET}{}", late("3000/x")).as_bytes());
    bench.after(2 * SECOND).send_all();
    assert_eq!(bench.time_left(), SECOND);
    let mut bench = Bench::new();
    bench.receive(format!("{GET}{}", late("1000/x")).as_bytes());
    assert_eq!(bodies(&bench.after(2 * SECOND).send_all()), ["<GET /a >", "<1000/x>"]);
    bench.assert_state(StateName::Idle);
}

#[test]
fn the_request_decides_what_becomes_of_the_connection() {
    let close = late("1000/x").replace("Host", "Connection: close\r\nHost");
    let old = late("1000/x").replace("HTTP/1.1", "HTTP/1.0");
    let kept_old = old.replace("Host", "Connection: keep-alive\r\nHost");
    for (request, field, state) in [
        (close, "Connection: close\r\n", StateName::Closed),
        (old, "Connection: close\r\n", StateName::Closed),
        (kept_old, "Connection: keep-alive\r\n", StateName::Idle),
        (late("1000/close"), "Connection: close\r\n", StateName::Lingering),
        (late("1000/x").replace("GET", "HEAD"), "Content-Length: 8\r\n", StateName::Idle),
    ] {
        let mut bench = Bench::new();
        assert_eq!(bench.exchange(&request), "");
        let sent = bench.run_out();
        assert!(sent.contains(field), "{request}: {sent}");
        assert_eq!(sent.ends_with("\r\n\r\n"), request.starts_with("HEAD"), "{sent}");
        bench.assert_state(state);
    }
}

#[test]
fn nothing_behind_a_last_one_is_processed() {
    for (request, before, after) in [
        (late("1000/x").replace("Host", "Connection: close\r\nHost"), false, "<1000/x>"),
        (late("1000/close"), true, "<close>"),
    ] {
        let mut bench = Bench::new();
        bench.exchange(&format!("{request}{GET}"));
        assert_eq!(bench.connection.parked_bytes() > 0, before);
        assert_eq!(bodies(&bench.run_out()), [after]);
        assert_eq!(bench.connection.parked_bytes(), 0);
        bench.assert_state(StateName::Lingering);
    }
}

#[test]
fn an_answer_to_a_stopping_server_is_its_connections_last() {
    for (behind, statuses_then) in [("", 1), (GET, 2)] {
        let mut bench = Bench::new();
        bench.exchange(&format!("{}{behind}", late("1000/x")));
        bench.common.phase = Phase::Stopping;
        assert!(!bench.connection.wake_to_stop(), "it begins when its time has come");
        let sent = bench.run_out();
        assert_eq!(statuses(&sent).len(), statuses_then);
        assert_eq!(sent.matches("Connection: close\r\n").count(), 1, "{sent}");
        bench.assert_state(StateName::Lingering);
    }
}

#[test]
fn a_late_answer_may_be_late_again() {
    let mut bench = Bench::new();
    bench.exchange(&late("1000/late/2000/x"));
    assert_eq!(bench.run_out(), "");
    bench.assert_state(StateName::Pausing);
    assert_eq!(bench.time_left(), 2 * SECOND);
    assert_eq!(bodies(&bench.run_out()), ["<2000/x>"]);
    bench.assert_state(StateName::Idle);
}

#[test]
fn a_connection_that_ends_drops_what_would_give_its_answer() {
    let owned = Arc::new(());
    let mut bench = Bench::new();
    let kept = Arc::clone(&owned);
    let mut handler = |_: &Request<'_>, reply: Reply<'_>| {
        let kept = Arc::clone(&kept);
        reply.after(SECOND, move |reply| {
            drop(kept);
            reply.send("")
        })
    };
    let mut context = Context { now: bench.now, handler: &mut handler, common: &mut bench.common };
    bench.connection.on_bytes(&mut GET.as_bytes().to_vec(), &mut context);
    assert_eq!(Arc::strong_count(&owned), 3);
    bench.connection.on_close(CloseReason::Reset);
    bench.assert_closed(CloseReason::Reset);
    assert_eq!(Arc::strong_count(&owned), 2);
}

/// Its box is that of every answer whose body comes over time.
#[test]
fn an_answer_that_has_not_begun_takes_at_most_112_bytes_beside_its_closure() {
    let size = size_of::<crate::answer::source::Streaming>();
    assert!(size <= 112, "{size} bytes");
}
