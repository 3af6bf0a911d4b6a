//! Servers that are wrong, or only unusual: what the herd says of them.

use super::*;

#[test]
fn a_wrong_answer_is_counted_as_wrong_and_shown() {
    for (rest, after, reason) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab\x1b", After::Keep, "from byte 2 on"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", After::Keep, "4 bytes, not 3"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", After::Keep, "2 bytes, not 3"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", After::Close, "after 2 of 3 bytes"),
        ("HTTP/1.1 200 OK\r\nContent-Le", After::Close, "within a head"),
        ("HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc", After::Keep, "status 500, not 200"),
        ("HTTP/1.1 OK\r\nContent-Length: 3\r\n\r\nabc", After::Keep, "status line"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX Y\r\n\r\nabc", After::Keep, "no colon"),
    ] {
        let server = Fake::start(Script { first: (RIGHT, 11), rest, after });
        let told = herd(server.address(), &["--get", "1", "--requests", "11"]);
        // The first answer went to the probe.
        let counted = ["right", "wrong", "lost"].map(|what| told.count("get", what));
        assert_eq!(counted, [10, 1, 0], "{rest:?}: {told:?}");
        assert_eq!(told.code, Some(1), "{rest:?}: {told:?}");
        let shown = format!("First wrong for get: {}", told.kind("get")["first_wrong"]["reason"]);
        let shown = shown.replace('"', "");
        assert!(shown.contains(reason) && told.table.contains(&shown), "{rest:?}: {told:?}");
        assert!(!told.table.contains('\x1b'), "what was wrong is escaped");
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_wrong() {
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
                 HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    let server = Fake::start(Script { first: (RIGHT, 1), rest: twice, after: After::Keep });
    // At this rate a client has nothing else to wait for when the second one comes.
    let told = herd(server.address(), &["--get", "1", "--rate", "5", "--for", "1s"]);
    assert!(told.count("get", "wrong") > 0, "{told:?}");
    assert_eq!(told.code, Some(1), "{told:?}");
}

#[test]
fn an_answer_that_never_comes_is_lost() {
    let server = Fake::start(Script { first: (RIGHT, 6), rest: "", after: After::Close });
    let told = herd(server.address(), &["--get", "1", "--requests", "6"]);
    assert_eq!((told.count("get", "right"), told.count("get", "lost")), (5, 1), "{told:?}");
    assert_eq!(told.code, Some(1), "{told:?}");

    let server = Fake::start(Script { first: (RIGHT, 6), rest: "", after: After::Keep });
    let arguments = ["--get", "2", "--pipeline", "2", "--requests", "8", "--patience", "1s"];
    let told = herd(server.address(), &arguments);
    assert_eq!((told.count("get", "right"), told.count("get", "lost")), (5, 3), "{told:?}");
    assert_eq!(told.code, Some(1), "{told:?}");
}

#[test]
fn a_connection_that_was_to_be_closed_and_is_not_is_wrong() {
    let server = Fake::start(Script { first: (RIGHT, 1), rest: RIGHT, after: After::Keep });
    let arguments = ["--connect-close", "2", "--requests", "2", "--patience", "1s"];
    let told = herd(server.address(), &arguments);
    assert_eq!(told.count("connect-close", "wrong"), 2, "{told:?}");
    assert!(told.table.contains("was not closed"), "{told:?}");
}

#[test]
fn a_server_that_closes_as_it_has_said_loses_nothing() {
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    let server = Fake::start(Script { first: (RIGHT, 1), rest: last, after: After::Close });
    let told = herd(server.address(), &["--get", "2", "--requests", "50"]);
    assert_all_right(&told);
    assert_eq!(told.count("get", "right"), 50, "{told:?}");
    assert!((50..=52).contains(&told.count("get", "connected")), "{told:?}");
}

/// Its clients take the connection for kept. Chance says which of them send a request while it is closed;
/// a test beside the code says what is a crossing.
#[test]
fn a_server_that_closes_without_saying_so_loses_what_crosses_with_that() {
    let server = Fake::start(Script { first: (RIGHT, 1), rest: RIGHT, after: After::Close });
    let told = herd(server.address(), &["--get", "64", "--requests", "5000", "--patience", "2s"]);
    let counted = ["right", "lost", "crossed", "wrong"].map(|what| told.count("get", what));
    let [right, lost, crossed, wrong] = counted;
    assert!(right + lost == 5000 && wrong == 0, "{told:?}");
    assert!(lost >= crossed, "{told:?}");
    assert_eq!(told.code, Some(i32::from(lost > 0)), "{told:?}");
    assert!(told.count("get", "connected") >= right, "each is closed after its answer: {told:?}");
}

#[test]
fn other_framings_are_right_if_their_content_is() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    for (rest, after) in [(chunked, After::Keep), ("HTTP/1.0 200 OK\r\n\r\nabc", After::Close)] {
        let server = Fake::start(Script { first: (RIGHT, 1), rest, after });
        let told = herd(server.address(), &["--get", "2", "--requests", "20"]);
        assert_all_right(&told);
        assert_eq!(told.count("get", "right"), 20, "{told:?}");
    }
}

#[test]
fn who_is_told_that_there_is_no_room_is_refused_and_not_wronged() {
    let full = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = Fake::start(Script { first: (RIGHT, 11), rest: full, after: After::Close });
    let told = herd(server.address(), &["--get", "1", "--requests", "30"]);
    let counted = ["right", "wrong", "lost", "refused"].map(|what| told.count("get", what));
    assert_eq!(counted, [10, 0, 0, 20], "{told:?}");
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.table.contains("20 connections or requests were refused"), "{told:?}");
}

#[test]
fn garbage_may_be_closed_in_silence_but_not_answered_with_garbage() {
    let server = Fake::start(Script { first: (RIGHT, 1), rest: "", after: After::Close });
    let told = herd(server.address(), &["--garbage", "5@100", "--for", "1s", "--expect", "abc"]);
    assert_all_right(&told);

    let server = Fake::start(Script { first: ("", 0), rest: "what?\r\n\r\n", after: After::Close });
    let told = herd(server.address(), &["--garbage", "5@100", "--for", "1s", "--expect", "abc"]);
    assert!(told.count("garbage", "wrong") > 0, "{told:?}");
    assert_eq!(told.code, Some(1), "{told:?}");
}

#[test]
fn an_expected_body_outweighs_a_first_answer() {
    let server = Server::start(&[]);
    let told = herd(server.address(), &["--get", "1", "--requests", "5", "--expect", TEXT]);
    assert_all_right(&told);
    let told = herd(server.address(), &["--get", "1", "--requests", "1", "--expect", "other"]);
    assert_eq!((told.count("get", "wrong"), told.code), (1, Some(1)), "{told:?}");
}
