//! What the programs' command lines have in common: how a single value is written, and what a
//! user hears of a mistake.
//!
//! No part of the library's promise: it is here, and not in a program, because programs share it.
//! [`reading`] asks clap, [`values`] and [`addresses`] read single values, [`interfaces`] knows the
//! machine's addresses, [`refusal`] turns what cannot run into one line and an exit code. What
//! options there are, each program says for itself.

pub mod addresses;
pub mod interfaces;
pub mod reading;
pub mod refusal;
pub mod values;

pub use refusal::Refusal;
