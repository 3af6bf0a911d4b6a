//! What the real binary announces of its memory and its descriptors holds, and what a crowd takes comes
//! back.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/needed.rs"]
mod needed;

#[path = "../support/random.rs"]
mod random;

#[path = "../support/trace.rs"]
mod trace;

mod crowds;
mod files;
mod worst;
