//! Measures what servers cost per request, beside a floor that parses nothing.
//!
//! Three programs share this library: `floor` (the least a server can do), `load` (the clients, by
//! hand) and `peers` (starts servers, measures them in turn, reports).
//!
//! | module | what it owns |
//! |---|---|
//! | [`text`] | the one text that every server answers |
//! | [`scenario`] | the table of what is measured |
//! | [`servers`] | the table of who is measured, and how each is started |
//! | [`running`] | a started server, killed and reaped whatever happens |
//! | [`accounting`] | the kernel's account of a process: CPU time, memory |
//! | [`load`] | the clients: they check every byte of every answer |
//! | [`measure`] | one server in one scenario, in slices |
//! | [`round`] | all servers in one scenario, in turn |
//! | [`statistics`], [`report`], [`table`] | many measurements, made readable |
//! | [`machine`], [`placement`], [`failure`] | where it ran, on which cores, and what went wrong |

pub mod accounting;
pub mod failure;
pub mod load;
pub mod machine;
pub mod measure;
pub mod placement;
pub mod report;
pub mod round;
pub mod running;
pub mod scenario;
pub mod servers;
pub mod statistics;
pub mod table;
pub mod text;
