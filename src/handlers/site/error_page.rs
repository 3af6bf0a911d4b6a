//! What a client gets instead of a file: a small page if it is a browser, else a text.

use super::coding;
use super::failure::Failure;
use super::html;
use super::variant::Common;
use crate::answer::handler::{Reply, ReplyHead, Sent};
use crate::http::fault::Fault;
use crate::http::request::Request;
use crate::http::status::Status;

/// How many media types of an `Accept` are looked at: browsers send less than ten.
const MEDIA_TYPES_MAX: usize = 32;

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// The way from an error to what there is.
const TO_START: &str = "<p><a href=\"/\">Start page</a></p>\n";

/// Why there is no file in an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    status: Status,
    /// What a reader of the page is told.
    sentence: &'static str,
    /// What others are told.
    text: &'static str,
}

impl Refusal {
    pub(super) const METHOD: Refusal = Refusal {
        status: Status::METHOD_NOT_ALLOWED,
        sentence: "This site answers GET, HEAD and OPTIONS only.",
        text: "405 Method Not Allowed\n",
    };

    pub(super) const CONDITION: Refusal = Refusal {
        status: Status::PRECONDITION_FAILED,
        sentence: "The file has changed.",
        text: "412 Precondition Failed\n",
    };

    pub(super) const RANGE: Refusal = Refusal {
        status: Status::RANGE_NOT_SATISFIABLE,
        sentence: "The file has no such part.",
        text: "416 Range Not Satisfiable\n",
    };

    /// For a user who has started a server on the same machine.
    pub(super) const NO_INDEX: Refusal = Refusal {
        status: Status::NOT_FOUND,
        sentence: "no index.html here: --list shows directories",
        text: "404 Not Found\n\nno index.html here: --list shows directories\n",
    };

    pub(super) fn of(failure: Failure) -> Refusal {
        let (sentence, text) = match failure {
            Failure::Malformed => {
                ("The path has a NUL in it.", "400 Bad Request\n\nThe path has a NUL in it.\n")
            }
            Failure::Missing => ("There is nothing at this address.", "404 Not Found\n"),
            Failure::Forbidden => ("The server does not show this.", "403 Forbidden\n"),
            Failure::NotAcceptable => (
                "The browser accepts none of this file's codings.",
                "406 Not Acceptable\n\nAccept-Encoding accepts none of this file's codings.\n",
            ),
            Failure::Exhausted => (
                "The server is busy. Try again in a second.",
                "503 Service Unavailable\n\nTry again in a second.\n",
            ),
            Failure::Broken => (
                "The file cannot be read.",
                "500 Internal Server Error\n\nThe file cannot be read.\n",
            ),
        };
        Refusal { status: failure.status(), sentence, text }
    }

    /// Ends an answer that has the refusal's status already.
    pub(super) fn send(self, request: &Request<'_>, reply: ReplyHead<'_>) -> Sent {
        let reply = reply.field("Vary", "Accept");
        let accept = request.fields().filter(|(name, _)| name.eq_ignore_ascii_case("Accept"));
        match is_for_browsers(accept.map(|(_, value)| value)) {
            true => {
                let way_on = if request.path() == "/" { "" } else { TO_START };
                reply.fields_if_absent(html::fields()).send(page(
                    self.status,
                    self.sentence,
                    way_on,
                ))
            }
            false => reply.field("Content-Type", PLAIN_TEXT).send(self.text),
        }
    }
}

/// Answers an unacceptable request, in the form that its sender can read, as far as it shows.
pub(super) fn explain(fault: &Fault<'_>, common: &Common, reply: Reply<'_>) -> Sent {
    let lines = fault.received().split(|byte| *byte == b'\n');
    let accept = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(b"accept:".len())?;
        name.eq_ignore_ascii_case(b"accept:").then_some(value)
    });
    let reply = reply.status(fault.status()).fields(&common.nosniff).fields(&common.fields);
    let reply = reply.field("Vary", "Accept");
    if !is_for_browsers(accept) {
        return reply.field("Content-Type", PLAIN_TEXT).send(fault.to_string());
    }
    let page = page(fault.status(), fault.kind().advice(), TO_START);
    reply.fields_if_absent(html::fields()).send(&page)
}

/// Whether a client that accepts these media types wants HTML rather than a text: it names it, and
/// likes it no less (RFC 9110 §12.5.1). A `*/*` comes from programs as well.
pub(super) fn is_for_browsers<'v>(accept: impl Iterator<Item = &'v [u8]>) -> bool {
    let elements = accept.flat_map(|value| value.split(|byte| *byte == b','));
    let (mut html, mut text) = (0, 0);
    for element in elements.take(MEDIA_TYPES_MAX) {
        let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let media_type = parts.next().unwrap_or_default();
        let weight = parts.find_map(weight).unwrap_or(1000);
        if media_type.eq_ignore_ascii_case(b"text/html") {
            html = weight;
        } else if media_type.eq_ignore_ascii_case(b"text/plain") {
            text = weight;
        }
    }
    html > 0 && html >= text
}

/// The weight that this parameter says, in thousandths. One that is none counts as 0.
fn weight(parameter: &[u8]) -> Option<u16> {
    let is_weight = parameter.starts_with(b"q=") || parameter.starts_with(b"Q=");
    is_weight.then(|| coding::weight(parameter).unwrap_or(0))
}

/// The page that says this status, a sentence on it, and a way on.
fn page(status: Status, sentence: &str, way_on: &str) -> String {
    let mut page = String::new();
    let title = status.to_string();
    html::begin(title.as_bytes(), &mut page);
    page.push_str("<h1>");
    html::escape(title.as_bytes(), &mut page);
    page.push_str("</h1>\n<p>");
    html::escape(sentence.as_bytes(), &mut page);
    page.push_str("</p>\n");
    page.push_str(way_on);
    page.push_str(html::END);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_those_that_name_html() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("TEXT/HTML", true),
            ("text/plain;q=0.5, text/html;q=0.9", true),
            ("text/html; level=1 ; q=0.3", true),
            ("*/*", false),
            ("", false),
            ("text/*", false),
            ("image/avif,image/webp,*/*;q=0.8", false),
            ("text/html;q=0", false),
            ("text/html;q=0.000, */*", false),
            ("text/html;q=none", false),
            ("text/plain, text/html;q=0.9", false),
            ("text/htmlx", false),
        ] {
            assert_eq!(is_for_browsers([accept.as_bytes()].into_iter()), expected, "{accept}");
        }
        let many = [b"text/plain, ".repeat(MEDIA_TYPES_MAX), b"text/html".to_vec()].concat();
        assert!(!is_for_browsers([&many[..]].into_iter()));
        assert!(is_for_browsers([&b"*/*"[..], b"text/html"].into_iter()));
    }

    #[test]
    fn a_page_says_the_status_and_a_sentence() {
        let page = page(Status::NOT_FOUND, "No <b>.", TO_START);
        assert!(page.contains("<title>404 Not Found</title>"), "{page}");
        assert!(page.contains("<h1>404 Not Found</h1>\n<p>No &lt;b&gt;.</p>"), "{page}");
    }
}
