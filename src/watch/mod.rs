//! What the loop does, step by step, as values that can be told, kept, or counted.
//!
//! `event` is every kind of step there is, `sentence` says each in plain words, `json` as one line
//! for programs, and `narrator` hands them to whoever observes, and to the log as `trace`. Each step
//! is written down once, here; whoever shows it decides only how it looks.
//!
//! `watch` keeps what the admin page shows of them.
//!
//! When nobody observes or watches and nothing is traced, a step costs a look at one flag.

mod event;
mod json;
mod narrator;
mod sentence;
mod watched;

pub use crate::config::TimeoutClass;
pub use crate::connection::state::Name as StateName;
pub use crate::connection::{Demand, Unread};
pub use crate::engine::socket::{Interest, Readiness, Received, Taken};
pub use crate::metrics::CloseReason;
pub use event::{Change, ClientEvent, Event, LoopEvent, Patience, Rest, What};
pub use narrator::Observer;
pub(crate) use narrator::{Narrator, Witness};
pub(crate) use watched::ARROW_COUNT;
