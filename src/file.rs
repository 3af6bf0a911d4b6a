//! Bodies that are part of a file.
//!
//! Here is which part, and how its bytes become pieces of an answer.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::source::{Next, Piece, Source};

/// So many bytes of a file, from an offset on: see
/// [`ReplyHead::send_file`](crate::ReplyHead::send_file).
///
/// The file is shared, not copied, and stays open until the last answer that sends it is out. It
/// has to be a regular file that can be read; its cursor is neither used nor moved.
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
///             reply.status(status).send(&error.to_string())
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
}

impl FileRange {
    /// The bytes from `offset` on, `length` of them.
    pub fn new(file: Arc<File>, offset: u64, length: u64) -> FileRange {
        FileRange { file, offset, length }
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

/// Gives a range's bytes.
pub(crate) struct Reading {
    range: FileRange,
}

impl Reading {
    pub(crate) fn new(range: FileRange) -> Reading {
        Reading { range }
    }
}

impl Source for Reading {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        let FileRange { file, offset, length } = &mut self.range;
        let mut bytes = vec![0; piece.room().min(usize::try_from(*length).unwrap_or(usize::MAX))];
        let read = file.read_at(&mut bytes, *offset).unwrap_or(0);
        piece.append(&bytes[..read]);
        (*offset, *length) = (*offset + read as u64, *length - read as u64);
        // What is missing of a file that has become shorter is noticed by the body's length.
        if *length == 0 || read == 0 { Next::Done } else { Next::More }
    }
}
