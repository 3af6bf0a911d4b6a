//! Bytes between a connection and the kernel: answers that are not sent yet, and what the server
//! keeps of answers and of half requests while a client waits.

pub(crate) mod kept;
mod output;

pub(crate) use output::*;
