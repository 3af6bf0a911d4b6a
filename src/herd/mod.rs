//! A crowd of strange clients in one command, for any HTTP/1.1 server: the program `herd`.
//!
//! One thread, one `mio::Poll`, one slab, as the server has them. [`main`] is all that others need;
//! the rest is the program's own, and stands in the library because it shares with the server what
//! is not public: the socket with its readiness, the clock's [`Time`](crate::engine::Time), the
//! signals, the descriptor limit.
//!
//! | module | what it owns |
//! |---|---|
//! | `options`, `plan` | the command line, and what follows from it |
//! | `kind`, `words` | who is in the crowd, and what they say |
//! | `probe` | the first answer, from which right ones are known |
//! | `answer`, `head`, `chunks` | whether what came back is right, byte by byte |
//! | `sources`, `client` | sockets from many addresses; one connection |
//! | `schedule`, `carousel`, `pace`, `random`, `clock` | when and how often |
//! | `flock` | all clients of one kind |
//! | `crowd`, `arrivals`, `asking`, `phases` | all clients |
//! | `herd`, `signals`, `descriptors` | the loop, what ends it early, and how many clients fit |
//! | `times`, `tally`, `process`, `record`, `progress` | what is counted and noted |
//! | `report`, `table`, `json`, `plot`, `units` | how it is told |
//! | `program` | from the arguments to the exit code |

mod answer;
mod arrivals;
mod asking;
mod carousel;
mod chunks;
mod client;
mod clock;
mod crowd;
mod descriptors;
mod flock;
mod head;
#[expect(clippy::module_inception, reason = "it is the loop of which the others are parts")]
mod herd;
mod json;
mod kind;
mod options;
mod pace;
mod phases;
mod plan;
mod plot;
mod probe;
mod process;
mod program;
mod progress;
mod random;
mod record;
mod report;
mod schedule;
mod signals;
mod sources;
mod table;
mod tally;
mod times;
mod units;
mod words;

pub use program::main;
