//! Stages with one client: where a request begins and ends, and what becomes of the connection.

use std::time::Duration;

use super::examiner::Examiner;
use super::peer::Peer;
use super::transcript::End;
use super::verdict::{Verdict, failed};
use crate::clock::Clock;
use crate::payloads;

/// Long enough for a server to answer too early, if it does.
const MOMENT: Duration = Duration::from_millis(150);

/// How many requests come at once.
const PIPELINED: usize = 16;

/// A path that few servers have something at: its answer can be told from the usual one.
const UNLIKELY_PATH: &str = "/no-such-path-8f3a91";

/// More than the kernels hold, so that the server must read it or refuse it.
const UPLOAD_BYTES: usize = 16 * 1024 * 1024;

/// How long a client waits for 100 (Continue) before it sends its content all the same.
const CONTINUE_PATIENCE: Duration = Duration::from_secs(2);

pub fn answer(examiner: &Examiner) -> Verdict {
    let mut peer = examiner.connect()?;
    peer.send(&examiner.get());
    let answer = peer.answer()?;
    peer.pause(MOMENT);
    if peer.answered() > 0 || peer.wrong().is_some() {
        return failed("more than one answer comes to one request");
    }
    Ok(format!("status {}", answer.status))
}

pub fn pieces(examiner: &Examiner) -> Verdict {
    let request = examiner.get();
    let mut peer = examiner.connect()?;
    peer.send(&request[..2]);
    peer.pause(MOMENT);
    if peer.answered() > 0 || peer.wrong().is_some() {
        return failed("it answers after two bytes of a request");
    }
    if peer.is_over() {
        return failed("it closes the connection after two bytes of a request");
    }
    for byte in &request[2..] {
        peer.send(&[*byte]);
        peer.pause(Duration::from_millis(1));
    }
    peer.answer()?;
    peer.pause(MOMENT);
    match peer.answered() {
        0 => Ok(String::new()),
        _ => failed("more than one answer comes to one request"),
    }
}

pub fn keep_alive(examiner: &Examiner) -> Verdict {
    let mut peer = examiner.connect()?;
    peer.send(&examiner.get());
    if peer.answer()?.last {
        return match peer.await_end(examiner.patience()) {
            Some(_) => Ok("it says that it closes, and does".to_owned()),
            None => failed("it says that it closes the connection, and leaves it open"),
        };
    }
    for _ in 0..2 {
        peer.send(&examiner.get());
        peer.answer().map_err(|why| {
            format!("it did not say that it would close; to the next request: {why}")
        })?;
    }
    Ok(String::new())
}

pub fn pipeline(examiner: &Examiner) -> Verdict {
    let requests = [examiner.get(), payloads::get(UNLIKELY_PATH, &examiner.settings.fields)];
    let mut statuses = Vec::new();
    for request in &requests {
        let mut alone = examiner.connect_freely()?;
        alone.send(request);
        statuses.push(alone.answer()?.status);
    }
    let mut peer = examiner.connect_freely()?;
    peer.send(&requests.concat().repeat(PIPELINED / 2));
    for number in 0..PIPELINED {
        let answer = peer.answer().map_err(|why| format!("to request {}: {why}", number + 1))?;
        let expected = statuses[number % 2];
        if answer.status != expected {
            return failed(format!(
                "request {} alone is answered by {expected}, and here by {}",
                number + 1,
                answer.status
            ));
        }
        if answer.last && number + 1 < PIPELINED {
            return Ok(format!("it answers {} and closes, as it says", number + 1));
        }
    }
    let is_told_apart = statuses[0] != statuses[1];
    Ok(if is_told_apart { "" } else { "all alike: their order cannot be told" }.to_owned())
}

pub fn half_close(examiner: &Examiner) -> Verdict {
    let mut peer = examiner.connect()?;
    peer.send(&examiner.get());
    peer.half_close();
    peer.answer()?;
    match peer.await_end(examiner.patience()) {
        Some(_) => Ok(String::new()),
        None => failed("it answers, and keeps a connection on which nothing can come any more"),
    }
}

pub fn continues(examiner: &Examiner) -> Verdict {
    const CONTENT: &[u8] = b"0123456789";
    let mut peer = examiner.connect_freely()?;
    let head = format!(
        "POST {} HTTP/1.1\r\n{}Content-Type: text/plain\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        examiner.settings.path,
        examiner.settings.fields,
        CONTENT.len()
    );
    peer.send(head.as_bytes());
    let goes_on = |peer: &Peer| peer.transcript().came.begins_with(b"HTTP/1.1 100 ");
    peer.until(CONTINUE_PATIENCE, |peer| goes_on(peer) || peer.answered() > 0);
    if let Some(answer) = peer.take_answer() {
        return Ok(format!("status {} without the content", answer.status));
    }
    if peer.is_over() {
        return failed(peer.silence());
    }
    let is_told = goes_on(&peer);
    peer.send(CONTENT);
    let answer = peer.answer()?;
    match is_told {
        true => Ok(format!("100, and then status {}", answer.status)),
        false => failed("it says nothing until the content comes without having been asked for"),
    }
}

/// The client sends all of it before it reads, as many do. A reset meanwhile is what its user sees.
pub fn upload(examiner: &Examiner) -> Verdict {
    let mut peer = examiner.connect_freely()?;
    let head = format!(
        "POST {} HTTP/1.1\r\n{}Content-Type: text/plain\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n",
        examiner.settings.path, examiner.settings.fields,
    );
    peer.send(head.as_bytes());
    peer.send(&vec![b'u'; UPLOAD_BYTES]);
    let sending = Clock::start();
    peer.push_all();
    let is_refused = peer.is_refused;
    // The kernels hold a part of it, which takes the server no longer than the parts before.
    let answer = peer.answer_within(examiner.patience() + sending.spent());
    match answer {
        Ok(answer) if is_refused => failed(format!(
            "status {} comes, but the connection is reset while the client sends",
            answer.status
        )),
        Err(_) if is_refused => {
            failed("the connection is reset while the client sends, and no answer arrives")
        }
        Ok(answer) if !peer.has_sent_all() => {
            Ok(format!("status {}, and it reads no further", answer.status))
        }
        Ok(answer) => {
            peer.pause(MOMENT);
            match peer.end() {
                Some(End::Reset) => failed(format!(
                    "status {} comes, and then a reset, which can overtake it on its way",
                    answer.status
                )),
                Some(End::Closed) | None => Ok(format!("status {}", answer.status)),
            }
        }
        Err(why) => failed(why),
    }
}
