//! Which bytes of which file.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::in_memory;
use super::sending::{BLIND_BYTES_MAX, Sending};
use super::system::{self, Cached};
use crate::buffer::COPIED_BYTES_MAX;

/// What is read at once for a handler at the most, in bytes: a tenth of a millisecond of copying.
const READ_BYTES_MAX: u64 = 1024 * 1024;

/// A range of a file: see [`ReplyHead::send_file`](crate::ReplyHead::send_file).
///
/// The file is shared, not copied, and stays open until the last answer that sends it is out. It
/// must be a regular file that can be read; its cursor is neither used nor moved. Open it with
/// `O_NOATIME` where you can: to note when a file was read, the kernel may wait for a disk.
///
/// ```
/// use std::{fs::File, io, sync::Arc};
/// use oneloop::{FileRange, Reply, Request, Sent};
///
/// /// Answers everything with one file, as it is when it is sent.
/// fn serving(path: &str) -> io::Result<impl FnMut(&Request<'_>, Reply<'_>) -> Sent + use<>> {
///     let file = Arc::new(File::open(path)?);
///     Ok(move |_: &Request<'_>, reply: Reply<'_>| match file.metadata() {
///         Ok(metadata) => reply.send_file(FileRange::new(Arc::clone(&file), 0, metadata.len())),
///         Err(error) => {
///             let status = oneloop::Status::INTERNAL_SERVER_ERROR;
///             reply.status(status).send(error.to_string())
///         }
///     })
/// }
/// # serving("Cargo.toml")?;
/// # Ok::<(), io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileRange {
    file: Arc<File>,
    offset: u64,
    length: u64,
    place: Place,
}

/// Where a file's bytes are, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Perhaps on a disk.
    Unknown,
    /// In memory, and nowhere else.
    Memory,
}

impl FileRange {
    /// The bytes from `offset` on, `length` of them.
    pub fn new(file: Arc<File>, offset: u64, length: u64) -> FileRange {
        FileRange { file, offset, length, place: Place::Unknown }
    }

    /// A copy of these bytes that the kernel holds as a sealed file in memory: it sends that
    /// without copying it for each answer, which pays from about 32 KiB on. It takes one descriptor,
    /// however many answers are under way.
    ///
    /// ```
    /// use oneloop::{FileRange, Handler, Reply, Request, Sent};
    ///
    /// fn serving(video: &[u8]) -> std::io::Result<impl Handler + use<>> {
    ///     let video = FileRange::in_memory(video)?;
    ///     Ok(move |_: &Request<'_>, reply: Reply<'_>| -> Sent {
    ///         reply.field("Content-Type", "video/mp4").send_file(video.clone())
    ///     })
    /// }
    /// # let _ = serving(&[0; 100_000]);
    /// ```
    ///
    /// # Errors
    /// If the system refuses, or has no such files: only Linux has. Then send the bytes from where
    /// they are.
    pub fn in_memory(bytes: &[u8]) -> io::Result<FileRange> {
        let file = Arc::new(in_memory::file_of(bytes)?);
        Ok(FileRange { file, offset: 0, length: bytes.len() as u64, place: Place::Memory })
    }

    /// The file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where the range begins, in bytes from the file's first.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// What became of an answer's first look at its range.
pub(crate) enum Start {
    /// All of it is behind the head already.
    Copied,
    /// It has to be sent.
    Sending(Sending),
}

impl FileRange {
    /// Appends all of it to `out`, if that can be done without waiting for a disk and it has no
    /// more than 1 MiB; says whether that was so. If not, the kernel has been asked to fetch it,
    /// unless it is too much or its file system cannot tell what is in memory. From such a file
    /// system up to 64 KiB are read all the same, as they would be to be sent.
    ///
    /// For handlers that keep small bodies in memory: answer with
    /// [`send_file`](crate::ReplyHead::send_file) when the bytes are not here yet, and keep them
    /// another time.
    ///
    /// ```
    /// use std::{fs::File, sync::Arc};
    /// use oneloop::FileRange;
    ///
    /// let range = FileRange::new(Arc::new(File::open("Cargo.toml")?), 0, 9);
    /// let mut body = Vec::new();
    /// if range.read_cached(&mut body) {
    ///     assert_eq!(body, b"[package]");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_cached(&self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if self.length > READ_BYTES_MAX {
            return false;
        }
        let length = self.length as usize;
        out.resize(start + length, 0);
        let cached = match length {
            0 => Cached::Bytes(0),
            _ => system::read_cached(&self.file, &mut out[start..], self.offset),
        };
        let whole = match cached {
            Cached::Bytes(bytes) => bytes == length,
            Cached::Missing | Cached::Failed => false,
            Cached::Unknown if length <= BLIND_BYTES_MAX || system::is_in_memory(&self.file) => {
                let read = system::read(&self.file, &mut out[start..], self.offset);
                read.is_ok_and(|bytes| bytes == length)
            }
            Cached::Unknown => false,
        };
        if !whole {
            out.truncate(start);
            if cached != Cached::Unknown {
                // If the kernel refuses to fetch, the sending side reads it.
                let _ = system::fetch(&self.file, self.offset, self.length);
            }
        }
        whole
    }

    /// Copies all of it behind the head in `out`, if it is small and here.
    pub(crate) fn begin(self, out: &mut Vec<u8>) -> Start {
        if self.length <= COPIED_BYTES_MAX as u64 && self.read_cached(out) {
            return Start::Copied;
        }
        Start::Sending(match self.place {
            Place::Unknown => Sending::new(self.file, self.offset, self.length),
            Place::Memory => Sending::in_memory(self.file, self.offset, self.length),
        })
    }
}
