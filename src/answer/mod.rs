//! How a program answers: a handler gets a request and a reply, and gives bytes, parts of a file, or a
//! source that is asked for the next bytes.

pub(crate) mod file;
pub(crate) mod handler;
pub(crate) mod source;
