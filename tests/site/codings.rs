//! Files that lie compressed beside the one that is asked for.

use std::time::{Duration, Instant, SystemTime};

use crate::folder::{Folder, get_with};
use crate::sockets::SLACK;

fn coded() -> Folder {
    Folder::with(&[
        ("app.js", "the plain file"),
        ("app.js.br", "brotli"),
        ("app.js.gz", "gzip"),
        ("all.css", "plain"),
        ("all.css.br", "brotli"),
        ("all.css.zst", "zstandard"),
        ("all.css.gz", "gzip"),
        ("none.txt", "plain"),
        ("picture.png", "plain"),
        ("picture.png.gz", "gzip"),
        ("alone.txt.gz", "gzip"),
        ("index.html", "plain index"),
        ("index.html.gz", "gzip index"),
        ("odd.txt", "plain"),
        ("odd.txt.gz/x", "a directory"),
    ])
}

#[test]
fn the_client_gets_the_coding_that_it_likes_best() {
    let folder = coded();
    let server = folder.serve();
    let mut client = server.connect();
    for (path, accepted, coding, body) in [
        ("/app.js", "gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("/app.js", "gzip", Some("gzip"), "gzip"),
        ("/app.js", "zstd", None, "the plain file"),
        ("/app.js", "gzip;q=1, br;q=0.5", Some("gzip"), "gzip"),
        ("/app.js", "br;q=0, gzip;q=0", None, "the plain file"),
        ("/app.js", "identity, br;q=0.5", None, "the plain file"),
        ("/app.js", "*", Some("br"), "brotli"),
        ("/app.js", "", None, "the plain file"),
        ("/app.js", "*;q=0, gzip", Some("gzip"), "gzip"),
        ("/all.css", "gzip, zstd", Some("zstd"), "zstandard"),
        ("/all.css", "gzip, zstd, br", Some("br"), "brotli"),
        ("/none.txt", "gzip, br", None, "plain"),
        ("/picture.png", "gzip", None, "plain"),
        ("/", "gzip", Some("gzip"), "gzip index"),
        ("/odd.txt", "gzip", None, "plain"),
    ] {
        let answer = get_with(&mut client, path, &format!("Accept-Encoding: {accepted}\r\n"));
        assert_eq!((answer.status, answer.text()), (200, body), "{path} for {accepted}");
        assert_eq!(answer.field("Content-Encoding"), coding, "{path} for {accepted}");
        let vary = (path != "/picture.png").then_some("Accept-Encoding");
        assert_eq!(answer.field("Vary"), vary, "{path}");
    }
    let plain = client.get("/app.js");
    assert_eq!((plain.text(), plain.field("Content-Encoding")), ("the plain file", None));
    assert_eq!(plain.field("Content-Type"), Some("text/javascript; charset=utf-8"));
}

#[test]
fn who_refuses_everything_there_is_gets_406() {
    let folder = coded();
    let server = folder.serve();
    let mut client = server.connect();
    for (path, accepted, status) in [
        ("/none.txt", "identity;q=0", 406),
        ("/none.txt", "*;q=0", 406),
        ("/app.js", "*;q=0", 406),
        ("/app.js", "identity;q=0, zstd", 406),
        ("/app.js", "identity;q=0, gzip", 200),
        ("/picture.png", "gzip, identity;q=0", 406),
        ("/missing", "*;q=0", 404),
    ] {
        let answer = get_with(&mut client, path, &format!("Accept-Encoding: {accepted}\r\n"));
        assert_eq!(answer.status, status, "{path} for {accepted}");
    }
}

#[test]
fn a_coding_without_its_file_is_a_file_of_its_own() {
    let folder = coded();
    let server = folder.serve();
    let mut client = server.connect();
    assert_eq!(get_with(&mut client, "/alone.txt", "Accept-Encoding: gzip\r\n").status, 404);
    let itself = get_with(&mut client, "/app.js.gz", "Accept-Encoding: gzip\r\n");
    assert_eq!((itself.text(), itself.field("Content-Encoding")), ("gzip", None));
    assert_eq!(itself.field("Content-Type"), Some("application/gzip"));
}

#[test]
fn every_coding_has_its_own_tag_and_parts() {
    let folder = coded();
    let server = folder.serve();
    let mut client = server.connect();
    let mut tag = |accepted: &str| {
        let answer = get_with(&mut client, "/app.js", &format!("Accept-Encoding: {accepted}\r\n"));
        answer.field("ETag").unwrap().to_owned()
    };
    let (plain, gzip, brotli) = (tag("identity"), tag("gzip"), tag("br"));
    assert!(plain != gzip && gzip != brotli && plain != brotli);
    for (accepted, fields, status, body) in [
        ("gzip", format!("If-None-Match: {gzip}"), 304, ""),
        ("gzip", format!("If-None-Match: {plain}"), 200, "gzip"),
        ("gzip", format!("If-None-Match: {plain}, {gzip}"), 304, ""),
        ("br", "Range: bytes=0-2".into(), 206, "bro"),
        ("identity", "Range: bytes=0-2".into(), 206, "the"),
        // What the client has a part of decides, not what it would have now.
        ("br", format!("Range: bytes=0-2\r\nIf-Range: {brotli}"), 206, "bro"),
        ("br", format!("Range: bytes=0-2\r\nIf-Range: {plain}"), 200, "brotli"),
        ("identity", format!("Range: bytes=0-2\r\nIf-Range: {gzip}"), 200, "the plain file"),
        ("gzip", format!("If-Match: {plain}"), 412, "412 Precondition Failed\n"),
    ] {
        let fields = format!("Accept-Encoding: {accepted}\r\n{fields}\r\n");
        let answer = get_with(&mut client, "/app.js", &fields);
        assert_eq!((answer.status, answer.text()), (status, body), "{fields}");
        if matches!(status, 304 | 206) {
            assert_eq!(answer.field("Vary"), Some("Accept-Encoding"), "{fields}");
        }
    }
}

#[test]
fn a_picture_that_is_stored_in_gzip_is_sent_with_its_coding_to_every_client() {
    let folder = Folder::with(&[("i.svgz", "gzip"), ("I.SVGZ", "gzip"), ("i.svgz.gz", "no")]);
    let server = folder.serve();
    let mut client = server.connect();
    for fields in ["", "Accept-Encoding: gzip\r\n", "Accept-Encoding: br, identity;q=0\r\n"] {
        for path in ["/i.svgz", "/I.SVGZ"] {
            let answer = get_with(&mut client, path, fields);
            assert_eq!((answer.status, answer.text()), (200, "gzip"), "{path} {fields}");
            assert_eq!(answer.field("Content-Type"), Some("image/svg+xml"));
            assert_eq!(answer.field("Content-Encoding"), Some("gzip"));
            assert_eq!(answer.field("Vary"), None, "there is no other way to have it");
        }
    }
    let part = get_with(&mut client, "/i.svgz", "Range: bytes=1-2\r\n");
    assert_eq!(
        (part.status, part.text(), part.field("Content-Encoding")),
        (206, "zi", Some("gzip"))
    );
}

#[test]
fn a_ts_file_is_of_the_type_that_its_content_says_and_so_are_its_codings() {
    let source = "export const a = 1;\n".repeat(50);
    let packet = |byte: &u8| [&[0x47, 0x40, 0, *byte][..], &[0xff; 184]].concat();
    let stream: Vec<u8> = (0..255).flat_map(|byte| packet(&byte)).collect();
    let folder = Folder::with(&[("a.ts", &*source), ("a.ts.gz", "gzip"), ("b.d.ts", &*source)]);
    folder.write("v.ts", &stream[..188 * 10]);
    folder.write("v.ts.gz", "gzip");
    folder.write("large.ts", stream.repeat(5));
    folder.write("large-source.ts", source.repeat(200));
    let server = folder.serve();
    let mut client = server.connect();
    let text = ("text/plain; charset=utf-8", Some("Accept-Encoding"));
    let video = ("video/mp2t", None);
    for (path, (media_type, vary), coding) in [
        ("/a.ts", text, Some("gzip")),
        ("/b.d.ts", text, None),
        ("/v.ts", video, None),
        ("/large.ts", video, None),
        ("/large-source.ts", text, None),
    ] {
        let answer = get_with(&mut client, path, "Accept-Encoding: gzip\r\n");
        assert_eq!(answer.field("Content-Type"), Some(media_type), "{path}");
        assert_eq!((answer.field("Vary"), answer.field("Content-Encoding")), (vary, coding));
    }
    // It becomes something else, and so does what is said with its coding.
    folder.write("v.ts", &source);
    folder.write("v.ts.gz", "new gzip");
    let began = Instant::now();
    loop {
        let answer = get_with(&mut client, "/v.ts", "Accept-Encoding: gzip\r\n");
        if answer.body == b"new gzip" {
            assert_eq!(answer.field("Content-Type"), Some(text.0));
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(1) + SLACK, "still {}", answer.head);
    }
}

#[test]
fn a_coding_that_is_older_than_its_file_is_not_sent() {
    let folder = Folder::with(&[("a.js.gz", "gzip"), ("a.js.br", "brotli"), ("a.js", "plain")]);
    let time = |seconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, 500_000_000);
    let whole = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    folder.date_at("a.js", time(1_000_000));
    for (gzip, brotli, coding) in [
        (time(1_000_000), time(1_000_000), Some("br")),
        (time(1_000_001), time(999_999), Some("gzip")),
        (time(999_999), time(999_999), None),
        // Some tools that copy times leave out what is below a second.
        (whole(1_000_000), time(999_999), Some("gzip")),
        (whole(999_999), time(999_999), None),
    ] {
        folder.date_at("a.js.gz", gzip);
        folder.date_at("a.js.br", brotli);
        // Nothing is known of them yet.
        let server = folder.serve();
        let mut client = server.connect();
        let answer = get_with(&mut client, "/a.js", "Accept-Encoding: gzip, br\r\n");
        assert_eq!((answer.status, answer.field("Content-Encoding")), (200, coding));
        assert_eq!(answer.field("Vary"), Some("Accept-Encoding"));
        let refused = get_with(&mut client, "/a.js", "Accept-Encoding: br, identity;q=0\r\n");
        assert_eq!(refused.status, if coding == Some("br") { 200 } else { 406 });
    }
}
