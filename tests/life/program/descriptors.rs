//! The program when descriptors run out, and that it gives them back.

use super::*;

#[test]
fn with_64_descriptors_200_silent_clients_cost_nothing_and_keep_nobody_out() {
    let mut program = Program::start_with_descriptors(64, &[]);
    let crowd = program.crowd(200);
    program.assert_answers_within(SLACK);
    program.assert_idles();
    program.assert_answers_within(SLACK);
    assert!(program.descriptors().len() < 64);
    drop(crowd);
    program.assert_answers_within(RECOVERY);
    program.wait_for_clients(0);
    program.assert_idles();
    assert_eq!(program.complaints(), 1);
}

#[test]
fn files_that_are_kept_open_take_no_place_from_clients() {
    let folder = std::env::temp_dir().join(format!("oneloop-{}-kept", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    for number in 0..60 {
        fs::write(folder.join(number.to_string()), [b'x'; 70_000]).expect("a file");
    }
    let directory = folder.to_str().expect("a name in UTF-8");
    let mut program = Program::start_with_descriptors(128, &[directory]);
    let mut first = program.connect();
    for number in 0..60 {
        assert_eq!(first.get(&format!("/{number}")).body.len(), 70_000);
    }
    // Together with the first, all the 80 that there may be beside 16 files.
    let mut crowd = program.crowd(79);
    for client in &mut crowd {
        assert_eq!(client.get("/0").status, 200);
    }
    for client in crowd.iter_mut().chain([&mut first]) {
        assert_eq!(client.get("/missing").status, 404);
    }
    assert_eq!(program.complaints(), 0);
    fs::remove_dir_all(&folder).expect("it was just made");
}

#[test]
fn with_64_descriptors_200_unfinished_requests_cost_nothing_and_are_survived() {
    let program = Program::start_with_descriptors(64, &["--strict"]);
    // Half of the descriptors are for clients, and these keep their places.
    let mut crowd = program.busy_crowd(32);
    for mut client in program.crowd(168) {
        client.send(EXPECTING);
        crowd.push(client);
    }
    let mut late = program.connect();
    late.ask("/");
    program.assert_idles();
    assert!(!late.hears_now());
    drop(crowd);
    let began = Instant::now();
    assert_eq!(late.answer().status, 200);
    assert!(began.elapsed() <= RECOVERY, "it took {:?}", began.elapsed());
    drop(late);
    program.wait_for_clients(0);
    program.assert_idles();
}

#[test]
fn running_out_of_descriptors_costs_the_idle_their_places_and_one_warning() {
    let mut program = Program::start(&[]);
    let mut old = program.connect();
    assert_eq!(old.get("/").status, 200);
    program.limit_to_clients(10);
    let crowd = program.crowd(100);
    assert_eq!(old.end(), End::Closed, "it was idle the longest");
    program.assert_answers_within(SLACK);
    program.assert_idles();
    program.assert_answers_within(SLACK);
    drop(crowd);
    program.assert_answers_within(RECOVERY);
    program.wait_for_clients(0);
    program.assert_idles();
    assert_eq!(program.complaints(), 1);
}

#[test]
fn running_out_of_descriptors_while_nobody_is_idle_makes_the_next_wait() {
    let mut program = Program::start(&["--strict"]);
    program.limit_to_clients(10);
    let crowd = program.busy_crowd(10);
    let mut late = program.connect();
    late.ask("/");
    program.assert_idles();
    assert!(!late.hears_now());
    drop(crowd);
    let began = Instant::now();
    assert_eq!(late.answer().status, 200);
    assert!(began.elapsed() <= RECOVERY, "it took {:?}", began.elapsed());
    assert_eq!(program.complaints(), 1);
    drop(late);
    program.wait_for_clients(0);
    program.assert_idles();
    program.signal(Signal::TERM);
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn running_out_of_descriptors_with_nobody_waiting_for_one_costs_nothing() {
    let program = Program::start(&["--strict"]);
    program.limit_to_clients(10);
    let crowd = program.busy_crowd(10);
    program.wait_for_clients(10);
    program.assert_idles();
    // Nobody comes into the places that become free.
    drop(crowd);
    program.wait_for_clients(0);
    program.assert_idles();
    program.assert_answers_within(RECOVERY);
}

#[test]
fn whoever_takes_the_last_descriptor_costs_nobody_his_place() {
    let program = Program::start(&[]);
    program.limit_to_clients(10);
    let mut crowd = program.crowd(10);
    // An accept that finds no descriptor does not tell whether anybody waits.
    program.assert_idles();
    for client in &mut crowd {
        assert!(!client.hears_now(), "it was closed, and nobody else has come");
        assert_eq!(client.get("/").status, 200);
    }
    program.assert_idles();
}

#[test]
fn descriptors_that_become_free_elsewhere_wake_nobody_for_long() {
    let program = Program::start(&["--strict"]);
    program.limit_to_clients(10);
    let crowd = program.busy_crowd(10);
    program.assert_idles();
    // All that changes is that the next accept could succeed; nobody waits for it.
    program.limit_to_clients(20);
    program.assert_idles();
    program.assert_answers_within(RECOVERY);
    drop(crowd);
}

#[test]
fn a_shortage_of_descriptors_that_comes_in_waves_is_told_of_once() {
    let mut program = Program::start(&[]);
    program.limit_to_clients(10);
    for _ in 0..3 {
        let crowd = program.crowd(30);
        program.assert_answers_within(SLACK);
        drop(crowd);
        program.wait_for_clients(0);
    }
    program.assert_idles();
    assert_eq!(program.complaints(), 1);
}

#[test]
fn a_thousand_clients_that_come_and_go_leave_no_descriptor_behind() {
    let program = Program::start(&["--typing-grace", "1h"]);
    for number in 0..1000 {
        let mut client = program.connect();
        match number % 5 {
            0 => {}
            1 => client.send("GET / HT"),
            2 => assert_eq!(client.get("/").status, 200),
            3 => client.ask("/"),
            _ => {
                client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody");
                client.finish();
            }
        }
    }
    program.wait_for_clients(0);
}
