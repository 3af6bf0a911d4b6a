//! The directories and pages that are kept for the clients that ask for them next.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::identity::{CHECK_EVERY, Identity};
use super::super::root::Root;
use super::list::{LIST_BYTES_MAX, List, Remaining};
use super::page::{self, Known};
use super::reading::Reading;
use super::view::View;
use crate::time::Time;

/// How many directories are kept. They count for a second, so more would hardly be asked for.
const DIRECTORIES_MAX: usize = 64;

/// The memory that the entries and the pages of all kept directories take, in bytes: two of the
/// largest lists, and all pages of one of them. The most recently used directory is always kept.
const KEPT_BYTES_MAX: usize = 2 * LIST_BYTES_MAX + PAGES_MAX * page::BYTES_MAX;

/// How many pages of one directory are kept: one for each order, and two with filters.
const PAGES_MAX: usize = 8;

/// The memory that all pages take that are kept or being sent, in bytes: 32 of the longest. When
/// all are being sent to slow clients, others wait for theirs.
const PAGES_BYTES_MAX: usize = 32 * page::BYTES_MAX;

/// How long it takes to look whether a directory is still there.
const LOOK: Duration = Duration::from_micros(4);

/// How long it takes to find out whether an entry is on a page, and in which place.
const ENTRY: Duration = Duration::from_nanos(40);

/// How long it takes to write a byte of a page: a row of 100 bytes takes 0.3 µs.
const NANOS_PER_PAGE_BYTE: u64 = 3;

/// Lists up to this size have pages of some KiB: those that are being sent count as their clients'
/// output, and are made in any case.
const SMALL_LIST_BYTES: usize = 8 * 1024;

/// How many entries are read again each second at the most. A larger directory is shown as it was
/// for longer than a second: reading it again takes a fiftieth of the time.
const LOOKED_AT_A_SECOND: usize = 10_000;

/// The most that all this takes, in bytes, beside what is being read.
pub(super) const BYTES_MAX: usize = KEPT_BYTES_MAX + PAGES_BYTES_MAX;

/// What is kept, the most recently used at the end.
#[derive(Debug, Default)]
pub(super) struct Kept {
    directories: Vec<Directory>,
    /// Every page of a large directory that may still be in memory. It stays there for as long as
    /// it is in this list.
    pages: Vec<Weak<[u8]>>,
    /// How long making pages has taken since that was last asked.
    effort: Duration,
}

/// A directory that has been read.
#[derive(Debug)]
struct Directory {
    root: Root,
    name: Box<[u8]>,
    identity: Identity,
    list: List,
    remaining: Remaining,
    looked_at: usize,
    read_at: Time,
    pages: Vec<(View, Arc<[u8]>)>,
}

/// Which directory is asked for, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'k> {
    pub(super) root: &'k Root,
    pub(super) name: &'k [u8],
    pub(super) since: Time,
}

impl Kept {
    /// Whether what this directory has in it is known, and not from too long ago at `now`. Then it
    /// is used.
    pub(super) fn find(&mut self, key: Key<'_>, now: Time) -> bool {
        let Some(index) = self.directories.iter().position(|directory| directory.is(key)) else {
            return false;
        };
        let directory = &self.directories[index];
        let is_young = directory.is_young(key, now);
        if !is_young {
            self.effort += LOOK;
        }
        if !is_young && !directory.is_old_and_good(key, now) {
            self.directories.remove(index);
            return false;
        }
        self.directories[index..].rotate_left(1);
        true
    }

    /// The page for this view of the directory that was used last, if it is kept.
    pub(super) fn page(&mut self, view: &View) -> Option<Arc<[u8]>> {
        let pages = &mut self.directories.last_mut()?.pages;
        let index = pages.iter().position(|(of, _)| of == view)?;
        pages[index..].rotate_left(1);
        pages.last().map(|(_, page)| Arc::clone(page))
    }

    /// Makes that page. There has to be [room](Kept::has_room) for it.
    pub(super) fn make_page(&mut self, view: &View) -> Arc<[u8]> {
        let directory = self.directories.last_mut().expect("one was used last");
        let page: Arc<[u8]> = page::page(&directory.known(), view).into_bytes().into();
        self.effort += ENTRY * u32::try_from(directory.list.len()).unwrap_or(u32::MAX);
        self.effort += Duration::from_nanos(page.len() as u64 * NANOS_PER_PAGE_BYTE);
        if directory.pages.len() == PAGES_MAX {
            directory.pages.remove(0);
        }
        directory.pages.push((view.clone(), Arc::clone(&page)));
        if !directory.is_small() {
            self.pages.push(Arc::downgrade(&page));
        }
        self.make_room();
        page
    }

    /// How long making pages has taken since the last call.
    pub(super) fn take_effort(&mut self) -> Duration {
        std::mem::take(&mut self.effort)
    }

    /// Whether there is room for a page of the directory that was used last, once those have gone
    /// that are only kept.
    pub(super) fn has_room(&mut self) -> bool {
        let is_room = |pages: &mut Vec<Weak<[u8]>>| {
            pages.retain(|page| page.strong_count() > 0);
            let bytes: usize = pages.iter().filter_map(Weak::upgrade).map(|page| page.len()).sum();
            bytes + page::BYTES_MAX <= PAGES_BYTES_MAX
        };
        if self.directories.last().is_some_and(Directory::is_small) || is_room(&mut self.pages) {
            return true;
        }
        for directory in &mut self.directories {
            directory.pages.clear();
        }
        is_room(&mut self.pages)
    }

    /// Takes in what has been read.
    pub(super) fn keep(&mut self, reading: Reading, remaining: Remaining) {
        let Reading { directory, list, looked_at, at, .. } = reading;
        let key = Key { root: directory.root(), name: directory.name(), since: at };
        self.directories.retain(|kept| !kept.is(key));
        self.directories.push(Directory {
            root: directory.root().clone(),
            name: directory.name().into(),
            identity: directory.identity(),
            list,
            remaining,
            looked_at,
            read_at: at,
            pages: Vec::new(),
        });
        self.make_room();
    }

    /// Takes out what has not been used for the longest time, until the rest is within its bounds.
    fn make_room(&mut self) {
        let mut bytes: usize = self.directories.iter().map(Directory::bytes).sum();
        while self.directories.len() > DIRECTORIES_MAX
            || bytes > KEPT_BYTES_MAX && self.directories.len() > 1
        {
            bytes -= self.directories.remove(0).bytes();
        }
    }
}

impl Directory {
    fn is(&self, key: Key<'_>) -> bool {
        *self.name == *key.name && self.root.is_same(key.root)
    }

    /// Whether it was read for this client or less than a second ago.
    fn is_young(&self, key: Key<'_>, now: Time) -> bool {
        self.read_at >= key.since || now.since(self.read_at) < CHECK_EVERY
    }

    /// Whether it is so large that it may be older, a second for each [`LOOKED_AT_A_SECOND`]
    /// entries, and is still there.
    fn is_old_and_good(&self, key: Key<'_>, now: Time) -> bool {
        let age = now.since(self.read_at);
        let seconds = self.looked_at / LOOKED_AT_A_SECOND;
        let is_still_there = || {
            let found = key.root.identity(key.name);
            found.is_some_and(|found| found.is_same_object(&self.identity))
        };
        age < Duration::from_secs(seconds as u64) && is_still_there()
    }

    fn is_small(&self) -> bool {
        self.list.bytes() <= SMALL_LIST_BYTES
    }

    /// The memory that it takes with its pages.
    fn bytes(&self) -> usize {
        let pages: usize = self.pages.iter().map(|(_, page)| page.len()).sum();
        size_of::<Directory>() + self.name.len() + self.list.bytes() + pages
    }

    fn known(&self) -> Known<'_> {
        Known {
            name: &self.name,
            list: &self.list,
            remaining: self.remaining,
            looked_at: self.looked_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::directory;
    use super::super::super::directory::Served;
    use super::super::super::identity::Stamp;
    use super::super::super::path::DotFiles;
    use super::super::super::root::Kind;
    use super::super::view::Order;
    use super::*;

    /// A directory that was read at `at`, with `files` files that have long names.
    fn keep(kept: &mut Kept, root: &Root, name: &str, files: usize, at: Time) {
        let directory = directory::Directory::open(root, b"").expect("the root");
        let mut reading = Reading::new(directory, DotFiles::Absent, at);
        let served = Served { kind: Kind::File, bytes: 0, modified: Stamp::default() };
        let long = |number| format!("{number:0250}").into_bytes().into();
        reading.list.merge((0..files).map(|number| (long(number), served)));
        kept.keep(reading, Remaining::Nothing);
        kept.directories.last_mut().expect("one is kept").name = name.as_bytes().into();
    }

    fn bytes(kept: &Kept) -> usize {
        kept.directories.iter().map(Directory::bytes).sum()
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_what_is_used_stays() {
        let root = Root::open(&std::env::temp_dir()).expect("a directory");
        let (mut kept, now) = (Kept::default(), Time::START);
        let used = Key { root: &root, name: b"used/", since: now };
        keep(&mut kept, &root, "used/", 2000, now);
        for number in 0..8 {
            keep(&mut kept, &root, &format!("{number}/"), 2000, now);
            for order in Order::ALL {
                assert!(kept.has_room());
                kept.make_page(&View { order, filter: String::new() });
            }
            assert!(bytes(&kept) <= KEPT_BYTES_MAX, "{} bytes", bytes(&kept));
            assert!(kept.find(used, now), "after {number}");
        }
        assert!((3..8).contains(&kept.directories.len()), "{} are kept", kept.directories.len());
    }

    #[test]
    fn many_small_directories_are_bounded_in_number_and_their_pages_leave_nothing_behind() {
        let root = Root::open(&std::env::temp_dir()).expect("a directory");
        let mut kept = Kept::default();
        for number in 0..2 * DIRECTORIES_MAX {
            keep(&mut kept, &root, &format!("{number}/"), 3, Time::START);
            let page = kept.make_page(&View::of(None));
            assert_eq!(Arc::weak_count(&page), 0);
        }
        assert_eq!(kept.directories.len(), DIRECTORIES_MAX);
    }
}
