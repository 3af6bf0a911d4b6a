//! Checks answers: status 200, the length that was asked for, and every byte of the body.
//!
//! Reading a head field by field would make the clients slower than the servers. But a server's
//! answers differ only in their date, once a second: an answer that equals, byte for byte, one that
//! was read in full is as correct.

use crate::failure::Failure;

/// No server here sends a longer head; one that does is broken.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Finds and checks one answer after the other.
#[derive(Debug)]
pub struct Checker {
    body: Vec<u8>,
    /// The last whole answer that was read in full; empty before the first.
    checked: Vec<u8>,
}

impl Checker {
    /// Expects `body`, exactly, in every answer.
    pub fn new(body: impl Into<Vec<u8>>) -> Checker {
        Checker { body: body.into(), checked: Vec::new() }
    }

    /// The length of the whole answer at the start of `received`; `None` while it is incomplete.
    ///
    /// # Errors
    /// When the bytes are not, or cannot become, the expected answer.
    pub fn check(&mut self, received: &[u8]) -> Result<Option<usize>, Failure> {
        if !self.checked.is_empty() && received.starts_with(&self.checked) {
            return Ok(Some(self.checked.len()));
        }
        self.read_in_full(received)
    }

    fn read_in_full(&mut self, received: &[u8]) -> Result<Option<usize>, Failure> {
        let Some(head_len) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            if received.len() > HEAD_BYTES_MAX {
                return Err(Failure::server("sent a head without end"));
            }
            return Ok(None);
        };
        self.check_head(&String::from_utf8_lossy(&received[..head_len]))?;

        let rest = &received[head_len + 4..];
        let came = rest.len().min(self.body.len());
        if rest[..came] != self.body[..came] {
            let body = String::from_utf8_lossy(&rest[..came]);
            return Err(Failure::server(format!("sent another body: {body:?}")));
        }
        if came < self.body.len() {
            return Ok(None);
        }
        let answer_len = head_len + 4 + came;
        self.checked.clear();
        self.checked.extend_from_slice(&received[..answer_len]);
        Ok(Some(answer_len))
    }

    fn check_head(&self, head: &str) -> Result<(), Failure> {
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        if status_line != "HTTP/1.1 200" && !status_line.starts_with("HTTP/1.1 200 ") {
            return Err(Failure::server(format!("answered {status_line:?}")));
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";

    #[test]
    fn an_answer_is_complete_at_its_last_byte_and_not_before() {
        for len in 0..GOOD.len() {
            let mut checker = Checker::new("abc");
            assert_eq!(checker.check(&GOOD[..len]).ok(), Some(None), "{len} bytes");
        }
        let mut checker = Checker::new("abc");
        for _ in 0..2 {
            assert_eq!(checker.check(GOOD).ok(), Some(Some(GOOD.len())));
        }
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
            let mut checker = Checker::new("abc");
            assert!(checker.check(GOOD).is_ok());
            assert!(checker.check(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
