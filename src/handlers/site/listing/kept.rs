//! The directories and pages that are kept for the clients that ask for them next.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use super::super::identity::{CHECK_EVERY, Identity};
use super::super::root::Root;
use super::list::{LIST_BYTES_MAX, List};
use super::page::{self, Known};
use super::reading::{Reading, Rest};
use super::view::View;
use crate::time::Time;

/// How many directories are kept. They count for a second, so more would hardly be asked for.
const DIRECTORIES_MAX: usize = 64;

/// The memory that the entries of all kept directories take, in bytes: two of the largest.
const ENTRIES_BYTES_MAX: usize = 2 * LIST_BYTES_MAX;

/// How many pages of one directory are kept: one for each order, and two with filters.
const PAGES_MAX: usize = 8;

/// The memory that all pages take that are kept or being sent, in bytes: 32 of the longest. When
/// all are being sent to slow clients, others wait for theirs.
const PAGES_BYTES_MAX: usize = 32 * page::BYTES_MAX;

/// Lists that take up to so many bytes have pages so short that they are made in any case.
const SMALL_LIST_BYTES: usize = 16 * 1024;

/// So many entries are looked at again each second at the most. A directory that has more is shown
/// as it was for longer than a second: a fiftieth of all time is enough to read it again and again.
const LOOKED_AT_A_SECOND: usize = 10_000;

/// The most that all this takes, in bytes, beside what is being read.
pub(super) const BYTES_MAX: usize = ENTRIES_BYTES_MAX + PAGES_BYTES_MAX;

/// What is kept, the most recently used at the end.
#[derive(Debug, Default)]
pub(super) struct Kept {
    directories: Vec<Directory>,
    /// Every page that may still be in memory.
    pages: Vec<Weak<[u8]>>,
}

/// A directory that has been read.
#[derive(Debug)]
struct Directory {
    root: Root,
    name: Box<[u8]>,
    identity: Identity,
    list: List,
    rest: Rest,
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
        if !self.directories[index].is_fresh(key, now) {
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
    pub(super) fn make_page(&mut self, view: &View, date: SystemTime) -> Arc<[u8]> {
        let directory = self.directories.last_mut().expect("one was used last");
        let page: Arc<[u8]> = page::page(&directory.known(), view, date).into_bytes().into();
        if directory.pages.len() == PAGES_MAX {
            directory.pages.remove(0);
        }
        directory.pages.push((view.clone(), Arc::clone(&page)));
        self.pages.push(Arc::downgrade(&page));
        page
    }

    /// Whether there is room for a page of the directory that was used last, once those have gone
    /// that are only kept.
    pub(super) fn has_room(&mut self) -> bool {
        let is_room = |pages: &mut Vec<Weak<[u8]>>| {
            pages.retain(|page| page.strong_count() > 0);
            let bytes: usize = pages.iter().filter_map(Weak::upgrade).map(|page| page.len()).sum();
            bytes + page::BYTES_MAX <= PAGES_BYTES_MAX
        };
        if self.directories.last().is_some_and(|it| it.list.bytes() <= SMALL_LIST_BYTES) {
            return true;
        }
        if is_room(&mut self.pages) {
            return true;
        }
        for directory in &mut self.directories {
            directory.pages.clear();
        }
        is_room(&mut self.pages)
    }

    /// Takes in what has been read.
    pub(super) fn keep(&mut self, reading: Reading, rest: Rest) {
        let Reading { directory, list, looked_at, at, .. } = reading;
        let key = Key { root: directory.root(), name: directory.name(), since: at };
        self.directories.retain(|kept| !kept.is(key));
        self.directories.push(Directory {
            root: directory.root().clone(),
            name: directory.name().into(),
            identity: directory.identity(),
            list,
            rest,
            looked_at,
            read_at: at,
            pages: Vec::new(),
        });
        while self.directories.len() > DIRECTORIES_MAX || self.bytes() > ENTRIES_BYTES_MAX {
            self.directories.remove(0);
        }
    }

    fn bytes(&self) -> usize {
        self.directories.iter().map(|directory| directory.list.bytes()).sum()
    }
}

impl Directory {
    fn is(&self, key: Key<'_>) -> bool {
        *self.name == *key.name && self.root.is_same(key.root)
    }

    /// Whether it was read for this client or less than a second ago; of a large one, less than a
    /// second for each [`LOOKED_AT_A_SECOND`] entries ago, if it is still there.
    fn is_fresh(&self, key: Key<'_>, now: Time) -> bool {
        let age = now.since(self.read_at);
        if self.read_at >= key.since || age < CHECK_EVERY {
            return true;
        }
        let seconds = self.looked_at / LOOKED_AT_A_SECOND;
        let is_still_there = || {
            let found = key.root.identity(key.name);
            found.is_some_and(|found| found.is_same_object(&self.identity))
        };
        age < Duration::from_secs(seconds as u64) && is_still_there()
    }

    fn known(&self) -> Known<'_> {
        Known { name: &self.name, list: &self.list, rest: self.rest, looked_at: self.looked_at }
    }
}
