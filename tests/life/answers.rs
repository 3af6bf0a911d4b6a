//! Large answers and content arrive whole, and each client gets its own.

use super::*;

/// A server that answers with a shared body in which no two places are alike, and that body.
fn sharing(bytes: usize) -> (Background, Arc<[u8]>) {
    let words = (0..bytes / 8).map(|number| format!("{number:07x}\n"));
    let body: Arc<[u8]> = words.collect::<String>().into_bytes().into();
    let shared = Arc::clone(&body);
    let server =
        Background::start(&config(), move |_: &Request<'_>, reply: Reply<'_>| reply.send(&shared));
    (server, body)
}

const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn a_shared_body_that_is_read_slowly_arrives_whole() {
    for bytes in [MEBIBYTE, 8 * MEBIBYTE] {
        let (server, body) = sharing(bytes);
        // A small receive buffer, so that the kernel has to ask us for room again and again.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.connect(&server.address().into()).unwrap();
        let mut client = Client::new(socket.into());
        for _ in 0..2 {
            let before = server.seen().metrics.sent_bytes;
            client.ask("/");
            // While nobody reads, the kernel cannot take all of the larger one.
            server.wait_until(|seen| seen.metrics.sent_bytes > before);
            while client.received_bytes() < MEBIBYTE / 2 {
                client.receive(3000).expect("the server goes on");
                thread::yield_now();
            }
            let answer = client.answer();
            assert!(answer.body == *body, "some of {} bytes are not ours", answer.body.len());
        }
        let seen = server.wait_until(|seen| seen.metrics.requests == 2);
        assert!(bytes == MEBIBYTE || seen.metrics.sends >= 4, "the kernel took it all at once");
    }
}

#[test]
fn a_shared_mebibyte_that_is_pipelined_arrives_as_often_as_it_was_asked_for() {
    let (server, body) = sharing(MEBIBYTE);
    let mut client = server.connect();
    client.send(get("/").repeat(8));
    for _ in 0..8 {
        assert!(client.answer().body == *body);
    }
}

#[test]
fn the_answer_to_head_has_the_length_of_a_mebibyte_and_not_a_byte_of_it() {
    let (server, body) = sharing(MEBIBYTE);
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer_head();
        let length = answer.field("Content-Length").map(str::to_owned);
        assert_eq!((answer.status, length), (200, Some(body.len().to_string())));
    }
    // Whatever else had come would stand in front of this answer.
    assert!(client.get("/").body == *body);
}

/// What a handler was given: method, path, and content.
type Given = (Method, String, Vec<u8>);

#[test]
fn a_posted_body_reaches_the_handler_whole_however_it_is_split() {
    let given: Arc<Mutex<Vec<Given>>> = Arc::default();
    let notes = Arc::clone(&given);
    let server = Background::start(&config(), move |request: &Request<'_>, reply: Reply<'_>| {
        let (path, body) = (request.path().to_owned(), request.body().to_vec());
        notes.lock().unwrap().push((request.method(), path, body));
        reply.send(request.body())
    });
    let body: Vec<u8> = (0..=255).cycle().take(700).collect();
    let head = "POST /post HTTP/1.1\r\nHost: a\r\n";
    let mut by_length = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    by_length.extend_from_slice(&body);
    let mut by_chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    by_chunks.extend(chunks::chunked(&body, &[97], ";note=\"a;b\"", "X-Trailer: t\r\n"));

    let mut sent = 0;
    for request in [by_length, by_chunks] {
        for piece_bytes in [1, 2, 3, 7, 50, 301, request.len()] {
            let mut client = server.connect();
            for piece in request.chunks(piece_bytes) {
                client.send(piece);
                sent += piece.len() as u64;
                // So that each piece is received by itself.
                server.wait_until(|seen| seen.metrics.received_bytes == sent);
            }
            assert_eq!(client.answer().body, body, "in pieces of {piece_bytes}");
            let noted = given.lock().unwrap().pop();
            assert_eq!(noted, Some((Method::Post, "/post".to_owned(), body.clone())));
        }
    }
    assert!(given.lock().unwrap().is_empty(), "each was given once");
}

#[test]
fn a_posted_mebibyte_comes_back_whole_by_length_and_by_chunks() {
    let server = Background::start(&config(), echo);
    let body: Vec<u8> = (0..=255).cycle().take(1024 * 1024).collect();
    let chunks = chunks::chunked(&body, &[60_000], "", "");
    let mut client = server.connect();
    for (framing, content) in [
        (format!("Content-Length: {}", body.len()), &body),
        ("Transfer-Encoding: chunked".to_owned(), &chunks),
    ] {
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        client.send(content);
        assert!(client.answer().body == body);
    }
}

#[test]
fn an_invalid_field_of_a_handler_becomes_500_and_the_connection_goes_on() {
    let server = Background::start(&config(), |request: &Request<'_>, reply: Reply<'_>| {
        match request.path() {
            "/split" => reply.field("X", "a\r\nSet-Cookie: b").send("secret"),
            "/name" => reply.field("a b", "c").send("secret"),
            "/reserved" => reply.field("Content-Length", "1").send("secret"),
            path => reply.send(path),
        }
    });
    let mut client = server.connect();
    client.send(["/before", "/split", "/name", "/reserved", "/after"].map(get).concat());
    assert_eq!(client.answer().text(), "/before");
    for _ in 0..3 {
        let answer = client.answer();
        assert_eq!(answer.status, 500, "{}", answer.head);
        assert!(!answer.head.contains("Set-Cookie") && !answer.text().contains("secret"));
    }
    assert_eq!(client.answer().text(), "/after");
}

#[test]
fn two_thousand_kept_connections_get_their_own_answers() {
    const CLIENTS: usize = 2000;
    let server = Background::start(&config(), path);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
    server.wait_until(|seen| seen.clients == CLIENTS);
    for round in 0..4 {
        for (number, client) in clients.iter_mut().enumerate() {
            let requests = (0..=round).map(|part| get(&format!("/{number}/{round}/{part}")));
            client.send(requests.collect::<String>());
        }
        for (number, client) in clients.iter_mut().enumerate() {
            for part in 0..=round {
                let answer = client.answer();
                assert_eq!(answer.text(), format!("/{number}/{round}/{part}"));
            }
        }
    }
    let seen = server.seen();
    assert_eq!((seen.clients, seen.metrics.closed_total()), (CLIENTS, 0));
    drop(clients);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.requests, 2000 * (1 + 2 + 3 + 4));
    assert_eq!(server.connect().get("/after").text(), "/after");
}
