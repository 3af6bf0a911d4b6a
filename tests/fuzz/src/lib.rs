//! Coverage-guided fuzzing of oneloop: `tests/fuzz/run` builds and runs it.
//!
//! [`oracle`] is what is tested and how; [`mutator`] is how inputs are made of others, and
//! [`headers`] how PROXY headers are. The fuzz targets in `src/bin` join them; `src/bin/corpus.rs` packs inputs into one readable file.

#![allow(missing_docs, reason = "the oracle is shared with tests, whose items need none")]

#[path = "../../support/chunks.rs"]
mod chunks;
#[path = "../../simulation/framing/mod.rs"]
mod framing;
pub use ::instrumented;

pub mod headers;
pub mod mutator;
pub mod oracle;
#[path = "../../support/random.rs"]
mod random;
