//! What [`Config::check`] accepts, the server survives: each limit and each timeout at its ends.

use std::io::Read;

use super::*;

/// What clients send, each on connections of its own: whole, in part, wrong, and more than is taken.
fn scripts() -> [String; 6] {
    [
        get("/"),
        get("/").repeat(30),
        posted("Content-Length: 5000\r\n", &"b".repeat(3000)),
        chunked("5\r\nabcde\r\n0\r\nX: y\r\n\r\n"),
        "GET / HTTP/1.1\r\nHos".to_string(),
        format!("\0\r\n\r\n{}", "z".repeat(100_000)),
    ]
}

/// Starts a server with this configuration, has clients come, ask, ask again and go, and stops it.
/// They may be refused, or be too late; a server that panics fails the test when it is dropped.
fn survives(config: &Config) {
    config.check().expect("such a configuration is accepted");
    let server = Background::start(config, FixedText::new(*b"hello\n"));
    let scripts = scripts();
    let mut streams: Vec<TcpStream> = Vec::new();
    for script in scripts.iter().chain(&scripts).chain(&scripts) {
        let mut stream = TcpStream::connect(server.address()).expect("loopback connects");
        // Such a request may not be waited for, and then sending it fails.
        let _ = stream.write_all(script.as_bytes());
        streams.push(stream);
        for stream in &mut streams {
            let _ = stream.write_all(get("/").as_bytes());
        }
    }
    for stream in &mut streams {
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(server.seen().stopped.is_none());
    server.stop_handle().stop();
    drop(streams);
    server.stopped();
}

type SetTimeout = fn(&mut Config, Duration);

const TIMEOUTS: [SetTimeout; 10] = [
    |config, it| config.timeouts.first_byte = it,
    |config, it| config.timeouts.head = it,
    |config, it| config.timeouts.typing_grace = Some(it),
    |config, it| config.timeouts.body = it,
    |config, it| config.timeouts.write = it,
    |config, it| config.timeouts.idle = it,
    |config, it| config.timeouts.linger = it,
    |config, it| config.timeouts.drain_announce = it,
    |config, it| config.timeouts.drain_idle = it,
    |config, it| config.timeouts.drain = it,
];

#[test]
fn the_shortest_timeouts_end_clients_and_never_the_server() {
    // Below 64 µs a timeout has no margin.
    for timeout in [1, 63_000, 64_000, 1_000_000].map(Duration::from_nanos) {
        for set in TIMEOUTS {
            let mut config = config();
            set(&mut config, timeout);
            survives(&config);
        }
    }
}

#[test]
fn the_longest_timeouts_are_never_over() {
    for set in TIMEOUTS {
        let mut config = config();
        set(&mut config, Duration::MAX);
        // A server that announces its end for ever is not to be ended by one stop.
        config.timeouts.drain_announce = Duration::ZERO;
        survives(&config);
    }
}

#[test]
fn each_limit_at_its_ends_leaves_the_server_alive() {
    let set: [fn(&mut Limits); 22] = [
        |it| (it.head_bytes_max, it.target_bytes_max) = (64, 63),
        |it| it.head_bytes_max = RECEIVE_BYTES,
        |it| it.target_bytes_max = 1,
        |it| it.fields_max = 0,
        |it| it.fields_max = FIELDS_CAPACITY,
        |it| it.body_bytes_max = 0,
        |it| it.body_bytes_max = u32::MAX as usize,
        |it| it.output_bytes_high_water = 1024,
        |it| it.output_bytes_high_water = usize::MAX,
        |it| it.linger_bytes_max = 0,
        |it| it.linger_bytes_max = usize::MAX,
        |it| it.turn_bytes_max = 1024,
        |it| it.turn_bytes_max = usize::MAX,
        |it| it.accepts_per_turn_max = 1,
        |it| it.accepts_per_turn_max = usize::MAX,
        |it| it.deadlines_per_turn_max = 1,
        |it| it.deadlines_per_turn_max = usize::MAX,
        |it| it.clients_max = Some(1),
        |it| it.clients_max = Some(usize::MAX),
        |it| it.progress_bytes_per_second_min = 0,
        |it| it.progress_bytes_per_second_min = u32::MAX,
        // Not at its least: the kernel drops handshakes then, which cost each client a second.
        |it| it.backlog = i32::MAX,
    ];
    for set in set {
        survives(&limited(set));
    }
}
