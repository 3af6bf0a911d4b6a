//! What tests of handlers need instead of a network: [`ask`](fn@ask) returns the [`Answer`] to the bytes of a
//! request.
//!
//! With the feature `engine` there are `Pipe` and `Listener` as well, for a loop of your own: a
//! connection in memory, whose peer and kernel is the test, and where such connections come in.

mod answer;
mod ask;
#[cfg_attr(not(feature = "engine"), allow(dead_code, reason = "the rest is for loops of your own"))]
mod listener;
#[cfg_attr(not(feature = "engine"), allow(dead_code, reason = "the rest is for loops of your own"))]
mod pipe;

pub use answer::Answer;
pub use ask::ask;
#[cfg(feature = "engine")]
pub use listener::Listener;
#[cfg(feature = "engine")]
pub use pipe::{Pipe, PipeStream};
