//! Pages over several turns, without a server: time is an argument.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::super::failure::Failure;
use super::super::path::DotFiles;
use super::super::root::Root;
use super::listings::{Answer, AwaitedPage, LOOKUP, Listings, PageRequest};
use super::reading::SLICE_COST;
use super::view::View;
use crate::answer::source::{Next, Piece, Source};
use crate::time::Time;
use crate::work::of;

/// A root with directories of empty files, which goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, directories: &[(&str, usize)]) -> Folder {
        let path = std::env::temp_dir().join(format!("oneloop-{}-{name}", std::process::id()));
        let folder = Folder(path);
        for (directory, files) in directories {
            fs::create_dir_all(folder.0.join(directory)).expect("a temporary folder");
            for number in 0..*files {
                folder.write(&format!("{directory}/{number}"));
            }
        }
        folder
    }

    fn write(&self, name: &str) {
        fs::write(self.0.join(name), "").expect("a file");
    }

    fn root(&self) -> Root {
        Root::open(&self.0).expect("the root")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The turn with this number. Each takes four milliseconds, so that something is done in each.
fn turn(number: u64) -> Time {
    Time::START + Duration::from_millis(4 * number)
}

fn millis(millis: u64) -> Time {
    Time::START + Duration::from_millis(millis)
}

fn request<'r>(root: &'r Root, name: &'r str, query: &str, now: Time) -> PageRequest<'r> {
    PageRequest {
        root,
        name: name.as_bytes(),
        view: View::of(Some(query)),
        dot_files: DotFiles::Absent,
        now,
    }
}

fn at_once(listings: &Listings, root: &Root, name: &str, now: Time) -> String {
    match listings.answer(request(root, name, "", now)) {
        Ok(Answer::Page(page)) => text(&page),
        other => panic!("{name} at {now:?}: {other:?}"),
    }
}

fn later(listings: &Listings, root: &Root, name: &str, query: &str, now: Time) -> AwaitedPage {
    match listings.answer(request(root, name, query, now)) {
        Ok(Answer::Later(page)) => page,
        other => panic!("{name} at {now:?}: {other:?}"),
    }
}

fn text(page: &[u8]) -> String {
    String::from_utf8(page.to_vec()).expect("UTF-8")
}

/// What a source gives in this turn, and how it goes on.
fn ask(source: &mut AwaitedPage, now: Time) -> (String, Next) {
    let mut bytes = Vec::new();
    let next = source.next(&mut Piece::asked_for_at(now, &mut bytes, usize::MAX));
    (text(&bytes), next)
}

/// Whether a source still waits in this turn.
fn waits(source: &mut AwaitedPage, now: Time) -> bool {
    let (text, next) = ask(source, now);
    assert_eq!(text.is_empty(), next != Next::Done);
    text.is_empty()
}

#[test]
fn a_small_directory_is_answered_at_once_and_another_one_in_the_next_turn() {
    let folder = Folder::new("small", &[("a", 3), ("b", 4)]);
    let (root, listings) = (folder.root(), Listings::default());
    assert!(at_once(&listings, &root, "a/", turn(0)).contains("0 folders, 3 files"));
    // The same turn: what is kept is given, nothing else is read.
    assert!(at_once(&listings, &root, "a/", turn(0)).contains("0 folders, 3 files"));
    let mut other = later(&listings, &root, "b/", "", turn(0));
    assert!(waits(&mut other, turn(0)));
    assert!(ask(&mut other, turn(1)).0.contains("0 folders, 4 files"));
}

#[test]
fn a_large_directory_is_read_in_slices_at_most_one_in_a_turn_however_many_ask() {
    let slices = 3;
    let files = slices * SLICE_COST + 1;
    let folder = Folder::new("slices", &[("large", files), ("small", 1)]);
    let (root, listings) = (folder.root(), Listings::default());
    let mut first = later(&listings, &root, "large/", "", turn(0));
    let mut second = later(&listings, &root, "large/", "sort=size", turn(0));
    let mut other = later(&listings, &root, "small/", "", turn(0));
    // `.` and `..` are looked at as well. The first slice was read at once.
    for now in 1..=slices as u64 {
        assert!(waits(&mut first, turn(now)), "turn {now}");
        assert!(waits(&mut second, turn(now)), "turn {now}");
        assert!(waits(&mut other, turn(now)), "turn {now}");
    }
    let made = turn(slices as u64 + 1);
    assert!(ask(&mut first, made).0.contains("0 folders, 481 files"));
    assert!(waits(&mut second, made), "one page a turn");
    let kept = at_once(&listings, &root, "large/", made);
    assert!(kept.contains("481 files"), "what is kept passes those that wait");
    // A client that comes now does not pass the others.
    let mut new = later(&listings, &root, "small/", "q=0", turn(10));
    assert!(ask(&mut second, turn(10)).0.contains("481 files"));
    assert!(waits(&mut other, turn(10)) && waits(&mut new, turn(10)));
    assert!(!waits(&mut other, turn(11)) && waits(&mut new, turn(11)));
    assert!(!waits(&mut new, turn(12)));
}

#[test]
fn something_is_read_or_made_for_half_of_the_time_at_most() {
    let folder = Folder::new("half", &[("large", 2 * SLICE_COST - 3), ("a", 1), ("b", 1)]);
    let (root, listings) = (folder.root(), Listings::default());
    let mut page = later(&listings, &root, "large/", "", millis(0));
    let mut other = later(&listings, &root, "a/", "", millis(0));
    let slice = listings.take_effort();
    assert!(slice > Duration::from_micros(480) && slice < Duration::from_micros(600), "{slice:?}");
    let at = |micros| Time::START + Duration::from_micros(micros);
    let work = |source: &mut AwaitedPage, now| work(source, at(now)) > 0;
    assert!(!work(&mut page, 400) && !work(&mut other, 900));
    assert!(work(&mut page, 1000), "the second slice");
    assert!(!work(&mut other, 1400) && !work(&mut page, 1800));
    assert!(work(&mut page, 2000), "the page");
    assert!(!work(&mut other, 2000) && !work(&mut other, 2100));
    assert!(work(&mut other, 2300), "a page takes less");
    // A small directory leaves time in the next turn.
    assert!(matches!(listings.answer(request(&root, "b/", "", millis(11))), Ok(Answer::Page(_))));
}

/// What looking for the page in this turn came to, as the turn's budget counts it.
fn work(source: &mut AwaitedPage, now: Time) -> usize {
    let mut bytes = Vec::new();
    let mut piece = Piece::asked_for_at(now, &mut bytes, usize::MAX);
    source.next(&mut piece);
    piece.work() as usize
}

#[test]
fn every_slice_and_every_page_counts_for_the_client_whose_look_made_it() {
    // With `.` and `..` three slices.
    let folder = Folder::new("costs", &[("large", 3 * SLICE_COST - 3), ("small", 1)]);
    let (root, listings) = (folder.root(), Listings::default());
    let slice = Duration::from_micros(400);
    let mut page = later(&listings, &root, "large/", "", turn(0));
    assert!(listings.take_effort() > slice, "a slice");
    assert_eq!(listings.take_effort(), Duration::ZERO);
    let mut other = later(&listings, &root, "small/", "", turn(0));
    let opened = listings.take_effort();
    assert!(opened > Duration::ZERO && opened < slice, "opened, and not read");
    for (now, least) in [(1, slice), (2, slice), (3, slice / 4)] {
        assert!(work(&mut page, turn(now)) > of(least), "turn {now}");
        assert_eq!(work(&mut other, turn(now)), 0, "it has to wait");
    }
    at_once(&listings, &root, "large/", turn(3));
    assert_eq!(listings.take_effort(), LOOKUP, "it is kept");
    let mut sorted = later(&listings, &root, "large/", "sort=size", turn(4));
    assert_eq!(listings.take_effort(), LOOKUP, "it does not pass the other");
    assert!(work(&mut other, turn(4)) > 0);
    assert!(work(&mut sorted, turn(5)) > of(slice / 4), "a page");
}

#[test]
fn a_client_that_leaves_holds_up_nobody() {
    let folder = Folder::new("leaving", &[("large", 2 * SLICE_COST), ("small", 1)]);
    let (root, listings) = (folder.root(), Listings::default());
    let gone = later(&listings, &root, "large/", "", turn(0));
    let mut other = later(&listings, &root, "small/", "", turn(0));
    drop(gone);
    let served = (1..9).find(|now| !waits(&mut other, turn(*now)));
    assert!(
        served.is_some(),
        "the directory that was begun is read to its end, and then the other"
    );
    assert!(at_once(&listings, &root, "small/", turn(20)).contains("1 file<"));
}

#[test]
fn head_learns_whether_there_is_a_page_even_if_it_is_not_made() {
    let folder = Folder::new("head", &[("a", 1), ("b", 1)]);
    let (root, listings) = (folder.root(), Listings::default());
    let look = |name, now| listings.look(&request(&root, name, "", now));
    assert!(matches!(look("a/", turn(0)), Ok(Answer::Page(_))));
    assert!(matches!(look("b/", turn(0)), Ok(Answer::Unmade)));
    assert!(matches!(look("c/", turn(0)), Err(Failure::Missing)));
    assert!(matches!(look("a/0/", turn(0)), Err(Failure::Missing)));
    assert!(matches!(look("a/", turn(0)), Ok(Answer::Page(_))));
    assert!(matches!(look("b/", turn(1)), Ok(Answer::Page(_))));
}

#[test]
fn a_directory_that_goes_while_a_client_waits_is_said_to_have_gone() {
    let folder = Folder::new("going", &[("a", 1), ("b", 1)]);
    let (root, listings) = (folder.root(), Listings::default());
    at_once(&listings, &root, "a/", turn(0));
    let mut waiting = later(&listings, &root, "b/", "", turn(0));
    fs::remove_dir_all(folder.0.join("b")).expect("it is there");
    let (page, next) = ask(&mut waiting, turn(1));
    assert!(page.contains("cannot be read any more") && next == Next::Done, "{page}");
    let missing = listings.answer(request(&root, "b/", "", turn(2)));
    assert!(matches!(missing, Err(Failure::Missing)));
}

#[test]
fn a_small_directory_is_read_again_after_a_second_and_a_large_one_later() {
    let folder = Folder::new("fresh", &[("small", 1), ("large", 20_000)]);
    let (root, listings) = (folder.root(), Listings::default());
    let mut now = 0;
    let mut waiting = later(&listings, &root, "large/", "", millis(now));
    while waits(&mut waiting, millis(now)) {
        now += 1;
    }
    let read_at = now - 1;
    now += 10;
    at_once(&listings, &root, "small/", millis(now));
    folder.write("small/new");
    folder.write("large/new");
    assert!(at_once(&listings, &root, "small/", millis(now + 999)).contains("1 file<"));
    assert!(at_once(&listings, &root, "small/", millis(now + 1000)).contains("2 files<"));
    assert!(at_once(&listings, &root, "large/", millis(read_at + 1999)).contains("of 20,000"));
    let mut waiting = later(&listings, &root, "large/", "", millis(read_at + 2000));
    now += 2001;
    let page = loop {
        let (page, next) = ask(&mut waiting, millis(now));
        now += 1;
        if next == Next::Done {
            break page;
        }
    };
    assert!(page.contains("of 20,001"), "{}", &page[page.len().min(4000)..]);
    // Another directory at the same name is another one, however large they are.
    fs::rename(folder.0.join("large"), folder.0.join("old")).expect("it is there");
    fs::rename(folder.0.join("small"), folder.0.join("large")).expect("it is there");
    assert!(at_once(&listings, &root, "large/", millis(now + 1000)).contains("2 files<"));
}

#[test]
fn another_root_has_directories_of_its_own() {
    let one = Folder::new("root-one", &[("a", 1)]);
    let other = Folder::new("root-other", &[("a", 2)]);
    let listings = Listings::default();
    assert!(at_once(&listings, &one.root(), "a/", turn(0)).contains("1 file<"));
    assert!(at_once(&listings, &other.root(), "a/", turn(1)).contains("2 files<"));
}

#[test]
fn clients_that_wait_are_bounded_in_memory() {
    let folder = Folder::new("crowd", &[("a", 1), ("b", 1)]);
    let (root, listings) = (folder.root(), Listings::default());
    at_once(&listings, &root, "a/", turn(0));
    let mut waiting = Vec::new();
    let refused = loop {
        match listings.answer(request(&root, "b/", "", turn(0))) {
            Ok(Answer::Later(page)) => waiting.push(page),
            other => break other,
        }
    };
    assert!(matches!(refused, Err(Failure::Exhausted)));
    assert!((1000..30_000).contains(&waiting.len()), "{} wait", waiting.len());
    waiting.pop();
    waiting.push(later(&listings, &root, "b/", "", turn(0)));
    for page in &mut waiting {
        assert!(waits(page, turn(0)));
    }
    // The first one reads, and all have the same page.
    assert!(waiting.iter_mut().all(|page| !waits(page, turn(1))));
    waiting.clear();
    assert!(matches!(listings.answer(request(&root, "b/", "q=x", turn(2))), Ok(Answer::Page(_))));
}

#[test]
fn pages_that_slow_clients_hold_are_bounded_in_memory_and_small_ones_are_made_all_the_same() {
    let folder = Folder::new("pages", &[("large", 0), ("small", 1)]);
    let long = "x".repeat(240);
    for number in 0..1000 {
        folder.write(&format!("large/{number:04}{long}"));
    }
    let (root, listings) = (folder.root(), Listings::default());
    let mut now = 0;
    let mut waiting = later(&listings, &root, "large/", "", turn(now));
    while waits(&mut waiting, turn(now)) {
        now += 1;
    }
    let mut held: Vec<Arc<[u8]>> = Vec::new();
    let mut refused = loop {
        now += 1;
        let query = format!("q={}", "x".repeat(held.len() + 1));
        // What is kept counts for a second.
        match listings.answer(request(&root, "large/", &query, turn(now))) {
            Ok(Answer::Page(page)) => held.push(page),
            Ok(Answer::Later(page)) => break page,
            other => panic!("{other:?}"),
        }
        assert!(now < 500);
    };
    let bytes: usize = held.iter().map(|page| page.len()).sum();
    assert!((8 << 20..16 << 20).contains(&bytes), "{bytes} bytes are held");
    assert!(waits(&mut refused, turn(now + 1)));
    let mut small = later(&listings, &root, "small/", "", turn(now + 1));
    assert!(waits(&mut refused, turn(now + 2)), "there is still no room");
    assert!(!waits(&mut small, turn(now + 2)), "and that does not hold up the others");
    held.clear();
    assert!(!waits(&mut refused, turn(now + 3)));
}

#[test]
fn descriptors_come_back_when_they_are_needed() {
    let folder = Folder::new("descriptors", &[("large", 2 * SLICE_COST)]);
    let (root, listings) = (folder.root(), Listings::default());
    assert!(!listings.give_way());
    let mut waiting = later(&listings, &root, "large/", "", turn(0));
    assert!(listings.give_way() && !listings.give_way());
    let served = (1..9).find(|now| !waits(&mut waiting, turn(*now)));
    assert!(served.is_some(), "it is read anew");
}
