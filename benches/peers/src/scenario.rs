//! The table of what is measured.

use crate::load::Connections;

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
    /// Whether connections are kept.
    pub connections: Connections,
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
    connections: Connections::Kept,
};

/// Everything that is measured, in the report's order.
pub const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "keep-alive-1", clients: 1, ..KEEP_ALIVE },
    KEEP_ALIVE,
    Scenario { name: "keep-alive-1024", clients: 1024, ..KEEP_ALIVE },
    Scenario { name: "keep-alive-4096", clients: 4096, ..KEEP_ALIVE },
    Scenario { name: "pipelined-16", depth: 16, ..KEEP_ALIVE },
    Scenario { name: "connect", connections: Connections::PerRequest, ..KEEP_ALIVE },
    Scenario { name: "head-700", shape: Shape::LongHead(700), ..KEEP_ALIVE },
    Scenario { name: "post-1k", shape: Shape::Post(1024), ..KEEP_ALIVE },
];

impl Scenario {
    /// The bytes of one request.
    pub fn request(&self) -> Vec<u8> {
        self.shape.request(self.connections)
    }

    /// One line for the report.
    pub fn description(&self) -> String {
        let connections = match self.connections {
            Connections::Kept => "kept connections",
            Connections::PerRequest => "a connection per request",
        };
        let bytes = self.request().len();
        format!(
            "clients {}, requests in a batch {}, {connections}, bytes a request {bytes}",
            self.clients, self.depth
        )
    }
}

impl Shape {
    /// The bytes of one request.
    pub fn request(&self, connections: Connections) -> Vec<u8> {
        let close = match connections {
            Connections::Kept => "",
            Connections::PerRequest => "Connection: close\r\n",
        };
        let fields = format!("Host: localhost\r\nUser-Agent: peers/0.1\r\nAccept: */*\r\n{close}");
        let get = format!("GET / HTTP/1.1\r\n{fields}");
        match self {
            Shape::Get => get + "\r\n",
            Shape::LongHead(head_bytes) => {
                let cookie_bytes = head_bytes
                    .checked_sub(get.len() + BROWSER.len() + "\r\n\r\n".len())
                    .expect("the table's long heads are longer than a browser's fields");
                format!("{get}{BROWSER}{}\r\n\r\n", "c".repeat(cookie_bytes))
            }
            Shape::Post(body_bytes) => format!(
                "POST / HTTP/1.1\r\n{fields}Content-Type: application/octet-stream\r\n\
                 Content-Length: {body_bytes}\r\n\r\n{}",
                "b".repeat(*body_bytes)
            ),
        }
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_head_has_the_length_that_its_name_says() {
        assert_eq!(Shape::LongHead(700).request(Connections::Kept).len(), 700);
    }

    #[test]
    fn every_request_holds_one_blank_line() {
        for scenario in SCENARIOS {
            let request = scenario.request();
            let ends = request.windows(4).filter(|bytes| bytes == b"\r\n\r\n").count();
            assert_eq!(ends, 1, "{}", scenario.name);
        }
    }
}
