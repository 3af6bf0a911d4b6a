//! What an answer whose body comes over time has to be, byte by byte: how its head says where the
//! body ends, and what each piece becomes.
//!
//! Said independently of the crate's encoding, which must never be called here.

use crate::framing::Asked;
use crate::plan::Plan;

/// The last chunk, without trailers (RFC 9112 §7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A body in the course of being given.
#[derive(Clone, Debug)]
pub struct Streamed {
    plan: Plan,
    ending: Ending,
    given: usize,
    is_over: bool,
}

/// How the peer finds its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    LastChunk,
    /// So many bytes are still to come.
    Length(usize),
    /// By the end of the connection: HTTP/1.0 has no chunks.
    Connection,
}

/// What a piece means for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    GoesOn,
    Complete,
    /// It has not become what its head says, and never will.
    Broken,
}

/// The field of the head that says how the end is found.
pub fn framing_field(plan: &Plan, asked: &Asked) -> String {
    match Ending::of(plan, asked) {
        Ending::LastChunk => "Transfer-Encoding: chunked\r\n".to_owned(),
        Ending::Length(length) => format!("Content-Length: {length}\r\n"),
        Ending::Connection => String::new(),
    }
}

/// Whether the body ends with the connection.
pub fn ends_connection(plan: &Plan, asked: &Asked) -> bool {
    asked.method != "HEAD" && Ending::of(plan, asked) == Ending::Connection
}

impl Ending {
    fn of(plan: &Plan, asked: &Asked) -> Ending {
        match (plan.said, asked.old) {
            (Some(said), _) => Ending::Length(said),
            (None, false) => Ending::LastChunk,
            (None, true) => Ending::Connection,
        }
    }
}

impl Streamed {
    pub fn new(plan: Plan, asked: &Asked) -> Streamed {
        Streamed { ending: Ending::of(&plan, asked), plan, given: 0, is_over: false }
    }

    /// Whether the peer can tell that it has all of it, once it has what was given.
    pub fn is_whole(&self) -> bool {
        match self.ending {
            Ending::Length(left) => left == 0,
            Ending::LastChunk | Ending::Connection => self.is_over,
        }
    }

    /// A piece of so many bytes is given. Says what is to be sent of it.
    pub fn on_piece(&mut self, bytes: usize, is_last: bool) -> (Vec<u8>, Outcome) {
        let text = self.plan.text(self.given).take(bytes);
        self.given += bytes;
        let mut sent = Vec::with_capacity(bytes + 32);
        match &mut self.ending {
            Ending::LastChunk => {
                if bytes > 0 {
                    sent.extend_from_slice(format!("{bytes:x}\r\n").as_bytes());
                    sent.extend(text);
                    sent.extend_from_slice(b"\r\n");
                }
                if is_last {
                    sent.extend_from_slice(LAST_CHUNK);
                }
            }
            // Whoever is sent more than was said takes it for the next answer.
            Ending::Length(left) if bytes > *left => return (sent, Outcome::Broken),
            Ending::Length(left) => {
                *left -= bytes;
                sent.extend(text);
                if is_last && *left > 0 {
                    return (sent, Outcome::Broken);
                }
            }
            Ending::Connection => sent.extend(text),
        }
        self.is_over = is_last;
        (sent, if is_last { Outcome::Complete } else { Outcome::GoesOn })
    }
}

mod tests {
    use super::*;
    use crate::framing::Persistence;

    fn asked(old: bool) -> Asked {
        let (method, target) = ("GET".to_owned(), "/0/0/stream/1".to_owned());
        Asked { method, target, body: Vec::new(), old, persistence: Persistence::Keep }
    }

    /// A plan of which so much is said.
    fn plan(said: Option<usize>) -> Plan {
        let mut plan = Plan::of("/0/0/stream/1").expect("a plan");
        plan.said = said;
        plan
    }

    #[test]
    fn pieces_become_what_the_head_has_said() {
        let text: Vec<u8> = plan(None).text(0).take(17).collect();
        let mut chunked = Streamed::new(plan(None), &asked(false));
        let sixteen = [b"10\r\n", &text[..16], b"\r\n"].concat();
        assert_eq!(chunked.on_piece(16, false), (sixteen, Outcome::GoesOn));
        assert_eq!(chunked.on_piece(0, false), (Vec::new(), Outcome::GoesOn));
        let last = [b"1\r\n", &text[16..], b"\r\n0\r\n\r\n"].concat();
        assert_eq!(chunked.on_piece(1, true), (last, Outcome::Complete));
        let mut old = Streamed::new(plan(None), &asked(true));
        assert_eq!(old.on_piece(17, true), (text, Outcome::Complete));
    }

    #[test]
    fn a_length_is_kept_or_broken() {
        let pieces = |said, pieces: &[usize]| {
            let mut sized = Streamed::new(plan(Some(said)), &asked(false));
            let mut sent = 0;
            for (place, bytes) in pieces.iter().enumerate() {
                let (bytes, outcome) = sized.on_piece(*bytes, place + 1 == pieces.len());
                sent += bytes.len();
                if outcome != Outcome::GoesOn {
                    return (sent, outcome);
                }
            }
            unreachable!("the last piece ends it")
        };
        assert_eq!(pieces(5, &[3, 2]), (5, Outcome::Complete));
        assert_eq!(pieces(5, &[3, 2, 0]), (5, Outcome::Complete));
        assert_eq!(pieces(5, &[3, 1]), (4, Outcome::Broken));
        assert_eq!(pieces(5, &[3, 3, 0]), (3, Outcome::Broken));
        assert_eq!(pieces(5, &[5, 1, 0]), (5, Outcome::Broken));
    }
}
