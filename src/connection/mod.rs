//! One HTTP connection without its socket: bytes in, bytes out, time as an argument.
//!
//! [`state`] is the machine: its states, its transitions and its diagram; [`name`] has the names of its
//! states, and [`arrows`] the table that its transitions are checked against. [`machine`] drives it by
//! what happens: bytes received, bytes taken by the kernel, the end of input, a deadline. With each it
//! is given a [`context`]: the time, the handler, and what all connections of an engine share. What it
//! asks for next is a [`demand`].
//! [`requests`] is the passage from reading to writing: it turns input into calls of the handler.
//! [`content`] is what it does with content that is not whole yet.
//! [`opening`] is what it begins with, and [`proxied`] reads the PROXY header where that is to come first.
//! [`partial`] is what it leaves behind of a head that is not whole, and [`backlog`] what it leaves
//! for the client's next turn.
//! [`notes`] has what is told of answers, where they are told of, and [`note`] what that is of one.
//! [`lingering`] bounds what comes behind the last answer, and [`observed`] says how a connection is.
//! [`streaming`] asks the sources of answers that come over time, [`late`] begins answers that are to
//! begin later, [`ending`] says how a connection ends, and [`waiting`] how long it waits, for what, and
//! what renews that.

pub(crate) mod arrows;
mod backlog;
mod content;
mod context;
mod demand;
mod ending;
mod late;
mod lingering;
mod machine;
mod name;
mod note;
mod notes;
mod observed;
mod opening;
mod partial;
mod proxied;
mod requests;
pub(crate) mod state;
mod streaming;
#[cfg(test)]
mod tests;
mod waiting;

pub(crate) use context::{Common, Context, NOBODY, Phase};
pub use demand::{Demand, Unread};
pub(crate) use machine::Connection;
pub(crate) use note::{Answered, Beginning, Note, Progress, Whole};
pub use opening::Opening;
pub(crate) use waiting::Deadline;
