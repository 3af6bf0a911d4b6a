//! What the programs' command lines have in common: how a single value is written, and what a user
//! is told of a mistake.
//!
//! Both programs are built with these files, `oneloop` and `herd`; the library is not. So only what
//! both need is here, and nothing of the library. [`reading`] asks clap, [`values`] and [`addresses`]
//! read single values, [`interfaces`] knows the machine's, [`refusal`] turns what cannot run into one
//! line and an exit code, [`habits`] finds what is written elsewhere for an option. What options there are, each program says for itself.

pub mod addresses;
pub mod habits;
pub mod interfaces;
pub mod reading;
pub mod refusal;
pub mod values;

pub use refusal::Refusal;
