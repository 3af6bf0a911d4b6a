//! HTTP/1.1 as bytes: what a request is, where it ends, and how an answer is written.
//!
//! Pure functions of their input: no socket, no clock, no state that outlives a request except
//! [`Content`](body::Content), the decoder of a body that arrives in pieces. Read in this order:
//! [`parse`] finds a head, or `first_fault` why there is none; [`target`] and [`control`] judge it;
//! [`body`] and [`chunks`] find where the content ends; [`request`] is what a handler sees, [`fault`]
//! what it sees instead, and [`forwarded`] whose it is; [`encode`], [`lists`] and [`date`] write the answer.
//! [`proxy_header`] is no HTTP: it may have to come before that, and also says whose a connection is.

pub(crate) mod body;
pub(crate) mod chars;
mod chunks;
pub(crate) mod control;
pub(crate) mod date;
pub(crate) mod encode;
pub(crate) mod fault;
mod first_fault;
pub(crate) mod forwarded;
pub(crate) mod lists;
pub(crate) mod method;
pub(crate) mod parse;
pub(crate) mod proxy_header;
pub(crate) mod query;
pub(crate) mod request;
pub(crate) mod status;
pub(crate) mod target;
