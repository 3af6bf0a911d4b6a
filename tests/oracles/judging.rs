//! The judge is judged: a check that cannot fail holds nothing.

use std::panic;

use oneloop::{FaultKind, Limits, Version};

use crate::instrumented::handler::{Shown, digest};
use crate::instrumented::server::PEER;
use crate::oracle::answers;
use crate::oracle::harness::play::play;
use crate::oracle::harness::player::Peer;
use crate::oracle::model::End;
use crate::oracle::model::control::Persistence;
use crate::oracle::model::conversation::{Answer, Conversation};

/// A request that was answered as it should be, and its answer.
fn answered() -> (Answer, String) {
    let shown = Shown {
        method: "GET".to_owned(),
        target: "/".to_owned(),
        path: "/".to_owned(),
        query: None,
        version: Version::Http11,
        fields: vec![("Host".to_owned(), b"a".to_vec())],
        body: Vec::new(),
        client: Some(PEER.into()),
    };
    let said = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let sent = play(&Limits::default(), &[Peer::at_once(said, End::HalfClose)]).remove(0);
    let sent = String::from_utf8(sent).unwrap();
    (Answer::Request { shown, persistence: Persistence::Keep }, sent)
}

fn is_refused(sent: &str, demanded: &Answer) -> bool {
    panic::catch_unwind(|| answers::check(sent.as_bytes(), demanded)).is_err()
}

#[test]
fn every_kind_of_wrong_answer_is_refused() {
    let (demanded, sent) = answered();
    assert_eq!(answers::check(sent.as_bytes(), &demanded), sent.len());
    for (right, wrong) in [
        ("HTTP/1.1", "HTTP/1.0"),
        ("200 OK", "200 Fine"),
        ("200 OK", "204 No Content"),
        ("Thu", "Fri"),
        ("Echo: ", "Echo: 0"),
        ("Host: a\n", "Host: b\n"),
        ("Content-Length: ", "Content-Length: 1"),
        ("Content-Length: ", "Length: "),
        ("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
        ("\r\n\r\n", "\r\nAllow: GET\r\n\r\n"),
        ("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
        ("\r\n\r\n", "\n\n"),
    ] {
        let wrong = sent.replacen(right, wrong, 1);
        assert_ne!(wrong, sent);
        assert!(is_refused(&wrong, &demanded), "{wrong}");
    }
    assert!(is_refused(&sent[..sent.len() - 1], &demanded));
    assert!(is_refused("HTTP/1.1 100 Continue\r\n\r\n", &demanded));
    assert!(is_refused(&sent, &Answer::Continue));
}

#[test]
fn a_fault_has_to_be_the_right_one() {
    let received = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    let fault = |kind| Answer::Fault {
        kinds: vec![kind],
        received: received.clone(),
        persistence: Persistence::Close,
    };
    let sent = play(&Limits::default(), &[Peer::at_once(&received, End::HalfClose)]).remove(0);
    let sent = String::from_utf8(sent).unwrap();
    assert!(sent.contains(&digest(&received)));
    assert!(!is_refused(&sent, &fault(FaultKind::HostMissing)));
    assert!(is_refused(&sent, &fault(FaultKind::HostInvalid)));
    assert!(is_refused(
        &sent.replace("400 Bad Request", "404 Not Found"),
        &fault(FaultKind::HostMissing)
    ));
    assert!(is_refused(&sent.replace("Received", "\u{1b}[2J"), &fault(FaultKind::HostMissing)));
}

/// What the model makes of some streams, told here once more by hand.
#[test]
fn the_model_knows_where_messages_end() {
    let limits = Limits::default();
    let served = |said: &str| {
        let conversation = Conversation::read(said.as_bytes(), &limits, &|_| false);
        let ends: Vec<usize> = conversation.events.iter().map(|event| event.at).collect();
        (ends, conversation.on_end(End::HalfClose).0.is_some())
    };
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n";
    assert_eq!(served(get), (vec![27], false));
    assert_eq!(served(&format!("{get}\r\n{get}")), (vec![27, 56], false));
    assert_eq!(served(post), (vec![post.len()], false));
    assert_eq!(served(&post[..post.len() - 1]), (vec![], true));
    assert_eq!(served(chunked), (vec![chunked.len()], false));
    assert_eq!(served(&chunked[..chunked.len() - 1]), (vec![], true));
    assert_eq!(served("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"), (vec![26], false));
    assert_eq!(served("hello\r\n"), (vec![6], false));
    assert_eq!(served(&get.replace("\r\nHost", "\nHost")), (vec![15], false));
    assert_eq!(served(&get.replace(": a", " : a")), (vec![21], false));
}
