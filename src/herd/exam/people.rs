//! Stages in which a person types.

use std::time::Duration;

use super::examiner::Examiner;
use super::peer::Peer;
use super::transcript::End;
use super::verdict::Verdict;

/// A pause between two lines: short for a person, long for a server.
const PAUSE: Duration = Duration::from_millis(120);

/// What telnet clients begin with, asked or not: do suppress go-ahead, will say the terminal's type,
/// its speed, the window's size, flow control and line mode, and do say the status.
const NEGOTIATION: &[u8] = &[
    255, 253, 3, 255, 251, 24, 255, 251, 31, 255, 251, 32, 255, 251, 33, 255, 251, 34, 255, 253, 5,
];

/// Ctrl-C in a telnet client: interrupt the process; the data mark behind it is urgent.
const INTERRUPT: &[u8] = &[255, 244, 255];
const DATA_MARK: u8 = 242;

/// Return in a telnet client that sends characters: CR NUL (RFC 854).
const RETURN: &[u8] = b"\r\0";

pub fn typed(examiner: &Examiner) -> Verdict {
    let mut peer = examiner.connect_freely()?;
    peer.send(b"hello\r\n");
    peer.pause(PAUSE);
    peer.send(b"\r\n");
    let told = reacts(&mut peer, examiner)?;
    examiner.ask_while("a client types 'hello'")?;
    Ok(told)
}

pub fn telnet(examiner: &Examiner) -> Verdict {
    let mut lines = examiner.connect()?;
    for line in String::from_utf8_lossy(&examiner.get()).split_inclusive("\r\n") {
        lines.send(line.as_bytes());
        lines.pause(PAUSE);
    }
    lines.answer().map_err(|why| format!("a request typed line by line: {why}"))?;

    let mut peer = examiner.connect_freely()?;
    peer.send(NEGOTIATION);
    for key in [b"G", b"E", b"x", b"\x7f", b"T", b" ", b"/", RETURN] {
        peer.send(key);
        peer.pause(Duration::from_millis(5));
    }
    peer.send(INTERRUPT);
    peer.send_urgently(DATA_MARK);
    peer.pause(PAUSE);
    peer.send(b"\r\n\r\n");
    let told = reacts(&mut peer, examiner)?;
    examiner.ask_while("a telnet client is connected")?;
    Ok(told)
}

/// The server answers what is no request, in HTTP, or ends the connection.
fn reacts(peer: &mut Peer, examiner: &Examiner) -> Result<String, String> {
    peer.until(examiner.patience(), |peer| peer.answered() > 0 || peer.end().is_some());
    match (peer.take_answer(), peer.wrong(), peer.end()) {
        (Some(answer), _, _) => Ok(format!("status {}", answer.status)),
        (None, Some(wrong), _) => Err(format!("what comes is no answer: {wrong}")),
        (None, None, Some(End::Closed)) => Ok("closed without an answer".to_owned()),
        (None, None, Some(End::Reset)) => Ok("reset without an answer".to_owned()),
        (None, None, None) => Err("neither an answer nor an end comes".to_owned()),
    }
}
