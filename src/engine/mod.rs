//! The loop without its poll and its clock, for simulations and for loops of your own: all clients,
//! the slab they live in, the run queue, the timers, and the loop's buffers.
//!
//! **Unstable.** This is behind the feature `engine`, and no version keeps a promise about it: programs
//! that serve need [`Server`](crate::Server) alone.
//!
//! A loop can have several engines: the server has one for the public, and one for the admin listener.
//! They share no client and no clock, so the loop can let one of them stand still.
//!
//! No mio and no clock: everything with state in it is here, generic over streams and listeners, so
//! that a simulation drives the very code that runs in production. Begin with `turn`: an [`Engine`]
//! takes one turn after the other, in an order that is written down there. `stopping` is how its
//! life ends.
//!
//! A loop of your own, for each turn: waits for events or until [`Engine::due`]; says what time it is
//! by [`Clients::on_polled`]; tells what the poll has reported by [`Clients::note`],
//! and [`Engine::on_listener_ready`]; and calls [`Engine::turn`]. To hold the clients,
//! it calls [`Engine::step`] in place of that, or neither, and says the same time again and again.
//!
//! A program that is no server needs less: [`Socket`] with the [`Stream`] that it is over, the
//! [`Readiness`] that an event of mio turns into, what came of a call ([`Received`], [`Taken`]),
//! [`ClientId`] to tell a slab's clients from their predecessors in tokens, and [`Time`]. The client
//! program `herd` is built on these.
//!
//! ```
//! use std::io::Write;
//! use std::net::{TcpListener, TcpStream};
//!
//! use mio::{Events, Interest, Poll, Token};
//! use oneloop::Metrics;
//! use oneloop::engine::{Received, Socket};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut peer = TcpStream::connect(listener.local_addr()?)?;
//! let (stream, _) = listener.accept()?;
//! stream.set_nonblocking(true)?;
//! let mut socket = Socket::new(mio::net::TcpStream::from_std(stream));
//! let (mut buffer, mut metrics) = ([0; 1024], Metrics::default());
//!
//! // The kernel is asked once, and says that nothing has come. It is not asked again.
//! assert_eq!(socket.receive(&mut buffer, &mut metrics), Received::WouldBlock);
//! assert_eq!(socket.receive(&mut buffer, &mut metrics), Received::Nothing);
//! assert_eq!(metrics.receives, 1);
//!
//! // Until the poll reports that something has.
//! let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1));
//! poll.registry().register(socket.stream_mut(), Token(0), Interest::READABLE)?;
//! peer.write_all(b"hello")?;
//! while events.is_empty() {
//!     poll.poll(&mut events, None)?;
//! }
//! for event in &events {
//!     socket.note(event.into());
//! }
//! assert_eq!(socket.receive(&mut buffer, &mut metrics), Received::Bytes(5));
//! assert_eq!(&buffer[..5], b"hello");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Invariants: a client that can do something without a new event stands on the run queue; a client
//! that waits stands in one timer list, or in the set of appointments; a slot is freed only after all
//! events of its turn were handled.
//!
//! `client` is one of them: a socket and a connection. `id` is its name, and `excerpt` the
//! beginning of what it has sent, to be shown. `socket` is a `stream` with its `readiness`: what
//! the poll is asked and says of it.
//!
//! `clients` owns them and lets them come and go, and `slots` gives their memory back. `admission`
//! accepts them, and `arrival` is how each has come; `proxied` logs that a PROXY header was missing.
//! `run` drives those on the `run_queue`, a `batch` at a time; `putting_off` and
//! `panics` clear up when a batch is not answered to its end. `lingering` drives those that linger.
//! `timers` has their deadlines, and `expiry` acts on those; `waking` lets sources go on that were
//! woken. `closing` decides which client has to go before its peer wants to, and `checks` counts
//! the clients that are checked before. `draining` ends the idle clients of a server that stops, which
//! are in `leaving`. `registering` asks the poll to report what the clients in
//! `registrations` wait for, by way of the `host`, the loop around the engine.
//!
//! `life` is how far a server has come, from its first `turn` to the end of `stopping`. `event` has
//! every step that a client takes, `steps` is the seam that tells a [`Watcher`] of them, which `watcher` describes, and
//! `telling` is how the clients use it. `summary` says what all clients are doing at once, and
//! `stepping` lets clients take single steps.

pub(crate) mod admission;
mod arrival;
mod batch;
mod checks;
mod client;
mod clients;
mod closing;
mod draining;
mod event;
mod excerpt;
mod expiry;
mod host;
mod id;
mod leaving;
mod life;
mod lingering;
mod panics;
mod proxied;
mod putting_off;
mod readiness;
mod registering;
mod registrations;
mod run;
mod run_queue;
mod slots;
pub(crate) mod socket;
mod stepping;
mod steps;
mod stopping;
pub(crate) mod stream;
mod summary;
mod telling;
pub(crate) mod timers;
mod turn;
mod waking;
mod watcher;

pub use crate::connection::Opening;
pub use crate::time::Time;
pub use admission::{Accept, Accepted, Admission, Shortage};
pub use arrival::Arrival;
pub use clients::Clients;
pub use closing::Evictable;
pub use event::{Change, ClientEvent, Given, TimeLeft};
pub use excerpt::Excerpt;
pub use host::{Host, Stage};
pub use id::ClientId;
pub use life::{StopStep, Stopped};
pub use readiness::{Interest, Readiness};
pub use socket::{Received, Socket, Taken};
pub use stepping::{StepTaken, Stepped};
pub use stream::Stream;
pub(crate) use summary::{ClientsSummary, DEADLINE_KINDS, FurtherClients, PICTURE_SLOTS_MAX, View};
pub use turn::Engine;
pub(crate) use watcher::{AnswerWatcher, Ended};
pub use watcher::{Attention, Watcher};
