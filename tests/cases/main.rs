//! Every case of `cases.jsonl` against the real binary in strict mode, and, cut at every byte and
//! paused, against the engine in this process.
//!
//! A case is bytes to send, the answers that are accepted, and the RFC section that decides. It
//! has a connection of its own. A line of the file holds:
//!
//! - `send`: a string, or a list of segments: strings, pauses in ms, `{"rep": [string, times]}`,
//!   `{"each": [string, ms]}` (a byte at a time), `{"drip": [string, ms]}` (over and over),
//!   `{"shutdown": 1}` (half-close). A string's characters are bytes, as in Latin-1.
//! - `expect.status`: accepted codes of the first final answer; 0 is closed without an answer, -1
//!   still waiting, 9 an answer that is not HTTP/1. `prefer` names the better ones among them.
//! - `expect.close`: whether the connection must be closed, or must be open; null leaves it free.
//! - `expect.responses`: how many final answers, a number or a list of numbers.
//! - `expect.last`: accepted codes of the last one. `expect.interim`: something must be answered
//!   before the first pause ends. `check`: see [`Check`]. `not_body`: what no body may contain.
//! - `methods`: what the requests ask, for the framing of the answers. `wait`: ms to wait for
//!   them. `slow`: the server's timeouts are what is tested.
//!
//! Anything else in a line is refused: an expectation that nobody reads would hold nothing.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/mod.rs"]
mod support;

mod case;
mod engine;
mod judge;
mod sockets;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::case::{CASES, Case, load};
use crate::engine::Player;
use crate::judge::judge;
use crate::sockets::exchange;
use crate::support::Server;

/// How many of them are plain bytes of a size that is worth cutting.
const CASES_TO_CUT: usize = 138;

/// Between the two pieces of a cut case: the kernel delivers the first one meanwhile. If it does
/// not, the cut is not seen by the server, and nothing fails that should not.
const CUT_PAUSE: Duration = Duration::from_millis(2);

/// The same where time costs nothing: longer than the server lingers, shorter than any time that
/// it gives a request.
const LONG_PAUSE: Duration = Duration::from_secs(3);

/// How long a case may be to be cut at every byte. The six longer ones, of which most are refused
/// for their length, are cut so at their beginning, and then here and there.
const EVERY_BYTE_MAX: usize = 4096;
const EVERY_BYTE_OF_LONGER: usize = 300;

/// How many connections at once. They mostly wait.
const WORKERS: usize = 32;

/// The server's timeouts for the slow cases.
const SLOW_TIMEOUT: &str = "1s";

#[test]
fn every_case_gets_an_answer_that_its_rfc_accepts() {
    let slow_arguments =
        ["--first-byte-timeout", "--head-timeout", "--body-timeout", "--idle-timeout"]
            .map(|name| [name, SLOW_TIMEOUT]);
    let slow_server = Server::start(&[&["--strict"], slow_arguments.as_flattened()].concat());
    let server = Server::start(&["--strict"]);
    let (address, slow_address) = (server.address(), slow_server.address());
    let (cases, slow_cases) = (load(address), load(slow_address));
    let quick = cases.iter().filter(|case| !case.slow).map(|case| (case, address));
    let slow = slow_cases.iter().filter(|case| case.slow).map(|case| (case, slow_address));
    let runs: Vec<Run> = quick.chain(slow).collect();
    assert_eq!(runs.len(), CASES);
    let reports = in_parallel(&runs, |(case, address)| {
        let heard = exchange(case, *address);
        (judge(case, &heard), heard)
    });
    let mut failures = Vec::new();
    for ((case, _), (problems, heard)) in runs.iter().zip(&reports) {
        let preferred = case.prefer.is_empty() || case.prefer.contains(&heard.status(case));
        if !problems.is_empty() {
            failures.push(case.describe(problems, heard));
        } else if !preferred {
            println!("{}: {} is accepted but not preferred", case.id, heard.status(case));
        }
    }
    assert_none(&failures, runs.len());
    for server in [server, slow_server] {
        assert_eq!(server.stop().code(), Some(0), "having answered all that, it stops in order");
    }
}

#[test]
fn every_case_cut_in_two_gets_the_same_answers() {
    let server = Server::start(&["--strict"]);
    let address = server.address();
    let cases = load(address);
    let plain: Vec<(&Case, &[u8])> =
        cases.iter().filter_map(|case| Some((case, case.bytes_to_cut()?))).collect();
    assert_eq!(plain.len(), CASES_TO_CUT);
    let whole = in_parallel(&plain, |(case, _)| exchange(case, address).statuses(case));
    let mut cuts = Vec::new();
    for ((case, bytes), statuses) in plain.iter().zip(&whole) {
        let positions = cut_positions(bytes).into_iter();
        cuts.extend(positions.map(|at| (case.cut(at, CUT_PAUSE), statuses)));
    }
    assert!(cuts.len() > 5 * CASES_TO_CUT, "a handful of positions for each");
    let failures = in_parallel(&cuts, |(case, statuses)| {
        let heard = exchange(case, address);
        let mut problems = judge(case, &heard);
        let cut_statuses = heard.statuses(case);
        if cut_statuses != **statuses {
            problems.push(format!("uncut, it was answered {statuses:?}, now {cut_statuses:?}"));
        }
        (!problems.is_empty()).then(|| case.describe(&problems, &heard))
    });
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    assert_none(&failures, cuts.len());
}

#[test]
fn every_case_cut_at_every_byte_and_paused_gets_the_same_verdict() {
    let cases = load(SocketAddr::from(([127, 0, 0, 1], 8888)));
    let reports = in_parallel(&cases, |case| {
        let mut player = Player::new();
        let whole = player.exchange(case);
        let mut problems = judge(case, &whole);
        let verdict = (whole.final_statuses(case), whole.ended);
        let positions = all_positions(case.len());
        for at in &positions {
            let cut = case.cut(*at, LONG_PAUSE);
            let heard = player.exchange(&cut);
            if heard.bytes == whole.bytes && heard.ended == whole.ended {
                continue;
            }
            // A 100 is due only to whoever has not sent its content yet.
            problems.extend(judge(&cut, &heard));
            let cut_verdict = (heard.final_statuses(case), heard.ended);
            if cut_verdict != verdict {
                problems.push(format!("cut at {at}: {cut_verdict:?} instead of {verdict:?}"));
            }
        }
        let failure = (!problems.is_empty()).then(|| case.describe(&problems, &whole));
        (positions.len(), failure)
    });
    let cuts = reports.iter().map(|(cuts, _)| cuts).sum();
    let failures: Vec<String> = reports.into_iter().filter_map(|(_, failure)| failure).collect();
    assert_none(&failures, cuts);
    assert!(cuts > 18_000, "every byte of all but the longest: {cuts}");
}

/// A case, and the server it is for.
type Run<'a> = (&'a Case, SocketAddr);

fn assert_none(failures: &[String], runs: usize) {
    let shown = failures[..failures.len().min(40)].join("\n");
    assert!(failures.is_empty(), "{} of {runs} runs failed:\n{shown}", failures.len());
}

/// Does `work` for each of `items`, on [`WORKERS`] threads; the results keep their order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(index)
        {
            done.push((index, work(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Where to cut: near both ends, around the end of the head, and at the quarters.
fn cut_positions(bytes: &[u8]) -> BTreeSet<usize> {
    let len = bytes.len();
    let head_len = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(1, |at| at + 4);
    let positions =
        [1, len / 4, len / 2, len * 3 / 4, head_len - 1, head_len, head_len + 1, len - 1];
    positions.into_iter().filter(|at| (1..len).contains(at)).collect()
}

/// Where to cut if it costs nothing: behind every byte, but of the longest cases only here and
/// there, and near where the limits of a target and a head lie.
fn all_positions(len: usize) -> Vec<usize> {
    let every_byte = if len <= EVERY_BYTE_MAX { len } else { EVERY_BYTE_OF_LONGER };
    let is_near = |at: usize, limit: usize| at.abs_diff(limit) < 20;
    let is_cut = |at: &usize| {
        let at_limit = is_near(*at, 8 * 1024) || is_near(*at, 16 * 1024) || is_near(*at, len);
        *at <= every_byte || at_limit || at.is_multiple_of(STRIDE)
    };
    (1..len).filter(is_cut).collect()
}

/// Prime, so that no pattern in a case is always cut in the same place.
const STRIDE: usize = 20_011;
