//! Files that are made when they are read, and say 0 bytes or too many.

use std::fs;
use std::path::Path;

use oneloop::handlers::Site;

use crate::folder::{get_with, request};
use crate::sockets::{Background, config};

/// A server for a directory that a system may lack.
fn serve(root: &str) -> Option<Background> {
    let site = Path::new(root).is_dir().then(|| Site::open(root).unwrap())?;
    Some(Background::start(&config(), site))
}

#[test]
fn files_that_say_they_are_empty_are_read_to_their_end() {
    let Some(server) = serve("/proc") else { return };
    let mut client = server.connect();
    for name in ["version", "filesystems", "sys/kernel/ostype", "self/limits"] {
        let Ok(content) = fs::read(Path::new("/proc").join(name)) else { continue };
        let answer = client.get(&format!("/{name}"));
        assert!(!content.is_empty());
        assert_eq!((answer.status, answer.text()), (200, &*String::from_utf8_lossy(&content)));
        client.send(request("HEAD", &format!("/{name}"), ""));
        let length = client.answer_head().field("Content-Length").map(str::to_owned);
        assert_eq!(length, Some(content.len().to_string()));
    }
    let content = fs::read_to_string("/proc/version").unwrap();
    let part = get_with(&mut client, "/version", "Range: bytes=6-12\r\n");
    assert_eq!((part.status, part.text()), (206, &content[6..13]));
}

#[test]
fn files_that_say_too_many_bytes_have_those_that_there_are() {
    let Some(server) = serve("/sys") else { return };
    let mut client = server.connect();
    for name in ["class/net/lo/mtu", "kernel/mm/transparent_hugepage/enabled"] {
        let Ok(content) = fs::read(Path::new("/sys").join(name)) else { continue };
        let answer = client.get(&format!("/{name}"));
        assert_eq!((answer.status, &answer.body), (200, &content));
    }
}

#[test]
fn a_file_without_an_end_or_without_a_right_to_read_is_refused_and_not_empty() {
    let Some(server) = serve("/proc") else { return };
    let mut client = server.connect();
    // More than may be read at once, where the system tells it; it is read only by root.
    if fs::read("/proc/kallsyms").is_ok_and(|content| content.len() > 1_000_000) {
        assert_eq!(client.get("/kallsyms").status, 403);
    }
    // Memory cannot be read from its first byte.
    assert!(matches!(client.get("/self/mem").status, 403 | 500));
}
