//! How many system calls an answer with a long body takes: a text that the kernel holds, and files.

use std::path::PathBuf;

use super::*;

/// How many clients ask at the same time.
const CLIENTS: usize = 4;

/// A receive, a send of the head, a `sendfile`, and polls that clients share.
#[test]
fn a_text_of_256_kib_is_sent_without_a_copy_by_one_call_and_its_head_by_one() {
    let _alone = alone();
    let name = a_text_of_256_kib_is_sent_without_a_copy_by_one_call_and_its_head_by_one;
    if !can_trace(name) {
        return;
    }
    let folder = Folder::with_file("text", 256 << 10);
    let rates = rates_per_answer(&["--file", &folder.file()], "/", 256 << 10, 60);
    println!("per text of 256 KiB: {:.3} in {rates:?}", rates.total());
    assert_eq!(rates.of("preadv2"), 0.0, "{rates:?}");
    assert!(rates.of("sendfile") <= 1.05 && rates.total() <= 3.4, "{rates:?}");
}

/// A receive, two looks at the page cache, a send of the head, a `sendfile`, and a share of a poll.
#[test]
fn a_file_of_100_kb_is_looked_for_twice_and_sent_by_two_calls() {
    let _alone = alone();
    if !can_trace(a_file_of_100_kb_is_looked_for_twice_and_sent_by_two_calls) {
        return;
    }
    let folder = Folder::with_file("site-100k", 100_000);
    let rates = rates_per_answer(&[&folder.path()], "/file", 100_000, 100);
    println!("per file of 100 kB: {:.3} in {rates:?}", rates.total());
    assert!(rates.of("sendfile") <= 1.05 && rates.of("preadv2") <= 2.05, "{rates:?}");
    assert!(rates.total() <= 6.1, "{:.3} in {rates:?}", rates.total());
}

/// 20 pieces of 512 KiB, with three looks each, and a little more where a turn ends in the middle of one;
/// and a poll for each turn.
#[test]
fn a_file_of_10_mb_takes_ten_calls_for_a_mebibyte() {
    let _alone = alone();
    if !can_trace(a_file_of_10_mb_takes_ten_calls_for_a_mebibyte) {
        return;
    }
    let folder = Folder::with_file("site-10m", 10_000_000);
    let rates = rates_per_answer(&[&folder.path()], "/file", 10_000_000, 10);
    println!("per file of 10 MB: {:.3} in {rates:?}", rates.total());
    assert!(rates.total() <= 105.0, "{:.3} in {rates:?}", rates.total());
}

/// The calls for one answer to a GET of this path. From the difference of two runs, so that starting,
/// connecting, leaving and stopping are not in it.
fn rates_per_answer(arguments: &[&str], path: &str, body_bytes: usize, rounds: usize) -> CallRates {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let run = |rounds: usize| {
        let server = Watched::start_traced_with(arguments);
        let mut body = vec![0; body_bytes];
        let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| server.connect()).collect();
        for _ in 0..rounds {
            for client in &mut clients {
                client.write_all(request.as_bytes()).unwrap();
            }
            for client in &mut clients {
                // Its length changes when the file has been left alone for two seconds.
                read_head(client);
                client.read_exact(&mut body).unwrap();
            }
        }
        drop(clients);
        server.stop_and_count()
    };
    let few = rounds / 5;
    run(rounds).rates_beyond(&run(few), (rounds - few) * CLIENTS)
}

/// Reads the head of an answer 200, and no byte behind it.
fn read_head(client: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", head.escape_ascii());
}

/// A folder with one file, gone with this.
struct Folder(PathBuf);

impl Folder {
    fn with_file(name: &str, bytes: usize) -> Folder {
        let folder = format!("budgets-{}-{name}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file"), vec![b'x'; bytes]).unwrap();
        Folder(folder)
    }

    fn path(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }

    fn file(&self) -> String {
        self.0.join("file").to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
