//! What the exam is to be: all options, checked.

use std::path::PathBuf;
use std::time::Duration;

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
    pub let_go: Duration,
    pub silent: usize,
    pub detail: Detail,
    pub form: Form,
}

/// Of which stages everything is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Failures,
    Everything,
}

/// Where the report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// To people, on standard output.
    Text,
    /// To a program, on standard output.
    Json,
    /// To people, and to a program by this file.
    Both(PathBuf),
}
