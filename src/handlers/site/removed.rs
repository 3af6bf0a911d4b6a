//! What the cache has given up, but clients are still being sent. It takes memory and descriptors
//! until the last client has it, so it counts against the same bounds.

use std::fs::File;
use std::sync::{Arc, Weak};

use super::content::Content;
use super::variant::Variant;

/// Files and bytes that are not in the cache any more.
#[derive(Debug, Default)]
pub(super) struct Removed {
    files: Vec<Weak<File>>,
    /// Bytes in memory. They are held here, too: memory that is only watched is not given back.
    kept: Vec<Arc<[u8]>>,
    kept_bytes: usize,
}

impl Removed {
    /// Notes what of this variant is still being sent.
    pub(super) fn note(&mut self, variant: &Variant) {
        if !variant.is_being_sent() {
            return;
        }
        match &variant.content {
            Content::InFile(file) => self.files.push(Arc::downgrade(file)),
            Content::Kept(bytes) => {
                self.kept_bytes += bytes.len();
                self.kept.push(Arc::clone(bytes));
            }
        }
    }

    /// How many files are still open.
    pub(super) fn files(&mut self) -> usize {
        self.files.retain(|file| file.strong_count() > 0);
        self.files.len()
    }

    /// How many bytes are still in memory.
    pub(super) fn bytes(&mut self) -> usize {
        let mut bytes = 0;
        self.kept.retain(|kept| {
            let is_being_sent = Arc::strong_count(kept) > 1;
            bytes += if is_being_sent { kept.len() } else { 0 };
            is_being_sent
        });
        self.kept_bytes = bytes;
        bytes
    }

    /// As [`Removed::bytes`], when that was last asked, and what has been noted since.
    pub(super) fn bytes_noted(&self) -> usize {
        self.kept_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_being_sent_is_counted_until_it_is_out() {
        let mut removed = Removed::default();
        let bytes: Arc<[u8]> = vec![0; 100].into();
        let file = Arc::new(File::open("/dev/null").expect("every system has it"));
        for content in [Content::Kept(Arc::clone(&bytes)), Content::InFile(Arc::clone(&file))] {
            removed.note(&Variant::of_content(content));
        }
        removed.note(&Variant::of_content(Content::Kept(vec![0; 9].into())));
        assert_eq!((removed.files(), removed.bytes()), (1, 100), "what no client has is gone");
        drop((bytes, file));
        assert_eq!((removed.files(), removed.bytes(), removed.bytes_noted()), (0, 0, 0));
    }
}
