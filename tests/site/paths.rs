//! What a path leads to, however it is written.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use oneloop::handlers::Site;

use crate::folder::{Folder, SECRET};
use crate::sockets::{Background, config};

/// A directory whose every name has some trap in it.
fn trapped() -> Folder {
    let folder = Folder::with(&[
        ("index.html", "the index"),
        ("a.txt", "a"),
        ("sub/index.html", "the index of sub"),
        ("sub/b.txt", "b"),
        ("empty/.keep", ""),
        (".hidden", "hidden"),
        (".git/config", "hidden"),
        (".well-known/security.txt", "well known"),
        (".well-known/.hidden", "hidden"),
        ("sub/.well-known/x", "hidden"),
        ("with space", "space"),
        ("100%", "percent"),
        ("%61", "encoded"),
        ("a\\b", "backslash"),
        ("q?#", "marks"),
        ("caf\u{e9}", "accent"),
        ("a..b", "dots"),
    ]);
    folder.write(b"\xff\xfe", "bytes");
    fs::create_dir_all(folder.outside().join("outside")).unwrap();
    fs::write(folder.outside().join("outside/index.html"), SECRET).unwrap();
    symlink("a.txt", folder.path("inner")).unwrap();
    symlink("../a.txt", folder.path("sub/up")).unwrap();
    symlink("sub", folder.path("inner-directory")).unwrap();
    symlink("../secret.txt", folder.path("outer")).unwrap();
    symlink("../outside", folder.path("outer-directory")).unwrap();
    symlink(folder.outside().join("secret.txt"), folder.path("absolute")).unwrap();
    symlink("../root/a.txt", folder.path("out-and-in")).unwrap();
    symlink(folder.path("a.txt"), folder.path("absolute-inner")).unwrap();
    symlink(folder.path("sub"), folder.path("absolute-directory")).unwrap();
    symlink("absolute-directory/b.txt", folder.path("chain")).unwrap();
    symlink(folder.root(), folder.outside().join("alias")).unwrap();
    symlink(folder.outside().join("alias/a.txt"), folder.path("through-alias")).unwrap();
    symlink(folder.outside().join("alias/../secret.txt"), folder.path("past-alias")).unwrap();
    symlink(folder.path("outer"), folder.path("chain-out")).unwrap();
    symlink(folder.path("nowhere"), folder.path("absolute-dangling")).unwrap();
    symlink(folder.path("absolute-loop"), folder.path("absolute-loop")).unwrap();
    symlink("/proc/self/root/etc/passwd", folder.path("magic")).unwrap();
    symlink("loop", folder.path("loop")).unwrap();
    symlink("nowhere", folder.path("dangling")).unwrap();
    folder
}

/// Sent raw, as no browser would write most of them.
const PATHS: [(&str, u16, &str); 96] = [
    ("/", 200, "the index"),
    ("/index.html", 200, "the index"),
    ("/a.txt", 200, "a"),
    ("//a.txt", 200, "a"),
    ("/a.txt?x=../..", 200, "a"),
    ("/%61.txt", 200, "a"),
    ("/sub/", 200, "the index of sub"),
    ("/sub//b.txt", 200, "b"),
    ("/sub", 308, ""),
    ("/with%20space", 200, "space"),
    ("/100%25", 200, "percent"),
    ("/%2561", 200, "encoded"),
    ("/a\\b", 200, "backslash"),
    ("/a%5Cb", 200, "backslash"),
    ("/q%3f%23", 200, "marks"),
    ("/caf%C3%A9", 200, "accent"),
    ("/caf\u{e9}", 200, "accent"),
    ("/%ff%FE", 200, "bytes"),
    ("/a..b", 200, "dots"),
    ("/.well-known/security.txt", 200, "well known"),
    ("http://test/a.txt", 200, "a"),
    ("http://elsewhere/a.txt", 200, "a"),
    // Not there.
    ("/missing", 404, ""),
    ("/a.txt/", 404, ""),
    ("/a.txt/b", 404, ""),
    ("/empty/", 404, ""),
    ("/a%20.txt", 404, ""),
    ("/.hidden", 404, ""),
    ("/%2ehidden", 404, ""),
    ("/.git/config", 404, ""),
    ("/.git/", 404, ""),
    ("/.well-known/.hidden", 404, ""),
    ("/sub/.well-known/x", 404, ""),
    ("/.well-known/../.hidden", 404, ""),
    // Dot segments are resolved before anything is looked up.
    ("/./a.txt", 200, "a"),
    ("/sub/./b.txt", 200, "b"),
    ("/sub/../a.txt", 200, "a"),
    ("/sub/%2E%2e/a.txt", 200, "a"),
    ("/missing/../a.txt", 200, "a"),
    ("/a.txt/../sub/b.txt", 200, "b"),
    ("/.git/../a.txt", 200, "a"),
    ("/.well-known/../a.txt", 200, "a"),
    ("/sub/.", 200, "the index of sub"),
    ("/sub/x/..", 200, "the index of sub"),
    ("/sub/..", 200, "the index"),
    ("/..", 200, "the index"),
    ("/../", 200, "the index"),
    ("/../a.txt", 200, "a"),
    ("/sub/../.git/config", 404, ""),
    // Out of it.
    ("/../secret.txt", 404, ""),
    ("/../../secret.txt", 404, ""),
    ("/sub/../../secret.txt", 404, ""),
    ("//../secret.txt", 404, ""),
    ("/..//secret.txt", 404, ""),
    ("/../../../../../../etc/passwd", 404, ""),
    ("/%2e%2e/secret.txt", 404, ""),
    ("/%2E./secret.txt", 404, ""),
    ("/.%2e/secret.txt", 404, ""),
    ("/..%2fsecret.txt", 404, ""),
    ("/%2e%2e%2fsecret.txt", 404, ""),
    ("/sub%2f..%2f..%2fsecret.txt", 404, ""),
    ("/sub%2fb.txt", 404, ""),
    ("/%2fetc%2fpasswd", 404, ""),
    ("//etc/passwd", 404, ""),
    ("/%252e%252e/secret.txt", 404, ""),
    ("/..\\secret.txt", 404, ""),
    ("/..%5csecret.txt", 404, ""),
    ("/%c0%ae%c0%ae/secret.txt", 404, ""),
    ("/..%c0%afsecret.txt", 404, ""),
    ("/%e0%80%ae%e0%80%ae/secret.txt", 404, ""),
    ("/%00", 400, ""),
    ("/a.txt%00", 400, ""),
    ("/a.txt%00.html", 400, ""),
    ("/..%00/secret.txt", 400, ""),
    ("/%", 400, ""),
    ("/%zz", 400, ""),
    // Links.
    ("/inner", 200, "a"),
    ("/sub/up", 200, "a"),
    ("/inner-directory/b.txt", 200, "b"),
    ("/outer", 403, ""),
    ("/outer-directory/", 403, ""),
    ("/absolute", 403, ""),
    ("/out-and-in", 200, "a"),
    ("/absolute-inner", 200, "a"),
    ("/through-alias", 200, "a"),
    ("/past-alias", 403, ""),
    ("/absolute-directory", 308, ""),
    ("/absolute-directory/", 200, "the index of sub"),
    ("/absolute-directory/b.txt", 200, "b"),
    ("/absolute-directory/up", 200, "a"),
    ("/chain", 200, "b"),
    ("/chain-out", 403, ""),
    ("/absolute-dangling", 404, ""),
    ("/absolute-loop", 403, ""),
    ("/loop", 403, ""),
    ("/dangling", 404, ""),
];

#[test]
fn every_path_leads_to_its_file_and_none_to_the_secret() {
    let folder = trapped();
    let server = folder.serve();
    for (path, status, body) in PATHS {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let answer = client.answer();
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{path}: {text}");
        assert!(!text.contains(SECRET) && !text.contains("root:"), "{path}: {text}");
        if status == 200 {
            assert_eq!(text, body, "{path}");
        }
    }
    let mut client = server.connect();
    assert!(matches!(client.get("/magic").status, 403 | 404));
}

#[test]
fn hidden_files_are_served_on_request() {
    let folder = trapped();
    let server = Background::start(&config(), folder.site().hidden());
    let mut client = server.connect();
    for path in ["/.hidden", "/.git/config", "/sub/.well-known/x", "/.well-known/.hidden"] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.text()), (200, "hidden"), "{path}");
    }
    for (path, status) in
        [("/../secret.txt", 404), ("/.git/..", 200), ("/.git/../.hidden", 200), ("/.git/.", 404)]
    {
        assert_eq!(client.get(path).status, status, "{path}");
    }
}

#[test]
fn the_way_to_a_directory_keeps_the_query_and_stays_here() {
    let folder = Folder::with(&[("evil.example/x", ""), ("a b/x", ""), ("\\evil/x", "")]);
    let server = folder.serve();
    let mut client = server.connect();
    for (path, location) in [
        ("/evil.example", "/evil.example/"),
        ("//evil.example", "/evil.example/"),
        ("///evil.example?a=b&c", "/evil.example/?a=b&c"),
        ("/a%20b?x?y", "/a%20b/?x?y"),
        ("/\\evil", "/%5Cevil/"),
        ("/%5cevil?//x", "/%5Cevil/?//x"),
        ("http://other.example/a%20b", "/a%20b/"),
        // What is said is the resolved path.
        ("/a%20b/../evil.example", "/evil.example/"),
        ("/..//..//evil.example", "/evil.example/"),
        ("/./%2e%2e/a%20b?x/../y", "/a%20b/?x/../y"),
    ] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.field("Location")), (308, Some(location)), "{path}");
        assert_eq!(answer.field("Cache-Control"), Some("no-cache"));
    }
}

#[test]
fn what_is_no_file_is_refused_at_once_and_not_opened() {
    let folder = Folder::with(&[("a.txt", "a")]);
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = UnixListener::bind(folder.path("socket")).unwrap();
    // Only a privileged user can make a device.
    let device = folder.path("device");
    let made = Command::new("mknod").arg(&device).args(["c", "1", "5"]).output().unwrap();
    // This writer waits until somebody opens the pipe to read it.
    let mut writer = Command::new("sh").args(["-c", "echo x > \"$0\""]).arg(&pipe).spawn().unwrap();
    let server = folder.serve();
    let mut client = server.connect();
    assert_eq!(client.get("/pipe").status, 403);
    assert_eq!(client.get("/socket").status, 403);
    if made.status.success() {
        assert_eq!(client.get("/device").status, 403);
    }
    assert_eq!(client.get("/a.txt").text(), "a");
    assert!(writer.try_wait().unwrap().is_none(), "the pipe's writer has been let go on");
    writer.kill().unwrap();
    writer.wait().unwrap();
}

#[test]
fn a_name_too_long_for_the_file_system_is_not_there() {
    let folder = Folder::new();
    let server = folder.serve();
    let mut client = server.connect();
    assert_eq!(client.get(&format!("/{}", "x".repeat(256))).status, 404);
    assert_eq!(client.get(&format!("/{}", "x/".repeat(3000))).status, 404);
}

#[test]
fn where_there_is_nothing_the_sites_own_page_says_so() {
    let folder = Folder::with(&[("404.html", "<p>nothing here")]);
    let server = folder.serve();
    let mut client = server.connect();
    for path in ["/missing", "/.hidden", "/../x", "/missing/"] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.text()), (404, "<p>nothing here"), "{path}");
        assert_eq!(answer.field("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!((answer.field("ETag"), answer.field("Cache-Control")), (None, None));
    }
    client.send("HEAD /missing HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = client.answer_head();
    assert_eq!((answer.status, answer.field("Content-Length")), (404, Some("15")));
}

#[test]
fn an_application_of_one_page_is_found_at_every_path_without_an_extension() {
    let folder = Folder::with(&[("index.html", "the app"), ("app.js", "js"), ("dir/x", "x")]);
    let server = Background::start(&config(), folder.site().single_page());
    let mut client = server.connect();
    for (path, status, body) in [
        ("/", 200, "the app"),
        ("/users/7", 200, "the app"),
        ("/users/", 200, "the app"),
        ("/dir/", 200, "the app"),
        ("/dir/x", 200, "x"),
        ("/app.js", 200, "js"),
        ("/missing.js", 404, "404 Not Found\n"),
        ("/a.b/c", 200, "the app"),
        ("/../x", 200, "the app"),
        ("/../x.js", 404, "404 Not Found\n"),
    ] {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.text()), (status, body), "{path}");
    }
}

#[test]
fn a_root_that_is_no_directory_cannot_be_served() {
    let folder = Folder::with(&[("a.txt", "a")]);
    assert!(Site::open(folder.path("a.txt")).is_err());
    assert!(Site::open(folder.path("missing")).is_err());
    assert_eq!(folder.site().directory(), folder.root());
}
