//! What a connection does when its budget is used up in the middle of its input.

use super::super::state::State;
use super::*;
use crate::work;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

impl Bench {
    /// Receives `input` with this budget, and sends what that leads to. Goes on for as many turns as
    /// it takes until all of it is looked at, and says what was sent and in how many.
    fn exchange_within(&mut self, share: usize, input: &str) -> (String, usize) {
        self.common.budget.begin_client(share);
        let (mut sent, mut turns) = (self.exchange(input), 1);
        while self.connection.demand() == Demand::Resume {
            self.common.budget.begin_client(share);
            self.with(|connection, context| connection.on_resume(context));
            sent.push_str(&self.send_all());
            turns += 1;
            assert!(turns < 10_000, "it comes to an end");
        }
        (sent, turns)
    }
}

fn answers_to(input: &str, share: usize) -> (String, usize, State) {
    let mut bench = Bench::new();
    let (sent, turns) = bench.exchange_within(share, input);
    (sent, turns, bench.connection.state)
}

#[test]
fn a_pipeline_is_answered_in_as_many_turns_as_its_budget_asks_for() {
    let input = GET.repeat(100);
    let one = work::ANSWER + GET.len() * work::HEAD_BYTE;
    let (whole, turns, _) = answers_to(&input, ENDLESS);
    assert_eq!((whole.matches("HTTP/1.1 200").count(), turns), (100, 1));
    for (share, turns_least) in [(1, 100), (one, 50), (10 * one, 10), (50 * one, 2)] {
        let (sent, turns, state) = answers_to(&input, share);
        assert_eq!(sent, whole, "with {share} bytes of budget");
        assert!((turns_least..=100).contains(&turns), "{turns} turns of {share} bytes");
        assert!(matches!(state, State::Idle));
    }
}

#[test]
fn what_is_encoded_can_still_be_sent_by_the_same_budget() {
    let one = work::ANSWER + GET.len() * work::HEAD_BYTE;
    for share in [10 * one, 20 * one + 7] {
        let mut bench = Bench::new();
        bench.common.budget.begin_client(share);
        bench.receive(GET.repeat(100).as_bytes());
        let answers = bench.common.output.len() / (bench.connection.served() as usize);
        let left = bench.common.budget.left();
        assert!(bench.common.output.len() <= left + one + answers, "{left} bytes are left");
    }
}

#[test]
fn empty_lines_cost_something_before_the_first_request_and_behind_it() {
    for before in ["", GET] {
        let input = format!("{before}{}{GET}", "\r\n".repeat(1000));
        let (whole, _, _) = answers_to(&input, ENDLESS);
        let (sent, turns, state) = answers_to(&input, 100 * work::EMPTY_LINE);
        assert_eq!(sent, whole);
        assert!((10..=30).contains(&turns), "{turns} turns for a thousand empty lines");
        assert!(matches!(state, State::Idle));
    }
}

#[test]
fn a_head_behind_the_budget_is_neither_idle_nor_lost() {
    let mut bench = Bench::new();
    bench.common.budget.begin_client(1);
    let first = bench.exchange(&format!("{GET}{GET}GET /b HT"));
    assert_eq!(first.matches("HTTP/1.1 200").count(), 1);
    // More is received only when this has been looked at.
    for _ in 0..2 {
        assert_eq!(bench.connection.demand(), Demand::Resume);
        bench.common.budget.begin_client(1);
        bench.with(|connection, context| connection.on_resume(context));
        bench.send_all();
    }
    assert_eq!(bench.connection.served(), 2);
    assert_eq!(bench.connection.demand(), Demand::Receive);
    assert!(matches!(bench.connection.state, State::ReadingHead(_)));
    let (third, _) = bench.exchange_within(1, "TP/1.1\r\nHost: a\r\n\r\n");
    assert!(third.contains("200"), "{third}");
    assert_eq!(bench.connection.parked_bytes(), 0);
}

#[test]
fn a_body_in_tiny_chunks_is_charged_for_what_stands_around_them() {
    let mut spent = Vec::new();
    for (size, chunks) in [(1, 1000), (1000, 1)] {
        let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(size));
        let head = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut bench = Bench::new();
        bench.receive(format!("{head}{}0\r\n\r\n", chunk.repeat(chunks)).as_bytes());
        assert!(bench.send_all().contains("200"));
        spent.push(ENDLESS - bench.common.budget.left());
    }
    assert!(spent[0] > spent[1] + 4 * 999 * work::CHUNK_BYTE, "{spent:?}");
}
