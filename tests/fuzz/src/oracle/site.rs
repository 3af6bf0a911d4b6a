//! A directory that is served to a peer of the fuzzer's making: what comes back is what the model
//! says is there, or a part of it, and never what lies outside.

use std::cell::RefCell;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use oneloop::Limits;
use oneloop::engine::Opening;
use oneloop::handlers::Site;
use oneloop::testing::Pipe;

use super::model::names::{self, Named};
use super::model::{is_value, target};
use crate::instrumented::server::Server;

/// What is beside the root, and behind the link `out`.
const SECRET: &[u8] = b"secret beside the root";

/// What is in the root. No content is a part of another name's.
const FILES: [(&[u8], &[u8]); 14] = [
    (b"index.html", b"the index"),
    (b"a", b"file a"),
    (b"a.js", b"0123456789"),
    (b"a.js.br", b"brotli"),
    (b"a.js.gz", b"gzip"),
    (b"d/index.html", b"the index of d"),
    (b"d/b", b"file b"),
    (b"e/e/c", b"file c"),
    (b".h", b"hidden"),
    (b".well-known/w", b"well known"),
    (b"x y", b"space"),
    (b"%41", b"percent"),
    (b"b\\", b"backslash"),
    (b"\xff", b"no text"),
];

/// How long after one input the next one comes: some find what is kept too old, some do not.
const BETWEEN_INPUTS: Duration = Duration::from_millis(500);

thread_local! {
    static SERVED: RefCell<(Server, Site)> = RefCell::new((
        Server::begun_at(SystemTime::now(), &Limits::default()),
        Site::open(root()).expect("the directory is there"),
    ));
}

/// Made once on each machine: the files are always the same.
fn root() -> PathBuf {
    let outside = env::temp_dir().join("oneloop-fuzz-site");
    let root = outside.join("root");
    let write = |path: PathBuf, content: &[u8]| {
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("a directory");
        if fs::read(&path).ok().as_deref() != Some(content) {
            fs::write(path, content).expect("a file");
        }
    };
    write(outside.join("secret"), SECRET);
    for (name, content) in FILES {
        write(root.join(Path::new(std::ffi::OsStr::from_bytes(name))), content);
    }
    // It may be there already.
    let _ = symlink("../secret", root.join("out"));
    root
}

/// The input's lines are a target and the values of `Range`, `Accept-Encoding`, `If-None-Match` and
/// `If-Range`, as far as there are any.
pub fn site(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let line = lines.next().unwrap_or_default();
    let Ok(line) = str::from_utf8(line) else { return };
    if line.chars().any(|char| char.is_ascii_control() || char == ' ') {
        return;
    }
    let Some((path, query)) = target::read("GET", line) else { return };
    let names = ["Range", "Accept-Encoding", "If-None-Match", "If-Range"];
    let mut request = format!("GET {line} HTTP/1.1\r\nHost: a\r\n").into_bytes();
    let mut fields = 0;
    for (name, value) in names.iter().zip(lines) {
        if !value.iter().all(|byte| is_value(*byte)) {
            return;
        }
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        fields += 1;
    }
    request.extend(b"\r\n");
    let answer = Answer::read(&answered(&request));
    assert!(!contains(&answer.body, SECRET), "the secret has been told");
    judge(&answer, path, query, fields);
}

fn judge(answer: &Answer, path: &str, query: Option<&str>, fields: usize) {
    let (segments, is_directory) = match names::read(path) {
        Named::Malformed => return assert_eq!(answer.status, 400),
        Named::Nothing => return assert_eq!(answer.status, 404),
        Named::Name { segments, is_directory } => (segments, is_directory),
    };
    let mut name = segments.join(&b'/');
    if is_directory {
        name.extend(if segments.is_empty() { &b"index.html"[..] } else { b"/index.html" });
    }
    let content = |name: &[u8]| FILES.iter().find(|(other, _)| *other == name).map(|file| file.1);
    if let Some(content) = content(&name) {
        return judge_file(answer, content, fields);
    }
    if name == b"out" {
        return assert_eq!(answer.status, 403);
    }
    let within = [&name[..], b"/"].concat();
    match !is_directory && FILES.iter().any(|(other, _)| other.starts_with(&within)) {
        true => {
            let query = query.map_or(String::new(), |query| format!("?{query}"));
            let location = format!("{}{query}", names::written(&segments));
            assert_eq!((answer.status, answer.field("Location")), (308, Some(&*location)));
        }
        false => assert_eq!(answer.status, 404),
    }
}

/// It is this content, or one of the codings of `a.js`, or a part of that.
fn judge_file(answer: &Answer, content: &[u8], fields: usize) {
    let coded = match answer.field("Content-Encoding") {
        None => content,
        Some("br") => b"brotli",
        Some("gzip") => b"gzip",
        Some(other) => panic!("a coding {other} that is not there"),
    };
    assert!(fields > 0 || (answer.status == 200 && coded == content), "{}", answer.status);
    match answer.status {
        200 => assert_eq!(answer.body, coded),
        206 => {
            let range = answer.field("Content-Range").expect("a part says which");
            let (range, len) = range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
            let (first, last) = range.split_once('-').unwrap();
            let number = |digits: &str| digits.parse::<usize>().expect("a position");
            assert_eq!(number(len), coded.len());
            assert_eq!(answer.body, coded[number(first)..=number(last)]);
        }
        304 => assert!(fields >= 3 && answer.body.is_empty(), "nobody has it already"),
        406 => assert!(fields >= 2, "nobody has refused anything"),
        416 => {
            let range = answer.field("Content-Range").expect("it says how long the file is");
            assert!(range.starts_with("bytes */"), "{range}");
        }
        other => panic!("a file is answered {other}"),
    }
}

/// All that is sent to a client that says this.
fn answered(request: &[u8]) -> Vec<u8> {
    let pipe = Pipe::saying(&[request]);
    pipe.end();
    SERVED.with_borrow_mut(|(server, site)| {
        server.pass(BETWEEN_INPUTS);
        server.admit(&pipe, Opening::Request);
        server.serve(site);
        assert!(server.is_empty(), "the peer has ended, and is still there");
        server.forget();
    });
    pipe.take_sent()
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// The one answer that this is, whose length is as it says.
    fn read(sent: &[u8]) -> Answer {
        let end = sent.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(sent[..end].to_vec()).expect("a head in ASCII");
        let digits = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = digits.and_then(|digits| digits.parse().ok()).expect("a status");
        let answer = Answer { status, head, body: sent[end + 4..].to_vec() };
        let len = answer.field("Content-Length").map_or(0, |len| len.parse().expect("a length"));
        assert_eq!(answer.body.len(), len, "as long as it says");
        answer
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
