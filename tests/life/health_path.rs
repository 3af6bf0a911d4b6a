//! A path by which the public's own listeners say whether the server is ready.

use oneloop::handlers::HealthPath;

use super::*;

#[test]
fn the_path_is_ready_until_the_server_is_told_to_stop_and_all_else_is_the_handlers() {
    let mut config = config();
    config.timeouts.drain_announce = Duration::from_secs(3600);
    let server = Background::start(&config, HealthPath::new("/healthz", path));
    let mut client = server.connect();
    let answer = client.get("/healthz");
    assert_eq!((answer.status, answer.text()), (200, "ready\n"));
    assert_eq!(client.get("/healthz/other").text(), "/healthz/other");
    client.send("POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(client.answer().status, 405);
    server.stop_handle().stop();
    server.wait_until(|seen| seen.stop_step == Some(StopStep::Announcing));
    let answer = client.get("/healthz");
    assert_eq!((answer.status, answer.text()), (503, "stopping\n"));
    assert!(answer.closes(), "{}", answer.head);
    assert_eq!(client.end(), End::Closed);
    assert_eq!(server.connect().get("/other").text(), "/other");
    server.stop_handle().stop();
    assert_eq!(server.stopped(), Stopped::CutOff);
}
