//! What every fuzz target holds the server to, apart from any fuzzer.
//!
//! - [`model`] says what must be answered: a slow and simple reader of RFC 9112 requests that
//!   shares no code with the server;
//! - [`harness`] plays peers against the production `Clients`, over streams in memory, with a
//!   handler that echoes all that it was shown;
//! - [`answers`] reads what came back and compares it with what the model demands;
//! - [`agreement`] compares the model with the simulation's;
//! - [`site`] serves a directory to a peer of the fuzzer's making;
//! - [`targets`] makes peers of a fuzzer's bytes; [`packed`] is how such bytes are kept.
//!
//! The fuzz targets call this, and so does `tests/oracles` of the server's own crate, which
//! replays the corpora. So it may use nothing but the standard library, the server's public face
//! and the counter of allocations.

pub mod agreement;
pub mod answers;
pub mod harness;
pub mod model;
pub mod packed;
pub mod site;
pub mod targets;
