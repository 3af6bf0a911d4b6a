//! Pages of directories.

use std::fs;
use std::os::unix::fs::symlink;

use crate::folder::{Folder, SECRET, get_with, request};
use crate::sockets::{Background, Client, End, config};

fn listed(folder: &Folder) -> Background {
    Background::start(&config(), folder.site().listing())
}

/// The links of a page's rows, in their order.
fn links(client: &mut Client, path: &str) -> Vec<String> {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.field("Content-Type"), Some("text/html; charset=utf-8"));
    let (_, rows) = answer.text().split_once("<tbody>").unwrap();
    let parts = rows.split("href=\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
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
fn names_that_would_turn_the_text_round_or_hide_are_spelt_out_and_lead_to_their_files() {
    let folder = Folder::new();
    let names =
        ["annexe\u{202e}txt.exe", "a\u{200f}b", "\u{2066}c\u{2069}", "d\u{61c}", "e\u{200b}f"];
    for name in names {
        folder.write(name, "found");
    }
    let server = listed(&folder);
    let mut client = server.connect();
    let page = client.get("/");
    assert!(page.text().contains("<bdi>annexe<i>U+202E</i>txt.exe</bdi>"), "{}", page.text());
    let is_odd = |character: char| {
        matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(character, '\u{2066}'..='\u{2069}')
    };
    assert_eq!(page.text().find(is_odd), None);
    for link in links(&mut client, "/") {
        assert_eq!(client.get(&format!("/{link}")).text(), "found", "{link}");
    }
}

#[test]
fn names_are_in_their_natural_order_and_a_filter_leaves_those_that_match() {
    let folder = Folder::with(&[("File11", ""), ("file2", ""), ("b/x", ""), ("C/x", "")]);
    let server = listed(&folder);
    let mut client = server.connect();
    assert_eq!(links(&mut client, "/"), ["b/", "C/", "file2", "File11"]);
    assert_eq!(links(&mut client, "/?q=ILE1"), ["File11"]);
    assert_eq!(links(&mut client, "/?q=file&sort=name&order=desc"), ["File11", "file2"]);
    assert_eq!(links(&mut client, "/?q=nothing"), Vec::<String>::new());
    let page = client.get("/?q=%22%3E%3Cscript%3E&sort=size");
    assert!(!page.text().contains("<script"), "{}", page.text());
    assert!(page.text().contains("value=\"&quot;&gt;&lt;script&gt;\""), "{}", page.text());
}

#[test]
fn a_listing_allows_nothing_but_its_style_and_has_nothing_to_compare_it_by() {
    let folder = Folder::with(&[("a", "")]);
    let server = listed(&folder);
    let mut client = server.connect();
    let page = client.get("/");
    let policy = page.field("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'"), "{policy}");
    assert_eq!(page.head.matches("X-Content-Type-Options: nosniff\r\n").count(), 1);
    for field in ["ETag", "Last-Modified"] {
        assert_eq!(page.field(field), None);
    }
    let since = "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\nIf-None-Match: *\r\n";
    assert_eq!(get_with(&mut client, "/", since).status, 200);
}

#[test]
fn head_says_the_length_that_get_has() {
    let folder = Folder::with(&[("a", ""), ("sub/b", "")]);
    let server = listed(&folder);
    let mut client = server.connect();
    for path in ["/", "/sub/", "/?q=a", "/?sort=size&order=desc"] {
        client.send(request("HEAD", path, ""));
        let head = client.answer_head();
        let length = client.get(path).body.len().to_string();
        assert_eq!(head.field("Content-Length"), Some(&*length), "{path}");
    }
    client.send(request("HEAD", "/missing/", ""));
    assert_eq!(client.answer_head().status, 404);
}

#[test]
fn many_pipelined_heads_are_all_answered() {
    let folder = Folder::new();
    for number in 0..1200 {
        folder.write(format!("large/{number}"), "");
    }
    folder.write("small/a", "");
    let server = listed(&folder);
    let mut client = server.connect();
    let paths = ["/large/", "/small/", "/", "/missing/", "/large/?sort=size", "/large/?q=7"];
    let requests: Vec<String> = paths.iter().map(|path| request("HEAD", path, "")).collect();
    client.send(requests.concat().repeat(20));
    for number in 0..20 * paths.len() {
        let path = paths[number % paths.len()];
        let status = if path == "/missing/" { 404 } else { 200 };
        assert_eq!(client.answer_head().status, status, "{path}, the {number}th");
    }
}

#[test]
fn what_is_shown_of_a_huge_directory_is_the_first_of_the_order_and_a_filter_finds_the_rest() {
    let folder = Folder::new();
    for number in 0..4000 {
        // Sizes go the other way.
        folder.write(format!("f{number}"), [0; 4].repeat(usize::from(number == 3210)));
    }
    folder.write("last/x", "");
    let server = listed(&folder);
    let mut client = server.connect();
    let by_name = links(&mut client, "/");
    assert_eq!(by_name.len(), 2000);
    assert_eq!(by_name[..4], ["last/", "f0", "f1", "f2"]);
    let page = client.get("/");
    let said = "These are the first 2,000 of 4,001, by name. 2,001 more are not shown.";
    let at = page.text().find(said).unwrap();
    assert!(at < page.text().find("<table>").unwrap(), "it says so at the top");
    assert_eq!(links(&mut client, "/?sort=name&order=desc")[..3], ["last/", "f3999", "f3998"]);
    assert_eq!(links(&mut client, "/?sort=size&order=desc")[..3], ["last/", "f3210", "f0"]);
    assert_eq!(links(&mut client, "/?q=F3999"), ["f3999"]);
    // Whoever cannot take chunks gets the end of the connection.
    let another = listed(&folder);
    let mut client = another.connect();
    client.send("GET /?q=f3999 HTTP/1.0\r\nHost: test\r\n\r\n");
    assert_eq!(client.answer_head().field("Content-Length"), None);
    assert_eq!(client.end_after_anything(), End::Closed);
}
