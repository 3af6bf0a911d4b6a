//! Lines that wait to be written: a bounded number of bytes, and only whole lines.
//!
//! Knows no file and makes no system call. The reader of the lines may be slower than the server,
//! or have stopped. Then new lines are left out, and a line in their place says how many.

use std::io::{self, ErrorKind};

/// How many bytes may wait. As much as a pipe holds, so that a reader may pause for a moment.
const BYTES_MAX: usize = 64 * 1024;

/// How often a write is tried, at most, that a signal interrupts.
const TRIES_MAX: usize = 8;

/// Lines that wait, in order.
#[derive(Debug, Default)]
pub struct Journal {
    waiting: Vec<u8>,
    /// Lines that were left out, and have not been told of.
    dropped: u64,
    form: Form,
}

/// What the line looks like that tells of lines that were left out.
#[derive(Clone, Copy, Debug, Default)]
pub enum Form {
    /// A sentence.
    #[default]
    Text,
    /// An object, as all lines are then.
    Json,
}

impl Journal {
    /// Tells in this form of lines that were left out.
    pub fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    /// Appends a line, which ends with a line feed, or leaves it out.
    pub fn push(&mut self, line: &[u8]) {
        if self.waiting.len() + line.len() > BYTES_MAX {
            self.dropped += 1;
            return;
        }
        self.tell_of_dropped();
        self.waiting.extend_from_slice(line);
    }

    /// Whether there is something to be written.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes what waits by `write`, as far as that does not block. What `write` fails to write is
    /// left out.
    pub fn write_by(&mut self, mut write: impl FnMut(&[u8]) -> io::Result<usize>) {
        let (mut written, mut tries) = (0, 0);
        while written < self.waiting.len() {
            match write(&self.waiting[written..]) {
                Ok(0) => break,
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted && tries < TRIES_MAX => {
                    tries += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.drop_lines(written);
                    return;
                }
            }
        }
        self.waiting.drain(..written);
        if self.is_empty() && self.dropped > 0 {
            // There is room for this line, and nothing else need come to have it written.
            self.tell_of_dropped();
        }
    }

    /// Leaves out the lines behind the first `written` bytes, but for the rest of one that has been
    /// written in part.
    fn drop_lines(&mut self, written: usize) {
        let begun = match written.checked_sub(1).map(|last| self.waiting[last]) {
            None | Some(b'\n') => 0,
            Some(_) => line_bytes(&self.waiting[written..]),
        };
        let rest = &self.waiting[written + begun..];
        self.dropped += rest.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.waiting.truncate(written + begun);
        self.waiting.drain(..written);
    }

    fn tell_of_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            let sentence =
                format!("lines left out here because they were not read in time: {dropped}");
            let told = match self.form {
                Form::Text => format!("oneloop: {sentence}\n"),
                Form::Json => {
                    format!(r#"{{"step":"left-out","lines":{dropped},"says":"{sentence}"}}"#) + "\n"
                }
            };
            self.waiting.extend_from_slice(told.as_bytes());
        }
    }
}

/// How many bytes the first line has.
fn line_bytes(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out if the reader takes `bytes_max` bytes at a time, `times` times, and then
    /// stops.
    fn taken(journal: &mut Journal, bytes_max: usize, times: usize) -> String {
        let (mut out, mut left) = (Vec::new(), times);
        journal.write_by(|bytes| {
            if left == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            left -= 1;
            let bytes = &bytes[..bytes.len().min(bytes_max)];
            out.extend_from_slice(bytes);
            Ok(bytes.len())
        });
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_come_whole_and_in_order_however_slowly_they_are_taken() {
        let mut journal = Journal::default();
        journal.push(b"one\n");
        journal.push(b"two\n");
        assert_eq!(taken(&mut journal, 3, 1), "one");
        journal.push(b"three\n");
        assert_eq!(taken(&mut journal, 3, 9), "\ntwo\nthree\n");
        assert!(journal.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_counted_where_it_would_stand() {
        let mut journal = Journal::default();
        let line = [&[b'x'; 999][..], b"\n"].concat();
        for _ in 0..100 {
            journal.push(&line);
            assert!(journal.waiting.len() <= BYTES_MAX);
        }
        assert_eq!(taken(&mut journal, 1000, 65).len(), 65_000);
        let notice = "oneloop: lines left out here because they were not read in time: 35\n";
        assert_eq!(taken(&mut journal, 1000, 1), notice);
        journal.push(b"next\n");
        assert_eq!(taken(&mut journal, 1000, 1), "next\n");
    }

    #[test]
    fn an_error_leaves_out_what_waits_but_tears_no_line() {
        let mut journal = Journal::default();
        journal.push(b"one\n");
        journal.push(b"two\n");
        journal.push(b"three\n");
        let mut calls = 0;
        journal.write_by(|_| {
            calls += 1;
            if calls == 1 { Ok(5) } else { Err(io::Error::other("the disk is full")) }
        });
        assert_eq!(journal.waiting, b"wo\n");
        journal.push(b"four\n");
        let expected =
            "wo\noneloop: lines left out here because they were not read in time: 1\nfour\n";
        assert_eq!(taken(&mut journal, 1000, 9), expected);
    }

    #[test]
    fn among_objects_it_is_an_object() {
        let mut journal = Journal::default();
        journal.set_form(Form::Json);
        journal.push(&[b'\n'; BYTES_MAX + 1]);
        journal.push(b"{}\n");
        let expected = "{\"step\":\"left-out\",\"lines\":1,\"says\":\"lines left out here \
                        because they were not read in time: 1\"}\n{}\n";
        assert_eq!(taken(&mut journal, 1000, 9), expected);
    }

    #[test]
    fn a_write_that_is_interrupted_for_ever_is_given_up() {
        let mut journal = Journal::default();
        journal.push(b"one\n");
        journal.write_by(|_| Err(ErrorKind::Interrupted.into()));
        assert!(journal.is_empty());
    }
}
