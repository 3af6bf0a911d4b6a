//! What a client is told that gets no file: a page if it is a browser, else a text.

use std::os::unix::fs::PermissionsExt;

use oneloop::handlers::Site;

use crate::folder::{Folder, get_with, request};
use crate::sockets::{Answer, Background, Client, config};

/// As browsers say it.
const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

/// As curl says it.
const PROGRAM: &str = "Accept: */*\r\n";

fn assert_is_page(answer: &Answer, title: &str) {
    assert_eq!(answer.field("Content-Type"), Some("text/html; charset=utf-8"), "{title}");
    let lines = answer.head.lines();
    let nosniff = lines.filter(|line| line.starts_with("X-Content-Type-Options: ")).count();
    assert_eq!((nosniff, answer.field("X-Content-Type-Options")), (1, Some("nosniff")), "{title}");
    let policy = answer.field("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    let page = answer.text();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains(&format!("<h1>{title}</h1>")), "{page}");
    assert!(page.contains("prefers-color-scheme: dark") && page.len() < 8 * 1024, "{page}");
}

fn assert_is_text(answer: &Answer, title: &str) {
    assert_eq!(answer.field("Content-Type"), Some("text/plain; charset=utf-8"), "{title}");
    assert!(answer.text().starts_with(&format!("{title}\n")), "{}", answer.text());
}

#[test]
fn browsers_get_a_page_and_others_a_text_and_caches_know_that_they_differ() {
    let folder = Folder::with(&[("file", "content")]);
    std::os::unix::fs::symlink("../secret.txt", folder.path("outer")).unwrap();
    let server = folder.serve();
    let mut client = server.connect();
    for (method, path, fields, title) in [
        ("GET", "/missing", "", "404 Not Found"),
        ("GET", "/%00", "", "400 Bad Request"),
        ("GET", "/outer", "", "403 Forbidden"),
        ("POST", "/file", "Content-Length: 0\r\n", "405 Method Not Allowed"),
        ("GET", "/file", "If-Match: \"x\"\r\n", "412 Precondition Failed"),
        ("GET", "/file", "Range: bytes=99-\r\n", "416 Range Not Satisfiable"),
        ("GET", "/file", "Accept-Encoding: identity;q=0\r\n", "406 Not Acceptable"),
    ] {
        for (accept, is_page) in [(BROWSER, true), (PROGRAM, false), ("", false)] {
            client.send(request(method, path, &format!("{fields}{accept}")));
            let answer = client.answer();
            assert_eq!(answer.status.to_string(), title[..3], "{path}");
            match is_page {
                true => assert_is_page(&answer, title),
                false => assert_is_text(&answer, title),
            }
            let vary: Vec<&str> =
                answer.head.lines().filter(|line| line.starts_with("Vary: ")).collect();
            assert!(vary.concat().contains("Accept"), "{title}: {vary:?}");
        }
    }
}

#[test]
fn head_has_the_length_of_the_page_that_get_has() {
    let folder = Folder::new();
    let server = folder.serve();
    let mut client = server.connect();
    for accept in [BROWSER, PROGRAM] {
        client.send(request("HEAD", "/missing", accept));
        let head = client.answer_head();
        let length = get_with(&mut client, "/missing", accept).body.len().to_string();
        assert_eq!(head.field("Content-Length"), Some(&*length));
    }
}

#[test]
fn a_page_of_the_sites_own_comes_first() {
    let folder = Folder::with(&[("404.html", "<p>ours</p>")]);
    let server = folder.serve();
    let mut client = server.connect();
    for accept in [BROWSER, PROGRAM] {
        let answer = get_with(&mut client, "/missing", accept);
        assert_eq!((answer.status, answer.text()), (404, "<p>ours</p>"));
    }
}

#[test]
fn a_browser_that_sends_no_acceptable_request_gets_a_page_as_far_as_it_has_said_so() {
    let folder = Folder::new();
    let server = folder.serve();
    let refused = |bytes: String| {
        let mut client = server.connect();
        client.send(bytes);
        client.answer()
    };
    let twice = |accept| request("GET", "/", &format!("{accept}Host: again\r\n"));
    assert_is_page(&refused(twice(BROWSER)), "400 Bad Request");
    assert_is_text(&refused(twice(PROGRAM)), "400 Bad Request");
    assert_is_text(&refused("GET  HTTP/1.1\r\n\r\n".to_owned()), "400 Bad Request");
}

#[test]
fn the_root_without_an_index_says_on_loopback_how_directories_are_shown() {
    let hint = "no index.html here: --list shows directories";
    let says = |client: &mut Client, path: &str, accept| {
        let answer = get_with(client, path, accept);
        answer.status == 404 && answer.text().contains(hint)
    };
    let folder = Folder::with(&[("sub/file", "")]);
    let server = folder.serve();
    let mut client = server.connect();
    assert!(says(&mut client, "/", BROWSER) && says(&mut client, "/?x", PROGRAM));
    assert!(!says(&mut client, "/sub/", BROWSER) && !says(&mut client, "/missing", BROWSER));
    folder.write("404.html", "ours");
    let another = folder.serve();
    assert!(!says(&mut another.connect(), "/", BROWSER));
    let listed = Background::start(&config(), Site::open(folder.root()).unwrap().listing());
    assert_eq!(listed.connect().get("/").status, 200);
}

#[test]
fn a_directory_that_may_not_be_read_is_refused() {
    let folder = Folder::with(&[("closed/file", "")]);
    let set =
        |mode| std::fs::set_permissions(folder.path("closed"), PermissionsExt::from_mode(mode));
    set(0o311).unwrap();
    let can_read = std::fs::read_dir(folder.path("closed")).is_ok();
    let server = Background::start(&config(), folder.site().listing());
    let answer = get_with(&mut server.connect(), "/closed/", BROWSER);
    set(0o755).unwrap();
    // To root nothing is closed.
    match can_read {
        true => assert_eq!(answer.status, 200),
        false => assert_is_page(&answer, "403 Forbidden"),
    }
}
