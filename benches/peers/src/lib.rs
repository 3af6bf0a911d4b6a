//! Measures what servers cost per request, beside a floor that parses nothing.
//!
//! Three programs share this library: `floor` (the least a server can do), `load` (the clients, by
//! hand) and `peers` (starts servers, measures them in turn, reports). `peer-threads` and
//! `peer-io-uring` are servers to compare with that are made here; with the feature `peers` come
//! those that are crates, `peer-hyper` and so on.
//!
//! | module | what it owns |
//! |---|---|
//! | [`text`] | the one text that every server answers |
//! | [`scenario`] | the table of what is measured |
//! | [`site`] | the files of those scenarios that ask for files |
//! | [`servers`] | the table of who is measured, and how each is started |
//! | [`running`] | a started server, killed and reaped whatever happens |
//! | [`accounting`] | the kernel's account of a process: CPU time, memory |
//! | [`load`] | the clients, and their loop |
//! | [`herd`] | what they have in common with the program `herd`, whose files these are: answers checked byte by byte, sockets from many addresses, a schedule |
//! | [`measure`] | one server in one scenario, in slices |
//! | [`round`] | all servers in one scenario, in turn |
//! | [`idle`] | what a connection costs that does nothing |
//! | [`statistics`], [`report`] | many measurements, made few |
//! | [`table`], [`summary`], [`bars`], [`chart`] | the report: in full, in short, drawn |
//! | [`machine`], [`placement`], [`failure`] | where it ran, on which cores, and what went wrong |
//! | [`peer`] | what the peers' programs have in common |

pub mod accounting;
pub mod bars;
pub mod chart;
pub mod failure;
#[path = "../../../src/herd/load/mod.rs"]
pub mod herd;
pub mod idle;
pub mod load;
pub mod machine;
pub mod measure;
pub mod peer;
pub mod placement;
pub mod report;
pub mod round;
pub mod running;
pub mod scenario;
pub mod servers;
pub mod site;
pub mod statistics;
pub mod summary;
pub mod table;
pub mod text;
