//! How a program answers: a handler gets a request and a reply, and answers with bytes, part of a
//! file, or a source that gives the next bytes when it is asked.

pub(crate) mod body;
pub(crate) mod body_progress;
pub(crate) mod file;
pub(crate) mod handler;
pub(crate) mod late;
#[cfg(feature = "routes")]
pub(crate) mod planned;
#[cfg_attr(not(feature = "routes"), allow(dead_code, reason = "only routes commit faults"))]
pub(crate) mod planned_fault;
pub(crate) mod prepared;
pub(crate) mod source;
pub(crate) mod waker;
