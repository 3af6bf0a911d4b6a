//! A file in one coding, ready to be sent.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::coding::Coding;
use super::conditional::Validators;
use super::content::{Content, KEPT_BYTES_MAX};
use super::identity::{CHECK_EVERY, Identity};
use super::representation::{Negotiation, Representation};
use crate::http::date;
use crate::http::encode::FieldBlock;
use crate::time::Time;

/// How long bytes in memory count without being read anew, whatever the file's times say: a program
/// that writes to memory that it has mapped leaves no new time for a while, and on some file systems
/// never.
const READ_EVERY: Duration = Duration::from_secs(60);

/// A state of a file: what is said of it, and its bytes or where they are.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) identity: Identity,
    /// Until when this is answered with before the file is looked at again.
    pub(super) fresh_until: Time,
    /// When it was read.
    read: Time,
    settled: Settled,
    pub(super) entity_tag: String,
    /// When the file was changed, if that can be believed and tells this state from others.
    pub(super) modified: Option<SystemTime>,
    /// The latest time that has been said of another state of the file.
    said_before: Option<SystemTime>,
    /// What is said with the file or a part of it.
    pub(super) fields: FieldBlock,
    /// What is said with an error's text, or with this as an error's page.
    pub(super) fields_common: FieldBlock,
    /// What is said with 304.
    pub(super) fields_not_modified: FieldBlock,
    pub(super) content: Content,
}

/// Whether all of it is known for good: a change would have shown in the file's times when it was
/// read, and a small file could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Yes,
    NotYet,
}

/// What is said with every file.
#[derive(Clone, Debug, Default)]
pub(super) struct Common {
    pub(super) cache_control: FieldBlock,
    /// That browsers take a file for what we say it is: what looks like a page in an upload is none.
    pub(super) nosniff: FieldBlock,
    /// What the user wants said with every answer.
    pub(super) fields: FieldBlock,
}

impl Variant {
    /// What is said of a file with this content, of which `before` was the last known state.
    pub(super) fn new(
        before: Option<&Variant>,
        content: Content,
        identity: Identity,
        coding: Coding,
        representation: &Representation,
        common: &Common,
        now: (Time, SystemTime),
    ) -> Variant {
        let (now, date) = now;
        let is_all_known = match &content {
            // What has another length than it says changes without another time.
            Content::Kept(kept) => kept.len() as u64 == identity.bytes,
            Content::InFile(_) => identity.bytes > KEPT_BYTES_MAX,
        };
        let settled = match identity.is_settled(date) && is_all_known {
            true => Settled::Yes,
            false => Settled::NotYet,
        };
        let entity_tag = identity.entity_tag(coding, &content, date);
        let said_before = before.and_then(|before| before.said_before(&content, &identity));
        let modified = identity.modified(date).filter(|it| Some(*it) > said_before);
        let not_modified = fields_not_modified(representation, &entity_tag, common);
        Variant {
            identity,
            fresh_until: now + CHECK_EVERY,
            read: now,
            settled,
            modified,
            said_before,
            fields: fields(coding, representation, modified, common).and(&not_modified),
            fields_common: common.nosniff.clone().and(&common.fields),
            fields_not_modified: not_modified,
            entity_tag,
            content,
        }
    }

    /// The latest time that has been said of another state than the one with this content.
    ///
    /// A file may change twice in a second, and one with an earlier time may come into its place.
    /// A client that has the state before it, and asks by the time it was told, must get the new one.
    fn said_before(&self, content: &Content, identity: &Identity) -> Option<SystemTime> {
        let is_same = match (&self.content, content) {
            (Content::Kept(before), Content::Kept(bytes)) => before == bytes,
            (Content::Kept(_) | Content::InFile(_), _) => self.identity == *identity,
        };
        if is_same { self.said_before } else { self.said_before.max(self.modified) }
    }

    /// From now on the file is looked at before this is answered with.
    pub(super) fn expire(&mut self) {
        // Also in the first second, in which nothing is old.
        self.fresh_until = Time::START;
    }

    /// A variant of which only the content matters.
    #[cfg(test)]
    pub(super) fn of_content(content: Content) -> Variant {
        Variant {
            identity: Identity::default(),
            fresh_until: Time::START,
            read: Time::START,
            settled: Settled::Yes,
            entity_tag: String::new(),
            modified: None,
            said_before: None,
            fields: FieldBlock::new(),
            fields_common: FieldBlock::new(),
            fields_not_modified: FieldBlock::new(),
            content,
        }
    }

    /// Whether this is still the file's state, given what the file is at `now`.
    pub(super) fn is_still(&self, identity: Option<Identity>, now: Time) -> bool {
        let is_known = match &self.content {
            Content::Kept(_) => now.since(self.read) < READ_EVERY,
            Content::InFile(_) => true,
        };
        is_known && self.settled == Settled::Yes && identity == Some(self.identity)
    }

    /// Whether a client is being sent its bytes from where they are.
    pub(super) fn is_being_sent(&self) -> bool {
        match &self.content {
            Content::Kept(bytes) => Arc::strong_count(bytes) > 1,
            Content::InFile(file) => Arc::strong_count(file) > 1,
        }
    }

    /// Its length, in bytes.
    pub(super) fn len(&self) -> u64 {
        match &self.content {
            Content::Kept(bytes) => bytes.len() as u64,
            Content::InFile(_) => self.identity.bytes,
        }
    }

    pub(super) fn validators(&self) -> Validators<'_> {
        Validators { entity_tag: &self.entity_tag, modified: self.modified }
    }

    /// The memory that it takes, in bytes.
    pub(super) fn footprint(&self) -> usize {
        let kept = match &self.content {
            Content::Kept(bytes) => bytes.len(),
            Content::InFile(_) => 0,
        };
        let blocks = [&self.fields, &self.fields_common, &self.fields_not_modified];
        let fields: usize = blocks.iter().map(|block| block.lines().len()).sum();
        size_of::<Variant>() + self.entity_tag.len() + fields + kept
    }
}

/// RFC 9110 §15.4.5: what a cache needs to go on with what it has.
fn fields_not_modified(
    representation: &Representation,
    entity_tag: &str,
    common: &Common,
) -> FieldBlock {
    let mut block = FieldBlock::new();
    block = add(block, "ETag", entity_tag);
    if representation.negotiation == Negotiation::Codings {
        block = add(block, "Vary", "Accept-Encoding");
    }
    block.and(&common.cache_control).and(&common.fields)
}

/// What is said with the content, beside what is said without it.
fn fields(
    coding: Coding,
    representation: &Representation,
    modified: Option<SystemTime>,
    common: &Common,
) -> FieldBlock {
    let block = add(FieldBlock::new(), "Content-Type", &representation.media_type);
    let mut block = block.and(&common.nosniff);
    let coding = match representation.negotiation {
        Negotiation::Gzip => Coding::Gzip,
        Negotiation::Codings | Negotiation::None => coding,
    };
    if coding != Coding::Identity {
        block = add(block, "Content-Encoding", coding.name());
    }
    if let Some(modified) = modified {
        block = add(block, "Last-Modified", &date::format(modified));
    }
    add(block, "Accept-Ranges", "bytes")
}

fn add(block: FieldBlock, name: &str, value: &str) -> FieldBlock {
    block.with(name, value).expect("names and values that are made here are valid")
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_is_in_memory_is_read_anew_after_a_minute_and_an_open_file_is_not_opened_anew() {
        let file = File::open("/dev/null").expect("every system has it");
        let now = Time::START + READ_EVERY;
        let before = Time::START + (READ_EVERY - Duration::from_micros(1));
        let kept = Variant::of_content(Content::Kept((*b"a").into()));
        assert!(kept.is_still(Some(kept.identity), before));
        assert!(!kept.is_still(Some(kept.identity), now));
        let open = Variant::of_content(Content::InFile(Arc::new(file)));
        assert!(open.is_still(Some(open.identity), now));
        assert!(!open.is_still(None, before));
    }
}
