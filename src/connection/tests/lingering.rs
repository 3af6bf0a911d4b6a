//! What a connection still reads behind its last answer.

use super::*;

#[test]
fn what_comes_while_lingering_is_bounded() {
    let mut bench = Bench::new();
    bench.exchange("hello\r\n");
    bench.assert_state(StateName::Lingering);
    let bytes_max = bench.common.limits.linger_bytes_max;
    bench.with(|connection, context| connection.on_discarded(bytes_max, context.common));
    bench.assert_state(StateName::Lingering);
    bench.with(|connection, context| connection.on_discarded(1, context.common));
    bench.assert_closed(CloseReason::Fault);
}

#[test]
fn a_peer_that_goes_on_sending_is_listened_to_span_by_span() {
    // 500 bytes a second over two seconds.
    for (bytes, spans) in [(999, 1), (1000, 2), (1_000_000, 2)] {
        let mut bench = Bench::new();
        bench.exchange("nonsense\r\n");
        bench.assert_state(StateName::Lingering);
        for span in 1..=spans {
            bench.assert_state(StateName::Lingering);
            assert_eq!(bench.time_left(), bench.common.timeouts.linger);
            if span == 1 {
                for part in [bytes / 2, bytes - bytes / 2] {
                    bench.after(Duration::from_millis(500));
                    bench.with(|connection, context| connection.on_discarded(part, context.common));
                }
                assert_eq!(bench.time_left(), Duration::from_secs(1), "bytes renew nothing");
            }
            bench.run_out();
        }
        bench.assert_closed(CloseReason::Fault);
    }
}

#[test]
fn nobody_is_listened_to_for_ever() {
    for progress_min in [0, 500] {
        let mut bench = Bench::new();
        bench.common.limits.progress_bytes_per_second_min = progress_min;
        bench.exchange("nonsense\r\n");
        for _ in 0..LINGER_SPANS_MAX {
            bench.assert_state(StateName::Lingering);
            bench.with(|connection, context| connection.on_discarded(100_000, context.common));
            bench.run_out();
        }
        bench.assert_closed(CloseReason::Fault);
        assert_eq!(bench.now, Time::START + Duration::from_secs(60));
    }
    let mut silent = Bench::new();
    silent.common.limits.progress_bytes_per_second_min = 0;
    silent.exchange("nonsense\r\n");
    silent.run_out();
    silent.assert_closed(CloseReason::Fault);
}

#[test]
fn unread_input_behind_a_last_answer_is_lingered_for() {
    let mut bench = Bench::new();
    bench.receive(GET.replace("Host", "Connection: close\r\nHost").as_bytes());
    let owed = bench.common.output.len();
    bench.with(|connection, context| connection.on_sent(owed, Unread::Perhaps, context));
    bench.assert_state(StateName::Lingering);
}
