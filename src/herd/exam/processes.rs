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
    let _shortage = watched.leave(FREE_DESCRIPTORS).map_err(Problem::NotTried)?;
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
    let mut waiting = examiner.connect_within(LOOK);
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
    let mut told = "the next client cannot connect";
    if let Some(peer) = &mut waiting {
        peer.send(&examiner.get());
        let made_room = peer.until(LOOK, |peer| peer.answered() > 0);
        told =
            if made_room { "it makes room for the next client" } else { "the next client waits" };
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
    let answered = match &mut waiting {
        Some(peer) => peer.answer().map(|_| ()),
        None => examiner.ask().map(|_| ()),
    };
    answered
        .map_err(|why| format!("the silent clients have left, and the next one asks: {why}"))?;
    Ok(told.to_owned())
}

fn pause(peers: &mut [Peer]) {
    if let Some(peer) = peers.first_mut() {
        peer.pause(MOMENT);
    }
}

/// How many descriptors it has, once those of clients that have left are closed.
fn settled(examiner: &Examiner, watched: &Watched) -> Result<u64, String> {
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
    Ok(match unanswered {
        0 => format!("{answers} whole answers, {readers} of them to slow readers"),
        _ => format!("{answers} whole answers; {unanswered} clients are closed without one"),
    })
}

/// A loop without a pause would take the core that the server needs.
fn await_a_little(peers: &mut [Peer]) {
    if let Some(peer) = peers.first_mut() {
        peer.pause(Duration::from_millis(2));
    }
}
