//! System calls that fail, in the real binary.
//!
//! [`table`] holds the table of all calls against the sources, [`failing`] has each of them fail,
//! [`server`] is the binary in which it does. [`log`] is about
//! what is written to standard error, which nobody may read.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod client;
mod failing;
mod log;
#[path = "../support/needed.rs"]
mod needed;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod table;
#[path = "../support/trace.rs"]
mod trace;
