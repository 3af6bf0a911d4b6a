//! What tests of handlers, and of loops of your own, need instead of a network.
//!
//! `Pipe` is a connection in memory: the test is the peer and the kernel. `Listener` is where such
//! connections come in.

#[cfg(feature = "engine")]
mod listener;
#[cfg(feature = "engine")]
mod pipe;

#[cfg(feature = "engine")]
pub use listener::Listener;
#[cfg(feature = "engine")]
pub use pipe::{Pipe, PipeStream};
