//! The `herd` program: a crowd of good and strange clients in one command, for any HTTP/1.1 server.
//!
//! One thread, one `mio::Poll`, one slab, as the server has them. It is a program of its own: of the
//! library it uses what any program can, the socket with its readiness ([`oneloop::engine::Socket`])
//! and the loop's [`Time`](oneloop::engine::Time). What it knows of HTTP it has not from the server,
//! whose mistakes must not be right here.
//!
//! | module | what it owns |
//! |---|---|
//! | `options`, `plan` | the command line, and what follows from it |
//! | `kind`, `words` | who is in the crowd, and what they say |
//! | `probe` | the first answer, from which right ones are known |
//! | `load` | what any load generator needs: answers checked byte by byte, sockets from many addresses, a schedule |
//! | `client` | one connection |
//! | `carousel`, `pace`, `clock` | when and how often |
//! | `flock` | all clients of one kind |
//! | `crowd`, `arrivals`, `asking`, `phases` | all clients |
//! | `herd`, `signals`, `descriptors` | the loop, what ends it early, and how many clients fit |
//! | `times`, `tally`, `process`, `record`, `progress` | what is counted and noted |
//! | `report`, `table`, `json`, `plot`, `units` | how it is told |
//! | `program` | from the arguments to the exit code |

use std::process::ExitCode;

#[path = "../arguments/mod.rs"]
mod arguments;
mod arrivals;
mod asking;
mod carousel;
mod client;
mod clock;
mod crowd;
mod descriptors;
mod flock;
mod herd;
mod json;
mod kind;
mod load;
mod options;
mod pace;
mod phases;
mod plan;
mod plot;
mod probe;
mod process;
mod program;
mod progress;
mod record;
mod report;
mod signals;
mod table;
mod tally;
mod times;
mod units;
mod words;

fn main() -> ExitCode {
    program::main()
}
