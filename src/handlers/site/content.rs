//! A file's bytes: kept in memory, or read from the file as they are sent.

use std::borrow::Cow;
use std::fs::File;
use std::sync::Arc;

use super::failure::Failure;
use crate::answer::file::{FileRange, Whole, read_whole};
use crate::handlers::media_type::BEGINNING_BYTES;

/// Files up to this size are kept in memory, in bytes, as far as there is room: from there on
/// the kernel sends them from its own copy for less than we would from ours.
pub(super) const KEPT_BYTES_MAX: u64 = 64 * 1024;

/// A file's bytes.
#[derive(Debug)]
pub(super) enum Content {
    Kept(Arc<[u8]>),
    InFile(Arc<File>),
}

impl Content {
    /// All the bytes of a small file, if they are in memory. If they are not, or fewer than they
    /// were, it is answered from the file, and looked at again in a second. So it is if there is
    /// less `room` in memory. `bytes` is how many it says it has.
    ///
    /// A file that has more or fewer is read to its end, if that is not too far: see [`Whole`].
    pub(super) fn read(file: File, bytes: u64, room: usize) -> Result<Content, Failure> {
        let max = room.min(KEPT_BYTES_MAX as usize);
        let said = usize::try_from(bytes).unwrap_or(usize::MAX);
        if said > max {
            return Ok(Content::InFile(Arc::new(file)));
        }
        match read_whole(&file, said, max) {
            Whole::Bytes(kept) => Ok(Content::Kept(kept.into())),
            Whole::Elsewhere => Ok(Content::InFile(Arc::new(file))),
            Whole::TooLong if room < KEPT_BYTES_MAX as usize => Err(Failure::Exhausted),
            Whole::TooLong => Err(Failure::Forbidden),
            Whole::Unreadable => Err(Failure::Broken),
        }
    }

    /// The first of its `bytes`, if they can be had without waiting for a disk.
    pub(super) fn beginning(&self, bytes: u64) -> Option<Cow<'_, [u8]>> {
        match self {
            Content::Kept(kept) => Some(Cow::Borrowed(kept)),
            Content::InFile(file) => {
                let range = FileRange::new(Arc::clone(file), 0, bytes.min(BEGINNING_BYTES as u64));
                let mut beginning = Vec::new();
                range.read_cached(&mut beginning).then_some(Cow::Owned(beginning))
            }
        }
    }
}
