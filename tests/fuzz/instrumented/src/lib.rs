//! The server without its poll: its loop, connections in memory, and a handler that tells what it
//! was shown.
//!
//! The fuzzer counts which branches are taken here and in oneloop, and nowhere else: most of
//! oneloop is generic over the stream and the handler, so it is compiled here. The model and the
//! checks, which say what must come of it, would cost more than what they judge if they were
//! counted, too. So whatever calls generic code of the server's belongs here, and nothing else.
#![allow(missing_docs, reason = "shared with tests, whose items need none")]

pub mod handler;
pub mod server;
