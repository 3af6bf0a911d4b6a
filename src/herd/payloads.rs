//! What clients send: the bytes of their requests.

use std::rc::Rc;

use crate::kind::Kind;
use crate::load::random::Random;
use crate::resources::Resource;
use crate::typing::{self, Script};

/// The content of a POST, and of each of its chunks: four chunks, as if it came from a form that
/// is read piece by piece.
const POST_BYTES: usize = 1024;
const CHUNK_BYTES: usize = POST_BYTES / 4;

/// For a client with small buffers (see [`sources`](crate::load::sources)) both kernels together take
/// less than 110,000 bytes, measured on Linux 6, and a Unix socket takes less than 213,000. A client
/// that never reads requests more than that.
pub const UNREAD_BYTES_MIN: usize = 256 * 1024;

/// The longest garbage: enough to be more than a start, and cheap.
const GARBAGE_BYTES_MAX: usize = 512;

/// The payloads of all kinds, made once.
#[derive(Debug)]
pub struct Payloads {
    depth: u32,
    /// For each resource.
    gets: Vec<Gets>,
    posts: [Rc<[u8]>; 2],
    drip: Rc<[u8]>,
    unread: Rc<[u8]>,
    scripts: [Script; 5],
}

/// The requests for one resource.
#[derive(Debug)]
struct Gets {
    get: Rc<[u8]>,
    batch: Rc<[u8]>,
    last_get: Rc<[u8]>,
}

/// What requests are made of.
#[derive(Clone, Debug)]
pub struct PayloadSettings<'a> {
    /// What good clients request; at least one. Kinds that have no choice request the first.
    pub resources: &'a [Resource],
    /// The path that never-read and slow-read clients request.
    pub big_path: &'a str,
    /// How many GETs a batch has.
    pub depth: usize,
    /// How long an answer to a GET for `big_path` is.
    pub big_answer_bytes: usize,
}

/// What good clients request, but for the fields.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The content, if it has any.
    pub body: Option<&'a [u8]>,
}

impl Payloads {
    /// Makes the payloads.
    pub fn new(settings: &PayloadSettings<'_>) -> Payloads {
        let PayloadSettings { resources, big_path, depth, big_answer_bytes } = settings;
        let first = resources.first().expect("there is something to request");
        let (path, fields) = (&first.path, &first.fields);
        let unread = UNREAD_BYTES_MIN.div_ceil((*big_answer_bytes).max(1));
        Payloads {
            depth: *depth as u32,
            gets: resources.iter().map(|resource| Gets::of(resource, *depth)).collect(),
            posts: [post_with_length(path, fields).into(), post_chunked(path, fields).into()],
            // Its value goes on and on: the last byte is repeated.
            drip: format!("GET {path} HTTP/1.1\r\n{fields}X-Drip: d").into_bytes().into(),
            unread: self::get(big_path, fields).repeat(unread).into(),
            scripts: typing::scripts(path, fields),
        }
    }

    /// What the person of this number types.
    pub fn script(&self, number: u32) -> &Script {
        &self.scripts[number as usize % self.scripts.len()]
    }

    /// The payload of a client that has sent `made` of them before, and how many answers it makes due.
    /// Strange clients are due none. Kinds with a choice request the resource at this place.
    pub fn next(
        &self,
        kind: Kind,
        made: u32,
        resource: usize,
        random: &mut Random,
    ) -> (Rc<[u8]>, u32) {
        let gets = &self.gets[resource];
        match kind {
            Kind::Get => (Rc::clone(&gets.batch), self.depth),
            Kind::Post => (Rc::clone(&self.posts[made as usize % 2]), 1),
            Kind::ConnectClose => (Rc::clone(&gets.last_get), 1),
            Kind::HalfClose => (Rc::clone(&gets.get), 1),
            Kind::Reset => (Rc::clone(&self.gets[0].get), 1),
            Kind::Telnet => (Rc::clone(&self.script(made).bytes), 1),
            Kind::Idle => (Rc::default(), 0),
            Kind::Drip => (Rc::clone(&self.drip), 0),
            Kind::NeverRead | Kind::SlowRead => (Rc::clone(&self.unread), 0),
            Kind::Garbage => (garbage(&self.gets[0].get, random).into(), 0),
        }
    }
}

impl Gets {
    fn of(resource: &Resource, depth: usize) -> Gets {
        let (request, fields) = (resource.request(), &resource.fields);
        let get = request.bytes(fields);
        Gets {
            batch: get.repeat(depth).into(),
            get: get.into(),
            last_get: request.bytes(&format!("{fields}Connection: close\r\n")).into(),
        }
    }
}

impl Request<'_> {
    /// The request, with these fields, a line each. If it has content, it says its length.
    pub fn bytes(self, fields: &str) -> Vec<u8> {
        let Request { method, path, body } = self;
        let length = match body {
            Some(body) => format!("Content-Length: {}\r\n", body.len()),
            None => String::new(),
        };
        let head = format!("{method} {path} HTTP/1.1\r\n{fields}{length}\r\n");
        [head.as_bytes(), body.unwrap_or_default()].concat()
    }
}

/// A GET.
pub fn get(path: &str, fields: &str) -> Vec<u8> {
    Request { method: "GET", path, body: None }.bytes(fields)
}

/// A POST of 1 KiB that says its length.
pub fn post_with_length(path: &str, fields: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\n{fields}Content-Type: text/plain\r\n\
         Content-Length: {POST_BYTES}\r\n\r\n"
    );
    [head.as_bytes(), &[b'p'; POST_BYTES]].concat()
}

fn post_chunked(path: &str, fields: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\n{fields}Content-Type: text/plain\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let size = format!("{CHUNK_BYTES:x}\r\n");
    let chunk = [size.as_bytes(), &[b'p'; CHUNK_BYTES], b"\r\n"].concat();
    [head.into_bytes(), chunk.repeat(POST_BYTES / CHUNK_BYTES), b"0\r\n\r\n".to_vec()].concat()
}

/// Half of it is noise, which few servers read beyond the first byte; half is a request with some
/// bytes replaced, which gets further.
fn garbage(request: &[u8], random: &mut Random) -> Vec<u8> {
    if random.below(2) == 0 {
        let len = 1 + random.below(GARBAGE_BYTES_MAX);
        return (0..len).map(|_| random.byte()).collect();
    }
    let mut garbage = request.to_vec();
    for _ in 0..=random.below(4) {
        garbage[random.below(request.len())] = random.byte();
    }
    garbage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(depth: usize, big_answer_bytes: usize) -> Payloads {
        let resources = ["/a", "/c"].map(|path| Resource {
            weight: 1,
            method: "GET".to_owned(),
            path: path.to_owned(),
            fields: "Host: h\r\n".to_owned(),
            body: None,
        });
        let (resources, big_path) = (&resources[..], "/b");
        Payloads::new(&PayloadSettings { resources, big_path, depth, big_answer_bytes })
    }

    fn sent(kind: Kind, made: u32) -> (String, u32) {
        let (bytes, due) = payloads(2, 1 << 20).next(kind, made, 0, &mut Random::new(1));
        (String::from_utf8_lossy(&bytes).into_owned(), due)
    }

    #[test]
    fn each_kind_has_its_payload() {
        let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_eq!(sent(Kind::Get, 0), (get.repeat(2), 2));
        assert_eq!(sent(Kind::HalfClose, 0), (get.to_owned(), 1));
        assert_eq!(sent(Kind::Idle, 0), (String::new(), 0));
        assert!(sent(Kind::ConnectClose, 0).0.contains("Connection: close\r\n"));
        assert!(sent(Kind::Drip, 0).0.ends_with("X-Drip: d"));
        assert_eq!(sent(Kind::NeverRead, 0).0, get.replace("/a", "/b"));
        let (second, _) = payloads(1, 1).next(Kind::HalfClose, 0, 1, &mut Random::new(1));
        assert_eq!(&*second, get.replace("/a", "/c").as_bytes());
    }

    #[test]
    fn a_request_with_content_says_its_length() {
        let request = Request { method: "PUT", path: "/a", body: Some(b"\0ab") };
        let bytes = request.bytes("Host: h\r\n");
        assert_eq!(bytes, b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n\0ab");
        let empty = Request { body: Some(b""), ..request }.bytes("");
        assert_eq!(empty, b"PUT /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn posts_are_in_turn_with_a_length_and_chunked() {
        let (with_length, chunked) = (sent(Kind::Post, 0).0, sent(Kind::Post, 1).0);
        let (head, body) = with_length.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("Content-Length: 1024") && body.len() == 1024);
        let (head, body) = chunked.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("Transfer-Encoding: chunked"));
        let chunk = format!("100\r\n{}\r\n", "p".repeat(256));
        assert_eq!(body, format!("{}0\r\n\r\n", chunk.repeat(4)));
        assert_eq!(sent(Kind::Post, 2).0, with_length);
    }

    #[test]
    fn a_never_read_client_requests_more_than_kernels_hold() {
        let asked = |answer| {
            let (bytes, _) = payloads(1, answer).next(Kind::NeverRead, 0, 0, &mut Random::new(1));
            bytes.windows(5).filter(|five| five == b"GET /").count()
        };
        assert_eq!([asked(1 << 20), asked(1 << 17), asked(148)], [1, 2, 1772]);
    }

    #[test]
    fn garbage_repeats_with_its_seed_and_is_of_both_sorts() {
        let garbage = |seed| {
            let mut random = Random::new(seed);
            let payloads = payloads(1, 148);
            (0..100).map(|_| payloads.next(Kind::Garbage, 0, 0, &mut random).0).collect::<Vec<_>>()
        };
        assert_eq!(garbage(5), garbage(5));
        assert_ne!(garbage(5), garbage(6));
        let near = garbage(5)
            .iter()
            .filter(|bytes| bytes.len() == payloads(1, 1).gets[0].get.len())
            .count();
        assert!((25..=75).contains(&near), "{near}");
    }
}
