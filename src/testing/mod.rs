//! What tests of handlers, and of loops of your own, need instead of a network.
//!
//! [`Pipe`] is a connection in memory: the test is the peer and the kernel. [`Listener`] is where
//! such connections come in.

mod listener;
mod pipe;

pub use listener::Listener;
pub use pipe::{Pipe, PipeStream};
