//! System calls that fail, in the real binary.
//!
//! [`log`] is about what is written to standard error, which nobody may read.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod client;
mod log;
#[path = "../support/mod.rs"]
mod support;
