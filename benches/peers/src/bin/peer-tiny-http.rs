//! tiny_http: a thread for each connection that is at work, and one that answers them all.

use std::error::Error;

use clap::Parser;
use tiny_http::{Header, Response, Server, StatusCode};

use peers::peer::{self, Options};
use peers::{placement, text};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    placement::raise_descriptor_limit();
    let options = Options::parse();
    let body = options.body().as_bytes();
    let server = Server::http(options.listen)?;
    let address = server.server_addr().to_ip().ok_or("it does not listen on an address")?;
    peer::announce(address);
    let content_type =
        Header::from_bytes("Content-Type", text::CONTENT_TYPE).map_err(|()| "a bad field")?;
    for mut request in server.incoming_requests() {
        // Whatever was not read is read when the request is dropped; a client that has gone is no
        // failure of ours.
        let _ = std::io::copy(request.as_reader(), &mut std::io::sink());
        let fields = vec![content_type.clone()];
        let response = Response::new(StatusCode(200), fields, body, Some(body.len()), None)
            // Otherwise it would send bodies of 32 KiB and more in chunks.
            .with_chunked_threshold(usize::MAX);
        let _ = request.respond(response);
    }
    Ok(())
}
