//! People at a telnet: they are answered in time, or it is told that they are not.

use serde_json::json;

use super::fake::{After, Fake, Script};
use super::support::Server;
use super::{RIGHT, assert_all_right, herd};

#[test]
fn people_who_type_are_answered_whatever_they_type() {
    let server = Server::start(&[]);
    let told =
        herd(server.address(), &["--telnet", "20", "--requests", "50", "--type-every", "5ms"]);
    assert_all_right(&told);
    assert_eq!((told.count("telnet", "right"), told.count("telnet", "lost")), (50, 0), "{told:?}");
    assert_eq!(told.count("telnet", "connected"), 50, "{told:?}");
    assert_eq!(told.kind("telnet")["statuses"], json!({ "200": 50 }), "{told:?}");
}

#[test]
fn two_of_five_type_a_request_and_the_others_may_be_refused() {
    let server = Server::start(&["--strict"]);
    let told =
        herd(server.address(), &["--telnet", "5", "--requests", "50", "--type-every", "5ms"]);
    assert_all_right(&told);
    assert_eq!(told.kind("telnet")["statuses"], json!({ "200": 20, "400": 30 }), "{told:?}");
}

#[test]
fn people_who_think_for_longer_than_a_server_waits_are_told_so() {
    let server = Server::start(&["--strict", "--head-timeout", "300ms"]);
    let told =
        herd(server.address(), &["--telnet", "5", "--requests", "5", "--type-every", "300ms"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.count("telnet", "wrong") > 0, "a request is answered by 408: {told:?}");
}

#[test]
fn silence_is_a_lost_answer_and_an_end_is_one_to_a_request() {
    for (after, lost) in [(After::Keep, 5), (After::Close, 2)] {
        // The first answer is the probe's.
        let fake = Fake::start(Script { first: (RIGHT, 1), rest: "", after });
        let arguments = ["--telnet", "5", "--requests", "5", "--type-every", "5ms"];
        let told = herd(fake.address(), &arguments);
        assert_eq!(told.count("telnet", "lost"), lost, "{after:?}: {told:?}");
        assert_eq!((told.count("telnet", "right"), told.code), (0, Some(1)), "{told:?}");
    }
}
