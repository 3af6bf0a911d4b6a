//! What the loop does, step by step, as values that can be shown, kept or counted.
//!
//! The engine says what its clients do, through one seam (`engine::Watcher`), and
//! knows nothing of what is here. [`Tracer`] hands the steps on: to the [`Observer`], to the log as
//! `trace`, and to what the admin page shows. `sentence` says each in plain words, `json` as one
//! line for programs, and `trace_events` as what viewers of traces draw. Each step is written down once; an observer decides only how it looks.
//!
//! `access` follows answers to their end, and writes a line for each.
//!
//! Without observer, watcher and trace log, a step costs one comparison.

mod access;
mod access_lines;
mod event;
mod json;
mod sentence;
mod trace_events;
mod tracer;
mod watched;

pub use crate::config::TimeoutClass;
pub use crate::connection::state::StateName;
pub use crate::connection::{Demand, Unread};
pub use crate::engine::{
    Change, ClientEvent, ClientId, Excerpt, Given, Interest, Readiness, Received, Taken, TimeLeft,
};
pub use crate::metrics::CloseReason;
pub use access::AccessLog;
pub use event::{Event, LoopEvent, Patience, What};
pub(crate) use json::write_text;
pub(crate) use sentence::Count;
pub use trace_events::TraceEvents;
pub use tracer::Observer;
#[cfg_attr(not(feature = "engine"), doc(hidden))]
pub use tracer::Tracer;
pub(crate) use watched::{ARROW_COUNT, KEPT_BYTES_MAX};
