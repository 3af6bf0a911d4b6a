//! How many system calls a request and a connection take, and how many threads there are.

use super::*;

#[test]
fn a_kept_connections_request_takes_a_receive_a_send_and_its_share_of_a_poll() {
    let _alone = alone();
    if !can_trace(a_kept_connections_request_takes_a_receive_a_send_and_its_share_of_a_poll) {
        return;
    }
    let rates = rates_per_request(1, 300, &[]);
    println!("per request of {BUSY} clients: {:.4} in {rates:?}", rates.total());
    assert!(rates.total() <= 2.05, "{:.4} in {rates:?}", rates.total());
}

/// Lines are gathered: at least a hundred are written by one call.
#[test]
fn a_line_of_the_access_log_takes_next_to_no_calls() {
    let _alone = alone();
    if !can_trace(a_line_of_the_access_log_takes_next_to_no_calls) {
        return;
    }
    let rates = rates_per_request(1, 300, &["--access-log", "-"]);
    println!("per logged request of {BUSY} clients: {:.4} in {rates:?}", rates.total());
    assert!(rates.total() <= 2.06, "{:.4} in {rates:?}", rates.total());
    assert!(rates.of("pwritev2") <= 0.01, "{rates:?}");
}

#[test]
fn sixteen_pipelined_requests_take_no_more_calls_than_one() {
    let _alone = alone();
    if !can_trace(sixteen_pipelined_requests_take_no_more_calls_than_one) {
        return;
    }
    let rates = rates_per_request(16, 60, &[]);
    println!("per pipelined request of {BUSY} clients: {:.4} in {rates:?}", rates.total());
    assert!(rates.total() <= 2.05 / 16.0, "{:.4} in {rates:?}", rates.total());
}

/// Alone, a connection has both its polls to itself: one for the listener, and one that does not
/// wait, because somebody new can run. The others are accept, another accept that finds nothing,
/// receive, send and close. Now and then a request comes later than its connection is looked at,
/// which costs a receive that finds nothing and registering with the poll.
#[test]
fn a_short_connection_takes_seven_calls() {
    let _alone = alone();
    if !can_trace(a_short_connection_takes_seven_calls) {
        return;
    }
    let rates = rates_per_connection(1, 1000);
    let calls = shipped_calls(&rates);
    // A late one takes a receive, a registration, and a poll that also finds nobody else.
    let late = rates.of("epoll_ctl");
    println!("per short connection, one by one: {calls:.4}, {late:.4} late, in {rates:?}");
    assert!(calls <= 7.05 + 3.0 * late, "{calls:.4} in {rates:?}");
    assert!(late <= 0.5, "most requests are there at the first look: {rates:?}");
}

/// In a crowd the polls are shared, and so is the accept that finds nothing.
#[test]
fn a_short_connection_in_a_crowd_takes_four_calls_and_its_share_of_a_poll() {
    let _alone = alone();
    if !can_trace(a_short_connection_in_a_crowd_takes_four_calls_and_its_share_of_a_poll) {
        return;
    }
    let rates = rates_per_connection(BUSY, 100);
    let calls = shipped_calls(&rates);
    println!("per short connection, {BUSY} at a time: {calls:.4} in {rates:?}");
    assert!(calls <= 4.2, "{calls:.4} in {rates:?}");
}

#[test]
fn one_thread_serves_everybody() {
    let _alone = alone();
    let server = Watched::start();
    let mut clients: Vec<TcpStream> = (0..BUSY).map(|_| server.connect()).collect();
    let answer_bytes = answer_bytes(&server);
    for _ in 0..100 {
        let mut asked = clients.iter_mut().map(|client| client.write_all(GET.as_bytes()));
        asked.by_ref().for_each(|sent| sent.unwrap());
        // Here everybody waits for an answer, or has one that is not read yet.
        assert_eq!(server.threads(), 1);
        read_answers(&mut clients, answer_bytes);
        assert_eq!(server.threads(), 1);
    }
}

/// The calls for one request of a server with these arguments, whose clients each send so many at a time. From the difference of
/// two runs, so that starting, connecting, leaving and stopping are not in it.
///
/// strace makes the server far slower than its clients, so all of them have asked again whenever
/// it polls: what is counted is a loaded server.
fn rates_per_request(pipelined: usize, rounds: usize, arguments: &[&str]) -> CallRates {
    let request = GET.repeat(pipelined);
    let run = |rounds: usize| {
        let server = Watched::start_traced_with(arguments);
        let answers_bytes = answer_bytes(&server) * pipelined;
        let mut clients: Vec<TcpStream> = (0..BUSY).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.write_all(request.as_bytes()).unwrap();
        }
        for _ in 1..rounds {
            for client in &mut clients {
                client.read_exact(&mut vec![0; answers_bytes]).unwrap();
                client.write_all(request.as_bytes()).unwrap();
            }
        }
        read_answers(&mut clients, answers_bytes);
        drop(clients);
        server.stop_and_count()
    };
    let few = rounds / 10;
    run(rounds).rates_beyond(&run(few), (rounds - few) * BUSY * pipelined)
}

/// The calls for one connection with one request, of so many clients at a time, each of which
/// comes again as soon as it has been answered and let go.
fn rates_per_connection(at_a_time: usize, rounds: usize) -> CallRates {
    let run = |rounds: usize| {
        let server = Watched::start_traced();
        let come = || {
            let mut client = server.connect();
            client.write_all(LAST_GET.as_bytes()).unwrap();
            client
        };
        let leave = |mut client: TcpStream| {
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", answer.escape_ascii());
        };
        let mut clients: Vec<TcpStream> = (0..at_a_time).map(|_| come()).collect();
        for _ in 1..rounds {
            for client in &mut clients {
                // The next one comes in its place only when the server has closed.
                let gone = client.try_clone().unwrap();
                leave(gone);
                *client = come();
            }
        }
        clients.into_iter().for_each(leave);
        server.stop_and_count()
    };
    let few = rounds / 10;
    run(rounds).rates_beyond(&run(few), (rounds - few) * at_a_time)
}

/// All calls but those that only a build with debug assertions makes: there, `std` asks before it
/// closes a descriptor whether it is open.
fn shipped_calls(rates: &CallRates) -> f64 {
    match cfg!(debug_assertions) {
        true => rates.total() - rates.of("fcntl"),
        false => rates.total(),
    }
}
