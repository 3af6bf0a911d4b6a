//! Uploads that are refused: whoever sends all of one before it reads gets the answer, from the
//! text server and from a site.
//!
//! A server that closes on bytes it has not read makes the kernel send a reset, which destroys an
//! answer that the client has not read. These clients read nothing before they have sent 30 MB.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/needed.rs"]
mod needed;
#[path = "support/sockets.rs"]
mod sockets;
mod support;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use needed::{Folder, Needed};
use oneloop::Limits;
use sockets::{Client, End};
use support::{Program, Server};

const UPLOAD_BYTES: usize = 30_000_000;

/// The text server with the status that it refuses such an upload with, and a site with its own.
fn servers(folder: &Folder) -> [(Server, &'static str); 2] {
    fs::write(folder.path().join("index.html"), "the index").unwrap();
    let site = folder.path().to_str().unwrap();
    [(Server::start(&["--strict"]), "413"), (Server::start(&[site]), "405")]
}

/// A file with all that is sent, which is not in the folder that is served.
fn upload(folder: &Folder) -> PathBuf {
    let path = folder.path().with_extension("upload");
    File::create(&path).unwrap().set_len(UPLOAD_BYTES as u64).unwrap();
    path
}

#[track_caller]
fn assert_told(mut command: Command, status: &str) {
    let ended = Program::start(&mut command).finish();
    let said = format!("{}{}", ended.output, ended.errors);
    assert!(said.contains(status), "{command:?}, {}: {said}", ended.status);
}

#[test]
fn who_sends_everything_before_it_reads_gets_the_answer() {
    let folder = Folder::new("uploads-plain");
    let pieces = UPLOAD_BYTES / 50_000;
    let (plain, chunk) = ("x".repeat(50_000), format!("c350\r\n{}\r\n", "x".repeat(50_000)));
    let length = format!("Content-Length: {UPLOAD_BYTES}");
    for (server, status) in servers(&folder) {
        for (field, piece) in [(&*length, &plain), ("Transfer-Encoding: chunked", &chunk)] {
            let mut client = Client::connect(server.address());
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
            for _ in 0..pieces {
                client.send(piece);
            }
            let answer = client.answer();
            assert_eq!(answer.status.to_string(), status, "{field}");
            assert_eq!(answer.field("Connection"), Some("close"), "{field}");
            assert_eq!(client.end(), End::Closed, "{field}");
        }
    }
    assert!(UPLOAD_BYTES > 2 * Limits::default().body_bytes_max);
}

#[test]
fn urllib_is_told() {
    let Some(python) = PYTHON.find(urllib_is_told) else { return };
    let folder = Folder::new("uploads-urllib");
    for (server, status) in servers(&folder) {
        let program = format!(
            "import urllib.error, urllib.request\n\
             opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))\n\
             request = urllib.request.Request('{}', data=b'x' * {UPLOAD_BYTES}, method='POST')\n\
             try: opener.open(request)\n\
             except urllib.error.HTTPError as error: print(error.code, len(error.read()))\n",
            server.url("/")
        );
        let mut command = Command::new(&python);
        command.args(["-c", &program]);
        assert_told(command, status);
    }
}

#[test]
fn nodes_fetch_is_told() {
    let Some(node) = NODE.find(nodes_fetch_is_told) else { return };
    let folder = Folder::new("uploads-node");
    for (server, status) in servers(&folder) {
        let program = format!(
            "fetch('{}', {{ method: 'POST', body: new Uint8Array({UPLOAD_BYTES}) }})\
             .then(async answer => console.log(answer.status, (await answer.text()).length))",
            server.url("/")
        );
        let mut command = Command::new(&node);
        command.args(["-e", &program]);
        assert_told(command, status);
    }
}

#[test]
fn wget_is_told() {
    let Some(wget) = WGET.find(wget_is_told) else { return };
    let folder = Folder::new("uploads-wget");
    let upload = upload(&folder);
    for (server, status) in servers(&folder) {
        for options in [["--method=PUT", "--body-file"], ["--no-verbose", "--post-file"]] {
            let mut command = Command::new(&wget);
            command.args(["--no-config", "--no-proxy", "--tries=1", "-O", "/dev/null", options[0]]);
            command.arg(format!("{}={}", options[1], upload.display())).arg(server.url("/"));
            assert_told(command, &format!("ERROR {status}"));
        }
    }
    fs::remove_file(upload).unwrap();
}

#[test]
fn curl_is_told_whether_or_not_it_waits_for_leave() {
    let Some(curl) = CURL.find(curl_is_told_whether_or_not_it_waits_for_leave) else { return };
    let folder = Folder::new("uploads-curl");
    let upload = upload(&folder);
    for (server, status) in servers(&folder) {
        for expect in ["Expect: 100-continue", "Expect:"] {
            let mut command = Command::new(&curl);
            command.args(["--disable", "--silent", "--show-error", "--noproxy", "*"]);
            command.args(["--expect100-timeout", "3600", "--header", expect, "--upload-file"]);
            command.arg(&upload).args(["--write-out", " %{http_code}"]).arg(server.url("/"));
            assert_told(command, &format!(" {status}"));
        }
    }
    fs::remove_file(upload).unwrap();
}

const PYTHON: Needed = Needed { names: &["python3"], package: "python3" };
const NODE: Needed = Needed { names: &["node"], package: "nodejs" };
const WGET: Needed = Needed { names: &["wget"], package: "wget" };
const CURL: Needed = Needed { names: &["curl"], package: "curl" };
