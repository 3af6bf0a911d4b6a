//! Conditions and ranges over the wire: a table of what RFC 9110 §13 and §14 say, for a file that is
//! kept in memory and for one that is not.

use std::time::{Duration, Instant, SystemTime};

use crate::folder::{DATE, Folder, get_with, request};
use crate::sockets::{Client, SLACK};

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

/// More than is kept in memory.
const LARGE: usize = 300_000;

/// Fields; the status; which bytes of the 300,000. `TAG` stands for the file's tag, `DATE` for its
/// date. `0..0` is no content of the file.
const TABLE: [(&str, u16, (usize, usize)); 89] = [
    ("", 200, (0, LARGE)),
    // Conditions.
    ("If-None-Match: TAG", 304, (0, 0)),
    ("If-None-Match: W/TAG", 304, (0, 0)),
    ("If-None-Match: \"x\", TAG", 304, (0, 0)),
    ("If-None-Match: \"x\"\r\nIf-None-Match: TAG", 304, (0, 0)),
    ("If-None-Match: *", 304, (0, 0)),
    ("If-None-Match: \"x\"", 200, (0, LARGE)),
    ("If-None-Match: nonsense", 200, (0, LARGE)),
    ("If-None-Match: TAG, \"x\"", 304, (0, 0)),
    ("If-None-Match: \"x\", \"y\"", 200, (0, LARGE)),
    ("If-None-Match: W/\"x\"", 200, (0, LARGE)),
    ("if-none-match: TAG", 304, (0, 0)),
    ("If-Match: TAG", 200, (0, LARGE)),
    ("If-Match: \"x\"\r\nIf-Match: TAG", 200, (0, LARGE)),
    ("If-Match: \"x\", \"y\"", 412, (0, 0)),
    ("If-Match: *", 200, (0, LARGE)),
    ("If-Match: \"x\", TAG", 200, (0, LARGE)),
    ("If-Match: W/TAG", 412, (0, 0)),
    ("If-Match: \"x\"", 412, (0, 0)),
    ("If-Modified-Since: DATE", 304, (0, 0)),
    ("If-Modified-Since: AFTER", 304, (0, 0)),
    ("If-Modified-Since: BEFORE", 200, (0, LARGE)),
    ("If-Modified-Since: nonsense", 200, (0, LARGE)),
    ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304, (0, 0)),
    ("If-Modified-Since: Sun Nov  6 08:49:37 1994", 304, (0, 0)),
    ("If-Unmodified-Since: Sun Nov  6 08:49:36 1994", 412, (0, 0)),
    ("If-Unmodified-Since: DATE", 200, (0, LARGE)),
    ("If-Unmodified-Since: AFTER", 200, (0, LARGE)),
    ("If-Unmodified-Since: BEFORE", 412, (0, 0)),
    ("If-Unmodified-Since: nonsense", 200, (0, LARGE)),
    // Their order.
    ("If-None-Match: \"x\"\r\nIf-Modified-Since: AFTER", 200, (0, LARGE)),
    ("If-None-Match: TAG\r\nIf-Modified-Since: BEFORE", 304, (0, 0)),
    ("If-Match: TAG\r\nIf-Unmodified-Since: BEFORE", 200, (0, LARGE)),
    ("If-Match: \"x\"\r\nIf-None-Match: TAG", 412, (0, 0)),
    ("If-Match: TAG\r\nIf-None-Match: TAG", 304, (0, 0)),
    ("If-Unmodified-Since: BEFORE\r\nIf-None-Match: TAG", 412, (0, 0)),
    // Ranges.
    ("Range: bytes=0-0", 206, (0, 1)),
    ("Range: bytes=0-9", 206, (0, 10)),
    ("Range: bytes=10-19", 206, (10, 20)),
    ("Range: bytes=0-", 206, (0, LARGE)),
    ("Range: bytes=299999-", 206, (299_999, LARGE)),
    ("Range: bytes=299999-299999", 206, (299_999, LARGE)),
    ("Range: bytes=299990-400000", 206, (299_990, LARGE)),
    ("Range: bytes=0-299999", 206, (0, LARGE)),
    ("Range: bytes=299998-299999", 206, (299_998, LARGE)),
    ("Range: bytes=100000-199999", 206, (100_000, 200_000)),
    ("Range: bytes=-299999", 206, (1, LARGE)),
    ("Range: bytes=-1", 206, (299_999, LARGE)),
    ("Range: bytes=-10", 206, (299_990, LARGE)),
    ("Range: bytes=-300000", 206, (0, LARGE)),
    ("Range: bytes=-400000", 206, (0, LARGE)),
    ("Range: bytes=5-99999999999999999999999999", 206, (5, LARGE)),
    ("Range: Bytes=1-2", 206, (1, 3)),
    ("range: bytes=1-2", 206, (1, 3)),
    ("Range: bytes=300000-", 416, (0, 0)),
    ("Range: bytes=300000-300001", 416, (0, 0)),
    ("Range: bytes=99999999999999999999999999-", 416, (0, 0)),
    ("Range: bytes=-0", 416, (0, 0)),
    ("Range: bytes=1-0", 200, (0, LARGE)),
    ("Range: bytes=", 200, (0, LARGE)),
    ("Range: bytes=x-y", 200, (0, LARGE)),
    ("Range: pages=1-2", 200, (0, LARGE)),
    ("Range: bytes=0-0\r\nRange: bytes=0-0", 200, (0, LARGE)),
    ("Range: bytes=1", 200, (0, LARGE)),
    ("Range: bytes 0-1", 200, (0, LARGE)),
    // Several.
    ("Range: bytes=0-1,2-3,4-5", 206, (0, 6)),
    ("Range: bytes=0-99,50-149", 206, (0, 150)),
    ("Range: bytes=0-0,-1", 200, (0, LARGE)),
    ("Range: bytes=0-4,5-9", 206, (0, 10)),
    ("Range: bytes=5-9, 0-6", 206, (0, 10)),
    ("Range: bytes=0-0,9-9", 200, (0, LARGE)),
    ("Range: bytes=0-,0-,0-,0-", 206, (0, LARGE)),
    ("Range: bytes=400000-,1-2", 206, (1, 3)),
    ("Range: bytes=400000-,-0", 416, (0, 0)),
    // With conditions.
    ("Range: bytes=1-2\r\nIf-Range: TAG", 206, (1, 3)),
    ("Range: bytes=1-2\r\nIf-Range: W/TAG", 200, (0, LARGE)),
    ("Range: bytes=1-2\r\nIf-Range: \"x\"", 200, (0, LARGE)),
    ("Range: bytes=1-2\r\nIf-Range: DATE", 206, (1, 3)),
    ("Range: bytes=1-2\r\nIf-Range: AFTER", 200, (0, LARGE)),
    ("Range: bytes=400000-\r\nIf-Range: \"x\"", 200, (0, LARGE)),
    ("Range: bytes=1-2\r\nIf-Range: BEFORE", 200, (0, LARGE)),
    ("Range: bytes=1-2\r\nIf-Range: nonsense", 200, (0, LARGE)),
    ("Range: bytes=1-2\r\nIf-Match: TAG", 206, (1, 3)),
    ("Range: bytes=1-2\r\nIf-None-Match: \"x\"", 206, (1, 3)),
    ("Range: bytes=1-2\r\nIf-Modified-Since: DATE", 304, (0, 0)),
    ("Range: bytes=1-2\r\nIf-Unmodified-Since: BEFORE", 412, (0, 0)),
    ("If-Range: TAG", 200, (0, LARGE)),
    ("Range: bytes=1-2\r\nIf-None-Match: TAG", 304, (0, 0)),
    ("Range: bytes=400000-\r\nIf-Match: \"x\"", 412, (0, 0)),
];

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place % 251) as u8).collect()
}

/// The tag of a file that is not kept in memory, as soon as that has been left alone for long enough.
/// Until then it is weak, and no ground for a part.
fn strong_tag(client: &mut Client) -> String {
    let began = Instant::now();
    loop {
        let tag = client.get("/file").field("ETag").unwrap().to_owned();
        let Some(opaque) = tag.strip_prefix("W/") else { return tag };
        for (field, value, status) in [
            ("If-None-Match", &*tag, 304),
            ("If-None-Match", opaque, 304),
            ("If-Match", &tag, 412),
            ("Range: bytes=0-0\r\nIf-Range", &tag, 200),
        ] {
            let answer = get_with(client, "/file", &format!("{field}: {value}\r\n"));
            // It may have become strong by now.
            let is_weak = answer.field("ETag").is_none_or(|now| now == tag);
            assert!(answer.status == status || !is_weak, "{field}: {value}");
        }
        assert!(began.elapsed() < Duration::from_secs(4) + SLACK, "still {tag}");
    }
}

/// Each row for a file of `LARGE` bytes.
fn check(client: &mut Client, content: &[u8]) {
    let tag = strong_tag(client);
    for (fields, status, (from, to)) in TABLE {
        let row = fields;
        let fields = fields.replace("TAG", &tag).replace("DATE", DATE);
        let fields = fields.replace("BEFORE", BEFORE).replace("AFTER", AFTER);
        let lines = if fields.is_empty() { String::new() } else { format!("{fields}\r\n") };
        let answer = get_with(client, "/file", &lines);
        assert_eq!(answer.status, status, "{row}");
        if matches!(status, 200 | 206) {
            assert!(answer.body == content[from..to], "{row}: {} bytes", answer.body.len());
        }
        let range = match status {
            206 => Some(format!("bytes {from}-{}/{LARGE}", to - 1)),
            416 => Some(format!("bytes */{LARGE}")),
            _ => None,
        };
        assert_eq!(answer.field("Content-Range"), range.as_deref(), "{row}");
        let has_tag = matches!(status, 200 | 206 | 304);
        assert_eq!(answer.field("ETag"), has_tag.then_some(&*tag), "{row}");
        assert_eq!(answer.field("Content-Length").is_none(), status == 304, "{row}");
        // HEAD is told the same, but for ranges, which it has none of.
        client.send(request("HEAD", "/file", &lines));
        let head = client.answer_head();
        let expected = if matches!(status, 206 | 416) { 200 } else { status };
        assert_eq!(head.status, expected, "HEAD with {row}");
    }
}

#[test]
fn a_large_file_is_answered_as_the_table_says() {
    let folder = Folder::new();
    let content = content(LARGE);
    folder.write("file", &content);
    folder.date("file");
    let server = folder.serve();
    check(&mut server.connect(), &content);
}

#[test]
fn a_file_in_memory_has_the_same_parts() {
    let folder = Folder::new();
    let content = content(50_000);
    folder.write("file", &content);
    let server = folder.serve();
    let mut client = server.connect();
    for (range, from, to) in
        [("0-0", 0, 1), ("0-49999", 0, 50_000), ("-1", 49_999, 50_000), ("7-20000", 7, 20_001)]
    {
        let answer = get_with(&mut client, "/file", &format!("Range: bytes={range}\r\n"));
        assert_eq!(answer.status, 206, "{range}");
        assert!(answer.body == content[from..to], "{range}");
        let said = format!("bytes {from}-{}/50000", to - 1);
        assert_eq!(answer.field("Content-Range"), Some(&*said));
    }
}

#[test]
fn an_empty_file_is_answered_whole_unless_a_later_byte_is_asked_for() {
    let folder = Folder::with(&[("file", "")]);
    let server = folder.serve();
    let mut client = server.connect();
    for (range, status) in
        [("0-", 200), ("0-0", 200), ("0-1", 200), ("-1", 200), ("-0", 416), ("1-", 416)]
    {
        let answer = get_with(&mut client, "/file", &format!("Range: bytes={range}\r\n"));
        assert_eq!(answer.status, status, "{range}");
        let range = (status == 416).then_some("bytes */0");
        assert_eq!(answer.field("Content-Range"), range);
    }
    assert_eq!(client.get("/file").body, b"");
}

#[test]
fn a_date_that_is_not_a_second_old_is_no_ground_for_a_part() {
    let folder = Folder::with(&[("file", "hello")]);
    let server = folder.serve();
    let mut client = server.connect();
    let date = client.get("/file").field("Last-Modified").unwrap().to_owned();
    let fields = format!("Range: bytes=0-0\r\nIf-Range: {date}\r\n");
    let answer = get_with(&mut client, "/file", &fields);
    // The second may be over by now.
    let is_over = answer.field("Date") != Some(&*date);
    assert_eq!(answer.status, if is_over { 206 } else { 200 }, "{}", answer.head);
}

#[test]
fn a_redirect_and_an_error_know_no_ranges() {
    let folder = Folder::with(&[("dir/x", ""), ("404.html", "nothing")]);
    let server = folder.serve();
    let mut client = server.connect();
    for (path, status) in [("/dir", 308), ("/missing", 404)] {
        let answer = get_with(&mut client, path, "Range: bytes=0-0\r\nIf-None-Match: *\r\n");
        assert_eq!(answer.status, status);
    }
}

#[test]
fn a_time_that_cannot_be_believed_is_not_said_and_decides_nothing() {
    let now = SystemTime::now();
    let epoch = SystemTime::UNIX_EPOCH;
    let second = Duration::from_secs(1);
    let folder = Folder::with(&[("file", "hello")]);
    for (time, is_believed) in [
        (epoch - second, false),
        (epoch, false),
        (epoch + second / 2, false),
        (epoch + second, true),
        (now - 10 * second, true),
        (now + 3600 * second, false),
    ] {
        folder.date_at("file", time);
        let server = folder.serve();
        let mut client = server.connect();
        let answer = client.get("/file");
        assert_eq!(answer.field("Last-Modified").is_some(), is_believed, "{time:?}");
        let date = format!("If-Modified-Since: {}", answer.field("Date").unwrap());
        for (field, status) in [
            (&*date, 304),
            ("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 304),
            ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412),
        ] {
            let answer = get_with(&mut client, "/file", &format!("{field}\r\n"));
            let expected = if is_believed { status } else { 200 };
            assert_eq!(answer.status, expected, "{field} with {time:?}");
        }
        let tag = answer.field("ETag").unwrap();
        assert_eq!(
            get_with(&mut client, "/file", &format!("If-None-Match: {tag}\r\n")).status,
            304
        );
    }
}
