//! The clients: one thread, one epoll, closed loop.
//!
//! [`Load::open`] connects; each [`Load::run`] sends until its bound is reached and returns once
//! every request that it sent has been answered, so that between two runs nothing is under way and
//! the server sleeps. That makes the server's CPU account exact: so many nanoseconds for exactly so
//! many requests. `answer` checks every byte that comes back, `client` is one connection, `source`
//! spreads the connections over 127.0.0.0/8.

mod answer;
mod client;
mod generator;
mod progress;
mod source;

pub use generator::{Connections, Load, Plan};
pub use progress::{Outcome, Until};
