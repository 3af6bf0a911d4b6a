//! Fields that whoever runs a site adds to its answers, beside those that it writes itself.

use oneloop::InvalidField;

use crate::folder::{Folder, request};
use crate::sockets::{Answer, Background, config};

/// The values of every line of this field.
fn lines<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, it)| it.trim()).collect()
}

#[test]
fn members_of_a_list_are_merged_into_the_line_that_the_site_writes() {
    let folder = Folder::with(&[("page.html", "<p>"), ("picture.png", "png"), ("d/x", "")]);
    let site = folder.site().listing().header("vary", "Origin").unwrap();
    let site = site.header("Allow", "GET, PROPFIND").unwrap();
    let server = Background::start(&config(), site);
    let mut client = server.connect();
    for (path, vary) in [
        ("/page.html", "Accept-Encoding, Origin"),
        ("/picture.png", "Origin"),
        ("/d", "Origin"),
        ("/d/", "Origin"),
        ("/missing", "Origin, Accept"),
    ] {
        let answer = client.get(path);
        assert_eq!(lines(&answer, "Vary"), [vary], "{path}");
        assert_eq!(lines(&answer, "Allow"), ["GET, PROPFIND"], "{path}");
    }
    let tag = client.get("/page.html").field("ETag").unwrap().to_owned();
    client.send(request("GET", "/page.html", &format!("If-None-Match: {tag}\r\n")));
    let not_modified = client.answer();
    assert_eq!(not_modified.status, 304);
    assert_eq!(lines(&not_modified, "Vary"), ["Accept-Encoding, Origin"]);
    for (method, status) in [("OPTIONS", 204), ("DELETE", 405)] {
        client.send(request(method, "/page.html", ""));
        let answer = client.answer();
        assert_eq!(answer.status, status);
        let mut allowed: Vec<&str> = lines(&answer, "Allow")[0].split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "OPTIONS", "PROPFIND"], "{method}");
        assert_eq!(lines(&answer, "Allow").len(), 1, "{method}");
    }
}

#[test]
fn what_the_user_says_of_safety_replaces_what_the_site_says_by_itself() {
    let folder = Folder::with(&[("page.html", "<p>"), ("d/x", "")]);
    let site = folder.site().listing().header("content-security-policy", "default-src *").unwrap();
    let site = site.header("X-Content-Type-Options", "none of it").unwrap();
    let server = Background::start(&config(), site);
    let mut client = server.connect();
    for path in ["/page.html", "/d/", "/missing"] {
        client.send(request("GET", path, "Accept: text/html\r\n"));
        let answer = client.answer();
        assert_eq!(lines(&answer, "Content-Security-Policy"), ["default-src *"], "{path}");
        assert_eq!(lines(&answer, "X-Content-Type-Options"), ["none of it"], "{path}");
        assert_eq!(lines(&answer, "Content-Type"), ["text/html; charset=utf-8"], "{path}");
    }
}

#[test]
fn fields_that_depend_on_the_file_are_the_sites_alone() {
    let folder = Folder::new();
    for name in ["ETag", "content-type", "Content-Encoding", "Content-Range", "Last-Modified"] {
        let refused = folder.site().header(name, "x").map(|_| ());
        assert_eq!(refused, Err(InvalidField::Reserved), "{name}");
    }
}
