//! A single-threaded, readiness-polling HTTP/1.1 server: one `mio::Poll`, a slab of clients, one
//! thread.
//!
//! Give [`Server::bind`] a [`Config`] and a [`Handler`], which may be a closure, and call
//! [`Server::run`]:
//!
//! ```no_run
//! use oneloop::{Config, Listen, Reply, Request, Server};
//!
//! let mut config = Config::default();
//! config.listen = vec![Listen::everywhere(8080)];
//! let mut visits = 0;
//! let mut server = Server::bind(&config, |request: &Request<'_>, reply: Reply<'_>| {
//!     visits += 1; // one thread: no lock, no atomic
//!     match request.path() {
//!         "/" => reply.send(format!("visit {visits}\n")),
//!         _ => reply.status(404).send("no such page\n"),
//!     }
//! })?;
//! server.handle_signals()?;
//! server.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | I want to … | → this |
//! |---|---|
//! | answer requests | [`Handler`], or a closure with types: `\|request: &Request<'_>, reply: Reply<'_>\|` |
//! | say a status, fields, a body | [`Reply::status`], [`Reply::field`], [`Reply::send`]; [`Body`] |
//! | give the same answer again and again | [`Prepared`], [`Reply::send_prepared`] |
//! | redirect | `reply.status(303).field("Location", "/there").send("")` |
//! | refuse a method | `reply.status(405).field("Allow", "GET, HEAD").send("")`; for faults [`Reply::allow`] |
//! | decode a path | the crate `percent-encoding`, on [`Request::path`] |
//! | read the query | [`Request::query_value`], [`Request::query_pairs`] |
//! | know the client behind a proxy | [`Request::client`], [`Config::proxied_by`] |
//! | read a form, or cookies | the crates `form_urlencoded` and `cookie`, on [`Request::body`] and [`Request::field`] |
//! | use `?` in a handler | [`handlers::fallible`], [`Reply::try_answer`] |
//! | answer 500 where a handler panics | [`Reply::attempt`] |
//! | refuse or drop a body before it arrives | [`Handler::content_plan`] |
//! | answer bytes that are no request, by a page of my own | [`Handler::handle_fault`], [`Fault`]: needs a handler with a type of its own |
//! | send a file, or a part of it | [`Reply::send_file`], [`FileRange`] |
//! | serve a directory | `handlers::Site`, with the feature `site` |
//! | answer later, with any status | [`Reply::after`] |
//! | answer slowly, or with events | [`Reply::stream`], [`Source`], [`Next`] |
//! | let a source go on when something happens | [`Next::Wait`], [`Waker`], from any thread |
//! | tell systemd how it is | [`Server::tell_manager`]; `fd:NAME` in [`Config::listen`] takes its listeners |
//! | stop the server | [`Server::handle_signals`], [`Server::stop_handle`]; [`Piece::is_stopping`] ends a stream |
//! | do something else on the same thread | [`Server::run_beside`]; [`Server::turn`] in a loop of my own |
//! | set limits and timeouts | [`Config`], [`Limits`], [`Timeouts`] |
//! | log requests | [`Server::log_answers`], [`Server::write_to`] |
//! | see what it does | [`Config::admin`] is a live page with metrics; [`Server::metrics`], [`Server::observe`] |
//! | test a handler without a socket | [`testing::ask`] |
//!
//! # What to know before
//! - **One thread.** Handlers and [sources](Source) run on the loop, so they must not block: while one
//!   works, every client waits. What takes longer than some microseconds is
//!   [said](Sent::took); what takes longer than milliseconds belongs on another thread, and its result
//!   into a source that [waits](Next::Wait).
//! - **Panics.** A panic of a handler or a source leaves [`Server::run`]; the client that was being
//!   answered is reset, and the server can be run again: see [`Handler`](Handler#panics). No bytes that a
//!   client sends may make this crate panic, and fuzzers look for some; its own broken invariants do.
//! - **Platforms.** Linux is what it is measured and tested on. macOS and FreeBSD are checked to
//!   compile. 64 bits are needed, Windows is not supported.
//! - **Rust** 1.88 or later. Raising that is no breaking change, and comes with a minor version.
//! - **Versions** follow Cargo's rules. Enums and settings that will grow are `#[non_exhaustive]`.
//!   Texts (of errors, faults, events, the admin page) may change in any version.
//! - **No TLS, no HTTP/2**: put a proxy in front for these.
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `site` | the handler that serves a directory | with `cli` |
//! | `routes` | answers by lines, for the program `oneloop`. Unstable | with `cli` |
//! | `cli` | the program `oneloop` and its crates; a library turns it off: `default-features = false` | yes |
//! | `herd` | the program `herd`, a crowd of strange clients | no |
//! | `engine` | the loop without its poll and clock, for simulations. Unstable | no |
//!
//! # For readers of the code: the house, from the ground up
//! A file imports only from its own layer or from those above it in this list.
//!
//! 0. [`config`], `network`, `peer`, `error`, `metrics`, `time`, `work`, `buffer/`, [`journal`], `system_calls/`:
//!    numbers, counters, bytes, lines that wait, and what is done about errors of the system;
//! 1. `http/`: HTTP/1.1 as pure functions of bytes;
//! 2. `answer/`: handlers, sources and files, the library's face;
//! 3. `connection/`: the state machine, without I/O and without a clock;
//! 4. `engine/`: sockets, clients, timers and admission, everything with state in it, generic over
//!    streams and listeners, so that a simulation drives what production runs; and [`watch`], which
//!    tells of each step;
//! 5. `admin/`: what the server shows of itself, and the pause of the public's clients; and
//!    [`testing`], a connection in memory;
//! 6. `server/`: the only layer that knows mio and the time. It gives turns to an engine for the
//!    public, and to a second one for the admin listener if there is one;
//! 7. [`handlers`]: what ships;
//! 8. the programs: `oneloop`, a command line around the server; `herd`, a crowd of strange clients;
//!    and `arguments/`, with which both are built: what their command lines have in common.

mod admin;
mod answer;
mod buffer;
pub mod config;
mod connection;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(not(feature = "engine"))]
#[allow(dead_code, unused_imports, reason = "some of it is for loops other than the server's")]
mod engine;
mod error;
pub mod handlers;
mod http;
pub mod journal;
mod metrics;
mod network;
mod peer;
mod server;
mod system_calls;
pub mod testing;
mod time;
pub mod watch;
mod work;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub use admin::replay_page;
pub use answer::body::Body;
pub use answer::file::FileRange;
pub use answer::handler::{
    ContentPlan, Failed, Handler, Needs, Panicked, Reloaded, Reply, ReplyHead, Sent,
};
pub use answer::prepared::Prepared;
pub use answer::source::{Next, Piece, Source};
pub use answer::waker::Waker;
pub use config::{Config, Limits, Listen, TimeoutClass, Timeouts};
pub use engine::{StopStep, Stopped};
pub use error::Error;
pub use http::encode::{FieldBlock, InvalidField};
pub use http::fault::{Fault, FaultKind};
pub use http::method::{Method, Version};
pub use http::request::Request;
pub use http::status::{IntoStatus, InvalidStatus, Status};
pub use metrics::{CloseReason, Counter, Metrics};
pub use network::{InvalidNetwork, Network};
pub use peer::{Peer, UnixPeer};
pub use server::Server;
pub use server::outlet::Outlet;
pub use server::service_manager::ServiceManager;
pub use server::signals::StopHandle;
pub use time::Time;
pub use watch::{Event, Observer};

/// The programs of the READMEs, compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("answer/README.md")]
struct Readme;
