//! Finds what a name stands for: in the cache if that was checked within a second, else on the
//! disk.

use std::time::{Duration, SystemTime};

use super::cache::{Cache, Entry, State};
use super::coding::{Coding, Preference};
use super::content::Content;
use super::failure::Failure;
use super::identity::CHECK_EVERY;
use super::representation::{Negotiation, Representation, Types};
use super::root::{Found, Root, RootChange};
use super::variant::{Common, Variant};
use crate::answer::handler::Reloaded;
use crate::time::Time;

/// What is shown for a directory.
const INDEX: &[u8] = b"index.html";

/// The files beneath a root, and what is known of them.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) root: Root,
    pub(super) cache: Cache,
    pub(super) common: Common,
    pub(super) types: Types,
    /// How long it has looked at the disk since that was last asked, as far as that can be counted,
    /// and has read what is long.
    effort: Duration,
    /// Where names are put together.
    scratch: Vec<u8>,
}

/// How long it takes to look what a name stands for, in the kernel's memory of names.
const LOOK: Duration = Duration::from_micros(2);

/// How long it takes beyond that to open a file, to read it, and to make its fields.
const LOAD: Duration = Duration::from_micros(6);

/// Up to here what a client writes is as short as that of browsers, in bytes.
const LONG_BYTES: usize = 256;

/// How long it takes to read what is longer, more than other bytes of a head.
const NANOS_PER_LONG_BYTE: u64 = 5;

/// When a request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestTime {
    pub(super) now: Time,
    pub(super) date: SystemTime,
}

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Hit<'f> {
    File(&'f Variant, &'f Representation),
    /// A directory whose name lacks the slash at its end.
    Unslashed,
    /// There is no file with this name; if it ends in a slash, there may be a directory without
    /// an index.
    Nothing,
}

/// What has become of an entry's variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Present,
    Absent,
    Directory,
}

/// What an entry is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    Coding(Coding),
    /// The file is there, in nothing that the client takes.
    NotAcceptable,
    Nothing,
    Directory,
}

impl Files {
    pub(super) fn new(root: Root, cache_bytes: usize) -> Files {
        let cache = Cache::new(cache_bytes);
        Files {
            root,
            cache,
            common: Common::default(),
            types: Types::default(),
            effort: Duration::ZERO,
            scratch: Vec::new(),
        }
    }

    /// Opens the directory again, by its path. Each file is looked at again before it is sent.
    pub(super) fn reload(&mut self) -> Reloaded {
        let what = format!("the directory '{}'", self.root.path().display());
        match self.root.reopened() {
            Ok(root) => {
                self.root = root;
                self.cache.expire();
                Reloaded::Done(what)
            }
            Err(reason) => Reloaded::Failed(format!(
                "{what} cannot be opened: {reason}; make it one that can, and reload again"
            )),
        }
    }

    /// A client has written this much of what takes longer to read than other bytes of a head: names,
    /// and codings that it takes, of which thousands fit into one.
    pub(super) fn note_reading(&mut self, bytes: usize) {
        if bytes > LONG_BYTES {
            self.effort += Duration::from_nanos(bytes as u64 * NANOS_PER_LONG_BYTE);
        }
    }

    /// Something else has taken this long for the present answer.
    pub(super) fn note_effort(&mut self, effort: Duration) {
        self.effort += effort;
    }

    /// How long it has looked at the disk, and read what is long, since this was last asked.
    pub(super) fn take_effort(&mut self) -> Duration {
        std::mem::take(&mut self.effort)
    }

    /// What `name` stands for, in the coding that the client likes best of those there are.
    pub(super) fn find(
        &mut self,
        name: &[u8],
        preference: &Preference,
        request_time: RequestTime,
    ) -> Result<Hit<'_>, Failure> {
        if self.root.follow(request_time.now) == RootChange::Another {
            self.cache.expire();
        }
        self.cache.sweep(request_time.now);
        let mut index = match self.cache.find(name) {
            Some(index) => index,
            None => self.cache.insert(new_entry(name, &self.types)),
        };
        let coding = match self.choose(&mut index, preference, request_time) {
            Ok(Chosen::Coding(coding)) => coding,
            Ok(Chosen::NotAcceptable) => return Err(Failure::NotAcceptable),
            Ok(Chosen::Nothing) => {
                self.cache.remove(index);
                return Ok(Hit::Nothing);
            }
            Ok(Chosen::Directory) => {
                self.cache.remove(index);
                // The root's name is empty: what is a directory there is its index.
                let is_slashed = name.is_empty() || name.ends_with(b"/");
                return Ok(if is_slashed { Hit::Nothing } else { Hit::Unslashed });
            }
            Err(failure) => {
                self.cache.remove(index);
                return Err(failure);
            }
        };
        let entry = self.cache.entry(index);
        match &entry.variants[coding as usize] {
            State::Present(variant) => Ok(Hit::File(variant, &entry.representation)),
            State::Unknown | State::Absent(_) => Err(Failure::NotAcceptable),
        }
    }

    /// Looks for the file itself, without which its codings are nothing, and for these in the
    /// client's order until one is there.
    fn choose(
        &mut self,
        index: &mut usize,
        preference: &Preference,
        request_time: RequestTime,
    ) -> Result<Chosen, Failure> {
        match self.look(index, Coding::Identity, request_time)? {
            Seen::Present => {}
            Seen::Absent => return Ok(Chosen::Nothing),
            Seen::Directory => return Ok(Chosen::Directory),
        }
        let negotiation = self.cache.entry(*index).representation.negotiation;
        if negotiation == Negotiation::Gzip {
            return Ok(Chosen::Coding(Coding::Identity));
        }
        for coding in preference.codings() {
            let is_there = match (*coding, negotiation) {
                (Coding::Identity, _) => true,
                (_, Negotiation::Codings) => {
                    self.look(index, *coding, request_time)? == Seen::Present
                        && self.is_current(*index, *coding)
                }
                (_, Negotiation::None | Negotiation::Gzip) => false,
            };
            if is_there {
                return Ok(Chosen::Coding(*coding));
            }
        }
        Ok(Chosen::NotAcceptable)
    }

    /// Whether this coding of a file is not older than the file: after a change of the file its old
    /// codings must not be sent.
    fn is_current(&mut self, index: usize, coding: Coding) -> bool {
        let variants = &self.cache.entry(index).variants;
        match (&variants[Coding::Identity as usize], &variants[coding as usize]) {
            (State::Present(plain), State::Present(coded)) => {
                !coded.identity.is_older_than(&plain.identity)
            }
            _ => false,
        }
    }

    /// Sees to it that what is known of this variant is not older than a second.
    #[inline(always)]
    fn look(
        &mut self,
        index: &mut usize,
        coding: Coding,
        request_time: RequestTime,
    ) -> Result<Seen, Failure> {
        let entry = self.cache.entry(*index);
        let now = request_time.now;
        match &entry.variants[coding as usize] {
            State::Present(variant) if now < variant.fresh_until => return Ok(Seen::Present),
            State::Absent(checked) if now.since(*checked) < CHECK_EVERY => return Ok(Seen::Absent),
            State::Present(_) | State::Absent(_) | State::Unknown => {}
        }
        self.look_at_disk(index, coding, request_time)
    }

    /// The same, where it is older.
    #[inline(never)]
    fn look_at_disk(
        &mut self,
        index: &mut usize,
        coding: Coding,
        request_time: RequestTime,
    ) -> Result<Seen, Failure> {
        let entry = self.cache.entry(*index);
        self.scratch.clear();
        self.scratch.extend_from_slice(&entry.name);
        self.scratch.extend_from_slice(coding.ending().as_bytes());
        self.effort += LOOK;
        if let State::Present(variant) = &mut entry.variants[coding as usize]
            && variant.is_still(self.root.identity(&self.scratch), request_time.now)
        {
            variant.fresh_until = request_time.now + CHECK_EVERY;
            return Ok(Seen::Present);
        }
        self.load(index, coding, request_time)
    }

    /// Reads anew what the variant is, whose name is in `scratch`.
    fn load(
        &mut self,
        index: &mut usize,
        coding: Coding,
        request_time: RequestTime,
    ) -> Result<Seen, Failure> {
        let mut found = self.root.find(&self.scratch);
        if let Err(Failure::Exhausted) = found
            && let Some(moved) = self.cache.give_way(*index)
        {
            *index = moved;
            found = self.root.find(&self.scratch);
        }
        let room = self.cache.room();
        let read = found.and_then(|found| match found {
            Found::File(file, identity) => {
                Ok(Some((Content::read(file, identity.bytes, room)?, identity)))
            }
            Found::Directory => Ok(None),
        });
        let seen = match read {
            Ok(Some((content, identity))) => {
                self.effort += LOAD;
                if coding == Coding::Identity {
                    self.cache.revise(*index, &content, identity.bytes);
                }
                let now = (request_time.now, request_time.date);
                let entry = self.cache.entry(*index);
                let before = match &entry.variants[coding as usize] {
                    State::Present(variant) => Some(&**variant),
                    State::Unknown | State::Absent(_) => None,
                };
                let (representation, common) = (&entry.representation, &self.common);
                let variant =
                    Variant::new(before, content, identity, coding, representation, common, now);
                if matches!(variant.content, Content::InFile(_)) {
                    // What was known of it before may have kept it open.
                    self.cache.set(*index, coding, State::Unknown);
                    *index = self.cache.settle(*index);
                    if !self.cache.has_room_for_file(index) {
                        return Err(Failure::Exhausted);
                    }
                }
                self.cache.set(*index, coding, State::Present(Box::new(variant)));
                Seen::Present
            }
            Ok(None) if coding == Coding::Identity => return Ok(Seen::Directory),
            Err(Failure::Missing) if coding == Coding::Identity => return Ok(Seen::Absent),
            Err(failure) if coding == Coding::Identity => return Err(failure),
            // Whatever is wrong with a sibling, there is the file itself.
            Ok(None) | Err(_) => {
                self.cache.set(*index, coding, State::Absent(request_time.now));
                Seen::Absent
            }
        };
        *index = self.cache.settle(*index);
        Ok(seen)
    }
}

/// An entry for what this name stands for: for a directory, its index.
fn new_entry(key: &[u8], types: &Types) -> Entry {
    let name = match key.is_empty() || key.ends_with(b"/") {
        true => [key, INDEX].concat(),
        false => key.to_vec(),
    };
    Entry::new(key, &name, Representation::of(&name, types))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn looks_at_the_disk_and_long_fields_are_counted_and_what_is_known_is_not() {
        let folder = std::env::temp_dir().join(format!("oneloop-{}-effort", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        fs::write(folder.join("kept"), "text").expect("a file");
        let mut files = Files::new(Root::open(&folder).expect("the root"), 100_000);
        let request_time = RequestTime { now: Time::START, date: SystemTime::now() };
        let mut effort = |name: &[u8]| {
            let _ = files.find(name, &Preference::IDENTITY, request_time);
            files.take_effort()
        };
        assert_eq!(effort(b"missing"), LOOK);
        assert_eq!(effort(b"missing"), LOOK, "what is not there is looked for each time");
        assert_eq!(effort(b"kept"), LOOK + LOAD);
        assert_eq!(effort(b"kept"), Duration::ZERO, "it is known for a second");
        files.note_reading(LONG_BYTES);
        assert_eq!(files.take_effort(), Duration::ZERO);
        files.note_reading(16_000);
        assert_eq!(files.take_effort(), Duration::from_micros(80));
        fs::remove_dir_all(folder).expect("it was just made");
    }
}
