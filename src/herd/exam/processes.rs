//! Stages that need the server's process.

use std::time::Duration;

use super::examiner::Examiner;
use super::peer::Peer;
use super::verdict::{Problem, Verdict, failed, not_tried};
use super::watched::Watched;
use crate::clock::Clock;
use crate::units;

/// How long a process is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a process at rest may use of it: timers, and what it does for itself.
const AT_REST_MAX: Duration = Duration::from_millis(50);

/// How many descriptors are left, and how many clients come.
const FREE_DESCRIPTORS: u64 = 8;
const CLIENTS: usize = 24;

/// 503 (Service Unavailable).
const UNAVAILABLE: u16 = 503;

/// How many silent clients show that a process accepts connections, by its descriptors.
const SHOWN_CLIENTS: usize = 4;

/// How many clients ask, and how many read slowly, as the server is told to stop.
const ASKING: usize = 16;
const READING: usize = 4;

/// How long a server may take to stop, once its clients have read their answers.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// Until the server has seen what was sent.
const MOMENT: Duration = Duration::from_millis(200);

pub fn rest(examiner: &Examiner) -> Verdict {
    let watched = examiner.watched()?;
    let mut silent = examiner.connect_freely()?;
    let _kept = examiner.keeps_connections()?;
    silent.pause(MOMENT);
    let before = watched.cpu()?;
    silent.pause(LOOK);
    let used = watched.cpu()?.saturating_sub(before);
    let told = format!("{} of a core in {}", units::time(used), units::time(LOOK));
    match used <= AT_REST_MAX {
        true => Ok(told),
        false => failed(told),
    }
}

pub fn descriptors(examiner: &Examiner) -> Verdict {
    let watched = examiner.watched()?;
    let before = settled(examiner, watched)?;
    let _shortage = watched.leave(FREE_DESCRIPTORS)?;
    let mut silent: Vec<Peer> = Vec::new();
    for _ in 0..CLIENTS {
        silent.extend(examiner.connect_within(LOOK));
    }
    pause(&mut silent);
    if watched.descriptors()? + 2 < before + FREE_DESCRIPTORS {
        // A listener may ask the kernel for clients only once they have sent something.
        silent.iter_mut().for_each(|peer| peer.send(b"G"));
    }
    // Where even the kernel's queue is full, a client that comes later decides.
    let mut waiting = examiner.connect_within(LOOK).ok();
    pause(&mut silent);
    let taken = watched.descriptors()?.saturating_sub(before);
    if taken + 2 < FREE_DESCRIPTORS {
        return not_tried(format!(
            "{} clients have come and the process has {taken} more descriptors; name the process \
             that accepts connections, which may be a child",
            silent.len()
        ));
    }
    let (cpu, look) = (watched.cpu()?, Clock::start());
    let mut is_prompt = false;
    if let Some(peer) = &mut waiting {
        peer.send(&examiner.get());
        is_prompt = peer.until(LOOK, |peer| peer.answered() > 0);
    }
    if let Some(peer) = silent.first_mut() {
        peer.pause(LOOK);
    }
    let (used, looked) = (watched.cpu()?.saturating_sub(cpu), look.spent());
    // A loop that tries again and again uses all it can get, which is less on a busy machine.
    if used > looked / 10 {
        return failed(format!(
            "without descriptors it uses {} of a core in {}",
            units::time(used),
            units::time(looked)
        ));
    }
    silent.into_iter().for_each(drop);
    let told = match &mut waiting {
        Some(peer) => next_client(peer, is_prompt)
            .map_err(|why| format!("the silent clients have left, and the next one asks: {why}"))?,
        None => "the next client cannot connect".to_owned(),
    };
    // The server may learn of their ends only behind the next client.
    let recovery = Clock::start();
    while let Err(why) = examiner.ask() {
        let left = recovery.left(LOOK).min(examiner.left());
        if left.is_zero() {
            return Err(why.of("the silent clients have left, and a new one gets"));
        }
        examiner.pause(MOMENT.min(left));
    }
    Ok(told)
}

/// What a server does with the client for which it has no descriptor. It may turn that one away: with
/// a descriptor in reserve it accepts the client to close it, or to say 503.
fn next_client(peer: &mut Peer, is_prompt: bool) -> Result<String, String> {
    match peer.answer() {
        Ok(answer) if answer.status == UNAVAILABLE => Ok("the next client is told 503".to_owned()),
        Ok(_) if is_prompt => Ok("it makes room for the next client".to_owned()),
        Ok(_) => Ok("the next client waits".to_owned()),
        Err(_) if peer.wrong().is_none() && peer.end().is_some() => {
            Ok("the next client is closed".to_owned())
        }
        Err(why) => Err(why),
    }
}

fn pause(peers: &mut [Peer]) {
    if let Some(peer) = peers.first_mut() {
        peer.pause(MOMENT);
    }
}

/// How many descriptors it has, once those of clients that have left are closed.
fn settled(examiner: &Examiner, watched: &Watched) -> Result<u64, Problem> {
    let mut idle = examiner.connect_freely()?;
    let mut before = watched.descriptors()?;
    while !examiner.left().is_zero() {
        idle.pause(MOMENT);
        let now = watched.descriptors()?;
        if now >= before {
            break;
        }
        before = now;
    }
    Ok(before)
}

/// Some clients have just asked, and others are in the middle of long answers.
pub fn stop(examiner: &Examiner) -> Verdict {
    let watched = examiner.watched()?;
    if !watched.is_alive() {
        return not_tried("the process has ended before");
    }
    if !is_serving(examiner, watched)? {
        return not_tried(
            "the process does not listen there, and accepts no connection, so it gets no SIGTERM; \
             name the server's process by --pid",
        );
    }
    let (mut peers, mut readers) = (Vec::new(), 0);
    while readers < READING
        && let Ok(owed) = examiner.owed()
    {
        peers.push(owed.peer);
        readers += 1;
    }
    for peer in &mut peers {
        peer.push_for(MOMENT);
    }
    for _ in 0..ASKING {
        peers.push(examiner.connect()?);
    }
    for peer in &mut peers[readers..] {
        peer.send(&examiner.get());
    }
    if examiner.is_interrupted() {
        return not_tried("a signal came");
    }
    watched.terminate().map_err(Problem::NotTried)?;
    let deadline = examiner.left().saturating_sub(STOP_PATIENCE);
    while watched.is_alive() && examiner.left() > deadline {
        for peer in &mut peers {
            peer.step();
        }
        await_a_little(&mut peers);
    }
    let is_alive = watched.is_alive();
    let (mut answers, mut unanswered) = (0, 0);
    for peer in &mut peers {
        peer.until(MOMENT, |_| false);
        if let Some(wrong) = peer.wrong() {
            return failed(format!("an answer is cut off: {wrong}"));
        }
        answers += peer.answered();
        unanswered += usize::from(peer.answered() == 0);
    }
    if is_alive {
        return failed(format!("it still runs {} later", units::time(STOP_PATIENCE)));
    }
    let told = match unanswered {
        0 => format!("{answers} whole answers, {readers} clients read slowly"),
        _ => format!("{answers} whole answers; {unanswered} clients are closed without one"),
    };
    Ok(match examiner.connect_within(LOOK) {
        Ok(_) => format!("{told}; the process has ended, and another one listens there now"),
        Err(_) => told,
    })
}

/// Whether SIGTERM would come to the server: the process has a listener there, or each client takes one
/// of its descriptors.
fn is_serving(examiner: &Examiner, watched: &Watched) -> Result<bool, Problem> {
    if watched.is_listening(examiner.settings.server)? {
        return Ok(true);
    }
    let before = settled(examiner, watched)?;
    let mut silent = Vec::new();
    for _ in 0..SHOWN_CLIENTS {
        let mut peer = examiner.connect_freely()?;
        // A listener may ask the kernel for clients only once they have sent something.
        peer.send(b"G");
        silent.push(peer);
    }
    pause(&mut silent);
    Ok(watched.descriptors()? >= before + SHOWN_CLIENTS as u64)
}

/// A loop without a pause would take the core that the server needs.
fn await_a_little(peers: &mut [Peer]) {
    if let Some(peer) = peers.first_mut() {
        peer.pause(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::rc::Rc;

    use super::super::interrupt::Interrupt;
    use super::super::peer::TimeLimits;
    use super::*;
    use crate::load::answer::{Checker, Expected};

    /// What is said of a client that receives this, and whose connection is then closed.
    fn told(bytes: &[u8]) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address"));
        let (mut served, _) = listener.accept().expect("it has come");
        served.write_all(bytes).expect("there is room");
        drop(served);
        let time = Duration::from_secs(10);
        let interrupt = Interrupt::catch().expect("a pipe");
        let limits = TimeLimits { began: Clock::start(), limit: time, patience: time, interrupt };
        let stream = stream.expect("a connection");
        let peer = Peer::new(stream, Checker::new(Expected::Any), limits, Rc::default());
        next_client(&mut peer.expect("a peer"), false)
    }

    #[test]
    fn a_server_without_descriptors_may_turn_a_client_away() {
        let unavailable = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(told(unavailable), Ok("the next client is told 503".to_owned()));
        assert_eq!(told(b""), Ok("the next client is closed".to_owned()));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(told(answer), Ok("the next client waits".to_owned()));
        let cut_off = told(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
        assert!(cut_off.is_err(), "{cut_off:?}");
    }
}
