//! The access log: written into memory, read at the end of each turn, and shown to the wires.

use oneloop::engine::Clients;
use oneloop::journal::{Format, Journal, Notice};
use oneloop::watch::AccessLog;
use serde_json::Value;

use super::Crowd;
use crate::setting::Setting;
use crate::stream::SimulatedStream;

/// Room for the lines of a turn, in bytes: none is dropped.
const JOURNAL_BYTES: usize = 1024 * 1024;

/// What the log needs for what is told of the clients of a batch, in bytes: texts of their requests,
/// at most what is received of them at once, and twice as much while it grows.
const BATCH_BYTES: usize = 64 * 1024;

/// Begins a log, if this run has one.
pub(super) fn begin(setting: &Setting, clients: &mut Clients<SimulatedStream>) -> Option<Journal> {
    let journal = setting.has_log.then(|| Journal::new(JOURNAL_BYTES, Notice::Json))?;
    AccessLog::new(Format::Json, journal.clone()).watch(clients);
    Some(journal)
}

impl Crowd {
    /// The log has a line for each answer that has ended in this turn, and no other.
    pub(super) fn judge_log(&mut self) {
        let Some(journal) = &self.log else { return };
        let mut text = Vec::new();
        let take = |bytes: &[u8]| {
            text.extend_from_slice(bytes);
            Ok(bytes.len())
        };
        journal.write_by(take).expect("memory takes all");
        assert_eq!(journal.dropped(), 0, "there is room for each line");
        assert!(text.is_empty() || text.ends_with(b"\n"), "a line ends by its line feed");
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Value = serde_json::from_slice(line).expect("a line is an object");
            // Behind a proxy, the peer's address is the proxy's.
            let peer = line["proxy"].as_str().or(line["client"].as_str());
            let port = peer.and_then(|peer| peer.rsplit(':').next());
            let place: usize = port.and_then(|port| port.parse().ok()).expect("a peer's port");
            self.wires[place].borrow_mut().on_line(&line);
        }
        for index in &self.active {
            self.wires[*index].borrow_mut().judge_log();
        }
    }

    /// How much memory the log may hold, in bytes.
    pub(super) fn log_bytes_max(&self) -> usize {
        if self.log.is_none() {
            return 0;
        }
        let wires = self.active.iter().map(|index| self.wires[*index].borrow().log_bytes_max());
        BATCH_BYTES + wires.sum::<usize>()
    }
}
