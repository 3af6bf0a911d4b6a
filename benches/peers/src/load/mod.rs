//! The clients: one thread, one epoll, in a closed or an open loop.
//!
//! [`Load::open`] connects; each [`Load::run`] sends until its bound is reached and returns once
//! every request that it sent has been answered, so that between two runs nothing is under way and
//! the server sleeps. That makes the server's CPU account exact: so many nanoseconds for exactly so
//! many requests.
//!
//! `generator` is the loop, `opening` how clients arrive, `open_loop` the loop with a schedule
//! instead of patience, `client` one connection. The schedule, what checks every byte that comes
//! back, and what spreads the connections over 127.0.0.0/8 are the herd's ([`crate::herd`]). The
//! loop is not: it makes as few system calls as it can, and none between two runs.

mod client;
mod generator;
mod open_loop;
mod opening;
mod progress;

pub use generator::{Connections, Load, Plan};
pub use opening::Greeting;
pub use progress::{Outcome, Until};
