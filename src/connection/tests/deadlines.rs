//! When a connection's time is over.

use super::*;

#[test]
fn a_silent_client_is_closed_without_a_word() {
    let mut bench = Bench::new();
    assert_eq!(bench.run_out(), "");
    bench.assert_closed(CloseReason::FirstByteTimeout);

    let mut bench = Bench::new();
    bench.exchange(GET);
    assert_eq!(bench.time_left(), bench.common.timeouts.idle);
    assert_eq!(bench.run_out(), "");
    bench.assert_closed(CloseReason::IdleTimeout);
}

#[test]
pub(super) fn a_heads_deadline_is_absolute() {
    let mut bench = Bench::new();
    for byte in GET.bytes().take(9) {
        bench.receive(&[byte]);
        bench.after(Duration::from_secs(1));
    }
    assert_eq!(bench.time_left(), Duration::from_secs(1));
    assert_eq!(statuses(&bench.run_out()), ["408"]);
    bench.assert_state(StateName::Lingering);
    bench.run_out();
    bench.assert_closed(CloseReason::HeadTimeout);
}

#[test]
fn typing_renews_the_grace_but_not_beyond_the_heads_deadline() {
    let mut bench = Bench::lenient();
    bench.receive(b"G");
    assert_eq!(bench.time_left(), Duration::from_secs(1));
    for _ in 0..11 {
        bench.after(Duration::from_millis(900)).receive(b"E");
    }
    assert!(bench.now.since(Time::START) < bench.common.timeouts.head);
    assert!(bench.now + bench.time_left() <= Time::START + bench.common.timeouts.head);
    assert_eq!(statuses(&bench.run_out()), ["408"]);
}

#[test]
pub(super) fn a_body_has_to_make_progress() {
    let mut bench = Bench::new();
    let head = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    bench.exchange(head);
    bench.assert_state(StateName::ReadingBody);
    bench.after(Duration::from_secs(20)).receive(&[b'x'; 14_999]);
    assert_eq!(bench.time_left(), Duration::from_secs(10), "500 bytes a second were not reached");
    bench.receive(b"x");
    assert_eq!(bench.time_left(), Duration::from_secs(30));
    assert_eq!(statuses(&bench.run_out()), ["408"]);
    bench.end_of_input();
    bench.assert_closed(CloseReason::BodyTimeout);
}

#[test]
fn an_answer_has_to_be_read_at_some_speed() {
    let mut bench = Bench::new();
    bench.receive(GET.replace("/a", "/large").as_bytes());
    bench.send(100);
    bench.connection.park(&mut bench.common.output);
    bench.after(Duration::from_secs(20));
    bench.send(14_899);
    assert_eq!(bench.time_left(), Duration::from_secs(10));
    bench.send(1);
    assert_eq!(bench.time_left(), Duration::from_secs(30));
    bench.with(|connection, context| connection.on_deadline(context));
    bench.assert_closed(CloseReason::WriteTimeout);
}
