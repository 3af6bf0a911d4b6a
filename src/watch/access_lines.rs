//! The lines of the access log: puts together what each tells, and hands it to the journal.
//!
//! A line is made where it waits to be written, so it allocates nothing.

use std::time::Duration;

use crate::connection::Note;
use crate::engine::{ClientId, Ended};
use crate::journal::access::{Record, Stamp};
use crate::journal::parts::address;
use crate::journal::{Format, Journal, Waiting};
use crate::peer::PackedPeer;

/// What makes lines, and hands them to the journal.
pub(super) struct Writer {
    pub(super) format: Format,
    journal: Journal,
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
        Writer { format, journal, stamp: Stamp::default() }
    }

    /// Appends the line of an answer to this client that has ended: `text` has its request's parts.
    #[inline]
    pub(super) fn append_line(
        &mut self,
        client: ClientId,
        peer: PackedPeer,
        note: &Note,
        text: &[u8],
        course: &Course,
    ) {
        // A person who watches sees at once what fails, and a crash behind it hides nothing.
        let waiting = match note.is_failure() {
            true => Waiting::Urgently,
            false => Waiting::Patiently,
        };
        self.append(client, peer, note, text, course, waiting);
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
        let course = Course { sent: 0, first_byte: None, end, ended: ended_by };
        self.append(client, ended.peer, &note, &told, &course, Waiting::Patiently);
    }

    // Once in the program: each of the three formats is inlined here, so that no part of the record is
    // made that the line does not have.
    #[inline(never)]
    fn append(
        &self,
        client: ClientId,
        peer: PackedPeer,
        note: &Note,
        text: &[u8],
        course: &Course,
        waiting: Waiting,
    ) {
        let record = Record {
            client: peer,
            connection: client.number(),
            request: note.number,
            asked: note.asked(text),
            status: note.status,
            bytes: course.sent,
            first_byte: course.first_byte,
            end: course.end,
            ended: course.ended,
        };
        let mut line = self.journal.line();
        self.format.append(line.begin(), &record, &self.stamp);
        line.end(waiting);
    }
}
