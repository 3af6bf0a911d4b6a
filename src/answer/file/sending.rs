//! A file's range in the course of being sent: what is done about its next bytes.
//!
//! Depending on what is known of the file, its bytes are:
//!
//! - **Sent** by `sendfile`, which does not copy, but waits for the disk. So it gets only what is
//!   in the page cache: the first byte of each piece is looked for, and the last byte of each 256
//!   KiB of it, by system calls of 0.4 µs. The bytes between are not looked for: the kernel fetches
//!   whole stretches of that size, so that no two ranges leave a hole. They could still be missing
//!   while they are being fetched, when memory is scarce, or when other programs read parts of the
//!   file.
//! - **Copied** by reads that never wait, so missing bytes do no harm. After a miss a file goes on
//!   in this way for some MiB: the cache has holes there, and the disk is slower than copying.
//! - **Read blindly**, where the file system cannot say what is cached (FUSE, overlayfs, NFS):
//!   small reads that may wait, one a turn, after the kernel was asked to fetch what comes next.
//!
//! The kernel fetches missing bytes in the background, a bounded stretch ahead of what is being
//! sent.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use super::system::{self, Cached, Fetch, STRETCH_BYTES};
use crate::answer::body_progress::BodyProgress;
use crate::time::Time;

/// What is sent by one `sendfile` of a file that may be on a disk, in bytes. Two of them use up a
/// client's turn. With half of it a file of 1 MiB costs a quarter more, and with twice as much not
/// less. What the kernel does not take is looked for again.
const PIECE_BYTES_MAX: u64 = 2 * STRETCH_BYTES;

/// How far ahead of what is being sent the kernel is asked to fetch, in bytes. It goes on being
/// asked before it has got there, so that a disk always knows what comes next.
const FETCHED_BYTES: u64 = 512 * 1024;

/// The kernel is asked again once so little is left of that, in bytes.
const FETCHED_BYTES_LOW: u64 = FETCHED_BYTES / 2;

/// How much of a file has to be found without a gap before it is sent without copying again.
const COPIED_AFTER_GAP_BYTES: u64 = 8 * 1024 * 1024;

/// The first pause for a disk, which is about what a fast one needs. Each further one is twice as
/// long.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// The longest pause: 30 looks a second, while the disk has half of what was asked for to go on.
const PAUSE_MAX: Duration = Duration::from_millis(32);

/// What is read at once where reading may wait, in bytes: a short wait for all clients.
pub(super) const BLIND_BYTES_MAX: usize = 64 * 1024;

/// After 64 failed checks (about two seconds), these pages are dropped from the page cache: pages
/// whose read failed would stay there, and the kernel would not read them again.
const LOOKS_IN_VAIN: u32 = 64;

/// What is dropped then, in bytes: a page can be so large, and only whole ones are dropped.
const DROPPED_BYTES: u64 = 2 * 1024 * 1024;

/// A disk that has given nothing for this long has failed.
const DISK_TIMEOUT: Duration = Duration::from_secs(30);

/// A piece of a file that is to be sent as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilePiece<'a> {
    pub(crate) file: &'a File,
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
}

/// How the next bytes are got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// By `sendfile`, as far as they are cached.
    Sent,
    /// By reads that do not wait, up to this place in the file.
    Copied { until: u64 },
    /// By reads that wait.
    Blind,
    /// By `sendfile`, for the whole file is in memory.
    InMemory,
}

/// A range in the course of being sent.
#[derive(Debug)]
pub(crate) struct Sending {
    file: Arc<File>,
    /// The first byte that is neither sent nor copied.
    at: u64,
    end: u64,
    method: Method,
    /// Up to here it may be sent as it is.
    found: u64,
    /// When that was looked for: what was cached then need not be so much later.
    looked: Time,
    /// Up to here the kernel has been asked to fetch it.
    fetched: u64,
    /// Looks in vain since the last byte was got.
    in_vain: u32,
    /// When that began.
    missing_since: Time,
    /// When there may be more.
    due: Time,
    /// What the kernel was asked to fetch since it was last asked for a piece, in bytes.
    work: usize,
}

impl Sending {
    pub(super) fn new(file: Arc<File>, offset: u64, length: u64) -> Sending {
        // Of a range that reaches beyond all numbers nothing is sent.
        let (at, end) = match offset.checked_add(length) {
            Some(end) => (offset, end),
            None => (u64::MAX - 1, u64::MAX),
        };
        Sending {
            file,
            at,
            end,
            method: Method::Sent,
            found: at,
            looked: Time::START,
            fetched: at,
            in_vain: 0,
            missing_since: Time::START,
            due: Time::START,
            work: 0,
        }
    }

    /// As [`Sending::new`], of a file that is nowhere but in memory.
    pub(super) fn in_memory(file: Arc<File>, offset: u64, length: u64) -> Sending {
        Sending { method: Method::InMemory, ..Sending::new(file, offset, length) }
    }

    /// How much work the last piece took beside being sent, counted as the turn's budget is. The
    /// kernel makes pages for what it is asked to fetch, and of a file with holes it fills them at
    /// once.
    pub(crate) fn work(&self) -> usize {
        self.work
    }

    /// When it is to be asked.
    pub(crate) fn due(&self) -> Time {
        self.due
    }

    /// The piece that is to be sent next as it is, if there is one.
    pub(crate) fn piece(&self) -> Option<FilePiece<'_>> {
        let bytes = usize::try_from(self.found.checked_sub(self.at)?).unwrap_or(usize::MAX);
        (bytes > 0).then_some(FilePiece { file: &self.file, offset: self.at, bytes })
    }

    /// Whether what is known of the piece is as old as this turn.
    pub(crate) fn is_fresh(&self, now: Time) -> bool {
        self.looked == now
    }

    /// The kernel has taken `bytes` bytes of the piece.
    pub(crate) fn advance(&mut self, bytes: usize) -> BodyProgress {
        self.at += bytes as u64;
        debug_assert!(self.at <= self.found, "no more is sent than was found");
        match (bytes, self.at == self.end) {
            (0, _) => BodyProgress::Broken,
            (_, true) => BodyProgress::Complete,
            (_, false) if self.at < self.found => BodyProgress::Piece,
            (_, false) => BodyProgress::GoesOn,
        }
    }

    /// Finds the next piece, or copies one behind `out`: of the first kind not more than
    /// `piece_max` bytes, of the second not more than there is `room` for.
    pub(crate) fn ask(
        &mut self,
        out: &mut Vec<u8>,
        room: usize,
        piece_max: usize,
        now: Time,
    ) -> BodyProgress {
        (self.found, self.due, self.work) = (self.at, now, 0);
        if self.at == self.end {
            return BodyProgress::Complete;
        }
        if matches!(self.method, Method::Copied { until } if until <= self.at) {
            self.method = Method::Sent;
        }
        match self.method {
            Method::Sent => self.look(out, room, piece_max, now),
            Method::Copied { .. } => self.copy(out, room, now),
            Method::Blind => self.read_blindly(out, room, now),
            Method::InMemory => self.find(piece_max as u64, now),
        }
    }

    fn left(&self) -> u64 {
        self.end - self.at
    }

    /// Looks for the first byte of the next piece, and for the last of each stretch in it.
    fn look(
        &mut self,
        out: &mut Vec<u8>,
        room: usize,
        piece_max: usize,
        now: Time,
    ) -> BodyProgress {
        let piece = PIECE_BYTES_MAX.min(self.left()).min(piece_max as u64);
        let is_cached =
            |offset| system::read_cached(&self.file, &mut [0], offset) == Cached::Bytes(1);
        let stretches = (1..=piece.div_ceil(STRETCH_BYTES)).map(|n| piece.min(n * STRETCH_BYTES));
        let found = match is_cached(self.at) {
            true => stretches.take_while(|bytes| is_cached(self.at + bytes - 1)).last(),
            false => None,
        };
        if let Some(found) = found {
            return self.find(found, now);
        }
        // Missing, unknown, or the file has become shorter: copying finds out.
        self.method = Method::Copied { until: self.at.saturating_add(COPIED_AFTER_GAP_BYTES) };
        self.copy(out, room, now)
    }

    /// The next `piece_max` bytes may be sent as they are, or as many as there are.
    fn find(&mut self, piece_max: u64, now: Time) -> BodyProgress {
        self.found = self.at + piece_max.min(self.left());
        self.looked = now;
        BodyProgress::Piece
    }

    fn copy(&mut self, out: &mut Vec<u8>, room: usize, now: Time) -> BodyProgress {
        let start = out.len();
        out.resize(start + room.min(usize::try_from(self.left()).unwrap_or(usize::MAX)), 0);
        let cached = system::read_cached(&self.file, &mut out[start..], self.at);
        out.truncate(start + if let Cached::Bytes(bytes) = cached { bytes } else { 0 });
        match cached {
            Cached::Bytes(bytes) => self.got(bytes),
            Cached::Missing => self.miss(out, room, now),
            Cached::Failed => BodyProgress::Failed,
            Cached::Unknown if system::is_in_memory(&self.file) => {
                self.method = Method::InMemory;
                self.find(PIECE_BYTES_MAX, now)
            }
            Cached::Unknown => {
                self.method = Method::Blind;
                self.read_blindly(out, room, now)
            }
        }
    }

    fn read_blindly(&mut self, out: &mut Vec<u8>, room: usize, now: Time) -> BodyProgress {
        // Without it reading takes longer. That is all.
        let _ = self.fetch_ahead();
        let start = out.len();
        let room = room.min(BLIND_BYTES_MAX);
        out.resize(start + room.min(usize::try_from(self.left()).unwrap_or(usize::MAX)), 0);
        let read = system::read_owed(&self.file, &mut out[start..], self.at);
        out.truncate(start + *read.as_ref().unwrap_or(&0));
        let Ok(bytes) = read else { return BodyProgress::Failed };
        // The others first: this may have kept them waiting.
        self.due = now + Duration::from_micros(1);
        self.got(bytes)
    }

    /// `bytes` bytes have been copied.
    fn got(&mut self, bytes: usize) -> BodyProgress {
        if bytes == 0 {
            return BodyProgress::Broken;
        }
        self.at += bytes as u64;
        (self.found, self.in_vain) = (self.at, 0);
        if self.at == self.end {
            return BodyProgress::Complete;
        }
        // What is refused now is asked for again when it is missing.
        let _ = self.fetch_ahead();
        BodyProgress::GoesOn
    }

    /// The next byte is missing.
    fn miss(&mut self, out: &mut Vec<u8>, room: usize, now: Time) -> BodyProgress {
        self.method = Method::Copied { until: self.at.saturating_add(COPIED_AFTER_GAP_BYTES) };
        if self.in_vain == 0 {
            // What was fetched may have been dropped again: it costs little to ask for what is here.
            (self.missing_since, self.fetched) = (now, self.at);
        } else if self.in_vain.is_multiple_of(LOOKS_IN_VAIN) {
            let start = self.at - self.at % DROPPED_BYTES;
            system::forget(&self.file, start, DROPPED_BYTES);
            self.fetched = self.at;
        }
        if now.since(self.missing_since) > DISK_TIMEOUT {
            return BodyProgress::Broken;
        }
        if self.fetch_ahead() == Fetch::Refused {
            // Only a read fetches it.
            self.method = Method::Blind;
            return self.read_blindly(out, room, now);
        }
        self.due = now + (PAUSE_MIN * (1 << self.in_vain.min(16))).min(PAUSE_MAX);
        self.in_vain += 1;
        BodyProgress::GoesOn
    }

    /// Asks the kernel to fetch what comes next, if little is left of what it was asked for.
    fn fetch_ahead(&mut self) -> Fetch {
        let start = self.fetched.max(self.at);
        if start >= self.end || start - self.at >= FETCHED_BYTES_LOW {
            return Fetch::Begun;
        }
        let end = self.at.saturating_add(FETCHED_BYTES).min(self.end);
        let fetch = system::fetch(&self.file, start, end - start);
        if fetch == Fetch::Begun {
            self.fetched = end;
            self.work += (end - start) as usize;
        }
        fetch
    }
}

#[cfg(test)]
mod tests {
    use super::super::pretence;
    use super::*;
    use std::io::Write;

    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    const ROOM: usize = 64 * 1024;

    /// A file of `bytes` bytes, which no other process can open.
    fn file(bytes: u64) -> Arc<File> {
        let path = std::env::temp_dir().join(format!("oneloop-{:?}", std::thread::current().id()));
        let path = path.with_extension(std::process::id().to_string());
        let opened = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let mut file = opened.expect("a temporary file");
        std::fs::remove_file(path).expect("it was just made");
        let content: Vec<u8> = (0..bytes).map(|at| (at / 1000 % 251) as u8).collect();
        file.write_all(&content).expect("there is room");
        Arc::new(file)
    }

    fn after(pause: Duration) -> Time {
        Time::START + pause
    }

    /// Sends everything that can be had at `now`: how much as it was and how much copied, and what
    /// it came to.
    fn send_all(sending: &mut Sending, now: Time) -> (u64, u64, BodyProgress) {
        let (mut sent, mut copied) = (0, 0);
        loop {
            let mut out = Vec::new();
            let mut asked = sending.ask(&mut out, ROOM, usize::MAX, now);
            copied += out.len() as u64;
            assert!(out.len() <= ROOM);
            while asked == BodyProgress::Piece {
                let piece = sending.piece().expect("a piece");
                assert!(piece.bytes as u64 <= PIECE_BYTES_MAX);
                let part = piece.bytes.min(100_000);
                sent += part as u64;
                asked = sending.advance(part);
            }
            assert_eq!(sending.piece().map(|piece| piece.bytes), None);
            if asked != BodyProgress::GoesOn || sending.due() > now {
                return (sent, copied, asked);
            }
        }
    }

    #[test]
    fn what_is_nowhere_but_in_memory_is_sent_without_a_look() {
        pretence::miss(0..10 * MIB);
        let mut sending = Sending::in_memory(file(10 * MIB), 7, 10 * MIB - 7);
        for (bytes, done) in [(4 * MIB, false), (4 * MIB, false), (2 * MIB - 7, true)] {
            let room = (4 * MIB) as usize;
            assert_eq!(sending.ask(&mut Vec::new(), ROOM, room, Time::START), BodyProgress::Piece);
            assert_eq!(sending.piece().map(|piece| piece.bytes as u64), Some(bytes));
            assert_eq!(sending.advance(bytes as usize) == BodyProgress::Complete, done);
        }
    }

    #[test]
    fn what_is_cached_is_sent_as_it_is() {
        pretence::miss(None);
        for length in [1, 5, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 3 * MIB] {
            let mut sending = Sending::new(file(3 * MIB + 7), 7, length);
            assert_eq!(send_all(&mut sending, Time::START), (length, 0, BodyProgress::Complete));
        }
        assert_eq!(pretence::with(|cache| cache.fetched.len()), Some(0));
    }

    #[test]
    fn what_is_missing_is_fetched_while_its_client_pauses() {
        pretence::miss(MIB..4 * MIB);
        let mut sending = Sending::new(file(4 * MIB), 0, 4 * MIB);
        assert_eq!(send_all(&mut sending, Time::START), (MIB, 0, BodyProgress::GoesOn));
        assert_eq!(sending.due(), after(PAUSE_MIN));
        let fetched =
            || pretence::with(|cache| std::mem::take(&mut cache.fetched)).expect("it is pretended");
        assert_eq!(fetched(), [(MIB, MIB + FETCHED_BYTES)]);
        for pause in [2, 4, 8, 16, 32, 32, 32] {
            let now = sending.due();
            assert_eq!(send_all(&mut sending, now), (0, 0, BodyProgress::GoesOn));
            assert_eq!(sending.due(), now + Duration::from_millis(pause));
            assert_eq!(fetched(), [], "it is underway");
        }
        // A part of it comes: it goes on by copying, and what comes next is fetched in time.
        pretence::miss(MIB + 300 * KIB..4 * MIB);
        let now = sending.due();
        assert_eq!(send_all(&mut sending, now), (0, 300 * KIB, BodyProgress::GoesOn));
        assert_eq!(sending.due(), now + PAUSE_MIN);
        let at = MIB + 300 * KIB;
        let end = at + FETCHED_BYTES;
        assert_eq!(fetched(), [(MIB + FETCHED_BYTES, end), (at, end)]);
        pretence::miss(None);
        let now = sending.due();
        assert_eq!(send_all(&mut sending, now), (0, 3 * MIB - 300 * KIB, BodyProgress::Complete));
    }

    #[test]
    fn the_stretches_before_a_gap_are_sent_as_they_are() {
        pretence::miss(300 * KIB..MIB);
        let mut sending = Sending::new(file(MIB), 0, MIB);
        let stretch = STRETCH_BYTES;
        let expected = (stretch, 300 * KIB - stretch, BodyProgress::GoesOn);
        assert_eq!(send_all(&mut sending, Time::START), expected);
    }

    #[test]
    fn a_gap_that_shows_at_the_end_of_a_piece_is_sent_up_to() {
        pretence::miss(100 * KIB..MIB);
        let mut sending = Sending::new(file(MIB), 0, MIB);
        assert_eq!(send_all(&mut sending, Time::START), (0, 100 * KIB, BodyProgress::GoesOn));
    }

    #[test]
    fn behind_a_gap_it_is_copied_for_a_while_and_then_sent_again() {
        pretence::miss(0..1);
        let mut sending = Sending::new(file(10 * MIB), 0, 10 * MIB);
        assert_eq!(send_all(&mut sending, Time::START), (0, 0, BodyProgress::GoesOn));
        pretence::miss(None);
        let end = send_all(&mut sending, after(PAUSE_MIN));
        assert_eq!(end, (2 * MIB, COPIED_AFTER_GAP_BYTES, BodyProgress::Complete));
    }

    #[test]
    fn a_piece_is_as_small_as_it_has_to_be_and_as_old_as_its_turn() {
        pretence::miss(None);
        let mut sending = Sending::new(file(MIB), 0, MIB);
        assert_eq!(sending.ask(&mut Vec::new(), ROOM, 1000, after(PAUSE_MIN)), BodyProgress::Piece);
        assert_eq!(sending.piece().map(|piece| piece.bytes), Some(1000));
        assert!(sending.is_fresh(after(PAUSE_MIN)) && !sending.is_fresh(after(PAUSE_MAX)));
        // What has gone from the cache since then is seen by the next look.
        pretence::miss(0..MIB);
        assert_eq!(
            sending.ask(&mut Vec::new(), ROOM, 1000, after(PAUSE_MAX)),
            BodyProgress::GoesOn
        );
        assert!(sending.piece().is_none());
    }

    #[test]
    fn pages_that_were_never_read_are_dropped_now_and_then_and_given_up_at_last() {
        pretence::miss(0..10 * MIB);
        let mut sending = Sending::new(file(10 * MIB), 3 * MIB, MIB);
        let mut now = Time::START;
        loop {
            let (_, _, asked) = send_all(&mut sending, now);
            if asked == BodyProgress::Broken {
                break;
            }
            assert!(now.since(Time::START) <= DISK_TIMEOUT);
            now = sending.due();
        }
        assert!(now.since(Time::START) <= DISK_TIMEOUT + 2 * PAUSE_MAX);
        let (forgotten, fetched) =
            pretence::with(|cache| (cache.forgotten.clone(), cache.fetched.clone()))
                .expect("it is pretended");
        assert_eq!(forgotten[0], (2 * MIB, 4 * MIB));
        assert!((13..16).contains(&forgotten.len()), "{} times", forgotten.len());
        assert_eq!(fetched.len(), forgotten.len() + 1, "they are fetched again");
    }

    #[test]
    fn where_nothing_can_be_known_little_is_read_at_once_and_others_go_first() {
        pretence::miss(None);
        pretence::with(|cache| cache.is_unknown = true);
        let directory = std::env::current_dir().expect("a directory");
        let path = directory.join("Cargo.lock");
        let file = Arc::new(File::open(path).expect("this crate's own file"));
        if system::is_in_memory(&file) {
            return;
        }
        let length = file.metadata().expect("a length").len();
        let mut sending = Sending::new(file, 0, length);
        let (mut now, mut copied) = (Time::START, 0);
        loop {
            let (sent, bytes, asked) = send_all(&mut sending, now);
            assert!(sent == 0 && bytes <= BLIND_BYTES_MAX as u64);
            copied += bytes;
            if asked == BodyProgress::Complete {
                break;
            }
            assert!(sending.due() > now);
            now = sending.due();
        }
        assert_eq!(copied, length);
        assert_eq!(pretence::with(|cache| cache.fetched[0].0), Some(0));
    }

    /// A call may be refused for one file, or for a moment: the next answer asks again.
    #[test]
    fn what_one_answer_cannot_know_the_next_one_asks_for_again() {
        let file = file(MIB);
        if system::is_in_memory(&file) {
            return;
        }
        pretence::miss(None);
        pretence::with(|cache| cache.is_unknown = true);
        let mut blind = Sending::new(Arc::clone(&file), 0, MIB);
        assert_eq!(
            send_all(&mut blind, Time::START),
            (0, BLIND_BYTES_MAX as u64, BodyProgress::GoesOn)
        );
        pretence::with(|cache| cache.is_unknown = false);
        let now = blind.due();
        let (sent, copied, _) = send_all(&mut blind, now);
        assert!(sent == 0 && copied > 0, "an answer goes on as it has begun");
        let mut next = Sending::new(file, 0, MIB);
        assert_eq!(send_all(&mut next, now), (MIB, 0, BodyProgress::Complete));
    }

    #[test]
    fn what_the_kernel_does_not_fetch_is_read_by_waiting_for_it() {
        pretence::miss(0..MIB);
        pretence::with(|cache| cache.refuses = true);
        let mut sending = Sending::new(file(MIB), 0, MIB);
        let (mut now, mut copied) = (Time::START, 0);
        loop {
            let (sent, bytes, asked) = send_all(&mut sending, now);
            assert!(sent == 0 && bytes > 0, "it goes on in each turn");
            copied += bytes;
            if asked == BodyProgress::Complete {
                break;
            }
            now = sending.due();
        }
        assert_eq!(copied, MIB);
    }

    #[test]
    fn a_file_that_ends_early_is_broken_behind_its_last_byte() {
        for (cached, bytes) in [(true, 300_000), (true, 10), (false, 300_000)] {
            pretence::miss(None);
            pretence::with(|cache| cache.is_unknown = !cached);
            let mut sending = Sending::new(file(bytes), 0, bytes + 1);
            let mut now = Time::START;
            let mut given = 0;
            let asked = loop {
                let (sent, copied, asked) = send_all(&mut sending, now);
                given += sent + copied;
                match asked {
                    BodyProgress::GoesOn => now = sending.due(),
                    BodyProgress::Piece
                    | BodyProgress::Complete
                    | BodyProgress::Broken
                    | BodyProgress::Failed => break asked,
                }
            };
            assert_eq!((asked, given), (BodyProgress::Broken, bytes));
        }
    }
}
