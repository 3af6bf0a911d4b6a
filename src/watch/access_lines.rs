//! The lines of the access log: puts together what each tells, and hands it to the journal.
//!
//! The room for a line is used again for the next, so a line allocates nothing.

use std::time::Duration;

use crate::connection::Note;
use crate::engine::{ClientId, Ended};
use crate::http::peer::Peer;
use crate::journal::access::{Asked, PARTS, Record, Stamp};
use crate::journal::{Format, Journal};

/// What makes lines, and hands them to the journal.
pub(super) struct Writer {
    pub(super) format: Format,
    journal: Journal,
    line: Vec<u8>,
    pub(super) stamp: Stamp,
}

/// What has become of an answer, as its line tells it.
pub(super) struct Course {
    /// How much of its body has been taken.
    pub(super) sent: u64,
    pub(super) first_byte: Option<Duration>,
    pub(super) end: Duration,
    pub(super) ended: &'static str,
}

impl Writer {
    /// Lines in this format go into `journal`.
    pub(super) fn new(format: Format, journal: Journal) -> Writer {
        Writer { format, journal, line: Vec::new(), stamp: Stamp::default() }
    }

    /// Appends the line of an answer to this client that has ended: `text` has its request's parts.
    pub(super) fn append_line(
        &mut self,
        client: ClientId,
        peer: Peer,
        note: &Note,
        text: &[u8],
        course: &Course,
    ) {
        let record = Record {
            client: peer.into(),
            connection: client.number(),
            request: note.number,
            asked: note.asked(text),
            status: note.status,
            bytes: course.sent,
            first_byte: course.first_byte,
            end: course.end,
            ended: course.ended,
        };
        self.append_record(&record);
    }

    /// Appends the line of a connection that has ended without an answer.
    #[cold]
    pub(super) fn append_unanswered(&mut self, client: ClientId, ended: &Ended<'_>) {
        self.stamp.renew(ended.date);
        self.append_record(&Record {
            client: ended.peer.into(),
            connection: client.number(),
            request: 0,
            asked: Asked::new(b"", [0; PARTS], ""),
            status: 0,
            bytes: 0,
            first_byte: None,
            end: ended.since_first_byte,
            ended: ended.reason.word(),
        });
    }

    #[inline]
    fn append_record(&mut self, record: &Record<'_>) {
        self.line.clear();
        self.format.append(&mut self.line, record, &self.stamp);
        self.journal.push(&self.line);
    }
}
