//! The fuzz targets' oracles (`tests/fuzz/src/oracle`) without a fuzzer: over the inputs that
//! fuzzing has left, and over conversations that are right by construction.
//!
//! An input that fails here is replayed alone by `tests/fuzz/run replay TARGET FILE`.
#![cfg(feature = "site")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/chunks.rs"]
mod chunks;
mod corpora;
#[path = "../simulation/framing/mod.rs"]
mod framing;
#[path = "../fuzz/instrumented/src/lib.rs"]
mod instrumented;
mod judging;
#[path = "../fuzz/src/oracle/mod.rs"]
mod oracle;
mod properties;
mod proxied;
