//! Checks answers: the status, the length that was asked for, and every byte of the body.
//!
//! Reading a head field by field would make the clients slower than the servers. But a server's
//! answers differ only in their date, once a second: an answer that equals, byte for byte, one that
//! was read in full is as correct.

use crate::failure::Failure;

/// No server here sends a longer head; one that does is broken.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Enough to recognise what came instead of the body.
const WRONG_BYTES_SHOWN: usize = 200;

/// Longer answers are read in full every time: comparing them as a whole would want them whole in
/// one buffer.
const CHECKED_BYTES_MAX: usize = 16 * 1024;

/// What every request is to be answered with.
#[derive(Clone, Debug)]
pub enum Expected {
    /// 200 and this body, exactly.
    Body(Vec<u8>),
    /// 304 without a body, whatever length it names.
    NotModified,
}

/// Finds and checks one answer after the other, for all connections.
#[derive(Debug)]
pub struct Checker {
    status: &'static str,
    body: Vec<u8>,
    /// The last short answer that was read in full; empty before the first.
    checked: Vec<u8>,
}

/// How far a connection's next answer has come.
#[derive(Debug, Default)]
pub enum Partial {
    /// Not at all.
    #[default]
    Nothing,
    /// The start of a head.
    Head(Vec<u8>),
    /// The head, and so many bytes of the body; all were right.
    Body(usize),
}

/// What was made of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many of them end an answer, and it was right.
    Whole(usize),
    /// So many of them belong to an answer whose end has not been seen.
    Part(usize),
}

impl Checker {
    /// Expects this in every answer.
    pub fn new(expected: Expected) -> Checker {
        let (status, body) = match expected {
            Expected::Body(body) => ("HTTP/1.1 200", body),
            Expected::NotModified => ("HTTP/1.1 304", Vec::new()),
        };
        Checker { status, body, checked: Vec::new() }
    }

    /// Takes the next bytes of a connection, up to the end of an answer at most.
    ///
    /// # Errors
    /// When the bytes are not, or cannot become, the expected answer.
    pub fn take(&mut self, partial: &mut Partial, received: &[u8]) -> Result<Taken, Failure> {
        match partial {
            Partial::Nothing => {
                if !self.checked.is_empty() && received.starts_with(&self.checked) {
                    return Ok(Taken::Whole(self.checked.len()));
                }
                self.take_first(partial, received)
            }
            Partial::Head(head) => {
                let known = head.len();
                head.extend_from_slice(received);
                let Some(end) = self.head_end(head)? else {
                    return Ok(Taken::Part(received.len()));
                };
                let len = end - known;
                if self.body.is_empty() {
                    *partial = Partial::Nothing;
                    return Ok(Taken::Whole(len));
                }
                *partial = Partial::Body(0);
                Ok(Taken::Part(len))
            }
            Partial::Body(came) => {
                let len = self.check_body(*came, received)?;
                *came += len;
                if *came < self.body.len() {
                    return Ok(Taken::Part(len));
                }
                *partial = Partial::Nothing;
                Ok(Taken::Whole(len))
            }
        }
    }

    fn take_first(&mut self, partial: &mut Partial, received: &[u8]) -> Result<Taken, Failure> {
        let Some(head_len) = self.head_end(received)? else {
            *partial = Partial::Head(received.to_vec());
            return Ok(Taken::Part(received.len()));
        };
        let came = self.check_body(0, &received[head_len..])?;
        let len = head_len + came;
        if came < self.body.len() {
            *partial = Partial::Body(came);
            return Ok(Taken::Part(len));
        }
        if len <= CHECKED_BYTES_MAX {
            self.checked.clear();
            self.checked.extend_from_slice(&received[..len]);
        }
        Ok(Taken::Whole(len))
    }

    /// Compares what has come with the body from `from` on; returns how much of it that was.
    fn check_body(&self, from: usize, received: &[u8]) -> Result<usize, Failure> {
        let expected = &self.body[from..];
        let came = received.len().min(expected.len());
        if received[..came] != expected[..came] {
            let wrong = String::from_utf8_lossy(&received[..came.min(WRONG_BYTES_SHOWN)]);
            return Err(Failure::server(format!("sent another body: {wrong:?}")));
        }
        Ok(came)
    }

    /// The length of a head with its blank line, checked; `None` while it has no end.
    fn head_end(&self, received: &[u8]) -> Result<Option<usize>, Failure> {
        let Some(len) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            if received.len() > HEAD_BYTES_MAX {
                return Err(Failure::server("sent a head without end"));
            }
            return Ok(None);
        };
        self.check_head(&String::from_utf8_lossy(&received[..len]))?;
        Ok(Some(len + 4))
    }

    fn check_head(&self, head: &str) -> Result<(), Failure> {
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        if status_line.strip_prefix(self.status).is_none_or(|rest| !is_reason(rest)) {
            return Err(Failure::server(format!("answered {status_line:?}")));
        }
        if self.body.is_empty() {
            return Ok(());
        }
        let lengths: Vec<&str> = lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map(|(_, value)| value.trim())
            .collect();
        if lengths != [self.body.len().to_string()] {
            return Err(Failure::server(format!("sent Content-Length {lengths:?}")));
        }
        Ok(())
    }
}

/// Whether this may follow a status: a reason phrase, or nothing at all.
fn is_reason(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";

    fn abc() -> Expected {
        Expected::Body(b"abc".to_vec())
    }

    #[test]
    fn an_answer_without_a_body_is_complete_at_the_end_of_its_head() {
        const UNCHANGED: &[u8] = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n";
        for cut in 1..UNCHANGED.len() {
            let (mut checker, mut partial) =
                (Checker::new(Expected::NotModified), Partial::Nothing);
            for (piece, whole) in [(&UNCHANGED[..cut], 0), (&UNCHANGED[cut..], 1), (UNCHANGED, 1)] {
                assert_eq!(wholes(&mut checker, &mut partial, piece), whole, "cut at {cut}");
            }
        }
        let (mut checker, mut partial) = (Checker::new(Expected::NotModified), Partial::Nothing);
        assert!(checker.take(&mut partial, GOOD).is_err());
    }

    #[test]
    fn an_answer_is_complete_at_its_last_byte_however_it_was_cut() {
        for first in 1..GOOD.len() {
            for second in first..GOOD.len() {
                let (mut checker, mut partial) = (Checker::new(abc()), Partial::Nothing);
                let mut whole = Vec::new();
                for piece in [&GOOD[..first], &GOOD[first..second], &GOOD[second..], GOOD] {
                    whole.push(wholes(&mut checker, &mut partial, piece));
                }
                assert_eq!(whole, [0, 0, 1, 1], "cut at {first} and {second}");
            }
        }
    }

    fn wholes(checker: &mut Checker, partial: &mut Partial, mut bytes: &[u8]) -> usize {
        let mut whole = 0;
        while !bytes.is_empty() {
            match checker.take(partial, bytes) {
                Ok(Taken::Whole(len)) => {
                    whole += 1;
                    bytes = &bytes[len..];
                }
                Ok(Taken::Part(len)) => bytes = &bytes[len..],
                Err(failure) => panic!("{failure}"),
            }
        }
        whole
    }

    #[test]
    fn a_checked_answer_does_not_hide_a_wrong_one() {
        for wrong in [
            "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 2000 OK\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\n\r\nabc",
        ] {
            let (mut checker, mut partial) = (Checker::new(abc()), Partial::Nothing);
            assert_eq!(checker.take(&mut partial, GOOD).ok(), Some(Taken::Whole(GOOD.len())));
            assert!(checker.take(&mut partial, wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
