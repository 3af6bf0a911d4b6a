//! The command line: arguments and environment in, a [`Config`](oneloop::Config) and a
//! [`FixedText`](oneloop::handlers::FixedText) out.
//!
//! [`options`] is what there is to say, [`numbers`] the part of it that limits and times. How a
//! single value is written, and what a user hears when nothing can be run, it has in common with
//! the library's other programs: [`oneloop::arguments`]. Nothing here binds, logs or prints.

mod numbers;
mod options;

pub use options::Cli;
