//! Bodies that are part of a file: how to send them without ever waiting for a disk.
//!
//! A poll always reports a regular file as ready, so reading from it can block the thread, and with
//! it all clients, for as long as a disk takes. So the page cache is asked first, and the kernel
//! fetches in the background what is missing. Meanwhile the client pauses, as if its answer came
//! from a [`Source`](crate::Source) that has nothing to give.
//!
//! [`whole`] reads a small file for a handler that keeps it. [`range`] is what a handler says,
//! [`sending`] decides what is done next, and [`system`] makes the system calls: the only file that
//! names them, but for those by which [`in_memory`] makes a file of bytes.

mod in_memory;
mod range;
mod sending;
mod system;
#[cfg(feature = "site")]
mod whole;

pub use range::FileRange;
pub(crate) use range::Start;
pub(crate) use sending::{FilePiece, Sending};
#[cfg(test)]
pub(crate) use system::pretence;
pub(crate) use system::read_owed;
#[cfg(target_os = "linux")]
pub(crate) use system::{send_more, sendfile};
#[cfg(feature = "site")]
pub(crate) use whole::{Whole, read_whole};
