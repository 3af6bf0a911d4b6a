//! `herd compare`: the same crowd at several servers in turn, and how they differ.
//!
//! Machines become faster and slower while they measure. So every server has a short slice of time in each
//! round, one behind the other, and only slices of one round are compared. The ratios of all rounds have a
//! median and a range: a difference within the range is none.
//!
//! | module | what it owns |
//! |---|---|
//! | `options` | the command line |
//! | `contender` | a server that takes part, started if that is asked for |
//! | `started` | a command that is a server, on a core of its own, and its end |
//! | `family` | the CPU time of a process and of all that it has started |
//! | `rounds` | which server runs when, and what a slice comes to |
//! | `ratio` | a median and a range |
//! | `report`, `text`, `json`, `bars` | what is told |
//! | `program` | from the arguments to the exit code |

mod bars;
mod contender;
mod family;
mod json;
mod options;
mod program;
mod ratio;
mod report;
mod rounds;
mod started;
mod text;

pub use program::main;
