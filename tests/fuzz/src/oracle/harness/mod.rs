//! The server without its poll: the production `Clients`, peers whose bytes come in pieces as a
//! script says, and a handler that tells what it was shown.
//!
//! [`player`] is a peer with what it has been told, and [`play`] lets peers have their say, all in the
//! same loop, and watches at every step.

pub mod play;
pub mod player;
