//! What can be done with a site, and what is said with every answer.

use crate::folder::{DATE, Folder, get_with, request};
use crate::sockets::{Background, config};

#[test]
fn a_file_is_answered_with_all_that_a_cache_needs() {
    let folder = Folder::with(&[("page.html", "<p>hello"), ("picture.png", "png")]);
    folder.date("page.html");
    let server = folder.serve();
    let mut client = server.connect();
    let answer = client.get("/page.html");
    assert_eq!((answer.status, answer.text()), (200, "<p>hello"));
    assert_eq!(answer.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.field("Last-Modified"), Some(DATE));
    assert_eq!(answer.field("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(answer.field("Accept-Ranges"), Some("bytes"));
    assert_eq!(answer.field("Cache-Control"), Some("no-cache"));
    assert_eq!(answer.field("Vary"), Some("Accept-Encoding"));
    let tag = answer.field("ETag").unwrap();
    assert!(tag.starts_with("\"8-") && tag.ends_with('"'), "{tag}");
    let picture = client.get("/picture.png");
    assert_eq!((picture.field("Content-Type"), picture.field("Vary")), (Some("image/png"), None));
    assert_ne!(picture.field("Last-Modified"), Some(DATE));
}

#[test]
fn head_is_the_head_of_get() {
    let folder = Folder::with(&[("a.txt", "hello"), ("dir/x", "")]);
    let server = folder.serve();
    let mut client = server.connect();
    for path in ["/a.txt", "/dir", "/missing"] {
        let answer = client.get(path);
        client.send(request("HEAD", path, ""));
        let head = client.answer_head();
        // The second may have changed.
        let undated = |head: &str| {
            let lines = head.lines().filter(|line| !line.starts_with("Date: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(undated(&head.head), undated(&answer.head), "{path}");
    }
    assert_eq!(client.get("/a.txt").text(), "hello");
}

#[test]
fn other_methods_are_told_what_there_is() {
    let folder = Folder::with(&[("a.txt", "hello")]);
    let server = folder.serve();
    let mut client = server.connect();
    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE"] {
        client.send(request(method, "/a.txt", ""));
        let answer = client.answer();
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.field("Allow"), Some("GET, HEAD, OPTIONS"), "{method}");
        assert_eq!(answer.head.matches("Allow:").count(), 1, "{method}");
    }
    for target in ["/a.txt", "*", "/missing"] {
        client.send(request("OPTIONS", target, ""));
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("Allow")), (204, Some("GET, HEAD, OPTIONS")));
    }
    client.send(request("FETCH", "/a.txt", ""));
    assert_eq!(client.answer().status, 501);
    client.send("CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("Allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn the_users_fields_come_with_every_answer_and_caches_are_told_what_they_should_be() {
    let folder = Folder::with(&[("a.txt", "hello"), ("dir/x", "")]);
    let site = folder.site().header("X-Frame-Options", "DENY").unwrap();
    let site = site.cache_control("public, max-age=60").unwrap();
    assert!(folder.site().header("etag", "\"x\"").is_err());
    assert!(folder.site().header("X", "a\r\nb").is_err());
    let server = Background::start(&config(), site);
    let mut client = server.connect();
    let tag = client.get("/a.txt").field("ETag").unwrap().to_owned();
    for (method, path, fields, status, is_cached) in [
        ("GET", "/a.txt", String::new(), 200, true),
        ("GET", "/a.txt", format!("If-None-Match: {tag}\r\n"), 304, true),
        ("GET", "/a.txt", "Range: bytes=0-1\r\n".into(), 206, true),
        ("GET", "/a.txt", "Range: bytes=9-\r\n".into(), 416, false),
        ("GET", "/a.txt", "If-Match: \"x\"\r\n".into(), 412, false),
        ("GET", "/dir", String::new(), 308, true),
        ("GET", "/missing", String::new(), 404, false),
        ("POST", "/a.txt", String::new(), 405, false),
        ("OPTIONS", "/a.txt", String::new(), 204, false),
    ] {
        client.send(request(method, path, &fields));
        let answer = client.answer();
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("X-Frame-Options"), Some("DENY"), "{status}");
        let said = is_cached.then_some("public, max-age=60");
        assert_eq!(answer.field("Cache-Control"), said, "{status}");
    }
    let silent = Background::start(&config(), folder.site().cache_control("").unwrap());
    assert_eq!(silent.connect().get("/a.txt").field("Cache-Control"), None);
}

#[test]
fn what_is_said_with_every_answer_is_said_of_what_is_no_request_as_well() {
    let folder = Folder::new();
    let site = folder.site().header("X-Frame-Options", "DENY").unwrap();
    let server = Background::start(&config(), site);
    for (target, fields, status) in [("/%", "", 400), ("/", "Expect: x\r\n", 417)] {
        for accept in ["", "Accept: text/html\r\n"] {
            let mut client = server.connect();
            client.send(request("GET", target, &format!("{fields}{accept}")));
            let answer = client.answer();
            assert_eq!(answer.status, status);
            for (name, value) in [
                ("X-Frame-Options", "DENY"),
                ("X-Content-Type-Options", "nosniff"),
                ("Vary", "Accept"),
            ] {
                assert_eq!(answer.field(name), Some(value), "{name} with {status}, {accept:?}");
            }
        }
    }
}

#[test]
fn browsers_are_told_not_to_guess_types_unless_the_user_says_something_else() {
    let folder = Folder::with(&[("a", "<script>"), ("404.html", "nothing")]);
    let server = folder.serve();
    let mut client = server.connect();
    for (path, fields, status) in
        [("/a", "", 200), ("/a", "Range: bytes=0-1\r\n", 206), ("/missing", "", 404)]
    {
        let answer = get_with(&mut client, path, fields);
        let said = answer.field("X-Content-Type-Options");
        assert_eq!((answer.status, said), (status, Some("nosniff")));
    }
    let site = folder.site().header("x-content-type-options", "other").unwrap();
    let server = Background::start(&config(), site);
    let mut client = server.connect();
    for path in ["/a", "/missing"] {
        let head = client.get(path).head.to_ascii_lowercase();
        assert_eq!(head.matches("x-content-type-options: other").count(), 1, "{head}");
        assert_eq!(head.matches("x-content-type-options").count(), 1, "{head}");
    }
}
