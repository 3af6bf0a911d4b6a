//! Pages of directories.

use std::fs;
use std::os::unix::fs::symlink;

use crate::folder::{Folder, SECRET};
use crate::sockets::{Background, Client, config};

fn listed(folder: &Folder) -> Background {
    Background::start(&config(), folder.site().listing())
}

/// The links of a page in its order, but for those of its headings.
fn links(client: &mut Client, path: &str) -> Vec<String> {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.field("Content-Type"), Some("text/html; charset=utf-8"));
    let parts = answer.text().split("href=\"").skip(1);
    let links = parts.map(|part| part.split('"').next().unwrap().to_owned());
    links.filter(|link| !link.starts_with('?')).collect()
}

#[test]
fn a_directory_without_an_index_is_listed_only_on_request() {
    let folder = Folder::with(&[("dir/a.txt", "a"), ("with/index.html", "the index")]);
    assert_eq!(folder.serve().connect().get("/dir/").status, 404);
    let server = listed(&folder);
    let mut client = server.connect();
    assert_eq!(links(&mut client, "/dir/"), ["../", "a.txt"]);
    assert_eq!(links(&mut client, "/"), ["dir/", "with/"]);
    assert_eq!(client.get("/with/").text(), "the index");
    assert_eq!(client.get("/dir").field("Location"), Some("/dir/"));
    for (path, status) in [("/missing/", 404), ("/dir/a.txt/", 404), ("/missing", 404)] {
        assert_eq!(client.get(path).status, status, "{path}");
    }
}

#[test]
fn a_directory_that_is_called_like_an_index_is_none_and_leads_nowhere_else() {
    let folder = Folder::with(&[("index.html/a", "a"), ("sub/index.html/a", "a")]);
    for (server, status) in [(folder.serve(), 404), (listed(&folder), 200)] {
        let mut client = server.connect();
        for path in ["/", "/sub/"] {
            let answer = client.get(path);
            assert_eq!((answer.status, answer.field("Location")), (status, None), "{path}");
        }
    }
}

#[test]
fn a_listing_is_sorted_by_what_the_query_says_with_directories_first() {
    let folder = Folder::with(&[("b", "1"), ("a", "333"), ("c", "22"), ("z/x", ""), ("y/x", "")]);
    folder.date("c");
    let server = listed(&folder);
    let mut client = server.connect();
    for (query, expected) in [
        ("", ["y/", "z/", "a", "b", "c"]),
        ("?sort=name&order=desc", ["z/", "y/", "c", "b", "a"]),
        ("?sort=nonsense", ["y/", "z/", "a", "b", "c"]),
    ] {
        assert_eq!(links(&mut client, &format!("/{query}")), expected, "{query}");
    }
    assert_eq!(links(&mut client, "/?sort=size")[2..], ["b", "c", "a"]);
    assert_eq!(links(&mut client, "/?sort=size&order=desc")[2..], ["a", "c", "b"]);
    assert_eq!(links(&mut client, "/?sort=date")[2], "c");
    assert_eq!(links(&mut client, "/?sort=date&order=desc")[4], "c");
    let page = client.get("/");
    assert!(page.text().contains("06 Nov 1994 08:49") && page.text().contains("3 B"));
    assert!(!page.text().contains("<script"));
}

#[test]
fn names_are_escaped_and_their_links_lead_to_them() {
    let folder = Folder::new();
    let names: [&[u8]; 8] = [
        b"<script>alert(1)</script>",
        b"a\" onclick=\"x",
        b"a&amp;b",
        b"javascript:alert(1)",
        b"?#%",
        b"\xff\xfe",
        b"caf\xc3\xa9",
        b"a\nb",
    ];
    for name in names {
        // A slash is the one byte that no name has.
        let name: Vec<u8> = name.iter().copied().filter(|byte| *byte != b'/').collect();
        folder.write(name, "found");
    }
    let server = listed(&folder);
    let mut client = server.connect();
    let links = links(&mut client, "/");
    assert_eq!(links.len(), names.len());
    for link in links {
        assert_eq!(client.get(&format!("/{link}")).text(), "found", "{link}");
    }
    let page = client.get("/");
    for bad in ["<script", "onclick=\"", "\"javascript:", "a\nb"] {
        assert!(!page.text().contains(bad), "{bad}");
    }
}

#[test]
fn what_is_not_served_is_not_listed() {
    let folder = Folder::with(&[("a.txt", "a"), (".hidden", ""), (".well-known/x", "")]);
    symlink("a.txt", folder.path("inner")).unwrap();
    symlink("../secret.txt", folder.path("outer")).unwrap();
    symlink("nowhere", folder.path("dangling")).unwrap();
    fs::create_dir(folder.path("sub")).unwrap();
    folder.write("sub/.well-known/x", "");
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    let server = listed(&folder);
    let mut client = server.connect();
    assert_eq!(links(&mut client, "/"), [".well-known/", "sub/", "a.txt", "inner"]);
    assert_eq!(links(&mut client, "/sub/"), ["../"]);
    assert!(!client.get("/").text().contains(SECRET));
    let all = Background::start(&config(), folder.site().listing().hidden());
    assert!(links(&mut all.connect(), "/").contains(&".hidden".to_owned()));
}

#[test]
fn of_a_huge_directory_the_first_two_thousand_are_shown() {
    let folder = Folder::new();
    for number in 0..2100 {
        folder.write(format!("{number}"), "");
    }
    let server = listed(&folder);
    let mut client = server.connect();
    assert_eq!(links(&mut client, "/").len(), 2000);
    assert!(client.get("/").text().contains("100 more are not shown."));
    for number in 2100..10_100 {
        folder.write(format!("{number}"), "");
    }
    let another = listed(&folder);
    assert!(another.connect().get("/").text().contains("More than 7"), "not all are even counted");
}
