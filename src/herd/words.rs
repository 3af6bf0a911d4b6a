//! What clients say: the bytes of their requests.

use std::rc::Rc;

use crate::kind::Kind;
use crate::load::random::Random;

/// The content of a POST, and of each of its chunks: four chunks, as if it came from a form that
/// is read piece by piece.
const POST_BYTES: usize = 1024;
const CHUNK_BYTES: usize = POST_BYTES / 4;

/// A server's kernel and ours together take less than 110,000 bytes for a client whose socket is
/// narrow (see [`sources`](crate::load::sources)), measured on Linux 6. Who never reads asks for more than
/// twice as much.
const UNREAD_BYTES_MIN: usize = 256 * 1024;

/// Garbage is at most so long: longer than a head may be on few servers, and cheap.
const GARBAGE_BYTES_MAX: usize = 512;

/// The requests of a crowd, made once.
#[derive(Debug)]
pub struct Words {
    get: Rc<[u8]>,
    batch: Rc<[u8]>,
    posts: [Rc<[u8]>; 2],
    last_get: Rc<[u8]>,
    drip: Rc<[u8]>,
    unread: Rc<[u8]>,
}

/// What requests are made of.
#[derive(Clone, Debug)]
pub struct Wording<'a> {
    /// The value of `Host`.
    pub host: &'a str,
    /// What good clients ask for.
    pub path: &'a str,
    /// What those ask for who never read, or slowly.
    pub big_path: &'a str,
    /// How many GETs a batch has.
    pub depth: usize,
    /// How long an answer to a GET for `big_path` is.
    pub big_answer_bytes: usize,
}

impl Words {
    /// Puts the requests into words.
    pub fn new(wording: &Wording<'_>) -> Words {
        let Wording { host, path, big_path, depth, big_answer_bytes } = wording;
        let get = get(path, host, "");
        let unread = UNREAD_BYTES_MIN.div_ceil((*big_answer_bytes).max(1));
        Words {
            batch: get.repeat(*depth).into(),
            get: get.into(),
            posts: [post_with_length(path, host).into(), post_chunked(path, host).into()],
            last_get: self::get(path, host, "Connection: close\r\n").into(),
            // Its value goes on and on: the last byte is repeated.
            drip: format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Drip: d").into_bytes().into(),
            unread: self::get(big_path, host, "").repeat(unread).into(),
        }
    }

    /// What the next request, or batch of them, of a client is, of which it has made so many; and
    /// how many answers it is due. Garbage and silence are due none.
    pub fn next(&self, kind: Kind, made: u32, random: &mut Random) -> (Rc<[u8]>, u32) {
        let depth = (self.batch.len() / self.get.len()) as u32;
        match kind {
            Kind::Get => (Rc::clone(&self.batch), depth),
            Kind::Post => (Rc::clone(&self.posts[made as usize % 2]), 1),
            Kind::ConnectClose => (Rc::clone(&self.last_get), 1),
            Kind::HalfClose | Kind::Reset => (Rc::clone(&self.get), 1),
            Kind::Idle => (Rc::default(), 0),
            Kind::Drip => (Rc::clone(&self.drip), 0),
            Kind::NeverRead | Kind::SlowRead => (Rc::clone(&self.unread), 0),
            Kind::Garbage => (garbage(&self.get, random).into(), 0),
        }
    }
}

/// A GET that a probe can send.
pub fn get(path: &str, host: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").into_bytes()
}

/// A POST of 1 KiB that says its length.
pub fn post_with_length(path: &str, host: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\n\
         Content-Length: {POST_BYTES}\r\n\r\n"
    );
    [head.as_bytes(), &[b'p'; POST_BYTES]].concat()
}

fn post_chunked(path: &str, host: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\n\
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

    fn words(depth: usize, big_answer_bytes: usize) -> Words {
        let (host, path, big_path) = ("h", "/a", "/b");
        Words::new(&Wording { host, path, big_path, depth, big_answer_bytes })
    }

    fn said(kind: Kind, made: u32) -> (String, u32) {
        let (bytes, due) = words(2, 1 << 20).next(kind, made, &mut Random::new(1));
        (String::from_utf8_lossy(&bytes).into_owned(), due)
    }

    #[test]
    fn each_kind_has_its_words() {
        let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_eq!(said(Kind::Get, 0), (get.repeat(2), 2));
        assert_eq!(said(Kind::HalfClose, 0), (get.to_owned(), 1));
        assert_eq!(said(Kind::Idle, 0), (String::new(), 0));
        assert!(said(Kind::ConnectClose, 0).0.contains("Connection: close\r\n"));
        assert!(said(Kind::Drip, 0).0.ends_with("X-Drip: d"));
        assert_eq!(said(Kind::NeverRead, 0).0, get.replace("/a", "/b"));
    }

    #[test]
    fn posts_are_in_turn_with_a_length_and_chunked() {
        let (with_length, chunked) = (said(Kind::Post, 0).0, said(Kind::Post, 1).0);
        let (head, body) = with_length.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("Content-Length: 1024") && body.len() == 1024);
        let (head, body) = chunked.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("Transfer-Encoding: chunked"));
        let chunk = format!("100\r\n{}\r\n", "p".repeat(256));
        assert_eq!(body, format!("{}0\r\n\r\n", chunk.repeat(4)));
        assert_eq!(said(Kind::Post, 2).0, with_length);
    }

    #[test]
    fn who_never_reads_asks_for_more_than_kernels_hold() {
        let asked = |answer| {
            let (bytes, _) = words(1, answer).next(Kind::NeverRead, 0, &mut Random::new(1));
            bytes.windows(5).filter(|five| five == b"GET /").count()
        };
        assert_eq!([asked(1 << 20), asked(1 << 17), asked(148)], [1, 2, 1772]);
    }

    #[test]
    fn garbage_repeats_with_its_seed_and_is_of_both_sorts() {
        let garbage = |seed| {
            let mut random = Random::new(seed);
            let words = words(1, 148);
            (0..100).map(|_| words.next(Kind::Garbage, 0, &mut random).0).collect::<Vec<_>>()
        };
        assert_eq!(garbage(5), garbage(5));
        assert_ne!(garbage(5), garbage(6));
        let near = garbage(5).iter().filter(|bytes| bytes.len() == words(1, 1).get.len()).count();
        assert!((25..=75).contains(&near), "{near}");
    }
}
