//! What observers are told: a whole session against a golden text, the same as JSON, and slow
//! motion, in which nobody's time runs out.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use oneloop::engine::{Admission, ClientId, Clients, Engine, Readiness, Time};
use oneloop::handlers::FixedText;
use oneloop::testing::{Listener, Pipe};
use oneloop::watch::{ClientEvent, LoopEvent, Patience, StateName, TraceEvents, Tracer, What};
use oneloop::{Config, Event, Limits, Listen, Server, Stopped, Timeouts};

/// Long enough for a loaded machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an observer has been told, seen from outside.
type Told = Arc<Mutex<Vec<Event>>>;

fn note_in(told: &Told) -> impl FnMut(&Event) + Send + 'static {
    let told = Arc::clone(told);
    move |event: &Event| told.lock().unwrap().push(*event)
}

/// The engine, its peers, and the time that they play in: every line comes out the same each time,
/// times included.
struct Session {
    engine: Engine<Listener>,
    listener: Listener,
    tracer: Tracer,
    handler: FixedText,
    now: Time,
    told: Told,
}

const READABLE: Readiness = Readiness::READABLE;
const WRITABLE: Readiness = Readiness::WRITABLE;
const ENDED: Readiness = Readiness::READ_CLOSED;

impl Session {
    fn new() -> Session {
        let mut timeouts = Timeouts::default();
        timeouts.typing_grace = Some(Duration::from_secs(1));
        let mut limits = Limits::default();
        limits.turn_bytes_max = 16 * 1024;
        let mut clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        let told = Told::default();
        let tracer = Tracer::default();
        tracer.observe(Box::new(note_in(&told)));
        clients.watch(tracer.watcher());
        let listener = Listener::new();
        let admission = Admission::new(vec![listener.clone()], 10, 10);
        let engine = Engine::new(clients, admission);
        Session {
            engine,
            listener,
            tracer,
            handler: FixedText::new(*b"text\n"),
            now: Time::START,
            told,
        }
    }

    /// A turn as the server takes it, so long after the one before, in which the poll says this and
    /// somebody may come.
    fn turn(&mut self, millis: u64, said: &[(ClientId, Readiness)], comes: Option<&Pipe>) {
        let patience = match self.engine.clients().has_runnable() {
            true => Patience::Looked,
            false => Patience::Waited,
        };
        self.now = self.now + Duration::from_millis(millis);
        self.tracer.on_polled(|| said.len() + usize::from(comes.is_some()), patience, self.now);
        self.engine.clients_mut().on_polled(self.now);
        for (id, readiness) in said {
            self.engine.clients_mut().note(*id, *readiness);
        }
        if let Some(pipe) = comes {
            self.listener.connect(pipe.stream());
            self.engine.on_listener_ready(0);
        }
        let flow = self.engine.turn(self.now, &mut self.handler, &mut |_, _: &mut _, _, _| Ok(()));
        assert_eq!(flow, ControlFlow::Continue(()));
    }

    /// Somebody comes, who can be sent so much, and the next turn takes a first look.
    fn comes(&mut self, says: &[u8], room: usize) -> (Pipe, ClientId) {
        let pipe = Pipe::new();
        pipe.give_room(room);
        pipe.say(says);
        self.turn(1000, &[], Some(&pipe));
        let id = self.told.lock().unwrap().iter().rev().find_map(Event::client).unwrap();
        self.turn(0, &[], None);
        (pipe, id)
    }
}

/// Everything that the golden text shows, in the order of its chapters.
fn session() -> Vec<Event> {
    let mut session = Session::new();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    // Two clients. The first types its request in two pieces; the second half comes together with
    // the whole request of the other, so that they are answered as a batch.
    let (ann, ann_id) = session.comes(b"", 200);
    let (bob, bob_id) = session.comes(request, 1000);
    ann.say(&request[..16]);
    session.turn(250, &[(ann_id, READABLE)], None);
    ann.say(&request[16..]);
    bob.say(request);
    session.turn(250, &[(bob_id, READABLE), (ann_id, READABLE)], None);

    // The first does not read, so that the next answer finds too little room, and then none.
    ann.say(request);
    session.turn(1000, &[(ann_id, READABLE)], None);
    session.turn(1000, &[(ann_id, READABLE)], None);
    ann.give_room(1000);
    session.turn(1000, &[(ann_id, WRITABLE)], None);

    // The second sends what is no request, and closes behind the answer to it.
    bob.say(b"hello\r\n");
    session.turn(1000, &[(bob_id, READABLE)], None);
    bob.end();
    session.turn(1000, &[(bob_id, ENDED)], None);

    // The first types half a request and no more. It is answered, and stays: its time runs out.
    ann.say(&request[..16]);
    session.turn(1000, &[(ann_id, READABLE)], None);
    session.turn(500, &[], None);
    session.turn(2000, &[], None);
    session.turn(3000, &[], None);

    // A third ends its side behind its request. It is answered all the same.
    let (carl, carl_id) = session.comes(b"", 1000);
    carl.say(b"GET / HTTP/1.0\r\n\r\n");
    carl.end();
    session.turn(1000, &[(carl_id, ENDED)], None);

    // A fourth sends more than it may in one turn, and is still not done when the server stops.
    let (dora, dora_id) = session.comes(b"", 1000);
    dora.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n");
    dora.say([b'x'; 14_400]);
    session.turn(1000, &[(dora_id, READABLE)], None);
    session.turn(0, &[], None);
    session.engine.clients_mut().cut_off();

    session.told.lock().unwrap().clone()
}

#[test]
fn a_session_is_told_as_the_golden_text_has_it() {
    let told: Vec<String> = session()
        .iter()
        .map(|event| format!("{:6.2} s  {event}\n", event.at.since(Time::START).as_secs_f64()))
        .collect();
    let told = told.concat();
    let golden = include_str!("golden/explain.txt");
    assert_eq!(told.lines().count(), golden.lines().count(), "the telling is now:\n{told}");
    for (told_line, golden_line) in told.lines().zip(golden.lines()) {
        assert_eq!(told_line, golden_line, "the telling is now:\n{told}");
    }
}

#[test]
fn json_lines_have_the_same_steps() {
    let told = session();
    assert!(told.len() > 100);
    for event in told {
        let json = event.json().to_string();
        assert!(!json.contains('\n'), "{json}");
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(parsed["says"], event.sentence().to_string());
        assert_eq!(parsed["step"], event.verb());
        assert_eq!(parsed["at"].as_f64().unwrap(), event.at.since(Time::START).as_secs_f64());
        let number = event.client().map(|client| u64::from(client.number()));
        assert_eq!(parsed["client"].as_u64(), number);
        match event.what {
            What::Client(_, ClientEvent::Sent { offered, .. }) => {
                assert_eq!(parsed["offered"].as_u64(), Some(offered as u64));
            }
            What::Client(_, ClientEvent::Answered(given)) => {
                assert_eq!(parsed["request"], given.request.to_string());
                assert_eq!(parsed["status"], given.status);
                assert_eq!(parsed["body"].as_u64(), given.body.map(|body| body as u64));
            }
            What::Client(_, ClientEvent::Changed(change)) => {
                assert_eq!(parsed["before"], format!("{:?}", change.before));
                assert_eq!(parsed["after"], format!("{:?}", change.after));
                assert_eq!(parsed["kept"].as_u64(), Some(change.kept as u64));
            }
            What::Client(_, ClientEvent::Closed { reason, .. }) => {
                assert_eq!(parsed["reason"], format!("{reason:?}"));
            }
            What::Loop(_) | What::Client(..) | _ => {}
        }
    }
}

/// The trace of these steps, each told a microsecond behind the one before.
fn trace(told: &[Event]) -> Vec<serde_json::Value> {
    let mut events = TraceEvents::default();
    let mut out = events.start().to_owned();
    for (at, event) in told.iter().enumerate() {
        let lines = out.lines().count();
        events.put(&mut out, Duration::from_micros(at as u64), event);
        assert_eq!(out.lines().count(), lines + 1, "a line for each step");
    }
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_trace_has_each_clients_states_as_slices_that_lie_behind_each_other() {
    let mut told = session();
    told.push(Event::new(told.last().unwrap().at, What::Loop(LoopEvent::Stopped)));
    let trace = trace(&told);
    let mut states = 0;
    for number in 0..4 {
        let own = |event: &&Event| event.client().map(ClientId::number) == Some(number);
        let mut expected = vec![format!("{:?}", StateName::Fresh)];
        for event in told.iter().filter(own) {
            if let What::Client(_, ClientEvent::Changed(change)) = event.what
                && change.before != change.after
            {
                expected.push(format!("{:?}", change.after));
            }
        }
        let track: Vec<_> = trace.iter().filter(|it| it["tid"] == 2 + number).collect();
        let client = told.iter().find(own).and_then(Event::client).unwrap();
        let name = format!("client {number} (slot {})", client.slot());
        assert_eq!(track[0]["args"]["name"], name);
        let mut open = Vec::new();
        let mut shown = Vec::new();
        for event in track {
            match event["ph"].as_str().unwrap() {
                "B" => open.push(event["name"].as_str().unwrap().to_owned()),
                "E" => shown.push(open.pop().expect("it was begun")),
                _ => assert!(open.len() <= 1, "a state ends before the next begins"),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert_eq!(shown, expected);
        states += shown.len();
    }
    assert!(states > 20, "{states}");
}

#[test]
fn a_trace_has_each_turn_from_its_poll_to_its_last_step() {
    let mut told = session();
    told.push(Event::new(told.last().unwrap().at, What::Loop(LoopEvent::Stopped)));
    let polled = |event: &Event| matches!(event.what, What::Loop(LoopEvent::Polled { .. }));
    let begins: Vec<usize> = (0..told.len()).filter(|at| polled(&told[*at])).collect();
    let ends = begins[1..].iter().copied().chain([told.len() - 1]).map(|next| next - 1);
    let expected: Vec<_> = begins.iter().copied().zip(ends).collect();
    let trace = trace(&told);
    let times = |kind: &str| -> Vec<usize> {
        let own = trace.iter().filter(|it| it["tid"] == 1 && it["ph"] == kind);
        own.map(|it| it["ts"].as_f64().unwrap() as usize).collect()
    };
    let shown: Vec<_> = times("B").into_iter().zip(times("E")).collect();
    assert_eq!(shown, expected);
    assert!(shown.len() > 20);
}

fn server(timeouts: Timeouts) -> (Server<FixedText>, SocketAddr) {
    let listen = vec![Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))];
    let mut config = Config::default();
    config.listen = listen;
    config.timeouts = timeouts;
    let server = Server::bind(&config, FixedText::new(*b"text\n")).unwrap();
    let address = server.local_addrs()[0];
    (server, address)
}

#[test]
fn in_slow_motion_nobodys_time_runs_out_while_the_loop_rests() {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let mut timeouts = Timeouts::default();
    timeouts.first_byte = TIMEOUT;
    timeouts.idle = TIMEOUT;
    let (mut server, address) = server(timeouts);
    let told = Told::default();
    server.observe_slowly(note_in(&told), Duration::from_millis(50));
    let silent = TcpStream::connect(address).unwrap();
    let mut talker = TcpStream::connect(address).unwrap();
    let began = Instant::now();
    let mut answers = 0;
    // Far longer than the timeout, and all of it rest: the talker asks again as soon as it can.
    while began.elapsed() < TIMEOUT * 4 {
        if server.metrics().requests == answers {
            answers += 1;
            talker.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        }
        assert_eq!(server.turn(Some(Duration::ZERO)).unwrap(), ControlFlow::Continue(()));
    }
    assert_eq!(server.clients(), 2, "{:#?}", told.lock().unwrap());
    assert!(answers > 1);
    // It ends once the loop itself has waited so long.
    while server.clients() > 0 {
        assert!(began.elapsed() < PATIENCE);
        assert_eq!(server.turn(None).unwrap(), ControlFlow::Continue(()));
    }
    drop(silent);
}

#[test]
fn a_handle_stops_a_server_that_would_rest_for_an_hour() {
    let (mut server, address) = server(Timeouts::default());
    let told = Told::default();
    server.observe_slowly(note_in(&told), Duration::from_secs(3600));
    let handle = server.stop_handle();
    let client = TcpStream::connect(address).unwrap();
    let began = Instant::now();
    thread::spawn(move || {
        while told.lock().unwrap().is_empty() {
            thread::yield_now();
        }
        handle.stop();
    });
    assert_eq!(server.run().unwrap(), Stopped::Drained);
    assert!(began.elapsed() < PATIENCE);
    drop(client);
}
