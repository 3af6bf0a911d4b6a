//! The memory of the real binary, and of a program that embeds the library: what comes back after a
//! crowd, and what is taken at the worst.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/needed.rs"]
mod needed;

#[path = "../support/trace.rs"]
mod trace;

mod crowds;
