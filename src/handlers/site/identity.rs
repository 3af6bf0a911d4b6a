//! What tells one state of a file from every other: what the system says of it, and the entity tag
//! and the date made of that.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use rustix::fs::Stat;

use super::coding::Coding;
use super::content::Content;

/// How long what is known of a file counts without another look at it: an answer shows a state that
/// the file had at most this long ago.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How long after a change another one may leave the same time behind: the system's clock for this
/// moves every few milliseconds, and ours, which the change is compared with, once a second.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// When the year 10000 begins, in seconds since 1970.
const YEAR_10000: u64 = 253_402_300_800;

/// A file in one of its states.
///
/// Every write changes the time of the last change, which no program can set, to a later one than
/// that of any state that has been read (exactly so from Linux 6.13 on, before that unless both
/// fall within the same few milliseconds). Times that are set, as by archives and reproducible
/// builds, are the same for different contents; so is the size. That is why all of this is in the
/// entity tag.
///
/// A program that writes to a file through memory that it has mapped changes these times when the
/// kernel notices, which may be half a minute later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    /// Its size.
    pub(super) bytes: u64,
    modified: Stamp,
    changed: Stamp,
}

/// A time as the file system keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stamp {
    /// Since 1970; negative before.
    seconds: i64,
    nanos: u32,
}

impl Identity {
    /// What the system says of a file. The types of its numbers differ between systems.
    pub(super) fn of(stat: &Stat) -> Identity {
        Identity {
            device: unsigned(stat.st_dev),
            inode: unsigned(stat.st_ino),
            bytes: unsigned(stat.st_size),
            modified: Stamp::new(stat.st_mtime, stat.st_mtime_nsec),
            changed: Stamp::new(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether this is the same file or directory, in whatever state.
    pub(super) fn is_same_object(&self, other: &Identity) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// The entity tag, in its quotation marks. It is a hash, because a file's number and times are
    /// not for clients to know. Each coding has its own, though a link may make one file of two
    /// (RFC 9110 §8.8.3.3).
    ///
    /// It is strong for a content in memory, which is in the hash: these very bytes are sent. Of a
    /// file that is sent from where it is, only its times are known. A change that comes at once after
    /// another may leave the same, so until it is settled at `now` the tag is weak (§8.8.1).
    pub(super) fn entity_tag(&self, coding: Coding, content: &Content, now: SystemTime) -> String {
        let mut hasher = DefaultHasher::new();
        (self, coding).hash(&mut hasher);
        let weakness = match content {
            Content::Kept(bytes) => {
                bytes.hash(&mut hasher);
                ""
            }
            Content::InFile(_) if self.is_settled(now) => "",
            Content::InFile(_) => "W/",
        };
        format!("{weakness}\"{:x}-{:016x}\"", self.bytes, hasher.finish())
    }

    /// When its content was changed, to the second, as `Last-Modified` has to say it (RFC 9110
    /// §8.8.2.1). `None` if that cannot be believed: a time of 0 or before is what tools leave that
    /// know of none, and one later than `now` was set, or the clock was wrong.
    pub(super) fn modified(&self, now: SystemTime) -> Option<SystemTime> {
        let seconds = u64::try_from(self.modified.seconds).ok().filter(|seconds| *seconds > 0)?;
        let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
        (modified <= now).then_some(modified)
    }

    /// Whether its content is from before that of `other`. Some tools that give a file the time of
    /// another one leave out what is below a second: then only the seconds are compared.
    pub(super) fn is_older_than(&self, other: &Identity) -> bool {
        match self.modified.nanos {
            0 => self.modified.seconds < other.modified.seconds,
            _ => self.modified < other.modified,
        }
    }

    /// When its content was changed, as the file system says it: to compare it with others.
    pub(super) fn stamp(&self) -> Stamp {
        self.modified
    }

    /// Whether at `now` the file has been left alone long enough that a further change would show
    /// in its times.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let changed = Duration::new(unsigned(self.changed.seconds), self.changed.nanos);
        since_1970.checked_sub(changed).is_some_and(|age| age >= SETTLED_AFTER)
    }
}

impl Stamp {
    fn new(seconds: impl TryInto<i64>, nanos: impl TryInto<u32>) -> Stamp {
        Stamp { seconds: seconds.try_into().unwrap_or(0), nanos: nanos.try_into().unwrap_or(0) }
    }

    /// The same time, whether it can be trusted or not, unless it is before 1970 or has a year of
    /// five digits, for which there is no format.
    pub(super) fn date(self) -> Option<SystemTime> {
        let seconds = u64::try_from(self.seconds).ok().filter(|it| *it < YEAR_10000)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

/// A number that the system gives as one type or another. None is negative.
fn unsigned(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use super::*;

    const STATE: Identity = Identity {
        device: 1,
        inode: 2,
        bytes: 300,
        modified: Stamp { seconds: 1000, nanos: 999_999_999 },
        changed: Stamp { seconds: 1000, nanos: 500 },
    };

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    #[test]
    fn whatever_tells_two_states_apart_is_in_the_tag() {
        let others = [
            Identity { device: 2, ..STATE },
            Identity { inode: 3, ..STATE },
            Identity { bytes: 301, ..STATE },
            Identity { modified: Stamp { seconds: 1000, nanos: 0 }, ..STATE },
            Identity { changed: Stamp { seconds: 1000, nanos: 501 }, ..STATE },
        ];
        let kept = |bytes: &[u8]| Content::Kept(bytes.into());
        let tag_of =
            |state: Identity, content| state.entity_tag(Coding::Identity, &content, at(5000, 0));
        let tag = tag_of(STATE, kept(b"a"));
        for other in others {
            assert_ne!(tag_of(other, kept(b"a")), tag, "{other:?}");
        }
        assert_ne!(STATE.entity_tag(Coding::Gzip, &kept(b"a"), at(5000, 0)), tag);
        assert_ne!(tag_of(STATE, kept(b"b")), tag, "the times did not tell");
        assert!(tag.starts_with("\"12c-") && tag.ends_with('"') && tag.len() == 22, "{tag}");
    }

    #[test]
    fn a_tag_is_strong_for_bytes_in_memory_and_for_a_file_that_has_been_left_alone() {
        let file = File::open("/dev/null").expect("every system has it");
        let in_file = Content::InFile(Arc::new(file));
        let kept = Content::Kept((*b"a").into());
        let tag = |content, now| STATE.entity_tag(Coding::Identity, content, now);
        let (early, late) = (at(1002, 499), at(1002, 500));
        assert!(tag(&kept, early).starts_with('"'));
        assert_eq!(tag(&in_file, early), format!("W/{}", tag(&in_file, late)));
        assert!(tag(&in_file, late).starts_with('"'));
    }

    fn modified(seconds: i64, nanos: u32) -> Identity {
        Identity { modified: Stamp { seconds, nanos }, ..STATE }
    }

    #[test]
    fn a_time_of_change_is_whole_seconds_and_is_believed_if_it_can_be_one() {
        let now = at(5000, 7);
        for (seconds, expected) in [
            (i64::MIN, None),
            (-1, None),
            (0, None),
            (1, Some(at(1, 0))),
            (1000, Some(at(1000, 0))),
            (4999, Some(at(4999, 0))),
            (5000, Some(at(5000, 0))),
            (5001, None),
            (i64::MAX, None),
        ] {
            assert_eq!(modified(seconds, 999_999_999).modified(now), expected, "{seconds}");
        }
    }

    #[test]
    fn what_is_older_is_told_to_the_nanosecond_unless_that_has_been_left_out() {
        for (one, other, expected) in [
            ((10, 5), (10, 5), false),
            ((10, 4), (10, 5), true),
            ((9, 9), (10, 5), true),
            ((10, 0), (10, 5), false),
            ((9, 0), (10, 5), true),
            ((10, 0), (11, 0), true),
            ((10, 1), (10, 0), false),
            ((11, 0), (10, 5), false),
        ] {
            let (one, other) = (modified(one.0, one.1), modified(other.0, other.1));
            assert_eq!(one.is_older_than(&other), expected, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_time_is_shown_as_it_is_if_it_can_be_written() {
        let date = |seconds| Stamp { seconds, nanos: 7 }.date();
        assert_eq!((date(0), date(1000)), (Some(at(0, 0)), Some(at(1000, 0))));
        assert_eq!(date(253_402_300_799), Some(at(253_402_300_799, 0)));
        for unwritable in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
            assert_eq!(date(unwritable), None);
        }
    }

    #[test]
    fn a_file_settles_two_seconds_after_its_last_change() {
        assert!(!STATE.is_settled(at(900, 0)));
        assert!(!STATE.is_settled(at(1002, 499)));
        assert!(STATE.is_settled(at(1002, 500)));
    }
}
