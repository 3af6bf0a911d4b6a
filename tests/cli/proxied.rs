//! A place that asks for PROXY headers: what the program tells of who its clients are.

use super::access_log::output_of;
use super::*;

/// Starts the program behind a proxy, with a line in JSON for each connection.
fn behind_a_proxy() -> Running {
    let mut command = oneloop();
    command.args(["-l", "127.0.0.1:0,proxy", "--access-log", "-", "--access-log-format", "json"]);
    let mut running = Running::launch(command.arg("--access-log-connections"));
    running.wait_for_address();
    running
}

/// What the server says to these bytes, up to its end, and where they come from.
fn said_to(running: &Running, bytes: &str) -> (String, String) {
    let mut stream = TcpStream::connect(running.address).expect("a connection");
    let own = stream.local_addr().expect("its address").to_string();
    stream.write_all(bytes.as_bytes()).expect("sent");
    let mut said = String::new();
    // What is left unread is reset behind what was sent.
    let _ = stream.read_to_string(&mut said);
    (said, own)
}

#[test]
fn the_access_log_has_the_client_of_the_header_and_the_proxy_beside_it() {
    let running = behind_a_proxy();
    let header = "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n";
    let (said, proxy) = said_to(&running, &format!("{header}GET / HTTP/1.0\r\n\r\n"));
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    said_to(&running, &format!("{header}hello\r\n"));
    let (nothing, alone) = said_to(&running, "GET / HTTP/1.0\r\n\r\n");
    assert_eq!(nothing, "");
    let output = output_of(running);
    let lines: Vec<serde_json::Value> =
        output.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.len(), 3, "{output}");
    assert_eq!((&lines[0]["client"], &lines[0]["proxy"]), (&"192.0.2.1".into(), &proxy.into()));
    let fault = (&lines[1]["client"], &lines[1]["received"]);
    assert_eq!(fault, (&"192.0.2.1".into(), &"hello".into()));
    assert_eq!(lines[2]["client"], alone);
    assert_eq!(lines[2]["ended"], "no-proxy-header");
}
