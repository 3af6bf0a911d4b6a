//! What clients cost that wait for an answer which is to begin later.

use std::time::{Duration, Instant};

use oneloop::handlers::{RouteLine, RouteSources, Routes};

use super::*;

const ROUTE: &str = "/ status=503 after=2s text=\"later\"";
const PAUSE: Duration = Duration::from_secs(2);

/// How many clients wait.
const WAITING: usize = 1000;

/// How many come in a turn.
const PER_CROWD: usize = 250;

/// A box for the state, and one for what gives the answer.
#[test]
fn a_client_that_waits_for_its_answer_takes_less_than_200_bytes_and_no_turn() {
    let _alone = alone();
    let mut sources = RouteSources::default();
    sources.lines = vec![RouteLine::new("--route 1", ROUTE)];
    let mut routes = Routes::load(sources).unwrap();
    let clients = Clients::new(Limits::default(), Timeouts::default(), SystemTime::UNIX_EPOCH);
    let mut engine = Listener::absent(clients);
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
    let asking = Pipe::repeating(GET.as_bytes());
    let mut turn = |engine: &mut Engine<Listener>, now: Time| {
        let flow = engine.turn(now, &mut routes, &mut |_, _: &mut _, _, _| Ok(()));
        assert!(flow.is_continue(), "nothing stops it");
    };
    // What the first of them make the engine keep is no client's.
    let held = [(); 2].map(|()| {
        for _ in 0..WAITING / PER_CROWD {
            for _ in 0..PER_CROWD {
                engine.clients_mut().admit(asking.stream(), peer, Time::START);
            }
            turn(&mut engine, Time::START);
        }
        allocated()
    });
    let bytes = (held[1] as f64 - held[0] as f64) / WAITING as f64;
    println!("{bytes:.1} bytes for each client that waits, beside its slot");
    assert!(bytes < 200.0, "{bytes:.1}");
    assert_eq!(engine.due(Time::START), Some(Time::START + PAUSE), "nothing is to be done");
    let now = Time::START + PAUSE;
    let begun = |engine: &Engine<Listener>| {
        engine.clients().metrics().answers().map(|it| it.1).sum::<u64>()
    };
    assert_eq!(begun(&engine), 0);
    for _ in 0..2 * WAITING {
        engine.clients_mut().on_polled(now);
        turn(&mut engine, now);
    }
    assert_eq!(begun(&engine), 2 * WAITING as u64, "all begin in the moment when they are due");
}

/// The program itself: memory as the kernel counts it, and time of the processor.
#[test]
fn a_thousand_clients_that_wait_for_their_answers_cost_no_time_of_the_processor() {
    let _alone = alone();
    let server = Watched::start_with(&["--route", ROUTE, "--access-log", "off"]);
    let connect = || -> Vec<TcpStream> { (0..WAITING).map(|_| server.connect()).collect() };
    let answer_bytes = answer_bytes_of(&mut server.connect());
    let mut clients = connect();
    settled_descriptors(&server);
    let idle = server.anonymous_bytes();
    let asked = Instant::now();
    for client in &mut clients {
        client.write_all(GET.as_bytes()).unwrap();
    }
    let mut last = server.connect();
    last.write_all(GET.replace("/ ", "/none ").as_bytes()).unwrap();
    last.read_exact(&mut [0; 64]).unwrap();
    let waiting = server.anonymous_bytes();
    let ticks = server.processor_ticks();
    std::thread::sleep(Duration::from_millis(1500).saturating_sub(asked.elapsed()));
    let ticks = server.processor_ticks() - ticks;
    assert!(asked.elapsed() < PAUSE, "the machine is too slow for this");
    let bytes = (waiting as f64 - idle as f64) / WAITING as f64;
    println!("{bytes:.1} B for each client that waits, {ticks} ticks of the processor");
    assert!(bytes < 200.0, "{bytes:.1} B for each client that waits");
    assert!(ticks <= 1, "{ticks} ticks while they wait");
    for client in &mut clients {
        let mut answer = vec![0; answer_bytes];
        client.read_exact(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 503 "), "{}", answer.escape_ascii());
    }
    assert!(asked.elapsed() >= PAUSE);
}

fn answer_bytes_of(client: &mut TcpStream) -> usize {
    client.write_all(LAST_GET.as_bytes()).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer.len() - "Connection: close\r\n".len()
}

/// A receive, a send, and a registration with the poll, so that it reports a client that leaves.
#[test]
fn an_answer_that_begins_later_takes_no_call_more_than_its_registration() {
    let _alone = alone();
    if !can_trace(an_answer_that_begins_later_takes_no_call_more_than_its_registration) {
        return;
    }
    let run = |rounds: usize| {
        let server = Watched::start_traced_with(&["--route", "/ after=300ms text=later"]);
        let answer_bytes = answer_bytes_of(&mut server.connect());
        let mut clients: Vec<TcpStream> = (0..BUSY).map(|_| server.connect()).collect();
        for _ in 0..rounds {
            for client in &mut clients {
                client.write_all(GET.as_bytes()).unwrap();
            }
            read_answers(&mut clients, answer_bytes);
        }
        drop(clients);
        server.stop_and_count()
    };
    let rates = run(6).rates_beyond(&run(2), 4 * BUSY);
    println!("per answer that begins later: {:.3} in {rates:?}", rates.total());
    assert!(rates.of("epoll_ctl") <= 0.05 && rates.total() <= 3.2, "{rates:?}");
}
