//! The command line: arguments and environment in, a [`Config`](oneloop::Config) and a
//! [`FixedText`](oneloop::handlers::FixedText) out.
//!
//! [`options`] is what there is to say, [`numbers`] the part of it that limits and times,
//! [`values`] how a single value is written, [`refusal`] what a user hears when nothing can be run.
//! Nothing here binds, logs or prints.

mod numbers;
mod options;
mod refusal;
mod values;

pub use options::Cli;
pub use refusal::Refusal;
