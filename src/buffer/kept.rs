//! Bytes that the server keeps for one client between two of its turns.
//!
//! A few bytes are kept in the allocator's memory. More bytes get pages that are mapped for this
//! client alone. The reason: the allocator gives memory back to the system only from the end of its
//! heap, so one small allocation above a crowd's buffers would keep all of them. Unmapped pages go
//! back at once, in whatever order clients leave and however many stay.
//!
//! Mapping takes a system call, and so does unmapping. Some pages are therefore kept for the next
//! client that needs any: a server in which a few clients at a time are in the middle of a request
//! maps nothing.
//!
//! Invariant: `len` ≤ the bytes of the map.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut, Range};

use memmap2::MmapMut;

/// Up to this many bytes stay in memory of the allocator: less than an eighth of a page.
const HEAP_BYTES_MAX: usize = 512;

/// The size of a page of memory, in bytes. Where pages are larger, the kernel rounds up.
const PAGE_BYTES: usize = 4096;

/// No map is smaller, in bytes: a longest head fits, and what is not touched takes no memory.
const MAP_BYTES_MIN: usize = 16 * 1024;

/// Maps that are larger are not kept for the next client.
const SPARE_BYTES_EACH_MAX: usize = 64 * 1024;

/// How much is kept in all for the next clients, in bytes.
const SPARE_BYTES_MAX: usize = 192 * 1024;

thread_local! {
    /// Maps that no client uses at present. A loop and its clients stay on one thread while it turns.
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { maps: Vec::new(), bytes: 0 }) };
}

struct Spare {
    maps: Vec<MmapMut>,
    bytes: usize,
}

/// Bytes of one client.
pub(crate) enum Kept {
    Heap(Vec<u8>),
    Pages(Pages),
}

/// Bytes at the start of a map.
pub(crate) struct Pages {
    /// `None` only while it is dropped.
    map: Option<MmapMut>,
    len: usize,
    /// The most bytes that there have been: the pages in which they were take memory.
    touched: usize,
}

impl Kept {
    /// A copy of these bytes.
    pub(crate) fn copy_of(bytes: &[u8]) -> Kept {
        let mut kept = Kept::default();
        kept.append(bytes, bytes.len());
        kept
    }

    /// Appends `bytes`. The capacity doubles, up to `bytes_max` if that is enough: what a client may
    /// make us hold is not to be doubled once more.
    pub(crate) fn append(&mut self, bytes: &[u8], bytes_max: usize) {
        let needed = self.len() + bytes.len();
        if needed > self.capacity() {
            self.grow(needed.max((self.capacity() * 2).min(bytes_max)));
        }
        match self {
            Kept::Heap(kept) => kept.extend_from_slice(bytes),
            Kept::Pages(pages) => pages.append(bytes),
        }
    }

    /// Makes room for at least `capacity` bytes in all.
    fn grow(&mut self, capacity: usize) {
        let mapped = if capacity > HEAP_BYTES_MAX { Pages::map(capacity) } else { None };
        match (mapped, &mut *self) {
            (Some(mut pages), before) => {
                pages.append(before);
                *self = Kept::Pages(pages);
            }
            (None, Kept::Heap(kept)) => kept.reserve_exact(capacity - kept.len()),
            // The kernel maps no more: there may be 65,530 maps.
            (None, Kept::Pages(before)) => {
                let mut kept = Vec::with_capacity(capacity);
                kept.extend_from_slice(before);
                *self = Kept::Heap(kept);
            }
        }
    }

    /// Forgets all but this part. It stays where it is if it is at the start and at least half of what
    /// there was, because more is coming behind it. Otherwise it is moved into memory that fits it.
    pub(crate) fn keep(&mut self, part: Range<usize>) {
        if part.is_empty() {
            *self = Kept::default();
        } else if part.start > 0 || part.len() < self.len() / 2 {
            *self = Kept::copy_of(&self[part]);
        } else {
            self.truncate(part.end);
        }
    }

    /// Forgets all but the first `len` bytes, and gives no memory back.
    fn truncate(&mut self, len: usize) {
        match self {
            Kept::Heap(kept) => kept.truncate(len),
            Kept::Pages(pages) => pages.len = pages.len.min(len),
        }
    }

    /// The memory that it has room in, in bytes; what was never written to takes none.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Kept::Heap(kept) => kept.capacity(),
            Kept::Pages(pages) => pages.capacity(),
        }
    }

    /// The memory that it takes beside the allocator's, in bytes.
    pub(crate) fn mapped_bytes(&self) -> usize {
        match self {
            Kept::Heap(_) => 0,
            Kept::Pages(pages) => pages.touched.next_multiple_of(PAGE_BYTES),
        }
    }
}

impl Pages {
    /// A map of at least this many bytes, if the kernel gives one.
    fn map(bytes: usize) -> Option<Pages> {
        let bytes = bytes.next_multiple_of(PAGE_BYTES).max(MAP_BYTES_MIN);
        let map = match spare(bytes) {
            Some(map) => map,
            None => MmapMut::map_anon(bytes).ok()?,
        };
        Some(Pages { map: Some(map), len: 0, touched: 0 })
    }

    fn capacity(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len())
    }

    fn append(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        let map = self.map.as_mut().expect("the map is there until it is dropped");
        map[self.len..end].copy_from_slice(bytes);
        self.len = end;
        self.touched = self.touched.max(end);
    }
}

/// A map of this size or a little more that no client uses.
fn spare(bytes: usize) -> Option<MmapMut> {
    SPARE.with_borrow_mut(|spare| {
        let index = spare.maps.iter().position(|map| (bytes..=2 * bytes).contains(&map.len()))?;
        let map = spare.maps.swap_remove(index);
        spare.bytes -= map.len();
        Some(map)
    })
}

impl Drop for Pages {
    fn drop(&mut self) {
        let Some(map) = self.map.take() else { return };
        // At the end of its thread a server drops its clients when nothing is spare any more.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if map.len() <= SPARE_BYTES_EACH_MAX && spare.bytes + map.len() <= SPARE_BYTES_MAX {
                spare.bytes += map.len();
                spare.maps.push(map);
            }
        });
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_ref().map_or(&[], |map| &map[..self.len])
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.map.as_mut().map_or(&mut [], |map| &mut map[..self.len])
    }
}

impl Default for Kept {
    fn default() -> Kept {
        Kept::Heap(Vec::new())
    }
}

impl Deref for Kept {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Kept::Heap(kept) => kept,
            Kept::Pages(pages) => pages,
        }
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Kept::Heap(kept) => kept,
            Kept::Pages(pages) => pages,
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.len(), self.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn what_is_appended_is_there_however_it_grows() {
        let all = bytes(200_000);
        for piece in [1, 7, 500, 4096, 70_000] {
            let mut kept = Kept::default();
            for part in all.chunks(piece) {
                kept.append(part, all.len());
            }
            assert_eq!(&*kept, &all[..], "in pieces of {piece}");
            kept.keep(0..3);
            assert_eq!(&*kept, &all[..3]);
            kept[0] = 9;
            assert_eq!(&*kept, &[9, 1, 2]);
        }
    }

    #[test]
    fn a_part_that_is_kept_takes_the_memory_that_fits_it() {
        let all = bytes(60_000);
        let pages = |bytes: usize| bytes.next_multiple_of(PAGE_BYTES);
        let parts = [
            (0..0, 0),
            (60_000..60_000, 0),
            (0..500, 0),
            (0..20_000, pages(20_000)),
            (100..60_000, pages(59_900)),
            // More is coming behind it: it stays where it is.
            (0..30_000, pages(60_000)),
            (0..60_000, pages(60_000)),
        ];
        for (part, mapped_bytes) in parts {
            let mut kept = Kept::copy_of(&all);
            kept.keep(part.clone());
            assert_eq!(&*kept, &all[part.clone()]);
            assert_eq!(kept.mapped_bytes(), mapped_bytes, "{part:?}");
        }
    }

    #[test]
    fn it_grows_to_its_bound_and_no_further() {
        let mut kept = Kept::default();
        for _ in 0..1000 {
            kept.append(b"x", 1000);
        }
        assert!(matches!(kept, Kept::Pages(_)));
        let mut kept = Kept::default();
        for _ in 0..100_000 {
            kept.append(b"x", 100_000);
        }
        assert_eq!(kept.capacity(), 100_000usize.next_multiple_of(PAGE_BYTES));
    }

    #[test]
    fn a_few_bytes_take_no_page() {
        assert_eq!(Kept::copy_of(&bytes(HEAP_BYTES_MAX)).mapped_bytes(), 0);
        let page = Kept::copy_of(&bytes(HEAP_BYTES_MAX + 1));
        assert_eq!((page.mapped_bytes(), page.capacity()), (PAGE_BYTES, MAP_BYTES_MIN));
    }

    #[test]
    fn maps_are_used_again_and_only_a_few_are_kept_for_that() {
        let crowd: Vec<Kept> = (0..100).map(|_| Kept::copy_of(&bytes(5000))).collect();
        let large = Kept::copy_of(&bytes(SPARE_BYTES_EACH_MAX + 1));
        drop((crowd, large));
        let spare = || SPARE.with_borrow(|spare| (spare.maps.len(), spare.bytes));
        assert_eq!(spare(), (SPARE_BYTES_MAX / MAP_BYTES_MIN, SPARE_BYTES_MAX));
        let again = Kept::copy_of(&bytes(700));
        assert_eq!(&*again, &bytes(700)[..], "what it held before does not show");
        assert_eq!(spare().0, SPARE_BYTES_MAX / MAP_BYTES_MIN - 1);
    }
}
