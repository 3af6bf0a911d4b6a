//! What the exam is to be: all options, checked.

use std::time::Duration;

use crate::plan::Destination;
use crate::server::Server;

/// All options.
#[derive(Clone, Debug)]
pub struct Settings {
    pub server: Server,
    pub path: String,
    pub big_path: Option<String>,
    pub fields: String,
    /// Stages, by number.
    pub stages: Vec<usize>,
    pub pid: Option<u32>,
    pub patience: Duration,
    pub idle_limit: Duration,
    pub silent: usize,
    pub detail: Detail,
    /// Where the report for programs goes, if anywhere.
    pub json: Option<Destination>,
}

/// Of which stages everything is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Failures,
    Everything,
}
