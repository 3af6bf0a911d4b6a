//! The command line: arguments and environment in, a [`Config`](oneloop::Config) and a
//! [`FixedText`](oneloop::handlers::FixedText) or a [`Site`](oneloop::handlers::Site) out.
//!
//! [`options`] is what there is to say: [`site`] the part of it about a directory, [`text`] about
//! an answer for all requests, [`routes`] about answers by routes, [`listening`] about addresses, [`logging`] about logs, [`explain`] about each step, and the
//! telling, [`numbers`] about limits and times. [`given`] knows what the user has written where,
//! [`habits`] what users of other servers write, [`start`] what is said when the server starts or
//! cannot. [`answer`] is the handler that comes of it all. How a single value is written, and what a
//! user hears when nothing can be run, it has in common with the herd, in [`crate::arguments`]; what
//! only this program reads is in [`values`], what a person can type into a browser in [`urls`].
//! [`processor`] is asked before all of this whether the program can run at all. Nothing here binds,
//! logs or writes, but for [`health`], which asks another server.

mod answer;
mod explain;
mod habits;
pub mod health;
mod listening;
mod logging;
mod numbers;
mod option_sources;
mod options;
mod processor;
mod record;
pub mod replay;
mod routes;
mod site;
mod start;
mod text;
mod urls;
mod values;

pub use explain::{Teller, is_coloured};
pub use options::Cli;
pub use processor::check as check_processor;
pub use start::{Most, line as start_line};
pub use urls::url;
