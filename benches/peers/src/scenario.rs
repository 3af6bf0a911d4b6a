//! The table of what is measured.

use serde::Serialize;

use crate::herd::answer::Expected;
use crate::load::Connections;
use crate::site::{Known, Site};
use crate::text;

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What `--scenario` and the report call it.
    pub name: &'static str,
    /// How many clients.
    pub clients: usize,
    /// How many requests each sends in one batch.
    pub depth: usize,
    /// What a request looks like.
    pub shape: Shape,
    /// What the server answers.
    pub answer: Answer,
    /// Whether connections are kept.
    pub connections: Connections,
    /// When a request is sent.
    pub pace: Pace,
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// [`text::BODY`].
    Text,
    /// A body of so many bytes.
    Bytes(usize),
    /// What a file of this site holds.
    File(Site),
}

/// When a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// When the one before was answered.
    Closed,
    /// When it is due: at random, on average at so many per cent of the rate that this very server
    /// reaches in a closed loop.
    Open {
        /// Of 100.
        percent: u32,
    },
}

/// What a scenario compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    /// CPU time per request.
    Cpu,
    /// The latency that 999 in 1000 requests stay below.
    Tail,
}

/// What a request looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A short GET, as curl would send it.
    Get,
    /// A GET whose head has exactly so many bytes, as a browser's with its cookies.
    LongHead(usize),
    /// A POST with a body of so many bytes.
    Post(usize),
    /// The same in chunks of so many bytes.
    PostChunked {
        /// The whole body.
        body_bytes: usize,
        /// What one chunk holds.
        chunk_bytes: usize,
    },
}

/// What a browser sends besides; its cookie's value fills the head up.
const BROWSER: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: none\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Cookie: session=";

/// The plain case; the others differ from it in what they name.
const KEEP_ALIVE: Scenario = Scenario {
    name: "keep-alive-64",
    clients: 64,
    depth: 1,
    shape: Shape::Get,
    answer: Answer::Text,
    connections: Connections::Kept,
    pace: Pace::Closed,
};

/// Four chunks: what a program makes that writes its body piece by piece.
const CHUNKED: Shape = Shape::PostChunked { body_bytes: 1024, chunk_bytes: 256 };

/// Files, of which there is one unless a scenario says otherwise.
const FILES: Site = Site { files: 1, file_bytes: 1024, known: Known::Nothing };

/// Everything that is measured, in the report's order. Fewer clients take the long answers: as much
/// is under way at any time.
pub const SCENARIOS: [Scenario; 19] = [
    Scenario { name: "keep-alive-1", clients: 1, ..KEEP_ALIVE },
    KEEP_ALIVE,
    Scenario { name: "keep-alive-1024", clients: 1024, ..KEEP_ALIVE },
    Scenario { name: "keep-alive-4096", clients: 4096, ..KEEP_ALIVE },
    Scenario { name: "pipelined-16", depth: 16, ..KEEP_ALIVE },
    Scenario { name: "connect", connections: Connections::PerRequest, ..KEEP_ALIVE },
    Scenario { name: "head-700", shape: Shape::LongHead(700), ..KEEP_ALIVE },
    Scenario { name: "post-1k", shape: Shape::Post(1024), ..KEEP_ALIVE },
    Scenario { name: "post-1k-chunked", shape: CHUNKED, ..KEEP_ALIVE },
    Scenario { name: "body-64k", clients: 16, answer: Answer::Bytes(64 << 10), ..KEEP_ALIVE },
    Scenario { name: "body-1m", clients: 4, answer: Answer::Bytes(1 << 20), ..KEEP_ALIVE },
    Scenario { name: "file-1k", answer: Answer::File(FILES), ..KEEP_ALIVE },
    Scenario {
        name: "file-100k",
        clients: 16,
        answer: Answer::File(Site { file_bytes: 100_000, ..FILES }),
        ..KEEP_ALIVE
    },
    Scenario {
        name: "file-10m",
        clients: 4,
        answer: Answer::File(Site { file_bytes: 10_000_000, ..FILES }),
        ..KEEP_ALIVE
    },
    Scenario {
        name: "file-not-modified",
        answer: Answer::File(Site { known: Known::Content, ..FILES }),
        ..KEEP_ALIVE
    },
    Scenario {
        name: "files-10000",
        answer: Answer::File(Site { files: 10_000, file_bytes: 2048, ..FILES }),
        ..KEEP_ALIVE
    },
    Scenario { name: "open-25", pace: Pace::Open { percent: 25 }, ..KEEP_ALIVE },
    Scenario { name: "open-50", pace: Pace::Open { percent: 50 }, ..KEEP_ALIVE },
    Scenario { name: "open-75", pace: Pace::Open { percent: 75 }, ..KEEP_ALIVE },
];

impl Scenario {
    /// The requests that are sent in turn. All are of the same length.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        match self.answer {
            Answer::Text | Answer::Bytes(_) => {
                vec![self.shape.request("/", "", self.connections)]
            }
            Answer::File(site) => site
                .targets()
                .map(|target| self.shape.request(&target, &site.fields(), self.connections))
                .collect(),
        }
    }

    /// How long each of them is, in bytes.
    pub fn request_bytes(&self) -> usize {
        self.requests()[0].len()
    }

    /// The body of the server's one page, or of each of its files.
    pub fn body(&self) -> String {
        text::body(self.answer.body_bytes())
    }

    /// What answers each request.
    pub fn expected(&self) -> Expected {
        match self.answer {
            Answer::File(Site { known: Known::Content, .. }) => {
                Expected::Exactly { status: 304, body: [].into() }
            }
            Answer::Text | Answer::Bytes(_) | Answer::File(_) => {
                Expected::Exactly { status: 200, body: self.body().into_bytes().into() }
            }
        }
    }

    /// Under full load the costs are compared; below it, whom it keeps waiting.
    pub fn compared(&self) -> Compared {
        match self.pace {
            Pace::Closed => Compared::Cpu,
            Pace::Open { .. } => Compared::Tail,
        }
    }

    /// One line for the report.
    pub fn description(&self) -> String {
        let connections = match self.connections {
            Connections::Kept => "kept connections",
            Connections::PerRequest => "a connection per request",
        };
        let pace = match self.pace {
            Pace::Closed => String::new(),
            Pace::Open { percent } => {
                format!(", open loop at {percent} % of each server's own capacity; ratio: of p99.9")
            }
        };
        let body_bytes = match self.expected() {
            Expected::Exactly { body, .. } => body.len(),
            Expected::Any => 0,
        };
        format!(
            "clients {}, requests in a batch {}, {connections}, bytes a request {}, a body \
             {body_bytes}{pace}",
            self.clients,
            self.depth,
            self.request_bytes(),
        )
    }
}

impl Answer {
    /// For a server's option; none for the text.
    pub fn body_bytes(self) -> Option<usize> {
        match self {
            Answer::Text => None,
            Answer::Bytes(bytes) => Some(bytes),
            Answer::File(site) => Some(site.file_bytes),
        }
    }

    /// The files that the server has to have, if it is asked for files.
    pub fn site(self) -> Option<Site> {
        match self {
            Answer::Text | Answer::Bytes(_) => None,
            Answer::File(site) => Some(site),
        }
    }
}

impl Shape {
    /// Whether the request has content.
    pub fn is_post(&self) -> bool {
        match self {
            Shape::Get | Shape::LongHead(_) => false,
            Shape::Post(_) | Shape::PostChunked { .. } => true,
        }
    }

    /// The bytes of one request, with these `more` fields.
    pub fn request(&self, target: &str, more: &str, connections: Connections) -> Vec<u8> {
        let close = match connections {
            Connections::Kept => "",
            Connections::PerRequest => "Connection: close\r\n",
        };
        let fields =
            format!("Host: localhost\r\nUser-Agent: peers/0.1\r\nAccept: */*\r\n{more}{close}");
        let get = format!("GET {target} HTTP/1.1\r\n{fields}");
        let post =
            format!("POST {target} HTTP/1.1\r\n{fields}Content-Type: application/octet-stream\r\n");
        match self {
            Shape::Get => get + "\r\n",
            Shape::LongHead(head_bytes) => {
                let cookie_bytes = head_bytes
                    .checked_sub(get.len() + BROWSER.len() + "\r\n\r\n".len())
                    .expect("the table's long heads are longer than a browser's fields");
                format!("{get}{BROWSER}{}\r\n\r\n", "c".repeat(cookie_bytes))
            }
            Shape::Post(body_bytes) => {
                let body = "b".repeat(*body_bytes);
                format!("{post}Content-Length: {body_bytes}\r\n\r\n{body}")
            }
            Shape::PostChunked { body_bytes, chunk_bytes } => {
                let chunk = format!("{chunk_bytes:x}\r\n{}\r\n", "b".repeat(*chunk_bytes));
                let chunks = chunk.repeat(body_bytes / chunk_bytes);
                format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
            }
        }
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_head_has_the_length_that_its_name_says() {
        assert_eq!(Shape::LongHead(700).request("/", "", Connections::Kept).len(), 700);
    }

    #[test]
    fn every_request_holds_one_blank_line_and_one_more_after_chunks() {
        for scenario in SCENARIOS {
            let length = scenario.request_bytes();
            for request in scenario.requests() {
                let ends = request.windows(4).filter(|bytes| bytes == b"\r\n\r\n").count();
                let expected = if scenario.name.ends_with("chunked") { 2 } else { 1 };
                assert_eq!(ends, expected, "{}", scenario.name);
                assert_eq!(request.len(), length, "{}", scenario.name);
            }
        }
    }
}
