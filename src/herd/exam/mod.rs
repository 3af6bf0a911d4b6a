//! `herd exam SERVER`: what a server does with good and strange clients, one stage after another.
//!
//! A stage judges what the RFCs say, whatever the server is written in; where they leave a choice, each
//! choice passes. It shares what the crowd uses to judge answers, and nothing of this server. One
//! thread: every call returns at once, and every wait has an end, so the whole exam ends by itself.
//!
//! | module | what it owns |
//! |---|---|
//! | `options`, `settings` | the command line |
//! | `stages` | the list: what each is called, why it matters, how long it may take |
//! | `requests`, `people`, `neighbours`, `crowds`, `processes` | what each stage does |
//! | `examiner` | what stages share: the server, a first answer, the time that is left |
//! | `connecting`, `peer`, `transcript` | one connection, and what was sent and received on it |
//! | `watched`, `listeners` | the server's process, and whether it is the one that listens |
//! | `interrupt` | a signal that ends the exam |
//! | `text`, `json` | the report, for people and for programs |
//! | `program` | from the arguments to the exit code |

mod connecting;
mod crowds;
mod examiner;
mod interrupt;
mod json;
mod listeners;
mod neighbours;
mod options;
mod peer;
mod people;
mod processes;
mod program;
mod report;
mod requests;
mod settings;
mod stages;
mod text;
mod transcript;
mod verdict;
mod watched;

pub use program::main;
