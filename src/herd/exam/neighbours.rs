//! Stages in which one client is difficult, and others must not notice.

use std::time::Duration;

use super::examiner::{Examiner, Owed};
use super::peer::Peer;
use super::transcript::End;
use super::verdict::{Problem, Verdict, failed, not_tried};
use crate::clock::Clock;
use crate::payloads::UNREAD_BYTES_MIN;
use crate::units;

/// Until the server has seen what was sent.
const MOMENT: Duration = Duration::from_millis(200);

/// How many halves of requests wait.
const HALVES: usize = 8;

/// How much a slow reader reads at a time, and how often it reads so little.
const SIP_BYTES: usize = 64;
const SIPS: usize = 40;

/// What a client sends that never stops asking: a field that no server finds too long.
const ENDLESS_FIELD_BYTES: usize = 3 * 1024;

/// How many requests of these are kept ready to be sent.
const ENDLESS_BATCH: usize = 100;

pub fn second(examiner: &Examiner) -> Verdict {
    let mut silent = examiner.connect_freely()?;
    silent.pause(MOMENT);
    examiner.ask()?;
    Ok(String::new())
}

pub fn half(examiner: &Examiner) -> Verdict {
    let request = examiner.get();
    let (first, rest) = request.split_at(request.len() - 4);
    let mut halves = Vec::new();
    for _ in 0..HALVES {
        let mut peer = examiner.connect()?;
        peer.send(first);
        halves.push(peer);
    }
    if let Some(last) = halves.last_mut() {
        last.pause(MOMENT);
    }
    examiner.ask_while(&format!("{HALVES} requests are incomplete"))?;
    for peer in &mut halves {
        peer.send(rest);
        peer.answer().map_err(|why| format!("the rest of an incomplete request is sent: {why}"))?;
    }
    Ok(String::new())
}

pub fn slow_reader(examiner: &Examiner) -> Verdict {
    let Owed { mut peer, answers } = examiner.owed()?;
    peer.push_for(MOMENT);
    examiner.ask_while("a client does not read")?;
    for _ in 0..SIPS {
        peer.sip(SIP_BYTES);
        peer.push_for(Duration::from_millis(5));
    }
    examiner.ask_while("a client reads slowly")?;
    let mut came = 0;
    while came < answers {
        let answer =
            peer.answer().map_err(|why| format!("answer {} of {answers}: {why}", came + 1))?;
        came += 1;
        if answer.last {
            break;
        }
    }
    let came_bytes = peer.transcript().came.bytes;
    let told = match (came, answers) {
        (1, 1) => "one answer".to_owned(),
        (came, answers) if came < answers => {
            format!("it answers {came} of {answers} requests and closes, as it says")
        }
        (_, answers) => format!("all {} answers", units::count(answers as u64)),
    };
    let told = format!("{told}, {}", units::bytes(came_bytes));
    match came_bytes >= UNREAD_BYTES_MIN as u64 {
        true => Ok(told),
        false => not_tried(format!(
            "{told}: the kernels hold that for a slow reader; give a longer answer: --big-path \
             /PATH"
        )),
    }
}

pub fn endless(examiner: &Examiner) -> Verdict {
    let request = String::from_utf8_lossy(&examiner.get()).replace(
        "\r\n\r\n",
        &format!("\r\nX-Endless: {}\r\n\r\n", "x".repeat(ENDLESS_FIELD_BYTES)),
    );
    let batch = request.repeat(ENDLESS_BATCH).into_bytes();
    let mut endless = examiner.connect_freely()?;
    endless.send(&batch);
    let answer = endless.answer().map_err(|why| format!("to a field of 3 KiB: {why}"))?;
    if answer.last {
        return not_tried(format!(
            "a field of 3 KiB is answered by status {}, and the server closes after that, so no \
             client asks without end",
            answer.status
        ));
    }
    let wait = Clock::start();
    while !wait.left(MOMENT).is_zero() {
        go_on(&mut endless, &batch, examiner)?;
    }
    for _ in 0..3 {
        let mut other = examiner.connect()?;
        other.send(&examiner.get());
        let wait = Clock::start();
        while other.answered() == 0 && !other.is_over() {
            if wait.left(examiner.patience()).min(examiner.left()).is_zero() {
                break;
            }
            go_on(&mut endless, &batch, examiner)?;
            other.step();
        }
        other.show();
        if other.answered() == 0 {
            return failed(format!(
                "while a client never stops asking, a new one gets: {}",
                other.silence()
            ));
        }
    }
    Ok(String::new())
}

/// There is always more to read; a connection that the server ends is followed by the next.
fn go_on(endless: &mut Peer, batch: &[u8], examiner: &Examiner) -> Result<(), Problem> {
    if endless.is_over() {
        *endless = examiner.connect_freely()?;
    }
    if endless.has_sent_all() {
        endless.send(batch);
    }
    endless.step();
    Ok(())
}

pub fn silence(examiner: &Examiner) -> Verdict {
    let mut silent = examiner.connect_freely()?;
    let mut half = examiner.connect_freely()?;
    half.send(b"GET / HTTP/1.1\r\nHost: ");
    let time = examiner.settings.idle_limit;
    let wait = Clock::start();
    let mut stay = Vec::new();
    for (peer, what) in [(&mut silent, "says nothing"), (&mut half, "has sent half a request")] {
        // What it is told before its end does not matter.
        if peer.await_end(wait.left(time)).is_none() {
            stay.push(what);
        }
    }
    let ended = |peer: &Peer| match peer.end() {
        Some(End::Reset) => "reset",
        Some(End::Closed) | None => "closed",
    };
    match stay.is_empty() {
        true => Ok(format!("{} and {}", ended(&silent), ended(&half))),
        false => failed(format!(
            "after {} a client is still connected that {}",
            units::time(time),
            stay.join(", and one that ")
        )),
    }
}
