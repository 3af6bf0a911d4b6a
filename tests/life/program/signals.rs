//! What signals do to the program.

use super::*;

#[test]
fn a_signal_to_stop_ends_the_program_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start(&[]);
        let mut idle = program.connect();
        assert_eq!(idle.get("/").status, 200);
        // It has to interrupt the poll.
        if cfg!(target_os = "linux") {
            program.wait_for_sleep();
        }
        program.signal(signal);
        assert_eq!(idle.end(), End::Closed);
        assert_eq!(program.end().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_signal_to_stop_lets_a_request_in_flight_finish() {
    let mut program = Program::start(&["--strict"]);
    let mut client = program.connect();
    client.send(EXPECTING);
    assert_eq!(client.answer_head().status, 100);
    program.signal(Signal::TERM);
    program.wait_for_line("stopping by SIGTERM");
    client.send("body");
    let answer = client.answer();
    assert!(answer.status == 200 && answer.closes(), "{}", answer.head);
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_program_at_once_with_its_number() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut program =
            Program::start(&["--strict", "--drain-timeout", "1h", "--head-timeout", "1h"]);
        let mut client = program.connect();
        client.send(get("/") + "GET / HT");
        assert_eq!(client.answer().status, 200);
        program.signal(Signal::TERM);
        program.wait_for_line("stopping by SIGTERM");
        let began = Instant::now();
        program.signal(signal);
        assert_eq!(program.end().code(), Some(code));
        assert!(began.elapsed() < SLACK);
        client.end();
    }
}

#[test]
fn a_killed_program_can_be_started_again_at_once_on_the_same_port() {
    let mut program = Program::start(&[]);
    let address = program.address.to_string();
    for _ in 0..5 {
        let mut clients = program.crowd(20);
        for client in &mut clients {
            assert_eq!(client.get("/").status, 200);
        }
        program.signal(Signal::KILL);
        program.end();
        let before = program.address;
        program = Program::start_at(&address, &[]);
        assert_eq!(program.address, before);
        // Only now do the killed program's connections lose their other ends.
        drop(clients);
    }
    program.signal(Signal::TERM);
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn a_broken_pipe_is_harmless() {
    let mut program = Program::start(&[]);
    program.signal(Signal::PIPE);
    for _ in 0..100 {
        let mut client = program.connect();
        // Gone before most of the answers can be written.
        client.send(get("/").repeat(100));
    }
    program.assert_answers_within(PATIENCE);
    assert_eq!(program.complaints(), 0);
    program.signal(Signal::TERM);
    assert_eq!(program.end().code(), Some(0));
}
