//! A PROXY header that has to come first.

use super::*;
use crate::http::proxy_header::ProxyHeaderFault;

const CLIENT: &str = "GET /client HTTP/1.1\r\nHost: a\r\n\r\n";
const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n";
const BLOCK: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x01\x0A\0\0\x01\x12\x67\0\x50";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn behind_a_proxy() -> Bench {
    Bench::opening_with(Opening::ProxyHeader)
}

/// What the server says to these pieces.
fn said_to(bench: &mut Bench, pieces: &[&[u8]]) -> String {
    let mut said = String::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        bench.receive(piece);
        said += &bench.send_all();
    }
    said
}

#[test]
pub(super) fn a_header_is_read_before_requests_however_it_is_cut() {
    for (header, client) in [(LINE, "192.0.2.1"), (BLOCK, "192.0.2.1"), (LOCAL, "127.0.0.1")] {
        let all = [header, CLIENT.as_bytes(), CLIENT.as_bytes()].concat();
        let body = format!("{client} by 127.0.0.1:1");
        for cut in 0..all.len() {
            let mut bench = behind_a_proxy();
            let (first, rest) = all.split_at(cut);
            let said = said_to(&mut bench, &[first, rest]);
            assert_eq!(bodies(&said), [&body, &body], "cut at {cut}");
            bench.assert_state(StateName::Idle);
        }
        let mut bench = behind_a_proxy();
        let dripped: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(bodies(&said_to(&mut bench, &dripped)), [&body, &body]);
        assert_eq!(bench.connection.kept_bytes(), 0);
    }
}

#[test]
fn whose_client_is_remembered_keeps_no_memory_of_what_is_answered() {
    let mut bench = behind_a_proxy();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
    let body = [b'x'; 60_000];
    let said = said_to(&mut bench, &[LINE, head.as_bytes(), &body[..50_000], &body[50_000..]]);
    assert_eq!(bodies(&said).len(), 1);
    bench.assert_state(StateName::Idle);
    let parked = bench.connection.parked.as_ref().expect("it has a client");
    assert_eq!((parked.capacity(), parked.mapped_bytes()), (0, 0));
}

#[test]
fn the_client_is_that_of_the_header_and_its_fields_count_only_if_it_is_trusted() {
    let forwarded = CLIENT.replace("\r\n\r\n", "\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n");
    let said = |header: &[u8], proxied_by: &str| {
        let mut bench = behind_a_proxy();
        bench.common.surroundings.proxied_by = vec![proxied_by.parse().expect("a network")];
        bodies(&said_to(&mut bench, &[header, forwarded.as_bytes()]))[0].to_owned()
    };
    // The peer is no longer asked for.
    assert_eq!(said(LINE, "127.0.0.0/8"), "192.0.2.1 by 127.0.0.1:1");
    assert_eq!(said(LINE, "192.0.2.0/24"), "203.0.113.7 by 127.0.0.1:1");
    assert_eq!(said(LOCAL, "127.0.0.0/8"), "203.0.113.7 by 127.0.0.1:1");
    assert_eq!(said(LOCAL, "192.0.2.0/24"), "127.0.0.1 by 127.0.0.1:1");
}

#[test]
pub(super) fn what_is_no_header_ends_the_connection_without_an_answer() {
    for (bytes, fault) in [
        (GET.as_bytes(), ProxyHeaderFault::NoHeader),
        (b"PROXY TCP4 1 2 3 4\r\n", ProxyHeaderFault::LineInvalid),
        (b"\r\n\r\nGET", ProxyHeaderFault::NoHeader),
    ] {
        let mut bench = behind_a_proxy();
        assert_eq!(said_to(&mut bench, &[bytes]), "");
        bench.assert_closed(CloseReason::NoProxyHeader);
        assert_eq!(bench.common.proxy_header_fault, Some(fault));
        assert_eq!(bench.common.metrics.faults, 0);
    }
    let mut cut = behind_a_proxy();
    assert_eq!(said_to(&mut cut, &[&LINE[..LINE.len() - 1]]) + &cut.end_of_input(), "");
    cut.assert_closed(CloseReason::NoProxyHeader);
    assert_eq!(cut.common.proxy_header_fault, Some(ProxyHeaderFault::Unfinished));
    // It has only looked whether there is a server.
    let mut silent = behind_a_proxy();
    assert_eq!(silent.end_of_input(), "");
    silent.assert_closed(CloseReason::PeerClosed);
    assert_eq!(silent.common.proxy_header_fault, None);
}

#[test]
pub(super) fn a_connection_without_its_header_is_told_the_end_when_the_server_stops() {
    for before in [&b""[..], &LINE[..9]] {
        let mut bench = behind_a_proxy();
        said_to(&mut bench, &[before]);
        bench.connection.on_drained(bench.now);
        bench.assert_state(StateName::Lingering);
        assert_eq!(bench.connection.kept_bytes(), 0);
        bench.end_of_input();
        bench.assert_closed(CloseReason::Drained);
    }
}

#[test]
fn a_header_has_the_time_of_a_first_byte_and_then_the_request_has_it() {
    let mut bench = behind_a_proxy();
    let time = bench.time_left();
    assert_eq!(time, bench.common.timeouts.first_byte);
    for byte in LINE[..9].chunks(1) {
        bench.after(SECOND).receive(byte);
    }
    assert_eq!(bench.time_left(), time - 9 * SECOND, "dripping gives no time");
    bench.receive(&LINE[9..]);
    bench.assert_state(StateName::Fresh);
    assert_eq!(bench.time_left(), time);
    bench.run_out();
    bench.assert_closed(CloseReason::FirstByteTimeout);
    let mut half = behind_a_proxy();
    half.receive(&LINE[..9]);
    assert_eq!(half.run_out(), "");
    half.assert_closed(CloseReason::FirstByteTimeout);
}

#[test]
fn a_second_header_is_no_request() {
    let mut bench = behind_a_proxy();
    let said = said_to(&mut bench, &[LINE, LINE]);
    assert_eq!(statuses(&said), ["400"]);
    let mut direct = Bench::new();
    assert_eq!(statuses(&said_to(&mut direct, &[LINE])), ["400"]);
}
