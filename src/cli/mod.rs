//! The command line: arguments and environment in, a [`Config`](oneloop::Config) and a
//! [`FixedText`](oneloop::handlers::FixedText) or a [`Site`](oneloop::handlers::Site) out.
//!
//! [`options`] is what there is to say, [`site`] the part of it about a directory, [`numbers`] the
//! part that limits and times, [`explain`] the part that tells each step, and the telling;
//! [`answer`] is the handler that comes of it. How a single value is written, and what a user hears when nothing can be run, it has in common with
//! the library's other programs: [`oneloop::arguments`]. Nothing here binds or logs, and
//! only the telling writes.

mod answer;
mod explain;
mod numbers;
mod options;
mod site;

pub use explain::Teller;
pub use options::Cli;
