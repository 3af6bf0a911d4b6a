//! The lines of the access log: puts together what each tells, and hands it to the journal.
//!
//! A line is made where it waits to be written, so it allocates nothing.

use crate::connection::{Note, Whole};
use crate::engine::{ClientId, Ended};
use crate::journal::access::{Asked, Course, Record, Stamp};
use crate::journal::parts::address;
use crate::journal::{Batch, Format, Journal, Waiting};
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

    /// Begins to append lines: the journal is theirs until they are done.
    #[inline]
    pub(super) fn begin(&self) -> Batch<'_> {
        self.journal.begin()
    }

    /// Appends the line of an answer that has ended, to the client of this address by the connection of
    /// this number. Of its body this many bytes were `sent`.
    pub(super) fn append(
        &self,
        (client, connection): (&PackedPeer, u32),
        (note, asked): (&Note, Asked<'_>),
        sent: u64,
        course: Course<'_>,
    ) {
        let (request, status, bytes) = (note.number, note.status, sent);
        let record = Record { client, connection, request, asked, status, bytes, course };
        self.append_record(&mut self.begin(), &record, how_soon(note));
    }

    /// The same of one that was taken whole at once.
    #[inline(always)]
    pub(super) fn append_whole(&self, batch: &mut Batch<'_>, answer: &Whole, asked: Asked<'_>) {
        let Whole { note, connection, peer } = answer;
        let record = Record {
            client: peer,
            connection: *connection,
            request: note.number,
            asked,
            status: note.status,
            bytes: note.body_bytes(),
            course: Course::AtOnce,
        };
        self.append_record(batch, &record, how_soon(note));
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
            course: Course::InTime { first_byte: None, end, ended: ended_by, fault: None },
        };
        self.append_record(&mut self.begin(), &record, Waiting::Patiently);
    }

    // Once in the program: each of the three formats is inlined here, so that no part of the record is
    // made that the line does not have.
    #[inline(never)]
    fn append_record(&self, batch: &mut Batch<'_>, record: &Record<'_>, waiting: Waiting) {
        batch.make(waiting, |pen| self.format.put(pen, record, &self.stamp));
    }
}

/// How soon the line of an answer is to be written: a person who watches sees at once what fails, and a
/// crash behind it hides nothing.
#[inline(always)]
fn how_soon(note: &Note) -> Waiting {
    match note.is_failure() {
        true => Waiting::Urgently,
        false => Waiting::Patiently,
    }
}
