//! What is known of the files that are asked for: bounded in memory and in descriptors, and found
//! by name without an allocation.
//!
//! When there is no room, a clock hand goes round all entries and removes those that have not been
//! used since its last visit: nearly the least recently used ones, without a list to update at
//! every use.

use std::collections::HashMap;
use std::time::Duration;

use super::coding::Coding;
use super::content::{Content, KEPT_BYTES_MAX};
use super::removed::Removed;
use super::representation::Representation;
use super::variant::Variant;
use crate::time::Time;

/// How many files are kept open for the next client that asks for them. They are descriptors that
/// clients cannot have, so they are few; what is not open is opened for each answer.
const OPEN_FILES_MAX: usize = 256;

/// How long a file is kept open that no client asks for. Meanwhile a deleted file keeps its place
/// on the disk, and its file system cannot be unmounted. It may take twice as long, because that is
/// how often all of them are looked at.
const UNUSED_MAX: Duration = Duration::from_secs(10);

/// What is known about a file, by its name or by that of its directory.
#[derive(Debug)]
pub(super) struct Entry {
    key: Box<[u8]>,
    /// The file's name.
    pub(super) name: Box<[u8]>,
    pub(super) representation: Representation,
    /// One for each [`Coding`].
    pub(super) variants: [State; Coding::COUNT],
    used: Used,
    /// What it was last counted as.
    footprint: Footprint,
}

/// Whether the hand has to come by once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Used {
    SinceTheHand,
    NotSince,
}

/// What is known of a file in one coding.
#[derive(Debug)]
pub(super) enum State {
    Unknown,
    /// It was not there at this time.
    Absent(Time),
    Present(Box<Variant>),
}

/// What an entry takes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Footprint {
    bytes: usize,
    files: usize,
}

impl Entry {
    /// An entry of which nothing is known yet.
    pub(super) fn new(key: &[u8], name: &[u8], representation: Representation) -> Entry {
        Entry {
            key: key.into(),
            name: name.into(),
            representation,
            variants: [const { State::Unknown }; Coding::COUNT],
            // An entry that is asked for only once goes before those that are asked for again.
            used: Used::NotSince,
            footprint: Footprint::default(),
        }
    }

    /// Whether it keeps a file open that no client has asked for of late.
    fn is_open_in_vain(&self, now: Time) -> bool {
        self.is_open_only()
            && self.variants.iter().any(|state| match state {
                State::Present(variant) => {
                    matches!(variant.content, Content::InFile(_))
                        && now.since(variant.fresh_until) >= UNUSED_MAX
                }
                State::Unknown | State::Absent(_) => false,
            })
    }

    /// Whether it keeps files open, none of which is being sent.
    fn is_open_only(&self) -> bool {
        self.footprint.files > 0
            && self.variants.iter().all(|state| match state {
                State::Present(variant) => {
                    matches!(variant.content, Content::Kept(_)) || !variant.is_being_sent()
                }
                State::Unknown | State::Absent(_) => true,
            })
    }

    fn measure(&self) -> Footprint {
        // The key is in the map as well.
        let names = 2 * (self.key.len() + size_of::<usize>() * 4) + self.name.len();
        let bytes = size_of::<Entry>() + names + self.representation.media_type.len();
        let mut footprint = Footprint { bytes, files: 0 };
        for state in &self.variants {
            if let State::Present(variant) = state {
                footprint.bytes += variant.footprint();
                footprint.files += usize::from(matches!(variant.content, Content::InFile(_)));
            }
        }
        footprint
    }
}

/// All entries.
#[derive(Debug)]
pub(super) struct Cache {
    entries: Vec<Entry>,
    by_key: HashMap<Box<[u8]>, usize>,
    hand: usize,
    total: Footprint,
    removed: Removed,
    bytes_max: usize,
    /// How many files may be open, kept or being sent.
    files_max: usize,
    /// When the open files were last swept of those that no client asks for.
    swept: Time,
}

impl Cache {
    /// A cache that takes about `bytes_max` bytes at the most, and one entry in any case. Any
    /// number of files may be open.
    pub(super) fn new(bytes_max: usize) -> Cache {
        Cache {
            entries: Vec::new(),
            by_key: HashMap::new(),
            hand: 0,
            total: Footprint::default(),
            removed: Removed::default(),
            bytes_max,
            files_max: usize::MAX,
            swept: Time::START,
        }
    }

    /// Takes about `bytes_max` bytes from now on.
    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        *self = Cache { files_max: self.files_max, ..Cache::new(bytes_max) };
    }

    /// Has at most `files_max` files open from now on.
    pub(super) fn set_files_max(&mut self, files_max: usize) {
        self.files_max = files_max;
    }

    /// The most memory that it takes and has others take, in bytes: what is in it, what it has given
    /// up and is still being sent, and one more file.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max.saturating_add(2 * KEPT_BYTES_MAX as usize)
    }

    /// How many bytes of a file may come into memory: none if clients are still being sent as much as
    /// there may be of what has been given up.
    pub(super) fn room(&mut self) -> usize {
        let most = self.bytes_max.max(KEPT_BYTES_MAX as usize);
        most.saturating_sub(self.removed.bytes())
    }

    /// Whether one more file may be open. If not, those that are only kept open are closed, but for
    /// what the entry `kept` has; that may be moved by it.
    pub(super) fn has_room_for_file(&mut self, kept: &mut usize) -> bool {
        if self.total.files + self.removed.files() < self.files_max {
            return true;
        }
        if let Some(moved) = self.give_way(*kept) {
            *kept = moved;
        }
        self.total.files + self.removed.files() < self.files_max
    }

    /// Says what is known of a file in one coding from now on. [`Cache::settle`] has to follow.
    pub(super) fn set(&mut self, index: usize, coding: Coding, state: State) {
        let before = &mut self.entries[index].variants[coding as usize];
        if let State::Present(variant) = std::mem::replace(before, state) {
            self.removed.note(&variant);
        }
    }

    /// Revises what a file is, now that its content is known. If it is something else than what was
    /// said, what is said with its codings is made anew. [`Cache::settle`] has to follow.
    pub(super) fn revise(&mut self, index: usize, content: &Content, bytes: u64) {
        let entry = &mut self.entries[index];
        if let Some(representation) = entry.representation.revised(&entry.name, content, bytes) {
            entry.representation = representation;
            for coding in Coding::ALL {
                self.set(index, coding, State::Unknown);
            }
        }
    }

    /// Where the entry with this key is, until another is taken out.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<usize> {
        let index = *self.by_key.get(key)?;
        self.entries[index].used = Used::SinceTheHand;
        Some(index)
    }

    pub(super) fn entry(&mut self, index: usize) -> &mut Entry {
        &mut self.entries[index]
    }

    /// Takes in an entry that is not there, without making room for it yet.
    pub(super) fn insert(&mut self, entry: Entry) -> usize {
        let index = self.entries.len();
        self.by_key.insert(entry.key.clone(), index);
        self.entries.push(entry);
        index
    }

    /// Counts anew what this entry takes up, after something of it has changed, and takes out
    /// others until there is room. Says where it is now.
    pub(super) fn settle(&mut self, index: usize) -> usize {
        let (counted, now) = (self.entries[index].footprint, self.entries[index].measure());
        self.entries[index].footprint = now;
        self.total.bytes = self.total.bytes - counted.bytes + now.bytes;
        self.total.files = self.total.files - counted.files + now.files;
        let mut kept = index;
        if self.total.bytes + self.removed.bytes_noted() > self.bytes_max {
            self.removed.bytes();
        }
        while self.total.bytes + self.removed.bytes_noted() > self.bytes_max
            && self.entries.len() > 1
        {
            kept = self.turn_hand(kept, |_| true);
        }
        // What is being sent stays open in any case, so its entry may as well stay.
        for _ in 0..2 * self.entries.len() {
            if self.total.files <= OPEN_FILES_MAX {
                break;
            }
            kept = self.turn_hand(kept, Entry::is_open_only);
        }
        kept
    }

    /// Takes out this entry.
    pub(super) fn remove(&mut self, index: usize) {
        let entry = self.entries.swap_remove(index);
        self.by_key.remove(&entry.key);
        for state in &entry.variants {
            if let State::Present(variant) = state {
                self.removed.note(variant);
            }
        }
        self.total.bytes -= entry.footprint.bytes;
        self.total.files -= entry.footprint.files;
        if let Some(moved) = self.entries.get(index)
            && let Some(place) = self.by_key.get_mut(&moved.key)
        {
            *place = index;
        }
    }

    /// Takes out every entry whose open file is not being sent, and says whether there was one.
    pub(super) fn close_files(&mut self) -> bool {
        // No entry is there, so none is kept.
        self.give_way(usize::MAX).is_some()
    }

    /// Takes out every other entry whose open file is not being sent, because descriptors are
    /// needed. Says where the entry `kept` is now, or `None` if there was nothing to take out.
    pub(super) fn give_way(&mut self, mut kept: usize) -> Option<usize> {
        let before = self.entries.len();
        let mut index = 0;
        while index < self.entries.len() {
            if index == kept || !self.entries[index].is_open_only() {
                index += 1;
                continue;
            }
            // The last entry comes to where this one was.
            if kept == self.entries.len() - 1 {
                kept = index;
            }
            self.remove(index);
        }
        (self.entries.len() < before).then_some(kept)
    }

    /// Takes out the entries that keep a file open which no client asks for.
    pub(super) fn sweep(&mut self, now: Time) {
        if self.total.files == 0 || now.since(self.swept) < UNUSED_MAX {
            return;
        }
        self.swept = now;
        let mut index = 0;
        while index < self.entries.len() {
            match self.entries[index].is_open_in_vain(now) {
                // The last entry comes to where this one was.
                true => self.remove(index),
                false => index += 1,
            }
        }
    }

    /// From now on every file is looked at before it is answered with. What was said of its states
    /// is still known.
    pub(super) fn expire(&mut self) {
        for state in self.entries.iter_mut().flat_map(|entry| &mut entry.variants) {
            match state {
                State::Present(variant) => variant.expire(),
                State::Absent(_) | State::Unknown => *state = State::Unknown,
            }
        }
    }

    /// Moves the hand by one entry, and takes that out if it has not been used and is one of
    /// those meant; `kept` is not. Says where that is now.
    fn turn_hand(&mut self, kept: usize, is_meant: impl Fn(&Entry) -> bool) -> usize {
        self.hand = if self.hand + 1 < self.entries.len() { self.hand + 1 } else { 0 };
        let entry = &mut self.entries[self.hand];
        if self.hand == kept || !is_meant(entry) {
            return kept;
        }
        if entry.used == Used::SinceTheHand {
            entry.used = Used::NotSince;
            return kept;
        }
        // The last entry comes to where the hand is.
        let was_last = self.entries.len() - 1;
        self.remove(self.hand);
        if kept == was_last { self.hand } else { kept }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use super::super::representation::Types;
    use super::*;

    const ROOM: usize = 100_000;

    fn entry(key: &str) -> Entry {
        Entry::new(
            key.as_bytes(),
            key.as_bytes(),
            Representation::of(key.as_bytes(), &Types::default()),
        )
    }

    /// An entry for a file with this content, in memory or open.
    fn take_in(cache: &mut Cache, key: &str, content: Content) -> usize {
        let index = cache.insert(entry(key));
        let variant = Variant::of_content(content);
        cache.entry(index).variants[0] = State::Present(Box::new(variant));
        cache.settle(index)
    }

    fn kept(bytes: usize) -> Content {
        Content::Kept(vec![0; bytes].into())
    }

    fn open() -> Content {
        Content::InFile(Arc::new(File::open("/dev/null").expect("every system has it")))
    }

    fn clear(cache: &mut Cache) {
        while !cache.entries.is_empty() {
            cache.remove(cache.entries.len() - 1);
        }
    }

    fn check(cache: &Cache) {
        let mut total = Footprint::default();
        for (index, entry) in cache.entries.iter().enumerate() {
            assert_eq!(entry.footprint, entry.measure());
            assert_eq!(cache.by_key.get(&entry.key), Some(&index));
            total.bytes += entry.footprint.bytes;
            total.files += entry.footprint.files;
        }
        assert_eq!(cache.total, total);
        assert_eq!(cache.by_key.len(), cache.entries.len());
    }

    #[test]
    fn memory_stays_within_its_bound_and_what_is_used_stays() {
        let mut cache = Cache::new(ROOM);
        take_in(&mut cache, "hot", kept(1000));
        for number in 0..1000 {
            let key = format!("cold {number}");
            let index = take_in(&mut cache, &key, kept(1000));
            assert_eq!(&*cache.entry(index).key, key.as_bytes());
            assert!(cache.total.bytes <= ROOM, "{}", cache.total.bytes);
            assert!(cache.find(b"hot").is_some(), "after {number}");
            check(&cache);
        }
        assert!(cache.entries.len() > 20, "there is room for more than {}", cache.entries.len());
    }

    #[test]
    fn one_entry_is_kept_however_large_it_is() {
        let mut cache = Cache::new(0);
        for key in ["a", "b", "c"] {
            let index = take_in(&mut cache, key, kept(5000));
            assert_eq!((index, cache.entries.len()), (0, 1));
            assert!(cache.find(key.as_bytes()).is_some());
            check(&cache);
        }
    }

    #[test]
    fn few_files_are_kept_open_and_all_are_given_up_for_others_who_need_descriptors() {
        let mut cache = Cache::new(usize::MAX);
        take_in(&mut cache, "in memory", kept(10));
        for number in 0..2 * OPEN_FILES_MAX {
            take_in(&mut cache, &format!("open {number}"), open());
            assert!(cache.total.files <= OPEN_FILES_MAX);
        }
        check(&cache);
        assert_eq!(cache.total.files, OPEN_FILES_MAX);
        let last = cache.find(format!("open {}", 2 * OPEN_FILES_MAX - 1).as_bytes());
        let last = cache.give_way(last.expect("the last one is there")).expect("others gave way");
        assert_eq!((cache.total.files, cache.entries.len()), (1, 2));
        assert!(cache.entry(last).key.starts_with(b"open"));
        assert_eq!(cache.give_way(last), None);
        check(&cache);
    }

    #[test]
    fn a_file_that_is_being_sent_counts_until_it_is_out_and_others_make_room() {
        let mut cache = Cache::new(usize::MAX);
        cache.set_files_max(3);
        let mut index = take_in(&mut cache, "sent", open());
        let State::Present(variant) = &cache.entry(index).variants[0] else {
            panic!("it is there")
        };
        let Content::InFile(sent) = &variant.content else { panic!("it is open") };
        let sent = Arc::clone(sent);
        assert!(cache.has_room_for_file(&mut index));
        for key in ["kept", "kept, too"] {
            index = take_in(&mut cache, key, open());
        }
        assert!(cache.has_room_for_file(&mut index), "one that is only kept open is closed");
        assert_eq!((cache.total.files, cache.entries.len()), (2, 2));
        assert!(cache.find(b"sent").is_some(), "it could not be closed");
        clear(&mut cache);
        assert_eq!(cache.removed.files(), 1);
        cache.set_files_max(1);
        assert!(!cache.has_room_for_file(&mut usize::MAX.clone()));
        drop(sent);
        assert!(cache.has_room_for_file(&mut usize::MAX.clone()));
    }

    #[test]
    fn what_is_being_sent_is_found_again_however_long_that_takes() {
        let mut cache = Cache::new(usize::MAX);
        let mut sent = Vec::new();
        for number in 0..2 * OPEN_FILES_MAX {
            let index = take_in(&mut cache, &number.to_string(), open());
            let State::Present(variant) = &cache.entry(index).variants[0] else { panic!("it is") };
            let Content::InFile(file) = &variant.content else { panic!("it is open") };
            sent.push(Arc::clone(file));
        }
        check(&cache);
        assert_eq!((cache.total.files, cache.removed.files()), (2 * OPEN_FILES_MAX, 0));
        cache.sweep(Time::START + 2 * UNUSED_MAX);
        assert_eq!(cache.total.files, 2 * OPEN_FILES_MAX);
        sent.clear();
        take_in(&mut cache, "one more", open());
        check(&cache);
        assert_eq!(cache.total.files, OPEN_FILES_MAX);
    }

    #[test]
    fn bytes_that_are_being_sent_count_although_they_are_given_up() {
        let mut cache = Cache::new(ROOM);
        let mut sent = Vec::new();
        for number in 0..20 {
            let index = take_in(&mut cache, &number.to_string(), kept(10_000));
            let State::Present(variant) = &cache.entry(index).variants[0] else { panic!("it is") };
            let Content::Kept(bytes) = &variant.content else { panic!("it is in memory") };
            sent.push(Arc::clone(bytes));
            check(&cache);
        }
        assert!(cache.removed.bytes() > ROOM, "nothing was asked for room");
        assert_eq!((cache.room(), cache.entries.len()), (0, 1));
        sent.truncate(5);
        let room = cache.room();
        assert!((ROOM - 60_000..ROOM).contains(&room), "{room}");
    }

    #[test]
    fn a_file_that_nobody_asks_for_is_not_kept_open_for_long() {
        let mut cache = Cache::new(usize::MAX);
        for key in ["a", "b", "c", "d"] {
            take_in(&mut cache, key, open());
        }
        take_in(&mut cache, "in memory", kept(10));
        let later = Time::START + UNUSED_MAX;
        cache.sweep(Time::START + UNUSED_MAX / 2);
        assert_eq!(cache.total.files, 4);
        let used = cache.find(b"b").expect("it is there");
        if let State::Present(variant) = &mut cache.entry(used).variants[0] {
            variant.fresh_until = later;
        }
        cache.sweep(later);
        check(&cache);
        assert_eq!(cache.total.files, 1);
        assert!(cache.find(b"b").is_some() && cache.find(b"in memory").is_some());
        cache.sweep(later + UNUSED_MAX);
        check(&cache);
        assert_eq!((cache.total.files, cache.entries.len()), (0, 1));
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_rest_is_found() {
        let mut cache = Cache::new(ROOM);
        for key in ["a", "b", "c"] {
            take_in(&mut cache, key, kept(10));
        }
        let first = cache.find(b"a").expect("it is there");
        cache.remove(first);
        check(&cache);
        assert_eq!(cache.find(b"a"), None);
        assert!(cache.find(b"b").is_some() && cache.find(b"c").is_some());
        clear(&mut cache);
        check(&cache);
        assert_eq!((cache.find(b"b"), cache.total), (None, Footprint::default()));
    }
}
