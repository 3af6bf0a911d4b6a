//! A server at a Unix socket: what holds there as everywhere, and what does not. Which paths can be
//! listened at is a table beside the code.
#![cfg(target_os = "linux")]

use std::io::IoSlice;
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use oneloop::config::{AdminListener, LocalAddress, Reach};
use oneloop::{Config, Error, Listen, Next, Peer, Piece, Reply, Request, Sent, Server, Status};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use sockets::{Background, Client, End, get};

#[path = "support/sockets.rs"]
mod sockets;

/// A free path for one test.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Place {
        Place(std::env::temp_dir().join(format!("oneloop-{}-{test}", std::process::id())))
    }

    fn listen(&self) -> Listen {
        Listen::unix(&self.0).expect("a path that fits")
    }

    fn config(&self) -> Config {
        let mut config = sockets::config();
        config.listen = vec![self.listen()];
        config
    }

    fn stream(&self) -> UnixStream {
        UnixStream::connect(&self.0).expect("it is listened at")
    }

    /// The calls that read and write are the same as those of TCP.
    fn connect(&self) -> Client {
        Client::new(TcpStream::from(OwnedFd::from(self.stream())))
    }
}

const LARGE: usize = 8 * 1024 * 1024;

fn serve(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    match request.path() {
        "/peer" => reply.send(request.peer().to_string()),
        "/client" => reply.send(format!("{:?}", request.client())),
        "/large" => reply.send(vec![b'x'; LARGE]),
        "/broken" => reply.status(Status::OK).stream_sized(20, |piece: &mut Piece<'_>| {
            piece.append("half");
            Next::Done
        }),
        path => reply.send(path),
    }
}

#[test]
fn a_kept_connection_is_served_as_by_tcp() {
    let place = Place::new("kept");
    let _server = Background::start(&place.config(), serve);
    let mut client = place.connect();
    for path in ["/a", "/b"] {
        assert_eq!(client.get(path).text(), path);
    }
    client.send([get("/c"), get("/d"), get("/e")].concat());
    for path in ["/c", "/d", "/e"] {
        assert_eq!(client.answer().text(), path);
    }
    client.ask("/last");
    client.finish();
    assert_eq!(client.answer().text(), "/last");
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn a_peer_is_its_process_and_user_and_its_word_counts() {
    let place = Place::new("peer");
    let _server = Background::start(&place.config(), serve);
    let mut client = place.connect();
    let uid = rustix::process::getuid().as_raw();
    let expected = format!("unix:pid={},uid={uid}", std::process::id());
    assert_eq!(client.get("/peer").text(), expected);
    assert_eq!(client.get("/client").text(), "None");
    client.send("GET /client HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    assert_eq!(client.answer().text(), "Some(192.0.2.1)");
}

#[test]
fn a_large_answer_waits_for_a_client_that_reads_late() {
    let place = Place::new("large");
    let server = Background::start(&place.config(), serve);
    let mut client = place.connect();
    client.ask("/large");
    // The kernel has taken what it has room for, and the server goes on serving others.
    server.wait_until(|seen| seen.metrics.sends > 0);
    assert_eq!(place.connect().get("/other").text(), "/other");
    assert_eq!(client.answer().text().len(), LARGE);
    assert_eq!(client.get("/next").text(), "/next");
}

#[test]
fn five_hundred_clients_are_served() {
    let place = Place::new("crowd");
    let _server = Background::start(&place.config(), serve);
    let mut clients: Vec<Client> = (0..500).map(|_| place.connect()).collect();
    for turn in ["/first", "/second"] {
        clients.iter_mut().for_each(|client| client.ask(turn));
        for client in &mut clients {
            assert_eq!(client.answer().text(), turn);
        }
    }
}

/// A read stops behind a message that carries descriptors, though it has not filled its buffer. The
/// client is one that the poll knows: a new one is registered after its first read, and the poll then
/// reports what is left.
#[test]
fn what_follows_a_message_with_a_descriptor_is_read_as_well() {
    let place = Place::new("rights");
    let mut server = Server::bind(&place.config(), serve).expect("a free path");
    let stream = place.stream();
    let same = stream.try_clone().expect("a free descriptor");
    let mut client = Client::new(TcpStream::from(OwnedFd::from(same)));
    let mut turn_some = || {
        for _ in 0..4 {
            let flow = server.turn(Some(Duration::ZERO)).expect("the poll of a healthy system");
            assert_eq!(flow, ControlFlow::Continue(()));
        }
    };
    client.ask("/first");
    turn_some();
    assert_eq!(client.answer().text(), "/first");
    let passed = stream.as_fd();
    let send = |text: &[u8], with_descriptor: bool| {
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let passed = [passed];
        if with_descriptor {
            assert!(control.push(SendAncillaryMessage::ScmRights(&passed)));
        }
        let sent = sendmsg(&stream, &[IoSlice::new(text)], &mut control, SendFlags::empty());
        assert_eq!(sent, Ok(text.len()));
    };
    send(b"GET /a HT", false);
    send(b"TP/1.1\r\nHo", true);
    send(b"st: a\r\n\r\n", false);
    // All of it is there before the server looks, and no edge follows.
    turn_some();
    assert!(client.hears_now(), "it has been answered");
    assert_eq!(client.answer().text(), "/a");
}

/// There is no reset here, but nothing that looks like the end of a whole answer, either.
#[test]
fn an_answer_that_breaks_off_is_seen_not_to_be_whole() {
    let place = Place::new("broken");
    let _server = Background::start(&place.config(), serve);
    let mut client = place.connect();
    client.ask("/broken");
    assert_eq!(client.answer_head().field("Content-Length"), Some("20"));
    assert_eq!(client.end_after_anything(), End::Closed);
    assert_eq!(client.received_bytes(), "half".len());
}

#[test]
fn its_file_goes_when_the_server_stops_listening() {
    let place = Place::new("stops");
    let server = Background::start(&place.config(), serve);
    let mut client = place.connect();
    assert_eq!(client.get("/a").text(), "/a");
    server.stop_handle().stop();
    server.wait_until(|seen| seen.is_closed);
    assert!(!place.0.exists());
    assert_eq!(client.end(), End::Closed);
    server.stopped();
}

#[test]
fn a_place_that_another_server_listens_at_is_refused() {
    let place = Place::new("twice");
    let server = Server::bind(&place.config(), serve).expect("a free path");
    let LocalAddress::Unix(name) = server.local_places()[0] else { panic!("a Unix socket") };
    assert_eq!(name.as_path(), Some(place.0.as_path()));
    assert!(server.local_addrs().is_empty());
    let Err(Error::Bind { reason, .. }) = Server::bind(&place.config(), serve) else {
        panic!("it is refused")
    };
    assert!(reason.to_string().contains("already listening"), "{reason}");
    drop(server);
    Server::bind(&place.config(), serve).expect("it is free again");
}

#[test]
fn the_admin_page_can_be_at_a_unix_socket() {
    let (place, public) = (Place::new("admin"), Place::new("public"));
    let mut config = public.config();
    config.admin = Some(AdminListener::new(place.listen(), Reach::ThisMachine));
    let _server = Background::start(&config, serve);
    let _watched = public.connect().get("/a");
    let mut client = place.connect();
    for (host, status) in [("localhost", 200), ("evil.example", 421)] {
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.answer().status, status, "{host}");
    }
}

#[test]
fn a_place_can_have_an_abstract_name() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("oneloop-{}-abstract", std::process::id());
    let mut config = sockets::config();
    config.listen = vec![format!("unix:@{name}").parse().expect("a place")];
    let _server = Background::start(&config, |request: &Request<'_>, reply: Reply<'_>| {
        assert!(matches!(request.peer(), Peer::Unix(_)));
        reply.send("here")
    });
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    let stream = UnixStream::connect_addr(&address).expect("it is listened at");
    assert_eq!(Client::new(TcpStream::from(OwnedFd::from(stream))).get("/").text(), "here");
}
