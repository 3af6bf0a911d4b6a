//! The lines of the access log: puts together what each tells, and hands it to the journal.
//!
//! A line is made where it waits to be written, so it allocates nothing.

use crate::connection::Note;
use crate::engine::{ClientId, Ended};
use crate::journal::access::{Course, Record, Stamp};
use crate::journal::parts::address;
use crate::journal::{Format, Journal, Waiting};
use crate::peer::PackedPeer;

/// What makes lines, and hands them to the journal.
pub(super) struct Writer {
    pub(super) format: Format,
    journal: Journal,
    pub(super) stamp: Stamp,
}

impl Writer {
    /// Lines in this format go into `journal`.
    pub(super) fn new(format: Format, journal: Journal) -> Writer {
        Writer { format, journal, stamp: Stamp::default() }
    }

    /// Appends the line of an answer to this client that has ended, and of whose body this many bytes were
    /// `sent`: `text` has its request's parts.
    #[inline(always)]
    pub(super) fn append_line(
        &mut self,
        client: ClientId,
        (peer, note, text): (&PackedPeer, &Note, &[u8]),
        sent: u64,
        course: Course<'_>,
    ) {
        // A person who watches sees at once what fails, and a crash behind it hides nothing.
        let waiting = match note.is_failure() {
            true => Waiting::Urgently,
            false => Waiting::Patiently,
        };
        let record = Record {
            client: peer,
            connection: client.number(),
            request: note.number,
            asked: note.asked(text),
            status: note.status,
            bytes: sent,
            course,
        };
        self.append(&record, waiting);
    }

    /// Appends the line of a connection that has ended without an answer.
    #[cold]
    pub(super) fn append_unanswered(&mut self, client: ClientId, ended: &Ended<'_>) {
        self.stamp.renew(ended.date);
        let mut told = Vec::new();
        if let Some(client) = ended.client {
            address(&mut told, client.ip());
        }
        let note = Note::of_no_request(told.len() as u16);
        let (end, ended_by) = (ended.since_first_byte, ended.reason.word());
        let record = Record {
            client: ended.peer,
            connection: client.number(),
            request: 0,
            asked: note.asked(&told),
            status: 0,
            bytes: 0,
            course: Course::InTime { first_byte: None, end, ended: ended_by },
        };
        self.append(&record, Waiting::Patiently);
    }

    // Once in the program: each of the three formats is inlined here, so that no part of the record is
    // made that the line does not have.
    #[inline(never)]
    fn append(&self, record: &Record<'_>, waiting: Waiting) {
        self.journal.make(waiting, |pen| self.format.write(pen, record, &self.stamp));
    }
}
