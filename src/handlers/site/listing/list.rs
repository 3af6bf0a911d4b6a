//! What is known of one directory: its entries, in natural order.
//!
//! What is found is merged into that order slice by slice, so that a large list is never sorted at
//! once. All other orders are made from it when a page is made. A list lies in three pieces of memory,
//! however many entries it has: who looks through it reads them in a row, and dropping it takes no time.

use std::cmp::Ordering;
use std::ops::Range;

use super::super::directory::Served;
use super::super::root::Kind;
use super::view::{Column, Direction, Order, fold};

/// The most entries on a page.
pub(super) const SHOWN_MAX: usize = 2000;

/// The most entries of one directory. Of more, those that would be on no page without a filter are left
/// out: at least half of them.
const ENTRIES_MAX: usize = 2 * SHOWN_MAX * Order::ALL.len();

/// The most memory that the entries of one directory take, in bytes. If their names are longer than
/// about 60 bytes, some are left out before there are [`ENTRIES_MAX`].
pub(super) const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'l> {
    pub(super) name: &'l [u8],
    pub(super) served: Served,
}

/// The entries of one directory.
#[derive(Debug, Default)]
pub(super) struct List {
    records: Vec<Record>,
    /// The names of all entries, one behind another, in the order in which they came.
    names: Vec<u8>,
    /// The same names as they are compared.
    folded: String,
    /// How many were left out, because there was no room for them.
    pub(super) left_out: usize,
}

/// An entry, and where its names lie.
#[derive(Clone, Copy, Debug)]
struct Record {
    served: Served,
    name: Span,
    folded: Span,
}

/// The first entries of a list in some order, and how many there are.
#[derive(Debug)]
pub(super) struct Shown<'l> {
    pub(super) entries: Vec<Entry<'l>>,
    pub(super) matching: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The last `bytes` bytes before `end`.
    fn before(end: usize, bytes: usize) -> Span {
        let short = |place| u32::try_from(place).expect("a list has some MiB");
        Span { start: short(end - bytes), end: short(end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Record {
    /// A directory's own size says nothing of what is in it.
    fn size(&self) -> u64 {
        match self.served.kind {
            Kind::Directory => 0,
            Kind::File => self.served.bytes,
        }
    }
}

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
    /// Takes in what was found, in its order. An entry that is there already stays as it is.
    pub(super) fn merge(&mut self, found: impl IntoIterator<Item = (Box<[u8]>, Served)>) {
        let found = found.into_iter().map(|(name, served)| self.record(&name, served));
        let mut new: Vec<Record> = found.collect();
        new.sort_unstable_by(|one, other| self.compare(one, other));
        new.dedup_by(|one, other| self.compare(one, other).is_eq());
        let place = |new: &Record| self.records.binary_search_by(|it| self.compare(it, new)).err();
        let new: Vec<_> =
            new.into_iter().filter_map(|new| place(&new).map(|place| (place, new))).collect();
        // From the last one on: what stands behind its place makes room for it and for those before.
        let mut end = self.records.len();
        self.records.extend(new.iter().map(|(_, record)| record));
        for (before, (place, record)) in new.into_iter().enumerate().rev() {
            self.records.copy_within(place..end, place + before + 1);
            self.records[place + before] = record;
            end = place;
        }
    }

    fn record(&mut self, name: &[u8], served: Served) -> Record {
        let folded = fold(name);
        self.names.extend_from_slice(name);
        self.folded.push_str(&folded);
        Record {
            served,
            name: Span::before(self.names.len(), name.len()),
            folded: Span::before(self.folded.len(), folded.len()),
        }
    }

    /// Directories first, then by name: the natural order, and where that is the same, the bytes.
    fn compare(&self, one: &Record, other: &Record) -> Ordering {
        let by_kind = one.served.kind.cmp(&other.served.kind);
        let by_name = || natural(self.folded(one).as_bytes(), self.folded(other).as_bytes());
        by_kind.then_with(by_name).then_with(|| self.name(one).cmp(self.name(other)))
    }

    fn name(&self, record: &Record) -> &[u8] {
        &self.names[record.name.range()]
    }

    fn folded(&self, record: &Record) -> &str {
        &self.folded[record.folded.range()]
    }

    fn entry(&self, index: usize) -> Entry<'_> {
        let record = &self.records[index];
        Entry { name: self.name(record), served: record.served }
    }

    /// How many entries are kept.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The memory that it takes, in bytes, without what is set aside for more and has not been touched.
    pub(super) fn bytes(&self) -> usize {
        self.records.len() * size_of::<Record>() + self.names.len() + self.folded.len()
    }

    /// How many of the entries are directories.
    pub(super) fn directories(&self) -> usize {
        self.records.partition_point(|record| record.served.kind == Kind::Directory)
    }

    /// Whether there is no room for more entries, unless some are left out.
    pub(super) fn is_full(&self) -> bool {
        self.len() > ENTRIES_MAX || self.bytes() > LIST_BYTES_MAX
    }

    /// The first `max` entries in this order of those whose folded names have `filter` in them.
    pub(super) fn first(&self, order: Order, filter: &str, max: usize) -> Shown<'_> {
        let is_meant = |index: &usize| self.folded(&self.records[*index]).contains(filter);
        let mut meant: Vec<usize> = (0..self.len()).filter(is_meant).collect();
        let first = self.first_of(&mut meant, order, max);
        let entries = first.iter().map(|index| self.entry(*index)).collect();
        Shown { entries, matching: meant.len() }
    }

    /// The first `max` of the entries at these places, sorted. The others are in no order then.
    fn first_of<'p>(&self, places: &'p mut [usize], order: Order, max: usize) -> &'p [usize] {
        let placed = |index: usize| (index, &self.records[index]);
        let compare = |one: &usize, other: &usize| order.compare(placed(*one), placed(*other));
        let first = match places.len() > max {
            true => places.select_nth_unstable_by(max, compare).0,
            false => places,
        };
        first.sort_unstable_by(compare);
        first
    }

    /// Leaves out every entry that is on no page without a filter, in whatever order. `row_bytes`
    /// is what an entry takes at least on a page of `page_bytes` bytes.
    pub(super) fn leave_out(&mut self, row_bytes: impl Fn(Entry<'_>) -> usize, page_bytes: usize) {
        let mut is_kept = vec![false; self.len()];
        let mut places: Vec<usize> = (0..self.len()).collect();
        for order in Order::ALL {
            let mut room = page_bytes;
            for index in self.first_of(&mut places, order, SHOWN_MAX) {
                let Some(left) = room.checked_sub(row_bytes(self.entry(*index))) else { break };
                room = left;
                is_kept[*index] = true;
            }
        }
        let all = std::mem::take(self);
        self.left_out = all.left_out;
        for (record, is_kept) in all.records.iter().zip(is_kept) {
            if is_kept {
                let record = self.record(all.name(record), record.served);
                self.records.push(record);
            } else {
                self.left_out += 1;
            }
        }
    }
}

impl Order {
    /// Directories first, then by the column, and by name where that is the same. By name, entries are
    /// in the order of their places.
    fn compare(self, (at, one): (usize, &Record), (other_at, other): (usize, &Record)) -> Ordering {
        let by_column = match self.column {
            Column::Name => at.cmp(&other_at),
            Column::Size => one.size().cmp(&other.size()),
            Column::Date => one.served.modified.cmp(&other.served.modified),
        };
        let directed = match self.direction {
            Direction::Ascending => by_column,
            Direction::Descending => by_column.reverse(),
        };
        one.served.kind.cmp(&other.served.kind).then(directed).then(at.cmp(&other_at))
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
    use super::super::super::identity::Stamp;
    use super::super::page;
    use super::*;

    fn found(name: impl AsRef<[u8]>, kind: Kind, bytes: u64) -> (Box<[u8]>, Served) {
        (name.as_ref().into(), Served { kind, bytes, modified: Stamp::default() })
    }

    fn names(shown: &Shown<'_>) -> Vec<String> {
        let names = shown.entries.iter().map(|entry| String::from_utf8_lossy(entry.name));
        names.map(|name| name.into_owned()).collect()
    }

    fn list(files: &[&str]) -> List {
        let mut list = List::default();
        list.merge(files.iter().map(|name| found(name, Kind::File, 0)));
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
            for slice in 1..files.len() {
                let mut list = List::default();
                for some in files.chunks(slice) {
                    list.merge(some.iter().map(|name| found(name, Kind::File, 0)));
                }
                assert_eq!(names(&list.first(Order::BY_NAME, "", 100)), sorted);
            }
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
        list.merge(
            ["d10", "d9"].map(|name| found(name, Kind::Directory, 4096 * name.len() as u64)),
        );
        list.merge([found("big", Kind::File, 7)]);
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
        let file = |number: u64| found(format!("Name {number}"), Kind::File, number * 7919 % 1000);
        list.merge((0..1000).map(file));
        for order in Order::ALL {
            let all = names(&list.first(order, "", 1000));
            assert_eq!(names(&list.first(order, "", 10)), all[..10], "{order:?}");
        }
        let shown = list.first(Order::BY_NAME, "e 99", 10);
        assert_eq!((shown.matching, names(&shown)[0].as_str()), (11, "Name 99"));
        assert_eq!(list.first(Order::BY_NAME, "no such name", 10).matching, 0);
    }

    #[test]
    fn an_entry_that_is_there_already_stays_as_it_is() {
        let mut list = list(&["b", "a", "b"]);
        list.merge([
            found("a", Kind::File, 7),
            found("c", Kind::File, 7),
            found("c", Kind::File, 8),
        ]);
        let shown = list.first(Order::BY_NAME, "", 9);
        assert_eq!(names(&shown), ["a", "b", "c"]);
        assert_eq!(shown.entries[0].served.bytes, 0);
    }

    #[test]
    fn a_list_that_is_full_leaves_out_what_would_be_on_no_page() {
        let page_bytes = page::ROWS_BYTES_MAX;
        let long = [b'x', b'X', 0xff].map(|byte| vec![byte; 243]);
        let wide = "\u{130}".repeat(121).into_bytes();
        for ending in [vec![], wide].iter().chain(&long) {
            let mut list = List::default();
            let file = |number: u64| {
                let name = format!("{:012}", number * 7919 % 100_003).into_bytes();
                found([name, ending.clone()].concat(), Kind::File, number * 31 % 100_019)
            };
            for slice in 0.. {
                list.merge((100 * slice..100 * (slice + 1)).map(file));
                if list.is_full() {
                    break;
                }
            }
            let pages = |list: &List| Order::ALL.map(|order| names(&list.first(order, "", 250)));
            let before = (pages(&list), list.len());
            list.leave_out(page::row_bytes_min, page_bytes);
            assert_eq!(pages(&list), before.0);
            assert_eq!(list.len() + list.left_out, before.1);
            assert!(list.bytes() < LIST_BYTES_MAX * 4 / 5, "{} bytes", list.bytes());
            assert!(list.len() < ENTRIES_MAX * 4 / 5, "{} entries", list.len());
        }
    }
}
