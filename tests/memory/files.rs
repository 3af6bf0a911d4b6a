//! Descriptors that are set aside for files: slow readers of many different files shut out nobody.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;

use oneloop::testing::Answer;
use socket2::SockRef;

use crate::needed::Folder;
use crate::trace::Watched;

/// How many descriptors the server may have.
const DESCRIPTORS: u64 = 128;

/// More large files than may be open.
const FILES: usize = 60;

/// What no kernel takes of an answer that nobody reads, in bytes.
const LARGE_BYTES: u64 = 64 * 1024 * 1024;

/// What is asked, and how it is answered, whole.
fn get(client: &mut TcpStream, path: &str) -> String {
    let (head, length) = head(client, path);
    let mut body = vec![0; length];
    client.read_exact(&mut body).unwrap();
    head + &String::from_utf8_lossy(&body)
}

/// The head of an answer, and how many bytes follow it.
fn head(client: &mut TcpStream, path: &str) -> (String, usize) {
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let answer = Answer::begin(&head, "GET").unwrap();
    let length = answer.field("Content-Length").unwrap().parse().unwrap();
    (String::from_utf8(head).unwrap(), length)
}

fn site() -> Folder {
    let folder = Folder::new("files-in-flight");
    for number in 0..FILES {
        let file = File::create(folder.path().join(format!("large{number}"))).unwrap();
        file.set_len(LARGE_BYTES).unwrap();
        fs::write(folder.path().join(format!("small{number}")), format!("small {number}")).unwrap();
    }
    folder
}

fn start(folder: &Folder) -> Watched {
    Watched::start_limited(DESCRIPTORS, &[folder.path().to_str().unwrap()])
}

/// A client that reads slowly enough to keep its answer from ever being out.
fn slow(server: &Watched) -> TcpStream {
    let client = server.connect();
    SockRef::from(&client).set_recv_buffer_size(4096).unwrap();
    client
}

#[test]
fn slow_readers_of_different_files_get_503_above_the_share_and_nobody_else_is_kept_out() {
    let folder = site();
    let server = start(&folder);
    let (clients, files) = (server.announced("clients"), server.announced("files"));
    assert!(clients + files < DESCRIPTORS, "{clients} clients and {files} files");
    let mut kept = server.connect();
    assert!(get(&mut kept, "/small0").ends_with("small 0"));
    let mut readers: Vec<TcpStream> = (0..FILES).map(|_| slow(&server)).collect();
    let mut sent = 0;
    for (number, reader) in readers.iter_mut().enumerate() {
        let (head, _) = head(reader, &format!("/large{number}"));
        match head.starts_with("HTTP/1.1 200 ") {
            true => sent += 1,
            false => {
                assert!(
                    head.starts_with("HTTP/1.1 503 ") && head.contains("Retry-After: "),
                    "{head}"
                );
            }
        }
    }
    assert_eq!(sent, files, "as many as are announced");
    for number in 1..FILES {
        assert!(get(&mut kept, &format!("/small{number}")).ends_with(&format!("small {number}")));
    }
    // What is being sent already is shared with the next who asks for it.
    assert!(head(&mut slow(&server), "/large0").0.starts_with("HTTP/1.1 200 "));
    let crowd = (readers.len() as u64 + 1..clients).map(|_| {
        let mut client = server.connect();
        assert!(get(&mut client, "/small1").ends_with("small 1"));
        client
    });
    let crowd: Vec<TcpStream> = crowd.collect();
    assert!(server.descriptors() as u64 <= DESCRIPTORS);
    drop((crowd, readers));
    while !head(&mut slow(&server), "/large59").0.starts_with("HTTP/1.1 200 ") {}
}

/// Files that are kept open for the next client make room for those that are asked for now.
#[test]
fn any_number_of_large_files_is_served_to_those_who_read_them() {
    let folder = Folder::new("large-files");
    for number in 0..FILES {
        fs::write(folder.path().join(format!("large{number}")), vec![b'l'; 100_000]).unwrap();
    }
    let server = start(&folder);
    let mut client = server.connect();
    for round in 0..2 {
        for number in 0..FILES {
            let answer = get(&mut client, &format!("/large{number}"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{number} in round {round}");
        }
    }
}
