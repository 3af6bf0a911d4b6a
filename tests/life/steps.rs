//! The steps of a stop: the end is announced, no more are accepted, idle clients may ask once more.

use super::*;

/// Long enough for a test that has to be over before.
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(300);

fn with(set: impl FnOnce(&mut Timeouts)) -> Background {
    let mut config = config();
    set(&mut config.timeouts);
    Background::start(&config, path)
}

#[test]
fn a_server_that_announces_its_end_lets_clients_in_and_closes_each_behind_its_answer() {
    let server = with(|timeouts| timeouts.drain_announce = LONG);
    let mut before = server.connect();
    assert!(!before.get("/before").closes());
    server.stop_handle().stop();
    server.wait_until(|seen| seen.stop_step == Some(StopStep::Announcing));
    let mut late = server.connect();
    for client in [&mut before, &mut late] {
        let answer = client.get("/meanwhile");
        assert!(answer.text() == "/meanwhile" && answer.closes(), "{}", answer.head);
        assert_eq!(client.end(), End::Closed);
    }
    assert_eq!(server.seen().stopped, None);
    server.stop_handle().stop();
    assert_eq!(server.stopped(), Stopped::CutOff, "the second stop does not wait");
}

#[test]
fn the_listeners_are_closed_when_the_announcement_is_over() {
    let server = with(|timeouts| timeouts.drain_announce = SHORT);
    let address = server.address();
    let mut idle = server.connect();
    assert_eq!(idle.get("/").status, 200);
    let began = Instant::now();
    server.stop_handle().stop();
    assert_eq!(idle.end(), End::Closed);
    assert_punctual(began.elapsed(), SHORT);
    assert!(refuses(address));
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn a_client_that_is_idle_or_silent_may_ask_once_more_after_a_stop() {
    let server = with(|timeouts| timeouts.drain_idle = LONG);
    let (mut idle, mut silent) = (server.connect(), server.connect());
    assert_eq!(idle.get("/").status, 200);
    server.wait_until(|seen| seen.clients == 2);
    server.stop_handle().stop();
    server.wait_until(|seen| seen.is_closed);
    for client in [&mut idle, &mut silent] {
        let answer = client.get("/once-more");
        assert!(answer.text() == "/once-more" && answer.closes(), "{}", answer.head);
        assert_eq!(client.end(), End::Closed);
    }
    assert_eq!(server.stopped(), Stopped::Drained);
    assert_eq!(server.seen().metrics.closed(CloseReason::Drained), 0);
}

/// A request that crosses with the end is not answered, and not by a reset either.
#[test]
fn what_comes_behind_the_end_of_an_idle_client_is_read_and_not_reset() {
    let server = with(|timeouts| timeouts.drain_idle = SHORT);
    let mut client = server.connect();
    assert_eq!(client.get("/").status, 200);
    let began = Instant::now();
    server.stop_handle().stop();
    assert_eq!(client.servers_end(), End::Closed);
    assert_punctual(began.elapsed(), SHORT);
    let before = server.seen().metrics.received_bytes;
    client.ask("/crossing");
    server.wait_until(|seen| seen.metrics.received_bytes > before);
    assert_eq!(client.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
    assert_eq!(server.seen().metrics.closed(CloseReason::Drained), 1);
}

#[test]
fn idle_clients_have_at_most_half_of_the_time_to_drain() {
    let server = with(|timeouts| (timeouts.drain_idle, timeouts.drain) = (LONG, 2 * SHORT));
    let mut client = server.connect();
    assert_eq!(client.get("/").status, 200);
    let began = Instant::now();
    server.stop_handle().stop();
    assert_eq!(client.end(), End::Closed);
    assert_punctual(began.elapsed(), SHORT);
    assert_eq!(server.stopped(), Stopped::Drained);
}
