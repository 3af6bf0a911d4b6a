//! What any load generator needs, whatever its loop: answers checked byte by byte, sockets from many
//! addresses, and a schedule.
//!
//! Two programs are built with these files: `herd`, and `benches/peers`, which has a loop of its own
//! for measuring. So they name nothing of either, and nothing of the server: what is judged here is
//! judged by the RFC, written a second time.
//!
//! | module | what it owns |
//! |---|---|
//! | `answer`, `head`, `chunks` | whether what came back is right, byte by byte |
//! | `sources` | connecting sockets |
//! | `schedule`, `random` | when requests are due |

pub mod answer;
mod chunks;
mod head;
pub mod random;
pub mod schedule;
pub mod sources;
