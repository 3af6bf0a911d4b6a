//! A directory served over real sockets: what is there and what is not, its states, parts and
//! codings, and what becomes of an answer when a file changes under it.
#![cfg(feature = "site")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/sockets.rs"]
mod sockets;

mod changes;
mod codings;
mod errors;
mod fields;
mod folder;
mod listing;
mod made;
mod methods;
mod paths;
mod queries;
mod transfers;
mod uploads;
