//! Stages with many clients.

use std::time::Duration;

use super::examiner::Examiner;
use super::peer::Peer;
use super::verdict::{Verdict, not_tried};
use crate::descriptors;
use crate::units::count;

/// How many clients ask at once.
const MANY: usize = 200;

/// How many clients reset their connections.
const RESETS: usize = 100;

/// How long a silent client of a crowd tries to connect.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// Three clients that cannot connect, one after another, show that no further one can.
const FAILURES_MAX: usize = 3;

/// Fewer silent clients are no crowd, unless the user wants fewer.
const CROWD_MIN: usize = 1000;

pub fn many(examiner: &Examiner) -> Verdict {
    let mut peers = Vec::new();
    for number in 1..=MANY {
        peers.push(examiner.connect().map_err(|why| why.of(&format!("client {number}")))?);
    }
    for peer in &mut peers {
        peer.send(&examiner.get());
    }
    for (index, peer) in peers.iter_mut().enumerate() {
        peer.answer().map_err(|why| format!("client {} of {MANY}: {why}", index + 1))?;
    }
    Ok(String::new())
}

/// They reset while the server answers, before it can, and in the middle of a request.
pub fn reset(examiner: &Examiner) -> Verdict {
    if examiner.settings.server.is_unix() {
        return not_tried("no Unix socket can be reset");
    }
    let request = examiner.get();
    for number in 0..RESETS {
        let mut peer = examiner.connect_freely()?;
        match number % 3 {
            0 => peer.send(&request.repeat(20)),
            1 => peer.send(&request),
            _ => peer.send(&request[..request.len() / 2]),
        }
        if number % 2 == 0 {
            peer.pause(Duration::from_millis(1));
        }
        peer.reset();
    }
    examiner.ask_while("100 connections have been reset")?;
    Ok(String::new())
}

pub fn crowd(examiner: &Examiner) -> Verdict {
    let asked_for = examiner.settings.silent;
    let wanted = asked_for.min(descriptors::clients_max().saturating_sub(MANY));
    let mut why_fewer = "the examiner's descriptor limit allows no more (ulimit -Hn)".to_owned();
    let mut silent: Vec<Peer> = Vec::new();
    let mut failures = 0;
    // Half of the time is for the others.
    let enough = examiner.left() / 2;
    while silent.len() < wanted && failures < FAILURES_MAX {
        if examiner.left() <= enough {
            why_fewer = "no more connect in time".to_owned();
            break;
        }
        match examiner.connect_within(CONNECT_PATIENCE) {
            Ok(peer) => {
                silent.push(peer);
                failures = 0;
            }
            Err(problem) => {
                why_fewer = problem.told().to_owned();
                failures += 1;
            }
        }
    }
    let came = silent.len();
    let asked = examiner.ask_while(&format!("{} clients are silent", count(came as u64)));
    // Those that are connected now were so while the others asked.
    let connected = silent.iter_mut().filter_map(|peer| {
        peer.step();
        peer.end().is_none().then_some(())
    });
    let connected = connected.count();
    // A closed connection would keep its port for a minute, and there are thousands.
    silent.into_iter().for_each(Peer::reset);
    asked?;
    if connected < CROWD_MIN.min(asked_for) {
        if connected < came {
            why_fewer = format!("{} have been closed", count((came - connected) as u64));
        }
        return not_tried(format!(
            "only {} silent clients are connected: {why_fewer}",
            count(connected as u64)
        ));
    }
    Ok(format!("{} silent clients", count(connected as u64)))
}
