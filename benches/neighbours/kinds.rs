//! What the pipelining clients ask for.

use crate::folder::{FOLDERS, LARGE_FILES};

/// Who serves it.
#[derive(Clone, Copy, Debug)]
pub enum Served {
    ByText,
    BySite,
}

/// What the clients do with the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    Read,
    Left,
}

/// One kind of pipelining clients.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub served: Served,
    pub answers: Answers,
    /// Whether the folder changes meanwhile of which they ask for listings.
    pub changes: bool,
    /// What each client sends, again and again.
    pub requests: Vec<u8>,
}

/// How much a client sends before it begins again, in bytes.
const REQUESTS_BYTES: usize = 60_000;

/// All kinds.
pub fn all() -> Vec<Kind> {
    let many = |what: &str, times: usize| what.repeat(times);
    let post = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let empty_lines = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned() + &many("\r\n", 100_000);
    let chunks = post.to_owned() + &many("1\r\nx\r\n", 50_000) + "0\r\n\r\n";
    let long = |field: &str, element: &str, times: usize| {
        format!("GET /small.txt HTTP/1.1\r\nHost: a\r\n{field}: {}x\r\n\r\n", many(element, times))
    };
    let texts = [
        ("GET of a text", "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("POST in chunks of one byte", chunks),
        ("empty lines between requests", empty_lines),
    ];
    let files = [
        ("GET of a small file", get("small.txt")),
        ("GET of what is missing", get("missing")),
        ("HEAD of what is missing", head("missing")),
        ("GET of a directory without its slash", get("dir")),
        ("GET of 400 files of 128 KiB in turn", large(get)),
        ("HEAD of 400 files of 128 KiB in turn", large(head)),
        ("GET of a file of 100 MiB", get("huge")),
        ("GET of a listing of 2,000 files", get("listed/")),
        ("HEAD of a listing of 2,000 files", head("listed/")),
        ("GET of a listing of 5,000 files that changes", get("changing/")),
        ("GET of a listing of 20,000 files, each filtered in another way", filtered(get)),
        ("HEAD of a listing of 20,000 files, each filtered in another way", filtered(head)),
        ("GET of listings of 80 folders of 500 files in turn", folders(get)),
        ("HEAD of listings of 80 folders of 500 files in turn", folders(head)),
        ("GET of a listing of 10,000 dead links", get("dead/")),
        ("GET with 7,900 elements in Accept-Encoding", long("Accept-Encoding", "a,", 7_900)),
        ("GET with 4,000 tags in If-None-Match", long("If-None-Match", "\"\",", 4_000)),
        ("GET of a path of 2,600 encoded letters", get(&many("%61", 2_600))),
        ("GET of a path that is too long", get(&many("a", 20_000))),
        ("GET of a path of 3,900 folders", get(&many("a/", 3_900))),
    ];
    let left = [("GET of 400 files of 128 KiB in turn, not read", large(get))];
    let kinds = |served, answers, rows: Vec<(&'static str, String)>| {
        rows.into_iter().map(move |(name, what)| Kind {
            name,
            served,
            answers,
            changes: name.contains("changes"),
            requests: what.repeat((REQUESTS_BYTES / what.len()).max(1)).into_bytes(),
        })
    };
    kinds(Served::ByText, Answers::Read, texts.into())
        .chain(kinds(Served::BySite, Answers::Read, files.into()))
        .chain(kinds(Served::BySite, Answers::Left, left.into()))
        .collect()
}

fn get(path: &str) -> String {
    format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn head(path: &str) -> String {
    format!("HEAD /{path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn large(ask: fn(&str) -> String) -> String {
    (0..LARGE_FILES).map(|file| ask(&format!("large{file}"))).collect()
}

fn folders(ask: fn(&str) -> String) -> String {
    (0..FOLDERS).map(|folder| ask(&format!("folder{folder}/"))).collect()
}

fn filtered(ask: fn(&str) -> String) -> String {
    (100..200).map(|part| ask(&format!("many/?q={part}"))).collect()
}
