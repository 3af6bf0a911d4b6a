//! What the runs have met: a simulation that never comes to a place says nothing about it.

use std::collections::BTreeSet;

use oneloop::CloseReason;

/// Something that has to happen in some of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mark {
    /// A read that filled the server's buffer, so that more may lie behind.
    FullRead,
    /// A read with the end right behind it, which had been announced.
    ReadBeforeEnd,
    ReadBlocked,
    ReadInterrupted,
    WriteInterrupted,
    WriteBlocked,
    ShortWrite,
    /// Less of a file was taken than was offered.
    ShortFile,
    ResetRead,
    ResetWritten,
    /// The server's own half-close failed, because the connection was lost.
    ShutFailed,
    LateEvent,
    SpuriousReadable,
    SpuriousWritable,
    /// An event of a client that had gone, while another had its key.
    StaleKeyReused,
    RegistrationFailed,
    /// A client stopped because its budget for the turn was used up.
    BudgetUsed,
    /// A client went on with what the server had received from it in an earlier turn.
    Resumed,
    /// More clients ran in one turn than fit into one of the engine's batches.
    ManyRan,
    /// Five idle clients or more were closed in one turn.
    ManyDeadlines,
    /// Deadlines had to wait for the next turn.
    DeadlinesLeft,
    /// A connection was accepted, and then there was no room for it.
    Held,
    ShortageOurs,
    ShortageSystems,
    ConnectionLost,
    ClockLeapt,
    DateLeaptBack,
    Drained,
    StoppedTwice,
    /// The server was told to stop once more before its listeners were closed.
    StoppedClosing,
    /// And while it looked at its clients for the last time.
    StoppedLooking,
    /// A client was cut off in the middle of an answer.
    CutOffAnswering,
    /// A drain that did not come to its end in time.
    DrainTimedOut,
    Continue,
    /// Ten requests or more were answered behind one receive.
    Pipelined,
    /// A client sent as slowly as it may, or took its answer so, and was served.
    SlowServed,
    /// A request hidden in another was found by no one.
    Smuggled,
    /// A source was asked because its time had come.
    PauseKept,
    /// An answer began later than its handler had returned.
    BegunLate,
    /// A source was woken while it waited for that, twice before the loop saw it, although it did not
    /// wait, or when its answer was over; or it waited in vain until its time had come, or until the
    /// server was told to stop.
    Woken,
    WokenTwice,
    WokenEarly,
    WokenLate,
    NeverWoken,
    WokenToStop,
    /// A source has given more than there was room for.
    PieceTooLarge,
    /// An answer has ended by a piece of no bytes, so that nothing was left to be written.
    EndOfNothing,
    /// A connection was lost while its source paused, and the poll has told so.
    LostPausing,
    /// The server stopped for good while a source paused.
    CutOffPausing,
    /// The server was held, and went on.
    WentOn,
    /// A client took a single step, and one that ended its connection.
    StepTaken,
    StepEnded,
    /// A connection was accepted as a step.
    StepAccepted,
    /// The server was told to stop while it was held.
    StoppedHolding,
    /// A server that was told to stop only said so at first, and was told again meanwhile.
    Announced,
    StoppedAnnouncing,
    /// Another process took over.
    HandedOver,
    /// It ended an idle client, from which bytes came behind that.
    EndedIdle,
    Crossed,
    /// An idle client asked once more before its connection was ended.
    AskedOnceMore,
    /// What it began with was no PROXY header, where one has to come first.
    NoProxyHeader,
    /// A PROXY header dripped until its time was over.
    HeaderTimedOut,
}

impl Mark {
    pub const ALL: [Mark; 62] = [
        Mark::FullRead,
        Mark::ReadBeforeEnd,
        Mark::ReadBlocked,
        Mark::ReadInterrupted,
        Mark::WriteInterrupted,
        Mark::WriteBlocked,
        Mark::ShortWrite,
        Mark::ShortFile,
        Mark::ResetRead,
        Mark::ResetWritten,
        Mark::ShutFailed,
        Mark::LateEvent,
        Mark::SpuriousReadable,
        Mark::SpuriousWritable,
        Mark::StaleKeyReused,
        Mark::RegistrationFailed,
        Mark::BudgetUsed,
        Mark::Resumed,
        Mark::ManyRan,
        Mark::ManyDeadlines,
        Mark::DeadlinesLeft,
        Mark::Held,
        Mark::ShortageOurs,
        Mark::ShortageSystems,
        Mark::ConnectionLost,
        Mark::ClockLeapt,
        Mark::DateLeaptBack,
        Mark::Drained,
        Mark::StoppedTwice,
        Mark::StoppedClosing,
        Mark::StoppedLooking,
        Mark::CutOffAnswering,
        Mark::DrainTimedOut,
        Mark::Continue,
        Mark::Pipelined,
        Mark::SlowServed,
        Mark::Smuggled,
        Mark::PauseKept,
        Mark::BegunLate,
        Mark::Woken,
        Mark::WokenTwice,
        Mark::WokenEarly,
        Mark::WokenLate,
        Mark::NeverWoken,
        Mark::WokenToStop,
        Mark::PieceTooLarge,
        Mark::EndOfNothing,
        Mark::LostPausing,
        Mark::CutOffPausing,
        Mark::WentOn,
        Mark::StepTaken,
        Mark::StepEnded,
        Mark::StepAccepted,
        Mark::StoppedHolding,
        Mark::Announced,
        Mark::StoppedAnnouncing,
        Mark::HandedOver,
        Mark::EndedIdle,
        Mark::Crossed,
        Mark::AskedOnceMore,
        Mark::NoProxyHeader,
        Mark::HeaderTimedOut,
    ];
}

/// How many kinds of fault there are to be answered.
const FAULT_KINDS: usize = 26;

/// What one run, or many, came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub runs: u64,
    pub turns: u64,
    pub peers: u64,
    pub requests: u64,
    pub faults: u64,
    pub files: u64,
    pub streams: u64,
    pub pieces: u64,
    pub fault_kinds: BTreeSet<String>,
    pub closed: [u64; CloseReason::ALL.len()],
    pub marks: [u64; Mark::ALL.len()],
}

impl Default for Outcome {
    fn default() -> Outcome {
        Outcome {
            runs: 0,
            turns: 0,
            peers: 0,
            requests: 0,
            faults: 0,
            files: 0,
            streams: 0,
            pieces: 0,
            fault_kinds: BTreeSet::new(),
            closed: [0; CloseReason::ALL.len()],
            marks: [0; Mark::ALL.len()],
        }
    }
}

impl Outcome {
    pub fn add(&mut self, other: Outcome) {
        self.runs += other.runs;
        self.turns += other.turns;
        self.peers += other.peers;
        self.requests += other.requests;
        self.faults += other.faults;
        self.files += other.files;
        self.streams += other.streams;
        self.pieces += other.pieces;
        self.fault_kinds.extend(other.fault_kinds);
        self.closed.iter_mut().zip(other.closed).for_each(|(sum, count)| *sum += count);
        self.marks.iter_mut().zip(other.marks).for_each(|(sum, count)| *sum += count);
    }

    pub fn mark(&mut self, mark: Mark) {
        self.marks[mark as usize] += 1;
    }

    /// What should have happened and has not.
    pub fn missing(&self) -> Vec<String> {
        let marks = Mark::ALL.into_iter().filter(|mark| self.marks[*mark as usize] == 0);
        // No file of the simulation is cut short, and its proxies send whole headers.
        let are_met_elsewhere = [CloseReason::FileBroken, CloseReason::NoProxyHeader];
        let reasons = CloseReason::ALL
            .iter()
            .zip(self.closed)
            .filter(|(reason, count)| *count == 0 && !are_met_elsewhere.contains(reason));
        let mut missing: Vec<String> = marks.map(|mark| format!("{mark:?}")).collect();
        missing.extend(reasons.map(|(reason, _)| format!("{reason:?}")));
        if self.fault_kinds.len() < FAULT_KINDS {
            missing.push(format!("faults other than {:?}", self.fault_kinds));
        }
        missing
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Outcome { runs, turns, peers, requests, faults, files, streams, pieces, .. } = self;
        write!(f, "{runs} seeds, {turns} turns, {peers} peers, {requests} requests, ")?;
        write!(f, "{faults} faults, {files} files, {streams} streams of {pieces} pieces, closed:")?;
        for (reason, count) in CloseReason::ALL.iter().zip(self.closed) {
            write!(f, " {reason:?} {count}")?;
        }
        write!(f, "; met:")?;
        for (mark, count) in Mark::ALL.into_iter().zip(self.marks) {
            write!(f, " {mark:?} {count}")?;
        }
        Ok(())
    }
}
