//! Answers requests by routes: lines that say which request gets which answer.
//!
//! Read in this order. [`route`] is what a line means, and how it is written again. [`words`] cuts a
//! line into words, [`values`] reads what stands behind them, [`quantity`] its numbers, and [`grammar`], which leaves each answer to [`given`], makes a route of it, or says in
//! which column the mistake is. [`matcher`] says whose requests a route takes, and which route hides
//! another one. [`chance`] makes the seeded choices. [`action`] is an answer that is ready to be given: its
//! files are read and its fields checked. [`body`] gives bodies over time, [`fault`] answers that are wrong on purpose, and [`echo`] tells a client what
//! has come of it. [`files`] reads what lines name, [`table`] makes all of it from lines and files, and [`handler`] is the [`Routes`] that
//! answer.

mod action;
mod body;
mod chance;
mod echo;
mod fault;
mod files;
mod given;
mod grammar;
mod handler;
mod matcher;
mod quantity;
mod route;
mod table;
mod values;
mod words;

#[cfg(test)]
mod tests;

pub use handler::Routes;
pub use table::{RouteLine, RouteSources};
