//! Answers that are files.

use super::*;

/// A request whose answer's body is so much of the file.
fn part(bytes: usize) -> String {
    GET.replace("/a", &format!("/file/{bytes}"))
}

#[test]
fn a_file_is_sent_behind_its_head_and_the_connection_goes_on() {
    pretence::miss(None);
    for bytes in [0, 1, 8 * 1024, 8 * 1024 + 1, FILE_BYTES] {
        let mut bench = Bench::new();
        let sent = bench.exchange(&format!("{GET}{}{POST}{}{GET}", part(bytes), part(5)));
        assert_eq!(statuses(&sent), ["200"; 5]);
        assert!(sent.contains(&format!("\r\nContent-Length: {bytes}\r\n")), "{bytes}");
        assert!(bodies(&sent)[1].as_bytes() == file_bytes(bytes), "{bytes}");
        assert_eq!(bodies(&sent)[2..], ["<POST /p hello>", "aaaaa", "<GET /a >"]);
        bench.assert_state(StateName::Idle);
        assert_eq!(bench.common.metrics.sent_bytes, sent.len() as u64);
        assert_eq!(bench.common.metrics.files, u64::from(bytes > 8 * 1024));
        assert!(file_is_free());
    }
}

#[test]
fn a_file_is_sent_however_little_of_it_is_taken_at_once() {
    pretence::miss(None);
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    let mut sent = Vec::new();
    while bench.connection.demand() != Demand::Receive {
        sent.extend(bench.send(9999));
        bench.connection.park(&mut bench.common.output);
        assert!(bench.connection.parked_bytes() < 1024, "no byte of a file is kept");
    }
    assert!(sent.ends_with(&file_bytes(FILE_BYTES)));
}

#[test]
fn a_file_that_is_not_in_memory_is_waited_for_by_its_client_alone() {
    pretence::miss(300_000..FILE_BYTES as u64);
    let mut bench = Bench::new();
    let mut sent = bench.exchange(&format!("{}{GET}", part(FILE_BYTES)));
    assert!(bodies(&sent)[0].as_bytes() == file_bytes(300_000));
    bench.assert_state(StateName::Pausing);
    assert_eq!((bench.connection.parked_bytes() > 0, bench.common.metrics.requests), (true, 1));
    for millis in [1, 2, 4, 8, 16, 32, 32] {
        assert_eq!(bench.time_left(), Duration::from_millis(millis));
        assert_eq!(bench.run_out(), "");
        bench.assert_state(StateName::Pausing);
    }
    assert_eq!(bench.common.metrics.file_pauses, 8);
    pretence::miss(None);
    sent += &bench.run_out();
    assert!(bodies(&sent)[0].as_bytes() == file_bytes(FILE_BYTES));
    assert_eq!(bodies(&sent)[1], "<GET /a >");
    bench.assert_state(StateName::Idle);
}

#[test]
fn what_has_left_the_memory_before_it_was_taken_is_not_sent() {
    pretence::miss(None);
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    while bench.send(1000).len() == 1000 {}
    assert_eq!(bench.connection.demand(), Demand::SendFile, "the head is out");
    bench.send(1000);
    pretence::miss(0..FILE_BYTES as u64);
    assert_eq!(bench.send(1000).len(), 1000, "it was there in this turn");
    bench.after(Duration::from_millis(1));
    assert_eq!(bench.send(1000), b"");
    bench.assert_state(StateName::Pausing);
    pretence::miss(None);
    assert!(bench.run_out().as_bytes() == &file_bytes(FILE_BYTES)[2000..]);
    bench.assert_state(StateName::Idle);
}

#[test]
fn a_file_that_ends_early_is_followed_by_nothing() {
    pretence::miss(None);
    for (told, taken) in [(FILE_BYTES + 1, usize::MAX), (700_000, 100_000), (FILE_BYTES * 9, 997)] {
        let mut bench = Bench::new();
        bench.receive(format!("{}{GET}", part(told)).as_bytes());
        let mut sent = Vec::new();
        while bench.connection.state() == StateName::Writing {
            sent.extend(bench.send(taken));
        }
        assert!(sent.ends_with(&file_bytes(FILE_BYTES)[300_000..]));
        bench.assert_state(StateName::Lingering);
        bench.end_of_input();
        bench.assert_closed(CloseReason::FileBroken);
        assert!(file_is_free());
    }
    // The kernel says so, when all was there a moment before.
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    while bench.send(usize::MAX).len() > 1000 {}
    bench.with(|connection, context| connection.on_file_sent(0, Unread::Nothing, context));
    bench.assert_state(StateName::Lingering);
}

#[test]
fn the_bytes_of_a_file_are_progress_and_without_any_the_time_runs_out() {
    pretence::miss(None);
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    let head = bench.common.output.len();
    assert_eq!(bench.send(usize::MAX).len(), head);
    bench.after(20 * SECOND);
    bench.send(14_999);
    assert_eq!(bench.time_left(), 10 * SECOND);
    bench.send(1);
    assert_eq!(bench.time_left(), 30 * SECOND);
    bench.run_out();
    bench.assert_closed(CloseReason::WriteTimeout);
    assert!(file_is_free());
}
