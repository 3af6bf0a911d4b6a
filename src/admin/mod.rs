//! What the server shows of itself to watchers, and lets them do: a page, live figures, metrics,
//! health; pause and step.
//!
//! All of it is answered on the same loop, to clients of the same slab: watchers are visible in the
//! picture. [`doors`] tells their requests from the public's, [`routes`] answers them, and
//! [`guard`] refuses requests that a web page of another site sends on its reader's behalf. What
//! answers and the loop have to tell each other lies on the [`board`]: the loop acts on it between
//! the steps of a turn, at the [`desk`]. What it finds is a [`snapshot`], of which [`frame`] and
//! [`exposition`] write what [`events`] gives out.
//!
//! Without watchers, all of this costs the public's clients one look at a byte per request.

mod board;
mod desk;
mod doors;
mod events;
mod exposition;
mod frame;
mod guard;
mod page;
mod process;
mod routes;
mod snapshot;

use crate::engine::PICTURE_SLOTS_MAX;

/// The longest answer of the admin listener that is copied, in bytes: a part of the page.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// One frame, in bytes: two pictures, and the numbers beside them.
const FRAME_BYTES_MAX: usize = 2 * PICTURE_SLOTS_MAX + 32 * 1024;

/// What the admin listener takes beside its clients' input and output, in bytes: for each client a
/// frame that is being sent, in memory that may have grown by doubling, and what they are made of.
pub(crate) const MEMORY_BYTES_MAX: usize = (2 * CLIENTS_MAX + 2) * FRAME_BYTES_MAX;

pub(crate) use desk::{CLIENTS_MAX, Desk};
pub(crate) use doors::Doors;
pub(crate) use routes::Routes;
