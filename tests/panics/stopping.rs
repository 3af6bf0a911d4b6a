//! A panic while the server begins to stop: it stops all the same.

use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oneloop::watch::{LoopEvent, What};
use oneloop::{CloseReason, Event, Server, Stopped};

use crate::sockets::{Client, End, PATIENCE, config};
use crate::{Fragile, break_down, get};

/// Serves until it stops, whatever panics, and says how it stopped and how often there was a panic.
fn serve_to_the_end(server: &mut Server<Fragile>) -> (Stopped, usize) {
    let (deadline, mut panics) = (Instant::now() + PATIENCE, 0);
    while Instant::now() < deadline {
        let turn = AssertUnwindSafe(|| server.turn(Some(Duration::from_millis(10))).unwrap());
        match panic::catch_unwind(turn) {
            Ok(ControlFlow::Break(stopped)) => return (stopped, panics),
            Ok(ControlFlow::Continue(())) => {}
            Err(_) => panics += 1,
        }
    }
    panic!("it never stops")
}

/// A server for one client, who is served, and idle.
fn server_for_one() -> (Server<Fragile>, Client) {
    let mut config = config();
    config.limits.clients_max = Some(1);
    let mut server = Server::bind(&config, Fragile).unwrap();
    let mut idle = Client::connect(server.local_addrs()[0]);
    idle.send(get("/a"));
    let deadline = Instant::now() + PATIENCE;
    while !idle.hears_now() && Instant::now() < deadline {
        assert!(server.turn(Some(Duration::from_millis(10))).unwrap().is_continue());
    }
    assert_eq!(idle.answer().text(), "/a");
    (server, idle)
}

/// The last connections are accepted when the server is told to stop. An idle client makes room for
/// one of them, is looked at before, and the handler panics over what it has sent.
#[test]
fn a_server_that_is_told_to_stop_stops_although_the_handler_panics_over_it() {
    let (mut server, idle) = server_for_one();
    let address = server.local_addrs()[0];
    let (mut asks, idle) = (Some(idle), Arc::new(Mutex::new(None)));
    let (newcomer, kept) = (Arc::new(Mutex::new(None)), Arc::clone(&idle));
    let comes = Arc::clone(&newcomer);
    // Both come behind the poll of the turn in which the server begins to stop.
    server.observe(move |event: &Event| {
        if let What::Loop(LoopEvent::Stopping { .. }) = event.what {
            let mut client = asks.take().unwrap();
            client.send(get("/panic"));
            *kept.lock().unwrap() = Some(client);
            let mut client = Client::connect(address);
            client.send(get("/b"));
            client.finish();
            *comes.lock().unwrap() = Some(client);
        }
    });
    server.stop_handle().stop();
    assert_eq!(serve_to_the_end(&mut server), (Stopped::Drained, 1));
    assert_eq!(idle.lock().unwrap().take().unwrap().end(), End::Reset);
    assert_eq!(newcomer.lock().unwrap().take().unwrap().answer().text(), "/b");
}

/// An observer panics over the first of two stops. It counts all the same.
#[test]
fn a_second_stop_ends_a_server_whose_observer_panicked_over_the_first() {
    let (mut server, mut client) = server_for_one();
    client.send("GET /unfinished HTTP/1.1\r\n");
    server.observe(move |event: &Event| {
        if let What::Loop(LoopEvent::Stopping { .. }) = event.what {
            break_down()
        }
    });
    server.stop_handle().stop();
    let turn = AssertUnwindSafe(|| server.turn(Some(Duration::from_millis(10))));
    assert!(panic::catch_unwind(turn).is_err());
    // The first one counts, so this is the second.
    server.stop_handle().stop();
    assert_eq!(serve_to_the_end(&mut server), (Stopped::CutOff, 0));
    assert_eq!(server.metrics().closed(CloseReason::CutOff), 1);
}
