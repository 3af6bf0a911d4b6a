//! What is known of one directory: its entries, in natural order.
//!
//! Entries are sorted by name as they come, so that a large list is never sorted at once. All other
//! orders are made from that when a page is made. Entries are kept as long as they fit into
//! [`LIST_BYTES_MAX`]; if there are more, those that come first in one of the orders.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::super::directory::Served;
use super::super::identity::Stamp;
use super::super::root::Kind;
use super::view::{Column, Direction, Order, fold};

/// The most entries on a page.
pub(super) const SHOWN_MAX: usize = 2000;

/// The most memory that the entries of one directory take, in bytes: 24,000 entries with usual
/// names. Beyond that, those that would be on no page without a filter are left out; finding out
/// which ones these are takes longer the more there are.
pub(super) const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What an entry takes beside its names: itself in a tree whose nodes are two thirds full, and what
/// an allocator adds to two names.
const ENTRY_BYTES: usize = size_of::<Entry>() * 3 / 2 + 32;

/// One entry of a directory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Box<[u8]>,
    /// The name as it is compared.
    folded: Box<str>,
    pub(super) served: Served,
}

/// The entries of one directory.
#[derive(Debug, Default)]
pub(super) struct List {
    entries: BTreeSet<Entry>,
    bytes: usize,
    /// How many were left out, because there was no room for them.
    pub(super) left_out: usize,
}

/// The first entries of a list in some order, and how many there are.
#[derive(Debug)]
pub(super) struct Shown<'l> {
    pub(super) entries: Vec<&'l Entry>,
    pub(super) matching: usize,
}

impl Entry {
    pub(super) fn new(name: Box<[u8]>, served: Served) -> Entry {
        let folded = fold(&name).into_boxed_str();
        Entry { name, folded, served }
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.name.len() + self.folded.len()
    }

    /// A directory's own size says nothing of what is in it.
    fn size(&self) -> u64 {
        match self.served.kind {
            Kind::Directory => 0,
            Kind::File => self.served.bytes,
        }
    }
}

impl Ord for Entry {
    /// Directories first, then by name: the natural order, and where that is the same, the bytes.
    fn cmp(&self, other: &Entry) -> Ordering {
        let by_kind = self.served.kind.cmp(&other.served.kind);
        let by_name = || natural(self.folded.as_bytes(), other.folded.as_bytes());
        by_kind.then_with(by_name).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

/// What is left of a directory behind a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    More,
    /// The directory is read.
    Nothing,
    /// There is more, and it is not looked at.
    TooMuch,
    /// The file system fails.
    Unreadable,
}

impl List {
    pub(super) fn insert(&mut self, entry: Entry) {
        let bytes = entry.bytes();
        if self.entries.insert(entry) {
            self.bytes += bytes;
        }
    }

    /// How many entries are kept.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many of the entries are directories.
    pub(super) fn directories(&self) -> usize {
        self.entries.iter().take_while(|entry| entry.served.kind == Kind::Directory).count()
    }

    /// Whether there is no room for more entries, unless some are left out.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > LIST_BYTES_MAX
    }

    /// The first `max` entries in this order of those whose folded names have `filter` in them.
    pub(super) fn first(&self, order: Order, filter: &str, max: usize) -> Shown<'_> {
        let mut sort_keys = self.sort_keys(filter);
        let first = order.first_of(&mut sort_keys, max);
        let entries = first.iter().map(|place| place.entry).collect();
        Shown { entries, matching: sort_keys.len() }
    }

    /// Leaves out every entry that is on no page without a filter, in whatever order. `row_bytes`
    /// is what an entry takes at least on a page of `page_bytes` bytes.
    pub(super) fn leave_out(&mut self, row_bytes: impl Fn(&Entry) -> usize, page_bytes: usize) {
        let mut is_kept = vec![false; self.entries.len()];
        let mut sort_keys = self.sort_keys("");
        for order in Order::ALL {
            let mut room = page_bytes;
            for place in order.first_of(&mut sort_keys, SHOWN_MAX) {
                let Some(left) = room.checked_sub(row_bytes(place.entry)) else { break };
                room = left;
                is_kept[place.index] = true;
            }
        }
        let all = std::mem::take(&mut self.entries).into_iter();
        let before = all.len();
        let kept = all.zip(is_kept).filter_map(|(entry, is_kept)| is_kept.then_some(entry));
        self.entries = kept.collect();
        self.left_out += before - self.entries.len();
        self.bytes = self.entries.iter().map(Entry::bytes).sum();
    }

    /// Where each entry stands whose folded name has `filter` in it.
    fn sort_keys(&self, filter: &str) -> Vec<SortKey<'_>> {
        let is_meant = |entry: &&Entry| filter.is_empty() || entry.folded.contains(filter);
        let meant = self.entries.iter().filter(is_meant);
        meant.enumerate().map(|(index, entry)| SortKey::new(index, entry)).collect()
    }
}

/// Where an entry stands in the order by name, and what decides in other orders: sorting these does
/// not touch the entries, which lie all over the memory.
#[derive(Clone, Copy, Debug)]
struct SortKey<'l> {
    index: usize,
    kind: Kind,
    size: u64,
    modified: Stamp,
    entry: &'l Entry,
}

impl<'l> SortKey<'l> {
    fn new(index: usize, entry: &'l Entry) -> SortKey<'l> {
        let Served { kind, modified, .. } = entry.served;
        SortKey { index, kind, size: entry.size(), modified, entry }
    }
}

impl Order {
    /// The first `max` of these keys, sorted. The others are in no order then.
    fn first_of<'p, 'l>(self, sort_keys: &'p mut [SortKey<'l>], max: usize) -> &'p [SortKey<'l>] {
        let compare = |one: &SortKey<'_>, other: &SortKey<'_>| self.compare(one, other);
        let first = match sort_keys.len() > max {
            true => sort_keys.select_nth_unstable_by(max, compare).0,
            false => sort_keys,
        };
        first.sort_unstable_by(compare);
        first
    }

    /// Directories first, then by the column, and by name where that is the same.
    fn compare(self, one: &SortKey<'_>, other: &SortKey<'_>) -> Ordering {
        let by_column = match self.column {
            Column::Name => one.index.cmp(&other.index),
            Column::Size => one.size.cmp(&other.size),
            Column::Date => one.modified.cmp(&other.modified),
        };
        let directed = match self.direction {
            Direction::Ascending => by_column,
            Direction::Descending => by_column.reverse(),
        };
        one.kind.cmp(&other.kind).then(directed).then(one.index.cmp(&other.index))
    }
}

/// The natural order: runs of digits count as the numbers that they are.
fn natural(mut one: &[u8], mut other: &[u8]) -> Ordering {
    loop {
        match (one.first(), other.first()) {
            (Some(first), Some(second)) if first.is_ascii_digit() && second.is_ascii_digit() => {
                let (number, other_number) = (take_number(&mut one), take_number(&mut other));
                let by_size = number.len().cmp(&other_number.len());
                let order = by_size.then_with(|| number.cmp(other_number));
                if order.is_ne() {
                    return order;
                }
            }
            (Some(first), Some(second)) if first == second => {
                (one, other) = (&one[1..], &other[1..]);
            }
            (None, None) => return Ordering::Equal,
            (first, second) => return first.cmp(&second),
        }
    }
}

/// Takes the digits off the start of `text`, and returns them without leading zeros.
fn take_number<'t>(text: &mut &'t [u8]) -> &'t [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, remaining) = text.split_at(end);
    *text = remaining;
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: Kind, bytes: u64) -> Entry {
        let served = Served { kind, bytes, modified: Stamp::default() };
        Entry::new(name.as_bytes().into(), served)
    }

    fn names(shown: &Shown<'_>) -> Vec<String> {
        let names = shown.entries.iter().map(|entry| String::from_utf8_lossy(&entry.name));
        names.map(|name| name.into_owned()).collect()
    }

    fn list(files: &[&str]) -> List {
        let mut list = List::default();
        for name in files {
            list.insert(entry(name, Kind::File, 0));
        }
        list
    }

    #[test]
    fn numbers_in_names_count_as_numbers_and_the_case_of_letters_does_not_count() {
        let sorted = [
            "",
            " ",
            "01",
            "1",
            "2 b",
            "10",
            "A1",
            "a1b",
            "a01c",
            "File2",
            "file10",
            "FILE11",
            "file99999999999999999999999999",
            "file100000000000000000000000000",
            "x-1",
            "x.1",
            "x1",
            "x_1",
            "\u{c4}pfel",
            "\u{e4}pfel 2",
            "\u{c4}pfel 10",
        ];
        // Not so in the order of bytes, and whatever the order in which they come.
        for turn in 0..sorted.len() {
            let mut files = sorted;
            files.rotate_left(turn);
            assert_eq!(names(&list(&files).first(Order::BY_NAME, "", 100)), sorted);
        }
    }

    #[test]
    fn names_that_differ_only_in_case_or_zeros_are_entries_of_their_own() {
        let list = list(&["a", "A", "a01", "a1", "a001"]);
        assert_eq!(names(&list.first(Order::BY_NAME, "", 9)), ["A", "a", "a001", "a01", "a1"]);
    }

    #[test]
    fn directories_come_first_in_every_order_and_equals_come_by_name() {
        let mut list = list(&["f2", "f1", "f10"]);
        for name in ["d10", "d9"] {
            list.insert(entry(name, Kind::Directory, 4096 * name.len() as u64));
        }
        list.insert(entry("big", Kind::File, 7));
        let first = |column, direction| names(&list.first(Order { column, direction }, "", 9));
        let by_name = ["d9", "d10", "big", "f1", "f2", "f10"];
        assert_eq!(first(Column::Name, Direction::Ascending), by_name);
        let backwards = ["d10", "d9", "f10", "f2", "f1", "big"];
        assert_eq!(first(Column::Name, Direction::Descending), backwards);
        assert_eq!(first(Column::Size, Direction::Descending), by_name);
        let by_size = ["d9", "d10", "f1", "f2", "f10", "big"];
        assert_eq!(first(Column::Size, Direction::Ascending), by_size);
        assert_eq!(list.directories(), 2);
    }

    #[test]
    fn the_first_of_many_are_the_first_of_the_order_and_the_filter_looks_at_all() {
        let mut list = List::default();
        for number in 0..1000 {
            list.insert(entry(&format!("Name {number}"), Kind::File, number * 7919 % 1000));
        }
        for order in Order::ALL {
            let all = names(&list.first(order, "", 1000));
            assert_eq!(names(&list.first(order, "", 10)), all[..10], "{order:?}");
        }
        let shown = list.first(Order::BY_NAME, "e 99", 10);
        assert_eq!((shown.matching, names(&shown)[0].as_str()), (11, "Name 99"));
        assert_eq!(list.first(Order::BY_NAME, "no such name", 10).matching, 0);
    }

    #[test]
    fn a_list_that_is_full_leaves_out_what_would_be_on_no_page() {
        let row_bytes = |entry: &Entry| 2 * entry.name.len() + 80;
        let page_bytes = 416 * 1024;
        for name_len in [12, 255] {
            let mut list = List::default();
            let mut number = 0;
            while !list.is_full() {
                let name = format!("{:0name_len$}", number * 7919 % 100_003);
                list.insert(entry(&name, Kind::File, number * 31 % 100_019));
                number += 1;
            }
            let pages = |list: &List| Order::ALL.map(|order| names(&list.first(order, "", 700)));
            let before = (pages(&list), list.len());
            list.leave_out(row_bytes, page_bytes);
            assert_eq!(pages(&list), before.0);
            assert_eq!(list.len() + list.left_out, before.1);
            assert!(list.bytes() < LIST_BYTES_MAX * 4 / 5, "{} bytes", list.bytes());
        }
    }
}
