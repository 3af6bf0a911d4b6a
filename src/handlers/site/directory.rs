//! A directory that is read entry by entry, so that a large one is read over several turns.
//!
//! It stays open meanwhile: the server reads the directory that it opened, even if another one has
//! its name by then.

use rustix::fs::{AtFlags, FileType, fstat, statat};
use std::fmt;

use rustix::io::Errno;

use super::failure::Failure;
use super::identity::{Identity, Stamp};
use super::names::Names;
use super::root::{Effort, Kind, NO_AUTOMOUNT, Root, kind};
use crate::system_calls::{Call, note};

/// What looking at an entry costs, in entries that are no links. On a busy machine it took 3.0 µs,
/// with what its list costs.
const ENTRY_COST: usize = 1;

/// What looking at a link costs: two looks at it, an `open` and a `close`. It took 5.4 µs.
const LINK_COST: usize = 2;

/// What looking at a link costs that has to be resolved, as absolute ones and those that lead
/// outside have to be. It took 12.6 µs beneath `/tmp`, and takes longer in a deeper directory.
const RESOLVED_LINK_COST: usize = 10;

/// An entry that could be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) kind: Kind,
    pub(super) bytes: u64,
    pub(super) modified: Stamp,
}

/// What one look at an entry came to, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DirectoryEntry {
    pub(super) name: Box<[u8]>,
    /// `None` if it cannot be served: a dead link, one that leads outside, a pipe, or one that
    /// was not to be looked at.
    pub(super) served: Option<Served>,
    pub(super) cost: usize,
}

/// An open directory beneath a root.
pub(super) struct Directory {
    root: Root,
    /// Ends in a slash, or is empty.
    name: Box<[u8]>,
    identity: Identity,
    names: Names,
}

impl Directory {
    /// Opens the directory `name` of `root`.
    pub(super) fn open(root: &Root, name: &[u8]) -> Result<Directory, Failure> {
        let opened = root.open_directory(name)?;
        let identity = Identity::of(&fstat(&opened)?);
        Ok(Directory {
            root: root.clone(),
            name: name.into(),
            identity,
            names: Names::new(opened)?,
        })
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// What it was when it was opened.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Looks at the next entry, or says that there is none. Of one that is not `shown`, by its
    /// name, nothing is asked.
    pub(super) fn next(
        &mut self,
        shown: impl Fn(&[u8]) -> bool,
    ) -> Option<Result<DirectoryEntry, Failure>> {
        let name = match self.names.next()? {
            Ok(name) => name,
            Err(reason) => return Some(Err(unread(reason))),
        };
        let (served, cost) = match shown(&name) {
            true => match self.inspect(&name) {
                Ok(looked) => looked,
                Err(failure) => return Some(Err(failure)),
            },
            false => (None, ENTRY_COST),
        };
        Some(Ok(DirectoryEntry { name, served, cost }))
    }

    /// What the entry `name` is. One that has gone meanwhile, or leads nowhere that is served, is
    /// none. If the system does not say, the whole list fails: it would have too few of them.
    fn inspect(&self, name: &[u8]) -> Result<(Option<Served>, usize), Failure> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | NO_AUTOMOUNT;
        let found = self.names.directory().and_then(|directory| statat(directory, name, flags));
        let (found, cost) = match found {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => {
                let (found, effort) = self.root.linked(&[&self.name, name].concat());
                let cost = match effort {
                    Effort::Opening => LINK_COST,
                    Effort::Resolving => RESOLVED_LINK_COST,
                };
                (found, cost)
            }
            found => (found, ENTRY_COST),
        };
        match found {
            Ok(stat) => {
                let identity = Identity::of(&stat);
                let (bytes, modified) = (identity.bytes, identity.stamp());
                Ok((kind(&stat).map(|kind| Served { kind, bytes, modified }), cost))
            }
            Err(reason) if is_of_the_entry(reason) => Ok((None, cost)),
            Err(reason) => Err(unread(reason)),
        }
    }
}

/// The system does not read the directory, or does not look at what is in it.
fn unread(reason: Errno) -> Failure {
    note(Call::Open, &reason.into());
    Failure::Broken
}

/// Whether this error says something of an entry, and not that the system does not look at it.
fn is_of_the_entry(reason: Errno) -> bool {
    let failure = Failure::from(reason);
    reason != Errno::PERM && matches!(failure, Failure::Missing | Failure::Forbidden)
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_could_be_served_is_found_and_everything_is_looked_at() {
        let outside =
            std::env::temp_dir().join(format!("oneloop-directory-{}", std::process::id()));
        let path = outside.join("root");
        fs::create_dir_all(path.join("sub")).expect("a temporary folder");
        fs::write(outside.join("secret"), "").expect("a file");
        fs::write(path.join("file"), "12345").expect("a file");
        for (target, name) in
            [("file", "inner"), ("../secret", "outer"), ("..", "up"), ("nowhere", "dead")]
        {
            symlink(target, path.join(name)).expect("a link");
        }
        let root = Root::open(&path).expect("the root");
        let mut directory = Directory::open(&root, b"").expect("the root again");
        let (mut served, mut cost, mut looks) = (Vec::new(), 0, 0);
        while let Some(look) = directory.next(|name| name != b"sub") {
            let look = look.expect("an entry");
            (cost, looks) = (cost + look.cost, looks + 1);
            if let Some(entry) = look.served {
                served.push((look.name, entry.kind, entry.bytes));
            }
        }
        fs::remove_dir_all(&outside).expect("it is there");
        served.sort();
        let expected = [("file", Kind::File, 5), ("inner", Kind::File, 5)];
        let expected = expected.map(|(name, kind, bytes)| (name.as_bytes().into(), kind, bytes));
        // `.` and `..` are looked at as directories here: a site does not show them.
        let served: Vec<_> = served.into_iter().filter(|(name, ..)| name[0] != b'.').collect();
        assert_eq!(served, expected);
        assert_eq!((looks, cost), (8, 4 + 2 * LINK_COST + 2 * RESOLVED_LINK_COST));
    }

    #[test]
    fn what_is_no_directory_is_none() {
        let root = Root::open(&std::env::temp_dir()).expect("a directory");
        assert_eq!(Directory::open(&root, b"is not there/").err(), Some(Failure::Missing));
    }
}
