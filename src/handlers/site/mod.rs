//! Serves a directory.
//!
//! Read in this order. Pure functions of bytes: [`path`] makes a name of a target's path,
//! [`request_fields`] finds the fields that matter, [`conditional`], [`range`] and [`coding`] judge them.
//! Around the file system: [`root`] opens files beneath the root and nowhere else, with [`links`]
//! for links that the kernel does not follow there, [`failure`] says what its errors mean to a
//! client, [`identity`] tells a file's states apart, [`representation`] says what it is in all of them,
//! [`content`] reads its bytes, [`variant`] is one state, ready to be sent, [`cache`] keeps those
//! that are asked for, and [`files`] finds them. [`directory`] reads a directory and [`listing`]
//! makes pages of it, [`error_page`] says what is wrong, both in [`html`]. [`sending`] answers with a
//! file, and [`handler`] is the [`Site`] that answers.

mod cache;
mod coding;
mod conditional;
mod content;
mod directory;
mod error_page;
mod failure;
mod files;
mod handler;
mod html;
mod identity;
mod links;
mod listing;
mod names;
mod path;
mod range;
mod removed;
mod representation;
mod request_fields;
mod root;
mod sending;
mod variant;

pub use handler::Site;
pub use representation::InvalidType;
