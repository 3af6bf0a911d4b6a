//! A single-threaded, readiness-polling HTTP/1.1 server: one `mio::Poll`, one slab, one thread.
//!
//! Give [`Server::bind`] a [`Config`] and a [`Handler`], which may be a closure, and call
//! [`Server::run`]:
//!
//! ```no_run
//! use oneloop::{Config, Reply, Request, Server};
//!
//! let mut server = Server::bind(&Config::default(), |request: &Request<'_>, reply: Reply<'_>| {
//!     match request.path() {
//!         "/" => reply.send("hello\n"),
//!         _ => reply.status(oneloop::Status::NOT_FOUND).send("no such page\n"),
//!     }
//! })?;
//! server.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The house, from the ground up
//! A file imports only from its own layer or from those above it in this list.
//!
//! 0. [`config`], `error`, `metrics`, `time`, `work`, `door`, `buffer/`, `system_calls/`: numbers,
//!    counters, bytes, and what is done about errors of the system;
//! 1. `http/`: HTTP/1.1 as pure functions of bytes;
//! 2. `answer/`: handlers, sources and files, the library's face;
//! 3. `connection/`: the state machine, without I/O and without a clock;
//! 4. `engine/`: sockets, clients, timers and admission, everything with state in it, generic over
//!    streams and listeners, so that a simulation drives what production runs; and [`watch`], which
//!    tells of each step;
//! 5. `admin/`: what the server shows of itself to watchers; and [`testing`], a connection in
//!    memory;
//! 6. `server/`: the only layer that knows mio and the time;
//! 7. [`handlers`]: what ships;
//! 8. the programs: `oneloop`, a command line around the server; `herd`, a crowd of strange clients;
//!    and `arguments/`, with which both are built: what their command lines have in common.

mod admin;
mod answer;
mod buffer;
pub mod config;
mod connection;
mod door;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(not(feature = "engine"))]
#[allow(dead_code, unused_imports, reason = "some of it is for loops other than the server's")]
mod engine;
mod error;
pub mod handlers;
mod http;
mod metrics;
mod server;
mod system_calls;
pub mod testing;
mod time;
pub mod watch;
mod work;

pub use answer::body::Body;
pub use answer::file::FileRange;
pub use answer::handler::{ContentPlan, Handler, Needs, Panicked, Reply, ReplyHead, Sent};
pub use answer::source::{Next, Piece, Source};
pub use answer::waker::Waker;
pub use config::{Config, Limits, Listen, TimeoutClass, Timeouts};
pub use engine::Stopped;
pub use error::Error;
pub use http::encode::{FieldBlock, InvalidField};
pub use http::fault::{Fault, FaultKind};
pub use http::method::{Method, Version};
pub use http::request::Request;
pub use http::status::{IntoStatus, InvalidStatus, Status};
pub use metrics::{CloseReason, Counter, Metrics};
pub use server::Server;
pub use server::signals::StopHandle;
pub use time::Time;
pub use watch::{Event, Observer};

/// The programs of the READMEs, compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("answer/README.md")]
struct Readme;
