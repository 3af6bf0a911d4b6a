//! The `herd` program: a crowd of good and strange clients in one command, for any HTTP/1.1 server.
//!
//! One thread, one `mio::Poll`, one slab, as the server has them. It is a program of its own: of the
//! library it uses what any program can, the socket with its readiness ([`oneloop::engine::Socket`])
//! and the loop's [`Time`](oneloop::engine::Time). What it knows of HTTP it has not from the server,
//! whose mistakes must not be right here.
//!
//! | module | what it owns |
//! |---|---|
//! | `options`, `option_values`, `checks`, `habits`, `plan`, `server`, `request`, `resources` | the command line, and what follows from it |
//! | `kind`, `payloads`, `typing` | which kinds of client there are, and what each sends |
//! | `probe` | the first answers, from which the program knows what to expect |
//! | `load` | what any load generator needs: answers checked byte by byte, sockets from many addresses, a schedule |
//! | `client` | one connection |
//! | `group` | all clients of one kind |
//! | `clients` | all clients: `connecting` opens connections, `requests` sends, `phases` says how far the run is |
//! | `connect_rate`, `rotation`, `clock` | when, and how often |
//! | `event_loop`, `signals`, `descriptors` | the loop, what ends it early, and how many clients fit |
//! | `times`, `tally`, `process`, `record`, `progress`, `screen` | what is counted, and shown while the run goes on |
//! | `report`, `speed`, `table`, `json`, `csv`, `hdr`, `plot`, `svg`, `units` | the report |
//! | `program` | from the arguments to the exit code |
//! | `files` | where reports go |
//! | `exam` | `herd exam`, which examines a server stage by stage |
//! | `compare` | `herd compare`, which sends one crowd to several servers in turn |

use std::process::ExitCode;

#[path = "../arguments/mod.rs"]
mod arguments;
mod checks;
mod client;
mod clients;
mod clock;
mod compare;
mod connect_rate;
mod connecting;
mod csv;
mod descriptors;
mod event_loop;
mod exam;
mod files;
mod group;
mod habits;
mod hdr;
mod json;
mod kind;
mod load;
mod option_values;
mod options;
mod payloads;
mod phase;
mod phases;
mod plan;
mod plot;
mod probe;
mod process;
mod program;
mod progress;
mod proxy_header;
mod record;
mod report;
mod request;
mod requests;
mod resources;
mod rotation;
mod screen;
mod server;
mod signals;
mod speed;
mod svg;
mod table;
mod tally;
mod times;
mod typing;
mod units;

fn main() -> ExitCode {
    program::main()
}
