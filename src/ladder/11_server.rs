//! 11. The server of this crate, turn by turn.
//!
//! New: all of `../README.md`. `Server::turn` is one turn of the loop that the ten programs before have
//! grown: it polls, notes who is ready, lets them run, and acts on deadlines.
//! See it: everything from before. To a typed line it says the text, with a status, and closes; a head
//! that is too long gets the text, too. `cargo run --release -- --explain` tells each step.

use std::ops::ControlFlow;
use std::time::Duration;

use oneloop::handlers::FixedText;
use oneloop::{Config, Listen, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8888);
    let mut config = Config::default();
    config.listen = vec![Listen::everywhere(port)];
    config.timeouts.first_byte = Duration::from_secs(3);
    let answer = FixedText::new(&b"This is the server respose! :)\n"[..]);
    let mut server = Server::bind(&config, answer)?;
    for address in server.local_addrs() {
        println!("listening on {address}");
    }
    while let ControlFlow::Continue(()) = server.turn(None)? {}
    Ok(())
}
