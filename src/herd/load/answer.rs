//! Checks answers, however they were cut: the head's syntax, the status, the framing, and every
//! byte of the body.
//!
//! Reading a head field by field would make the clients slower than the servers. But a server's
//! answers differ only in their date, once a second: an answer that equals, byte for byte, one that
//! was read in full is as correct.

use std::rc::Rc;

use super::chunks::{Chunks, Piece};
use super::head::{self, Framing, Head};

/// No server needs a longer head; what has none by then is no answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Enough to recognise what came instead of the right answer.
const SHOWN_BYTES_MAX: usize = 160;

/// Longer answers are read in full every time: comparing them as a whole would want them whole in
/// one buffer.
const CHECKED_BYTES_MAX: usize = 16 * 1024;

/// The longest body that is learned from a first answer.
const LEARNED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What answers must be.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Any well-formed answer will do.
    Any,
    /// This status and this body.
    Exactly {
        /// The status.
        status: u16,
        /// The content, without its framing.
        body: Rc<[u8]>,
    },
}

/// Whether answers have content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// As their heads say.
    Framed,
    /// None, whatever their heads say: they answer HEAD (RFC 9112 §6.3).
    Never,
}

/// Finds and checks one answer after the other, for all connections that expect the same.
#[derive(Debug)]
pub struct Checker {
    expected: Expected,
    content: Content,
    /// The last short answer that was read in full; empty before the first.
    checked: Vec<u8>,
    checked_answer: Answer,
    /// What came as content, if that is to be learned.
    learned: Option<Vec<u8>>,
}

/// How far a connection's next answer has come.
#[derive(Debug, Default)]
pub enum Partial {
    /// Not at all.
    #[default]
    Nothing,
    /// The start of a head.
    Head(Vec<u8>),
    /// A head, and some of the body behind it; all was right.
    Body(Body),
}

/// A body under way.
#[derive(Debug)]
pub struct Body {
    answer: Answer,
    end: End,
    /// How many bytes of content have come.
    came: u64,
}

/// Where a body ends, from where it is now.
#[derive(Debug)]
enum End {
    After(u64),
    Chunks(Chunks),
    WithConnection,
}

/// What is known of a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Whether the server will close the connection behind it, as it said.
    pub last: bool,
}

/// What was made of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// An answer ends behind this many of them.
    Whole(usize, Answer),
    /// This many of them belong to an answer whose end has not come.
    Part(usize),
}

/// Why an answer is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In words.
    pub reason: String,
    /// Its status, if it got so far.
    pub status: Option<u16>,
    /// The bytes that showed it, at most 160.
    pub shown: Vec<u8>,
}

impl Checker {
    /// Checks against `expected`.
    pub fn new(expected: Expected) -> Checker {
        let checked_answer = Answer { status: 0, last: false };
        let content = Content::Framed;
        Checker { expected, content, checked: Vec::new(), checked_answer, learned: None }
    }

    /// Takes any answer and keeps its body, for [`Checker::into_learned`].
    pub fn learning() -> Checker {
        Checker { learned: Some(Vec::new()), ..Checker::new(Expected::Any) }
    }

    /// The same for answers that have this content.
    pub fn with(self, content: Content) -> Checker {
        Checker { content, ..self }
    }

    /// Whether answers with this status are right.
    pub fn expects(&self, status: u16) -> bool {
        match &self.expected {
            Expected::Any => true,
            Expected::Exactly { status: expected, .. } => *expected == status,
        }
    }

    /// The body that has come.
    pub fn into_learned(self) -> Vec<u8> {
        self.learned.unwrap_or_default()
    }

    /// Takes the next bytes of a connection, which are not empty, up to the end of an answer at
    /// most. Interim answers are checked and passed over.
    ///
    /// # Errors
    /// When the bytes are not, or cannot become, an answer as expected.
    pub fn take(&mut self, partial: &mut Partial, bytes: &[u8]) -> Result<Checked, Wrong> {
        match partial {
            Partial::Nothing => {
                if !self.checked.is_empty() && bytes.starts_with(&self.checked) {
                    return Ok(Checked::Whole(self.checked.len(), self.checked_answer));
                }
                self.take_first(partial, bytes)
            }
            Partial::Head(begun) => {
                let known = begun.len();
                begun.extend_from_slice(bytes);
                // An end may lie across the cut.
                let Some(len) = head_len(begun, known.saturating_sub(3))? else {
                    return Ok(Checked::Part(bytes.len()));
                };
                let begun = std::mem::take(begun);
                let head_bytes = len - known;
                let taken = self.take_head(partial, &begun[..len], &bytes[head_bytes..])?;
                Ok(taken.behind(head_bytes))
            }
            Partial::Body(body) => {
                let taken = self.take_body(body, bytes)?;
                if matches!(taken, Checked::Whole(..)) {
                    *partial = Partial::Nothing;
                }
                Ok(taken)
            }
        }
    }

    /// The connection has ended. If that was the end of a body, gives the answer.
    ///
    /// # Errors
    /// When it ended in the middle of an answer.
    pub fn end(&self, partial: &mut Partial) -> Result<Option<Answer>, Wrong> {
        match std::mem::take(partial) {
            Partial::Nothing => Ok(None),
            Partial::Head(begun) => Err(wrong("the connection ends within a head", None, &begun)),
            Partial::Body(Body { answer, end: End::WithConnection, came }) => {
                match &self.expected {
                    Expected::Exactly { body, .. } if body.len() as u64 != came => Err(wrong(
                        format!("the connection ends after {came} of {} bytes", body.len()),
                        Some(answer.status),
                        &[],
                    )),
                    Expected::Exactly { .. } | Expected::Any => Ok(Some(answer)),
                }
            }
            Partial::Body(Body { answer, end: End::After(left), came }) => Err(wrong(
                format!("the connection ends after {came} of {} bytes", came.saturating_add(left)),
                Some(answer.status),
                &[],
            )),
            Partial::Body(Body { answer, end: End::Chunks(_), .. }) => {
                Err(wrong("the connection ends before the last chunk", Some(answer.status), &[]))
            }
        }
    }

    fn take_first(&mut self, partial: &mut Partial, bytes: &[u8]) -> Result<Checked, Wrong> {
        let Some(len) = head_len(bytes, 0)? else {
            *partial = Partial::Head(bytes.to_vec());
            return Ok(Checked::Part(bytes.len()));
        };
        let taken = self.take_head(partial, &bytes[..len], &bytes[len..])?.behind(len);
        if let Checked::Whole(len, answer) = taken
            && len <= CHECKED_BYTES_MAX
        {
            self.checked.clear();
            self.checked.extend_from_slice(&bytes[..len]);
            self.checked_answer = answer;
        }
        Ok(taken)
    }

    /// Takes a head with its empty line, and what there is of the body; counts only the latter.
    fn take_head(
        &mut self,
        partial: &mut Partial,
        head: &[u8],
        bytes: &[u8],
    ) -> Result<Checked, Wrong> {
        *partial = Partial::Nothing;
        let Head { status, framing, last } =
            head::parse(&head[..head.len() - 4]).map_err(|reason| wrong(reason, None, head))?;
        if status == 101 {
            return Err(wrong(
                "status 101, to a request that did not ask for another protocol",
                Some(status),
                head,
            ));
        }
        if status < 200 {
            return Ok(Checked::Part(0));
        }
        let framing = match self.content {
            Content::Framed => framing,
            Content::Never => Framing::Length(0),
        };
        self.check_head(status, framing).map_err(|reason| wrong(reason, Some(status), head))?;
        let end = match framing {
            Framing::Length(length) => End::After(length),
            Framing::Chunked => End::Chunks(Chunks::START),
            Framing::UntilEnd => End::WithConnection,
        };
        let last = last || framing == Framing::UntilEnd;
        let mut body = Body { answer: Answer { status, last }, end, came: 0 };
        let taken = self.take_body(&mut body, bytes)?;
        if matches!(taken, Checked::Part(_)) {
            *partial = Partial::Body(body);
        }
        Ok(taken)
    }

    fn check_head(&self, status: u16, framing: Framing) -> Result<(), String> {
        let Expected::Exactly { status: expected, body } = &self.expected else { return Ok(()) };
        if status != *expected {
            return Err(format!("status {status}, not {expected}"));
        }
        match framing {
            Framing::Length(length) if length != body.len() as u64 => {
                Err(format!("a body of {length} bytes, not {}", body.len()))
            }
            Framing::Length(_) | Framing::Chunked | Framing::UntilEnd => Ok(()),
        }
    }

    fn take_body(&mut self, body: &mut Body, bytes: &[u8]) -> Result<Checked, Wrong> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            match &mut body.end {
                End::After(0) | End::Chunks(Chunks::Done) => {
                    self.check_length(body)?;
                    return Ok(Checked::Whole(taken, body.answer));
                }
                _ if rest.is_empty() => return Ok(Checked::Part(taken)),
                End::After(left) => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= len as u64;
                    self.check_content(body, &rest[..len])?;
                    taken += len;
                }
                End::WithConnection => {
                    self.check_content(body, rest)?;
                    taken += rest.len();
                }
                End::Chunks(chunks) => {
                    let piece = chunks.take(rest);
                    let status = Some(body.answer.status);
                    match piece.map_err(|reason| wrong(reason, status, rest))? {
                        Piece::Framing(len) => taken += len,
                        Piece::Content(len) => {
                            self.check_content(body, &rest[..len])?;
                            taken += len;
                        }
                    }
                }
            }
        }
    }

    /// Compares further content with what is expected there.
    fn check_content(&mut self, body: &mut Body, content: &[u8]) -> Result<(), Wrong> {
        if let Expected::Exactly { body: expected, .. } = &self.expected {
            let from = usize::try_from(body.came).unwrap_or(usize::MAX).min(expected.len());
            if !expected[from..].starts_with(content) {
                let same = content.iter().zip(&expected[from..]).take_while(|(a, b)| a == b);
                let same = same.count();
                let reason = format!("the body differs from byte {} on", from + same);
                return Err(wrong(reason, Some(body.answer.status), &content[same..]));
            }
        }
        if let Some(learned) = &mut self.learned {
            if learned.len() + content.len() > LEARNED_BYTES_MAX {
                let reason = format!("a body of more than {LEARNED_BYTES_MAX} bytes");
                return Err(wrong(reason, Some(body.answer.status), &[]));
            }
            learned.extend_from_slice(content);
        }
        body.came += content.len() as u64;
        Ok(())
    }

    /// A chunked body does not say beforehand how long it is.
    fn check_length(&self, body: &Body) -> Result<(), Wrong> {
        match &self.expected {
            Expected::Exactly { body: expected, .. } if body.came != expected.len() as u64 => {
                let reason = format!("a body of {} bytes, not {}", body.came, expected.len());
                Err(wrong(reason, Some(body.answer.status), &[]))
            }
            Expected::Exactly { .. } | Expected::Any => Ok(()),
        }
    }
}

impl Checked {
    /// The same, with `bytes` more before it.
    fn behind(self, bytes: usize) -> Checked {
        match self {
            Checked::Whole(len, answer) => Checked::Whole(bytes + len, answer),
            Checked::Part(len) => Checked::Part(bytes + len),
        }
    }
}

/// The length of a head with its empty line; `None` while it has no end. No end begins before
/// `from`.
fn head_len(bytes: &[u8], from: usize) -> Result<Option<usize>, Wrong> {
    match bytes[from..].windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => Ok(Some(from + at + 4)),
        None if bytes.len() > HEAD_BYTES_MAX => {
            Err(wrong(format!("a head of more than {HEAD_BYTES_MAX} bytes"), None, bytes))
        }
        None => Ok(None),
    }
}

fn wrong(reason: impl Into<String>, status: Option<u16>, bytes: &[u8]) -> Wrong {
    let shown = bytes[..bytes.len().min(SHOWN_BYTES_MAX)].to_vec();
    Wrong { reason: reason.into(), status, shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    const AFTER_INTERIM: &[u8] =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

    fn abc() -> Checker {
        Checker::new(Expected::Exactly { status: 200, body: (*b"abc").into() })
    }

    /// How many answers end within these bytes.
    fn wholes(
        checker: &mut Checker,
        partial: &mut Partial,
        mut bytes: &[u8],
    ) -> Result<usize, Wrong> {
        let mut whole = 0;
        while !bytes.is_empty() {
            let len = match checker.take(partial, bytes)? {
                Checked::Whole(len, answer) => {
                    assert_eq!(answer, Answer { status: 200, last: false });
                    whole += 1;
                    len
                }
                Checked::Part(len) => len,
            };
            assert!(len > 0, "every call takes something");
            bytes = &bytes[len..];
        }
        Ok(whole)
    }

    #[test]
    fn an_answer_is_whole_at_its_last_byte_however_it_was_cut() {
        for good in [PLAIN, CHUNKED, AFTER_INTERIM] {
            for first in 1..good.len() {
                for second in first..good.len() {
                    let (mut checker, mut partial) = (abc(), Partial::Nothing);
                    let pieces = [&good[..first], &good[first..second], &good[second..], good];
                    let whole =
                        pieces.map(|piece| wholes(&mut checker, &mut partial, piece).expect("ok"));
                    assert_eq!(whole, [0, 0, 1, 1], "cut at {first} and {second}");
                    assert_eq!(checker.end(&mut partial), Ok(None));
                }
            }
        }
    }

    #[test]
    fn an_answer_without_a_body_is_whole_at_the_end_of_its_head_whatever_length_it_names() {
        const UNCHANGED: &[u8] = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n";
        let expected = Expected::Exactly { status: 304, body: [].into() };
        for cut in 1..UNCHANGED.len() {
            let (mut checker, mut partial) = (Checker::new(expected.clone()), Partial::Nothing);
            let whole =
                |bytes: &[u8]| Ok(Checked::Whole(bytes.len(), Answer { status: 304, last: false }));
            let (first, second) = UNCHANGED.split_at(cut);
            assert_eq!(checker.take(&mut partial, first), Ok(Checked::Part(cut)));
            assert_eq!(checker.take(&mut partial, second), whole(second), "cut at {cut}");
            assert_eq!(checker.take(&mut partial, UNCHANGED), whole(UNCHANGED));
            assert!(checker.take(&mut partial, PLAIN).is_err());
        }
    }

    #[test]
    fn an_answer_to_head_ends_with_its_head_whatever_that_says() {
        for framing in ["Content-Length: 3", "Transfer-Encoding: chunked", "A: b"] {
            let head = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
            let expected = Expected::Exactly { status: 200, body: [].into() };
            for cut in 1..head.len() {
                let mut checker = Checker::new(expected.clone()).with(Content::Never);
                let mut partial = Partial::Nothing;
                let pieces = [&head.as_bytes()[..cut], &head.as_bytes()[cut..], head.as_bytes()];
                let whole =
                    pieces.map(|piece| wholes(&mut checker, &mut partial, piece).expect("ok"));
                assert_eq!(whole, [0, 1, 1], "{framing} cut at {cut}");
            }
        }
        let mut checker = Checker::new(Expected::Any).with(Content::Never);
        assert!(checker.take(&mut Partial::Nothing, b"hello\r\n\r\n").is_err());
    }

    #[test]
    fn a_checked_answer_does_not_hide_a_wrong_one_however_that_is_cut() {
        for wrong in [
            "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nabcd",
            "HTTP/1.1 101 Other\r\n\r\n",
            "hello\r\n\r\n",
        ] {
            for cut in 1..wrong.len() {
                let (mut checker, mut partial) = (abc(), Partial::Nothing);
                assert_eq!(wholes(&mut checker, &mut partial, PLAIN), Ok(1));
                let pieces = [&wrong.as_bytes()[..cut], &wrong.as_bytes()[cut..]];
                let told =
                    pieces.iter().any(|bytes| wholes(&mut checker, &mut partial, bytes).is_err());
                assert!(told, "{wrong:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn an_end_within_an_answer_is_wrong_and_names_how_far_it_came() {
        for good in [PLAIN, CHUNKED] {
            for cut in 1..good.len() {
                let (mut checker, mut partial) = (abc(), Partial::Nothing);
                assert_eq!(wholes(&mut checker, &mut partial, &good[..cut]), Ok(0));
                let wrong = checker.end(&mut partial).expect_err("it was cut short");
                assert!(wrong.reason.starts_with("the connection ends"), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_body_may_end_with_the_connection_but_not_before_its_last_byte() {
        let head = b"HTTP/1.0 200 OK\r\n\r\n";
        for (body, right) in [("abc", true), ("ab", false), ("", false)] {
            let (mut checker, mut partial) = (abc(), Partial::Nothing);
            let answer = [head, body.as_bytes()].concat();
            assert_eq!(wholes(&mut checker, &mut partial, &answer), Ok(0));
            let end = checker.end(&mut partial);
            match right {
                true => assert_eq!(end, Ok(Some(Answer { status: 200, last: true }))),
                false => assert!(end.is_err()),
            }
        }
    }

    #[test]
    fn what_shows_that_an_answer_is_wrong_is_kept_in_bounds() {
        let mut checker = abc();
        let long = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 1000]].concat();
        let wrong = checker.take(&mut Partial::Nothing, &long).expect_err("another body");
        assert_eq!(wrong.shown, [b'x'; SHOWN_BYTES_MAX]);
        assert_eq!(
            (wrong.status, wrong.reason.as_str()),
            (Some(200), "the body differs from byte 0 on")
        );
        let endless = vec![b'x'; HEAD_BYTES_MAX + 1];
        assert!(checker.take(&mut Partial::Nothing, &endless).is_err());
    }

    #[test]
    fn a_first_answer_teaches_its_body() {
        let (mut checker, mut partial) = (Checker::learning(), Partial::Nothing);
        for byte in CHUNKED {
            checker.take(&mut partial, &[*byte]).expect("well-formed");
        }
        assert_eq!(checker.into_learned(), b"abc");
    }
}
