//! What the server shows of itself to watchers, and lets them do: a page, live figures, metrics,
//! health; pause and step.
//!
//! All of it is answered on the same loop, to clients with an engine of their own: their turn comes
//! before the public's. [`routes`] answers their requests, and [`guard`] refuses requests that a web
//! page of another site sends on its reader's behalf. What answers and the loop have to tell each
//! other lies in the [`mailbox`]: the loop acts on it between the two turns, in [`control`], which
//! also has the [`public_clock`], the [`longest_turn`] and the last [`minute`]. What it finds is a
//! [`snapshot`], of which [`frame`] and [`exposition`] write what [`events`] gives out.

mod control;
mod events;
mod exposition;
mod frame;
mod guard;
mod longest_turn;
mod mailbox;
mod minute;
mod page;
mod process;
mod public_clock;
mod routes;
mod snapshot;

use crate::engine::PICTURE_SLOTS_MAX;
use crate::watch::KEPT_BYTES_MAX;

/// The longest answer of the admin listener that is copied, in bytes: a part of the page.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// One frame, in bytes: two pictures, and the numbers beside them.
const FRAME_BYTES_MAX: usize = 2 * PICTURE_SLOTS_MAX + 32 * 1024;

/// The buffers of an engine, once they have all been used, in bytes.
const ENGINE_BYTES: usize = 1024 * 1024;

/// What the admin listener takes beside its clients' input and output, in bytes: an engine; for each
/// client a frame that is being sent, in memory that may have grown by doubling; what frames are
/// made of; and the last steps of the public's clients.
pub(crate) const MEMORY_BYTES_MAX: usize =
    ENGINE_BYTES + (2 * CLIENTS_MAX + 2) * FRAME_BYTES_MAX + KEPT_BYTES_MAX;

/// The live page as one file that plays this recording, the lines that `--record` has written,
/// and needs no server.
#[cfg(feature = "cli")]
pub fn replay_page(recording: &str) -> String {
    page::whole(&frame::facts(), recording)
}

pub(crate) use control::{CLIENTS_MAX, Control, Engines};
pub(crate) use routes::Routes;
