//! Reads what the server has sent, strictly, and compares it with what the model demands.

use oneloop::{FaultKind, Status};

use crate::instrumented::handler::{self, Manner, Shown};
use crate::oracle::model;
use crate::oracle::model::control::Persistence;
use crate::oracle::model::conversation::Answer;

/// What every answer says in `Date`: the harness begins there and stays.
const DATE: &[u8] = b"Thu, 01 Jan 1970 00:00:00 GMT";

/// What a client is told before it sends its content.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// One answer as it was sent.
#[derive(Debug)]
struct Sent<'a> {
    status: u16,
    fields: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
    len: usize,
}

/// Holds the beginning of `sent` to be what was demanded, and says how many bytes it has.
///
/// # Panics
/// If it is anything else.
pub fn check(sent: &[u8], demanded: &Answer) -> usize {
    match demanded {
        Answer::Continue => {
            assert!(sent.starts_with(CONTINUE), "no 100, but {}", excerpt(sent));
            CONTINUE.len()
        }
        Answer::Request { shown, persistence } => {
            let answer = read(sent, shown.method == "HEAD");
            check_request(&answer, shown, *persistence);
            answer.len
        }
        Answer::Fault { kinds, received, persistence } => {
            let is_head = received == b"HEAD" || received.starts_with(b"HEAD ");
            let answer = read(sent, is_head);
            check_fault(&answer, kinds, received, *persistence, is_head);
            answer.len
        }
    }
}

fn check_request(answer: &Sent<'_>, shown: &Shown, persistence: Persistence) {
    let manner = Manner::of(&shown.path);
    if let Some(kind) = answer.values("kind").first() {
        panic!("refused as {}: {}", kind.escape_ascii(), excerpt(&shown.echo()));
    }
    assert_eq!(answer.values("allow"), [b""; 0]);
    check_connection(answer, persistence);
    let reflects = manner == Manner::Reflect;
    if reflects && !shown.body.iter().all(|byte| model::is_value(*byte)) {
        assert_eq!(answer.status, 500, "a field that would break the head is not sent");
        assert_eq!(answer.values("reflected"), [b""; 0]);
        return;
    }
    let body = manner.body(shown);
    let status = match manner {
        Manner::Bare(code) => code,
        Manner::Echo | Manner::Shared | Manner::Close | Manner::Reflect => 200,
    };
    let has_content = shown.method != "HEAD" && status == 200;
    if has_content && answer.body != body {
        let (got, wanted) = (excerpt(answer.body), excerpt(&body));
        panic!("the handler was shown\n{got}\ninstead of\n{wanted}");
    }
    assert_eq!(answer.status, status);
    assert_eq!(answer.values("echo"), [handler::digest(&body).as_bytes()]);
    let told_length = match status {
        204 | 304 => None,
        205 => Some(0),
        _ => Some(body.len()),
    };
    assert_eq!(answer.length(), told_length, "what Content-Length says");
    if reflects {
        // A reader takes the white space around a value away.
        assert_eq!(answer.values("reflected"), [model::trimmed(&shown.body)]);
    }
}

fn check_fault(
    answer: &Sent<'_>,
    kinds: &[FaultKind],
    received: &[u8],
    persistence: Persistence,
    is_head: bool,
) {
    let told = answer.values("kind");
    let Some(told) = told.first().map(|told| String::from_utf8_lossy(told)) else {
        panic!("taken for a request, not refused as {kinds:?}: {}", excerpt(received))
    };
    let kind = kinds.iter().find(|kind| format!("{kind:?}") == told);
    let Some(kind) = kind else {
        panic!("refused as {told} instead of {kinds:?}: {}", excerpt(received))
    };
    assert_eq!(answer.status, status_of(*kind), "for {kind:?}");
    assert_eq!(
        answer.values("echo"),
        [handler::digest(received).as_bytes()],
        "of the fault {kind:?} the handler is shown {}",
        excerpt(received)
    );
    check_connection(answer, persistence);
    assert_eq!(answer.values("allow").len(), usize::from(answer.status == 405));
    if !is_head {
        let text = std::str::from_utf8(answer.body).expect("text");
        let is_plain = |char: char| matches!(char, ' '..='~' | '\n' | '…');
        assert!(text.chars().all(is_plain), "nothing of what was sent gets through: {text:?}");
        assert!(text.starts_with(&answer.status.to_string()), "{text:?}");
    }
}

fn check_connection(answer: &Sent<'_>, persistence: Persistence) {
    let told: &[&[u8]] = match persistence {
        Persistence::Keep => &[],
        Persistence::KeepStated => &[b"keep-alive"],
        Persistence::Close => &[b"close"],
    };
    assert_eq!(answer.values("connection"), told, "what Connection says");
    assert_eq!(answer.values("date"), [DATE]);
    assert_eq!(answer.values("transfer-encoding"), [b""; 0]);
}

/// The status that says what is wrong (RFC 9110 §15.5, §15.6; RFC 6585 §5).
pub fn status_of(kind: FaultKind) -> u16 {
    let special = SPECIAL_STATUSES.iter().find(|(other, _)| *other == kind);
    special.map_or(400, |(_, status)| *status)
}

/// Every other fault is a plain bad request.
const SPECIAL_STATUSES: [(FaultKind, u16); 12] = [
    (FaultKind::MethodRefused, 405),
    (FaultKind::HeadStalled, 408),
    (FaultKind::BodyStalled, 408),
    (FaultKind::BodyTooLarge, 413),
    (FaultKind::TargetTooLong, 414),
    (FaultKind::ExpectationUnknown, 417),
    (FaultKind::HeadTooLarge, 431),
    (FaultKind::TooManyFields, 431),
    (FaultKind::TrailersTooLarge, 431),
    (FaultKind::MethodUnknown, 501),
    (FaultKind::CodingUnknown, 501),
    (FaultKind::VersionNotSupported, 505),
];

/// Reads one whole answer. `is_to_head`: it is one to HEAD, so its content is not sent.
fn read(sent: &[u8], is_to_head: bool) -> Sent<'_> {
    let head_end = sent.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(head_end) = head_end else { panic!("no whole answer, but {}", excerpt(sent)) };
    let mut lines = sent[..head_end].split(|byte| *byte == b'\n').map(|line| {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(text.iter().all(|byte| model::is_value(*byte)), "in {}", excerpt(sent));
        text
    });
    let line = lines.next().unwrap_or_default();
    let line = std::str::from_utf8(line).expect("a status line is ASCII");
    let (status, reason) = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.split_once(' '))
        .unwrap_or_else(|| panic!("no status line: {line:?}"));
    let status: u16 = status.parse().expect("a status is a number");
    let known = Status::try_from(status).expect("a final status");
    assert_eq!(reason, known.reason());
    let fields = lines.map(|line| {
        let colon = line.iter().position(|byte| *byte == b':').expect("a field line has a colon");
        let name = std::str::from_utf8(&line[..colon]).expect("a name is ASCII");
        assert!(!name.is_empty() && name.bytes().all(model::is_token), "a name: {name:?}");
        (name, model::trimmed(&line[colon + 1..]))
    });
    let mut answer = Sent { status, fields: fields.collect(), body: &[], len: head_end + 4 };
    let has_content = !is_to_head && !matches!(status, 204 | 304);
    if has_content {
        let length = answer.length().expect("content has a length");
        let behind = &sent[answer.len..];
        assert!(behind.len() >= length, "an answer is cut short: {}", excerpt(sent));
        answer.body = &behind[..length];
        answer.len += length;
    }
    answer
}

impl<'a> Sent<'a> {
    /// The values of all fields with this name, in small letters.
    fn values(&self, name: &str) -> Vec<&'a [u8]> {
        let named = self.fields.iter().filter(|(other, _)| other.to_ascii_lowercase() == name);
        named.map(|(_, value)| *value).collect()
    }

    fn length(&self) -> Option<usize> {
        let values = self.values("content-length");
        assert!(values.len() <= 1, "one length at the most");
        let text = std::str::from_utf8(values.first()?).expect("a length is ASCII");
        Some(text.parse().expect("a length is a number"))
    }
}

/// Bytes for a message, not too many of them.
pub fn excerpt(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 2000;
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    format!("{} bytes: \"{}\"", bytes.len(), shown.escape_ascii())
}
