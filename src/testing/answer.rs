//! An answer as a client reads it.

/// What a client is sent for one request: see [`ask`](fn@super::ask).
///
/// A test that has a connection reads answers from it as well. [`Answer::begin`] reads a head, and
/// [`Answer::take`] what follows, as it comes; [`Answer::read_all`] reads all answers of a connection.
/// The reader is written from RFC 9112 and shares no code with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    head: Vec<u8>,
    raw: Vec<u8>,
    status: u16,
    body: Vec<u8>,
    chunks: usize,
    has_extras: bool,
    expected: Expected,
    is_last: bool,
}

/// What comes next of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Nothing: it is whole.
    Nothing,
    /// This number of bytes of the content.
    Content(usize),
    /// Content, to the end of the connection.
    ContentToTheEnd,
    /// The line with a chunk's size.
    ChunkSize,
    /// This number of bytes of a chunk.
    Chunk(usize),
    /// The line end behind a chunk.
    ChunkEnd,
    /// A line of the trailer section, of which the last one is empty.
    Trailer,
    /// Nothing that makes sense, after a mistake.
    Noise,
}

const LINE_END: &[u8] = b"\r\n";
const EMPTY_LINE: &[u8] = b"\r\n\r\n";

impl Answer {
    /// Reads the head that `bytes` begin with, of an answer to a request with this method.
    ///
    /// Returns `None` if the head has not come to its end yet, or if it is none of HTTP/1. It takes as
    /// many bytes as [`head`](Answer::head) has. Give what follows to [`take`](Answer::take).
    pub fn begin(bytes: &[u8], method: &str) -> Option<Answer> {
        let head = &bytes[..find(bytes, EMPTY_LINE)? + EMPTY_LINE.len()];
        let status = status(&head[..find(head, LINE_END)?])?;
        let mut answer = Answer {
            head: head.to_vec(),
            raw: head.to_vec(),
            status,
            body: Vec::new(),
            chunks: 0,
            has_extras: false,
            expected: Expected::Nothing,
            is_last: false,
        };
        answer.expected = answer.framing(method);
        Some(answer)
    }

    /// Takes the part of `bytes` that belongs to this answer, and returns the others.
    ///
    /// A line of the chunked coding is taken once it is whole: give the bytes that are left again,
    /// with those that come after them.
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut left = bytes;
        while let Some(rest) = self.take_part(left)
            && rest.len() < left.len()
        {
            left = rest;
        }
        self.raw.extend_from_slice(&bytes[..bytes.len() - left.len()]);
        left
    }

    /// The connection has ended, and the content with it if that is its end.
    pub fn end(&mut self) {
        self.is_last = true;
        if self.expected == Expected::ContentToTheEnd {
            self.expected = Expected::Nothing;
        }
    }

    /// Reads the answers to requests with these methods, and with GET after the last of them.
    ///
    /// Returns them with the bytes behind them that are no answer, or not yet. Only the last one may
    /// not be whole.
    ///
    /// ```
    /// use oneloop::testing::Answer;
    ///
    /// let sent = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// let (answers, rest) = Answer::read_all(sent, ["POST"]);
    /// assert_eq!((answers[0].status(), answers[1].text()), (100, "hello"));
    /// assert!(answers[1].is_whole() && rest.is_empty());
    /// ```
    pub fn read_all(
        mut bytes: &[u8],
        methods: impl IntoIterator<Item: AsRef<str>>,
    ) -> (Vec<Answer>, &[u8]) {
        let (mut answers, mut methods) = (Vec::new(), methods.into_iter());
        let mut method = methods.next();
        while let Some(mut answer) =
            Answer::begin(bytes, method.as_ref().map_or("GET", |method| method.as_ref()))
        {
            bytes = answer.take(&bytes[answer.head.len()..]);
            if answer.is_final() {
                method = methods.next();
            }
            let is_whole = answer.is_whole();
            answers.push(answer);
            if !is_whole {
                return (answers, b"");
            }
        }
        (answers, bytes)
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Its version, such as `HTTP/1.1`.
    pub fn version(&self) -> &str {
        text(&self.head[..VERSION_BYTES])
    }

    /// Whether it is the answer to the request. Others, such as 100, come before that.
    pub fn is_final(&self) -> bool {
        self.status >= 200
    }

    /// The value of the first field with this name, in any case of letters.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// The values of the fields with this name, in any case of letters.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.fields().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value)
    }

    /// Its fields, in their order. A value that is no UTF-8 is left out.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields =
            self.lines().filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'));
        fields.map(|(name, value)| (name, value.trim()))
    }

    /// Its head, from the status line to the empty line.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Its content, without the framing of chunks.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Its content as text.
    ///
    /// # Panics
    /// If it is no UTF-8.
    pub fn text(&self) -> &str {
        text(&self.body)
    }

    /// In how many chunks its content has come: 0 without the chunked coding.
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Whether a chunk had an extension, or the last one a trailer section.
    pub fn has_extras(&self) -> bool {
        self.has_extras
    }

    /// The bytes that were sent, as they came. [`ask`](fn@super::ask) gives all of them, with interim
    /// answers before this one.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether it came to its end, by its length, its last chunk, or the end of the connection.
    pub fn is_whole(&self) -> bool {
        self.expected == Expected::Nothing
    }

    /// Whether its framing is wrong, so that it never comes to its end.
    pub fn is_malformed(&self) -> bool {
        self.expected == Expected::Noise
    }

    /// Whether the server ends the connection behind it.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// The final one of the answers to one request, and perhaps to others behind it. `None` if its
    /// head has not come yet.
    pub(super) fn first_final(raw: &[u8], method: &str) -> Option<Answer> {
        let answers = Answer::read_all(raw, [method]).0;
        let mut answer = answers.into_iter().find(Answer::is_final)?;
        answer.raw = raw.to_vec();
        Some(answer)
    }

    /// The lines of the fields.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.head[..self.head.len() - LINE_END.len()];
        let lines = std::iter::from_fn(move || {
            let line;
            (line, rest) = split(rest)?;
            Some(line)
        });
        // The first is the status line.
        lines.skip(1)
    }

    /// What follows the head (RFC 9112 §6.3).
    fn framing(&self, method: &str) -> Expected {
        let is_field = |line: &[u8]| line.contains(&b':') && !line.contains(&b'\n');
        if !self.lines().all(is_field) {
            return Expected::Noise;
        }
        if method == "HEAD" || self.status < 200 || matches!(self.status, 204 | 304) {
            return Expected::Nothing;
        }
        let lengths: Vec<&str> = self.values("Content-Length").collect();
        let codings: Vec<&str> = self.values("Transfer-Encoding").collect();
        match (&lengths[..], &codings[..]) {
            ([], []) => Expected::ContentToTheEnd,
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Expected::ChunkSize,
            ([length], []) => number(length, 10).map_or(Expected::Noise, Expected::content),
            _ => Expected::Noise,
        }
    }

    /// Takes the next part, and returns what is behind it; `None` if the part is not whole.
    fn take_part<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (expected, rest) = match self.expected {
            Expected::Nothing => return None,
            Expected::Noise => (Expected::Noise, &bytes[bytes.len()..]),
            Expected::ContentToTheEnd => {
                (Expected::ContentToTheEnd, self.take_content(bytes, bytes.len()))
            }
            Expected::Content(left) => {
                let rest = self.take_content(bytes, left);
                (Expected::content(left - (bytes.len() - rest.len())), rest)
            }
            Expected::ChunkSize => {
                let (line, rest) = split(bytes)?;
                (self.on_chunk_size(text_or_empty(line)), rest)
            }
            Expected::Chunk(left) => {
                let rest = self.take_content(bytes, left);
                match left - (bytes.len() - rest.len()) {
                    0 => (Expected::ChunkEnd, rest),
                    left => (Expected::Chunk(left), rest),
                }
            }
            Expected::ChunkEnd => {
                let (end, rest) = bytes.split_at_checked(LINE_END.len())?;
                (if end == LINE_END { Expected::ChunkSize } else { Expected::Noise }, rest)
            }
            Expected::Trailer => match split(bytes)? {
                (b"", rest) => (Expected::Nothing, rest),
                (_, rest) => {
                    self.has_extras = true;
                    (Expected::Trailer, rest)
                }
            },
        };
        self.expected = expected;
        Some(rest)
    }

    /// Takes at most `bytes_max` of `bytes` as content, and returns the others.
    fn take_content<'a>(&mut self, bytes: &'a [u8], bytes_max: usize) -> &'a [u8] {
        let (content, rest) = bytes.split_at(bytes_max.min(bytes.len()));
        self.body.extend_from_slice(content);
        rest
    }

    /// What comes after the line with the size of a chunk.
    fn on_chunk_size(&mut self, line: &str) -> Expected {
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        self.has_extras |= !extension.is_empty();
        match number(size.trim_end(), 16) {
            None => Expected::Noise,
            Some(0) => Expected::Trailer,
            Some(size) => {
                self.chunks += 1;
                Expected::Chunk(size)
            }
        }
    }
}

impl Expected {
    /// Content of this length.
    fn content(length: usize) -> Expected {
        if length == 0 { Expected::Nothing } else { Expected::Content(length) }
    }
}

/// How long `HTTP/1.1` is.
const VERSION_BYTES: usize = 8;

/// The status in a status line (RFC 9112 §4).
fn status(line: &[u8]) -> Option<u16> {
    let (version, rest) = line.split_at_checked(VERSION_BYTES)?;
    let [b'0'..=b'9', b'.', b'0'..=b'9'] = version.strip_prefix(b"HTTP/")? else { return None };
    let (code, reason) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let is_code =
        code.iter().all(u8::is_ascii_digit) && matches!(reason.first(), None | Some(b' '));
    is_code.then(|| text(code).parse().ok())?
}

/// A number of digits alone.
fn number(digits: &str, radix: u32) -> Option<usize> {
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    is_number.then(|| usize::from_str_radix(digits, radix).ok())?
}

/// The first line of these, and what is behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(bytes, LINE_END)?;
    Some((&bytes[..end], &bytes[end + LINE_END.len()..]))
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window == sought)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the content is text")
}

/// The text of a line of which only digits make sense.
fn text_or_empty(line: &[u8]) -> &str {
    std::str::from_utf8(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                           3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    const INTERIM: &str = "HTTP/1.1 100 Continue\r\n\r\n";

    fn read(bytes: &str) -> (Vec<Answer>, &[u8]) {
        Answer::read_all(bytes.as_bytes(), [""; 0])
    }

    #[test]
    fn an_answer_cut_at_every_byte_is_the_same() {
        for whole in [LENGTH, CHUNKED] {
            let head = find(whole.as_bytes(), EMPTY_LINE).expect("a head") + EMPTY_LINE.len();
            for cut in 0..whole.len() {
                let bytes = &whole.as_bytes()[..cut];
                let Some(mut answer) = Answer::begin(bytes, "GET") else {
                    assert!(cut < head);
                    continue;
                };
                let left = answer.take(&bytes[head..]).len();
                assert!(!answer.is_whole() && !answer.is_malformed(), "{cut}");
                assert_eq!(answer.take(&whole.as_bytes()[cut - left..]), b"");
                assert!(answer.is_whole());
                assert_eq!((answer.text(), answer.raw()), ("hello", whole.as_bytes()));
            }
        }
    }

    #[test]
    fn several_answers_are_read_in_a_row() {
        let sent = [INTERIM, &LENGTH[..LENGTH.len() - 5], LENGTH, CHUNKED, "HTTP"].concat();
        let (answers, rest) = Answer::read_all(sent.as_bytes(), ["HEAD"]);
        let read: Vec<_> = answers.iter().map(|it| (it.status(), it.text(), it.chunks())).collect();
        assert_eq!(read, [(100, "", 0), (200, "", 0), (200, "hello", 0), (200, "hello", 2)]);
        assert_eq!(rest, b"HTTP");
    }

    #[test]
    fn content_without_a_length_ends_with_the_connection() {
        let (mut answers, rest) = read("HTTP/1.0 200 OK\r\n\r\nhello");
        assert!(!answers[0].is_whole() && rest.is_empty());
        answers[0].end();
        assert!(answers[0].is_whole() && answers[0].is_last());
        assert_eq!((answers[0].text(), answers[0].version()), ("hello", "HTTP/1.0"));
    }

    #[test]
    fn extensions_and_trailers_are_passed_over_and_seen() {
        let plain = read(CHUNKED).0;
        assert!(!plain[0].has_extras());
        for (part, other) in [("3\r\n", "3;a=b\r\n"), ("0\r\n", "0\r\nX: y\r\n")] {
            let sent = CHUNKED.replacen(part, other, 1);
            let (answers, rest) = read(&sent);
            assert!(answers[0].has_extras() && answers[0].is_whole() && rest.is_empty());
            assert_eq!(answers[0].text(), "hello");
        }
    }

    #[test]
    fn wrong_framing_is_never_whole() {
        for (part, other) in [
            ("Transfer-Encoding: chunked", "Transfer-Encoding: gzip"),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
            ("Transfer-Encoding: chunked", "Content-Length: +5"),
            ("Transfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 5"),
            ("Transfer-Encoding: chunked", "no field"),
            ("3\r\n", "+3\r\n"),
            ("3\r\n", "\r\n"),
            ("3\r\n", "2\r\n"),
            ("3\r\n", "4\r\n"),
        ] {
            let sent = CHUNKED.replacen(part, other, 1);
            let (answers, rest) = read(&sent);
            assert!(answers[0].is_malformed() && rest.is_empty(), "{other}");
            assert_eq!(answers.len(), 1, "{other}");
        }
    }

    #[test]
    fn what_has_no_status_line_is_no_answer() {
        for line in ["HTTP/2 200 OK", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1  200", "ICY 200 OK"]
        {
            assert!(Answer::begin(format!("{line}\r\n\r\n").as_bytes(), "GET").is_none(), "{line}");
        }
        assert!(Answer::begin(b"HTTP/1.1 200\r\n\r\n", "GET").is_some());
    }
}
