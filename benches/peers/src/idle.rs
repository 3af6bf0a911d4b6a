//! What a connection costs that does nothing: resident memory with more and more of them.
//!
//! A slope between two counts of clients leaves out what a server has anyway. Two servers are
//! started: the clients of the first say nothing, those of the second are each answered once. Only
//! the process's own memory is seen; the kernel's, for sockets, is the same for every server.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::Serialize;

use crate::accounting;
use crate::failure::Failure;
use crate::load::{Greeting, Load, Plan};
use crate::placement::Placement;
use crate::running::Running;
use crate::scenario::Scenario;
use crate::servers::{Crowd, Server};

/// How many clients there are when memory is read. Our side holds the most of them under a limit of
/// 20,000 descriptors; a server that cannot stops earlier.
pub const CLIENTS: [usize; 3] = [1_000, 5_000, 15_000];
/// So long after the last client has left memory is read: whoever gives back in time, counts.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// One server's idle memory.
#[derive(Debug, Serialize)]
pub struct IdleReport {
    /// Its name.
    pub name: &'static str,
    /// With clients that never said anything.
    pub silent: Series,
    /// With clients that were answered once.
    pub answered: Series,
    /// Why some of it is missing.
    pub failures: Vec<String>,
}

/// Resident memory while clients come and go.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Series {
    /// Before the first.
    pub base_bytes: u64,
    /// With each count of clients.
    pub points: Vec<Point>,
    /// A second after all have left.
    pub left_bytes: Option<u64>,
}

/// Resident memory at some moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// So many are connected.
    pub clients: usize,
    /// So much is resident.
    pub resident_bytes: u64,
}

impl Series {
    /// Bytes for each further client, from the first count to the last.
    pub fn slope(&self) -> Option<f64> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        let clients = last.clients.checked_sub(first.clients).filter(|clients| *clients > 0)?;
        Some((last.resident_bytes as f64 - first.resident_bytes as f64) / clients as f64)
    }

    /// With the most clients.
    pub fn largest(&self) -> Option<Point> {
        self.points.last().copied()
    }
}

/// Measures one server.
pub fn idle(
    server: &Server,
    program: &Path,
    scenario: &Scenario,
    placement: Placement,
) -> IdleReport {
    let mut failures = Vec::new();
    let mut series_with = |greeting| {
        let mut series = Series::default();
        let attempt = Running::start_server(server, program, scenario, placement)
            .and_then(|running| fill(&mut series, &running, server.crowd, scenario, greeting));
        if let Err(failure) = attempt {
            failures.push(failure.to_string());
        }
        series
    };
    let silent = series_with(Greeting::Silence);
    let answered = series_with(Greeting::Request);
    IdleReport { name: server.name, silent, answered, failures }
}

/// What was read before a failure stays in `series`.
fn fill(
    series: &mut Series,
    running: &Running,
    crowd: Crowd,
    scenario: &Scenario,
    greeting: Greeting,
) -> Result<(), Failure> {
    let pid = running.pid();
    accounting::quiet(pid)?;
    series.base_bytes = accounting::resident_bytes(pid)?;
    let mut load = Load::new(Plan {
        server: running.address(),
        clients: 0,
        depth: 1,
        requests: scenario.requests(),
        expected: scenario.expected(),
        connections: scenario.connections,
        at_once: crowd.at_once,
    })?;
    let mut connected = 0;
    for clients in CLIENTS.into_iter().filter(|clients| *clients <= crowd.most) {
        while connected < clients {
            connected = clients.min(connected + crowd.at_once);
            load.grow(connected, greeting)?;
            accounting::settled(pid)?;
        }
        accounting::quiet(pid)?;
        let resident_bytes = accounting::resident_bytes(pid)?;
        series.points.push(Point { clients, resident_bytes });
    }
    // Whoever was not accepted would not be answered.
    load.ask_all()?;
    drop(load);
    thread::sleep(AFTERWARDS);
    accounting::quiet(pid)?;
    series.left_bytes = Some(accounting::resident_bytes(pid)?);
    Ok(())
}
