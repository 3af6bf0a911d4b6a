//! Files that change while they are served.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use oneloop::handlers::Site;

use crate::folder::{Folder, SECRET, get_with};
use crate::sockets::{Answer, Background, Client, SLACK, config};

/// How stale an answer may be.
const STALE_MAX: Duration = Duration::from_secs(1);

/// Asks until the answer is as it should be, and holds that this is no later than it may be.
fn soon(client: &mut Client, path: &str, fits: impl Fn(&Answer) -> bool) -> Answer {
    let began = Instant::now();
    loop {
        let answer = client.get(path);
        if fits(&answer) {
            return answer;
        }
        assert!(began.elapsed() < STALE_MAX + SLACK, "still {}", answer.head);
    }
}

#[test]
fn a_changed_file_is_seen_within_a_second_however_it_was_changed() {
    let folder = Folder::with(&[("a.txt", "one"), ("index.html", "index")]);
    let server = folder.serve();
    let mut client = server.connect();
    let first = client.get("/a.txt");
    assert_eq!(first.text(), "one");

    folder.write("a.txt", "two");
    let second = soon(&mut client, "/a.txt", |answer| answer.body == b"two");
    assert_ne!(first.field("ETag"), second.field("ETag"));

    folder.replace("a.txt", "333");
    let third = soon(&mut client, "/a.txt", |answer| answer.body == b"333");
    assert_ne!(second.field("ETag"), third.field("ETag"));

    // The same time and the same length: only the system knows of this change.
    folder.date("a.txt");
    let dated = soon(&mut client, "/a.txt", |answer| answer.field("ETag") != third.field("ETag"));
    folder.write("a.txt", "444");
    folder.date("a.txt");
    let fourth = soon(&mut client, "/a.txt", |answer| answer.body == b"444");
    // A later time was said of another state.
    assert_eq!(dated.field("Last-Modified"), None);
    assert_eq!(fourth.field("Last-Modified"), None);
    assert_ne!(fourth.field("ETag"), dated.field("ETag"));

    fs::remove_file(folder.path("a.txt")).unwrap();
    soon(&mut client, "/a.txt", |answer| answer.status == 404);
    fs::create_dir(folder.path("a.txt")).unwrap();
    soon(&mut client, "/a.txt", |answer| answer.status == 308);
    fs::remove_file(folder.path("index.html")).unwrap();
    soon(&mut client, "/", |answer| answer.status == 404);
}

#[test]
fn no_time_that_was_said_of_another_state_gets_a_304() {
    let early = SystemTime::UNIX_EPOCH + Duration::from_secs(500_000_000);
    for bytes in [3, 100_000] {
        let folder = Folder::new();
        folder.write("a", vec![b'1'; bytes]);
        folder.date("a");
        let server = folder.serve();
        let mut client = server.connect();
        let first = client.get("/a");
        let said = first.field("Last-Modified").unwrap();
        // A large file that is written to in place may be sent with the tag from before at first.
        let is_new = |answer: &Answer, digit: u8, before: &Answer| {
            answer.body[0] == digit && answer.field("ETag") != before.field("ETag")
        };
        let asked = format!("If-Modified-Since: {said}\r\n");
        assert_eq!(get_with(&mut client, "/a", &asked).status, 304);

        // The same time again, as by two changes in one second, or by an archive.
        folder.write("a", vec![b'2'; bytes]);
        folder.date("a");
        let second = soon(&mut client, "/a", |answer| is_new(answer, b'2', &first));
        assert_eq!(second.field("Last-Modified"), None);
        assert_eq!(get_with(&mut client, "/a", &asked).status, 200);
        let tag = format!("If-None-Match: {}\r\n", second.field("ETag").unwrap());
        assert_eq!(get_with(&mut client, "/a", &tag).status, 304);
        let part = format!("Range: bytes=0-0\r\nIf-Range: {said}\r\n");
        assert_eq!(get_with(&mut client, "/a", &part).status, 200);

        // An earlier one, as by going back to a file from before.
        folder.write("next", vec![b'3'; bytes]);
        folder.date_at("next", early);
        fs::rename(folder.path("next"), folder.path("a")).unwrap();
        let third = soon(&mut client, "/a", |answer| is_new(answer, b'3', &second));
        assert_eq!(get_with(&mut client, "/a", &asked).status, 200);

        // A later one tells it from all of these.
        folder.write("a", vec![b'4'; bytes]);
        let last = soon(&mut client, "/a", |answer| is_new(answer, b'4', &third));
        assert_eq!(get_with(&mut client, "/a", &asked).status, 200);
        let asked = format!("If-Modified-Since: {}\r\n", last.field("Last-Modified").unwrap());
        assert_eq!(get_with(&mut client, "/a", &asked).status, 304);
    }
}

#[test]
fn the_time_of_a_file_that_is_only_touched_stays_good() {
    let folder = Folder::with(&[("a", "one")]);
    folder.date("a");
    let server = folder.serve();
    let mut client = server.connect();
    let first = client.get("/a");
    let permissions = fs::metadata(folder.path("a")).unwrap().permissions();
    fs::set_permissions(folder.path("a"), permissions).unwrap();
    let second = soon(&mut client, "/a", |answer| answer.field("ETag") != first.field("ETag"));
    assert_eq!(second.field("Last-Modified"), first.field("Last-Modified"));
}

#[test]
fn a_file_that_appears_is_there_at_once() {
    let folder = Folder::new();
    let server = folder.serve();
    let mut client = server.connect();
    assert_eq!(client.get("/a.txt").status, 404);
    folder.write("a.txt", "here");
    assert_eq!(client.get("/a.txt").text(), "here");
}

#[test]
fn a_file_that_is_moved_outside_is_gone_within_a_second_though_a_link_leads_to_it() {
    let folder = Folder::with(&[("sub/a.txt", "a")]);
    folder.date("sub/a.txt");
    let server = folder.serve();
    let mut client = server.connect();
    // Until nothing of it is read anew any more.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(client.get("/sub/a.txt").text(), "a");
    let outside = folder.outside().join("moved");
    fs::rename(folder.path("sub"), &outside).unwrap();
    symlink(&outside, folder.path("sub")).unwrap();
    soon(&mut client, "/sub/a.txt", |answer| answer.status == 403);
}

#[test]
fn a_link_that_is_exchanged_while_it_is_followed_leads_nowhere_outside() {
    const LINKS: usize = 300;
    let folder = Folder::with(&[("swap/x", "inside")]);
    fs::create_dir(folder.outside().join("other")).unwrap();
    fs::write(folder.outside().join("other/x"), SECRET).unwrap();
    for number in 0..LINKS {
        symlink(folder.path("swap/x"), folder.path(format!("link{number}"))).unwrap();
    }
    let server = folder.serve();
    let mut client = server.connect();
    let (real, swap) = (folder.path("real"), folder.path("swap"));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // A failure below does not set it.
            let began = Instant::now();
            while !is_over.load(Ordering::Relaxed) && began.elapsed() < SLACK {
                fs::rename(&swap, &real).unwrap();
                symlink(folder.outside().join("other"), &swap).unwrap();
                fs::remove_file(&swap).unwrap();
                fs::rename(&real, &swap).unwrap();
            }
        });
        for number in 0..LINKS {
            // Nothing is known of any of these links.
            let answer = client.get(&format!("/link{number}"));
            let told = (answer.status, answer.text().contains(SECRET));
            assert!(matches!(told, (200 | 403 | 404, false)), "{told:?} for link {number}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn codings_come_and_go_within_a_second() {
    let folder = Folder::with(&[("a.txt", "plain")]);
    let server = folder.serve();
    let mut client = server.connect();
    let coded = "Accept-Encoding: gzip\r\n";
    let mut soon_with = |expected: &str| {
        let began = Instant::now();
        while get_with(&mut client, "/a.txt", coded).body != expected.as_bytes() {
            assert!(began.elapsed() < STALE_MAX + SLACK, "no {expected}");
        }
    };
    soon_with("plain");
    folder.write("a.txt.gz", "gzip");
    soon_with("gzip");
    fs::remove_file(folder.path("a.txt.gz")).unwrap();
    soon_with("plain");
    folder.write("a.txt.gz", "gzip");
    soon_with("gzip");
    fs::remove_file(folder.path("a.txt")).unwrap();
    soon_with("404 Not Found\n");
}

#[test]
fn the_whole_directory_may_be_exchanged() {
    let folder = Folder::new();
    let release = |name: &str| {
        let path = folder.outside().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a.txt"), name).unwrap();
        symlink(&path, folder.outside().join("next")).unwrap();
        fs::rename(folder.outside().join("next"), folder.outside().join("current")).unwrap();
    };
    release("first");
    let site = Site::open(folder.outside().join("current")).unwrap();
    let server = Background::start(&config(), site);
    let mut client = server.connect();
    let first = client.get("/a.txt");
    assert_eq!(first.text(), "first");
    release("second");
    soon(&mut client, "/a.txt", |answer| answer.body == b"second");
    let asked = format!("If-Modified-Since: {}\r\n", first.field("Last-Modified").unwrap());
    assert_eq!(get_with(&mut client, "/a.txt", &asked).status, 200);
    fs::rename(folder.outside().join("second"), folder.outside().join("gone")).unwrap();
    assert_eq!(client.get("/a.txt").text(), "second", "what was there is served");
    assert_eq!(client.get("/a.txt").status, 200);
}

/// Larger than what sockets hold, so that a client that does not read stops it half way.
const LARGE: usize = 32 * 1024 * 1024;

/// Asks for a large file, and returns once its head and some of it have come.
fn begin_download(server: &Background) -> Client {
    let mut client = server.connect();
    client.ask("/large");
    let head = client.answer_head();
    assert_eq!(head.field("Content-Length"), Some(&*LARGE.to_string()));
    let _ = client.take_exactly(1000);
    client
}

fn large() -> Folder {
    let folder = Folder::new();
    folder.write("large", vec![b'1'; LARGE]);
    folder
}

#[test]
fn a_file_that_is_replaced_or_deleted_meanwhile_is_sent_as_it_was() {
    let folder = large();
    let server = folder.serve();
    let mut first = begin_download(&server);
    folder.replace("large", vec![b'2'; LARGE]);
    let rest = first.take_exactly(LARGE - 1000);
    assert!(rest.iter().all(|byte| *byte == b'1'));
    soon(&mut server.connect(), "/large", |answer| answer.body[0] == b'2');

    let mut second = begin_download(&server);
    fs::remove_file(folder.path("large")).unwrap();
    let rest = second.take_exactly(LARGE - 1000);
    assert!(rest.iter().all(|byte| *byte == b'2'));
    assert_eq!(second.get("/missing").status, 404, "the connection goes on");
}

#[test]
fn a_file_that_grows_meanwhile_is_sent_as_long_as_it_was() {
    let folder = large();
    let server = folder.serve();
    let mut client = begin_download(&server);
    let mut file = fs::File::options().append(true).open(folder.path("large")).unwrap();
    file.write_all(&vec![b'2'; 1_000_000]).unwrap();
    let rest = client.take_exactly(LARGE - 1000);
    assert!(rest.iter().all(|byte| *byte == b'1'));
    assert_eq!(client.get("/missing").status, 404, "the connection goes on");
}

#[test]
fn a_file_that_shrinks_meanwhile_ends_the_connection_before_its_length() {
    let folder = large();
    let server = folder.serve();
    let mut client = begin_download(&server);
    let file = fs::File::options().write(true).open(folder.path("large")).unwrap();
    file.set_len(1000).unwrap();
    let _ = client.end_after_anything();
    assert!(client.received_bytes() < LARGE - 1000, "{} bytes came", client.received_bytes());
    assert_eq!(server.connect().get("/missing").status, 404, "the others are served");
}
