//! How a download ends: by its client, by a stop, by its time.

use super::*;

#[test]
fn a_client_that_is_lost_lets_go_of_the_file() {
    let fixture = Fixture::new(LARGE);
    let file = fixture.open();
    let server = serve(&config(), Arc::clone(&file));
    let mut client = server.connect();
    client.ask(&part(0, LARGE));
    client.answer_head();
    assert_eq!(Arc::strong_count(&file), 3);
    SockRef::from(&client.writer()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::Reset), 1);
    assert_let_go(&server, &file);
}

#[test]
fn a_download_may_end_while_the_server_stops() {
    let fixture = Fixture::new(LARGE);
    let server = serve(&config(), fixture.open());
    let mut client = server.connect();
    client.ask(&part(0, LARGE));
    client.answer_head();
    server.stop_handle().stop();
    assert!(client.take_exactly(LARGE) == fixture.bytes);
    assert_eq!(client.end(), End::Closed);
    assert_eq!(server.stopped(), Stopped::Drained);
}

#[test]
fn a_download_that_outlives_the_drain_is_cut_off_by_a_reset() {
    let fixture = Fixture::new(LARGE);
    let file = fixture.open();
    let mut config = config();
    config.timeouts.drain = Duration::from_millis(100);
    let server = serve(&config, Arc::clone(&file));
    let mut client = server.connect();
    client.ask(&part(0, LARGE));
    client.answer_head();
    server.stop_handle().stop();
    assert_eq!(server.stopped(), Stopped::CutOff);
    assert_eq!(client.end_after_anything(), End::Reset);
    assert_eq!(server.seen().metrics.closed(CloseReason::CutOff), 1);
}

#[test]
fn whoever_does_not_read_its_file_is_reset_when_its_time_is_over() {
    let fixture = Fixture::new(LARGE);
    let file = fixture.open();
    let mut config = config();
    config.timeouts.write = Duration::from_millis(200);
    let server = serve(&config, Arc::clone(&file));
    let mut client = server.connect();
    client.ask(&part(0, LARGE));
    client.answer_head();
    let seen = server.wait_until(|seen| seen.clients == 0);
    assert_eq!(seen.metrics.closed(CloseReason::WriteTimeout), 1);
    assert_eq!(client.end_after_anything(), End::Reset);
    assert_let_go(&server, &file);
}
