//! All of a small file, read at once, however many bytes it says it has.
//!
//! Files in `/proc` say 0 bytes and have some, files in `/sys` say 4,096 and have fewer; the same
//! is true of other files that are made when they are read. A regular file's bytes come from the
//! page cache, with one call. Where the file system cannot tell what is cached, the file is read to
//! its end.

use std::fs::File;
use std::io;

use super::system::{self, Cached};

/// What came of reading a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// These are all its bytes. They may be more or fewer than it said.
    Bytes(Vec<u8>),
    /// It has as many bytes as it said, and is sent from where they are: the kernel has been asked to
    /// fetch what is not in memory.
    Elsewhere,
    /// It has more bytes than may be read, and does not say how many.
    TooLong,
    /// It cannot be read.
    Unreadable,
}

/// Reads a file that says it has `said` bytes, unless it has more than `max` in truth. Does not wait
/// for a disk, but for file systems that cannot tell whether they would have to.
pub(crate) fn read_whole(file: &File, said: usize, max: usize) -> Whole {
    // One more, so that a read that is not filled has found the end.
    let mut bytes = vec![0; said + 1];
    let (read, too_long) = match system::read_cached(file, &mut bytes, 0) {
        // What is cached of a file ends where it says. It has grown since it was asked.
        Cached::Bytes(read) if read >= said => (read, Whole::Elsewhere),
        Cached::Bytes(_) | Cached::Missing => {
            // What is refused is read when it is sent.
            let _ = system::fetch(file, 0, said as u64);
            return Whole::Elsewhere;
        }
        Cached::Unknown => (0, Whole::TooLong),
        Cached::Failed => return Whole::Unreadable,
    };
    if read == said && (said > 0 || too_long == Whole::Elsewhere) {
        bytes.truncate(said);
        return Whole::Bytes(bytes);
    }
    match read_on(file, bytes, read, said, max) {
        Ok(Some(bytes)) => Whole::Bytes(bytes),
        Ok(None) => too_long,
        Err(_) => Whole::Unreadable,
    }
}

/// Reads on behind the first `len` of `bytes`, to the end. `None` if that comes to more than `max`.
fn read_on(
    file: &File,
    mut bytes: Vec<u8>,
    mut len: usize,
    said: usize,
    max: usize,
) -> io::Result<Option<Vec<u8>>> {
    /// How much more is read at once from a file that says nothing of it, in bytes: a page.
    const MORE_BYTES: usize = 4096;
    loop {
        if len > max {
            return Ok(None);
        }
        if len == bytes.len() {
            bytes.resize(len + MORE_BYTES, 0);
        }
        let read = system::read(file, &mut bytes[len..], len as u64)?;
        len += read;
        if read == 0 || (len == said && len < bytes.len()) {
            bytes.truncate(len);
            return Ok(Some(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::pretence;
    use super::*;

    /// A file of `bytes` bytes, which is removed with its guard.
    fn file(bytes: usize) -> File {
        let name =
            format!("oneloop-whole-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, vec![b'x'; bytes]).expect("a temporary file");
        let file = File::open(&path).expect("it was just made");
        fs::remove_file(path).expect("it was just made");
        file
    }

    #[test]
    fn a_file_is_read_to_its_end_whatever_it_says() {
        const MAX: usize = 10_000;
        for is_unknown in [false, true] {
            for bytes in [0, 1, 5, 4096, 4097, MAX - 1, MAX] {
                for said in [0, 1, 5, 4095, 4096, 4097, MAX] {
                    pretence::miss(None);
                    pretence::with(|cache| cache.is_unknown = is_unknown);
                    // A cache that tells what it has says nothing wrong: the file has been cut.
                    let expected = match bytes < said && !is_unknown {
                        true => Whole::Elsewhere,
                        false => Whole::Bytes(vec![b'x'; bytes]),
                    };
                    let whole = read_whole(&file(bytes), said, MAX);
                    assert!(whole == expected, "{bytes} bytes, {said} said, {is_unknown}");
                }
            }
            pretence::miss(None);
            pretence::with(|cache| cache.is_unknown = is_unknown);
            let expected = || if is_unknown { Whole::TooLong } else { Whole::Elsewhere };
            assert_eq!(read_whole(&file(MAX + 1), 0, MAX), expected());
            assert_eq!(read_whole(&file(MAX + 1), MAX, MAX), expected());
        }
    }

    #[test]
    fn what_is_on_the_disk_is_fetched() {
        pretence::miss(0..10);
        assert_eq!(read_whole(&file(10), 10, 100), Whole::Elsewhere);
        let fetched = pretence::with(|cache| cache.fetched.clone());
        assert_eq!(fetched, Some(vec![(0, 10)]));
    }

    #[test]
    fn what_cannot_be_read_is_no_empty_file() {
        let folder = File::open(std::env::temp_dir()).expect("a directory can be opened");
        pretence::miss(None);
        pretence::with(|cache| cache.is_unknown = true);
        assert_eq!(read_whole(&folder, 0, 100), Whole::Unreadable);
    }
}
