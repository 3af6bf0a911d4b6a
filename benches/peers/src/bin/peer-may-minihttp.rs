//! may_minihttp with one worker.
//!
//! It knows neither `Connection: close` nor chunked requests, and gives its service no way to add
//! them; the table of servers says so.

use std::error::Error;
use std::io::{self, Read};

use clap::Parser;
use may_minihttp::{HttpServer, HttpService, Request, Response};

use peers::peer::{self, Options};
use peers::placement;

/// [`peers::text::CONTENT_TYPE`] as the crate wants it, in one piece.
const CONTENT_TYPE: &str = "Content-Type: text/plain; charset=utf-8";

#[derive(Clone)]
struct Answer {
    body: &'static str,
}

impl HttpService for Answer {
    /// Reads the request to its end and answers.
    fn call(
        &mut self,
        request: Request<'_, '_, '_>,
        response: &mut Response<'_>,
    ) -> io::Result<()> {
        io::copy(&mut request.body().by_ref(), &mut io::sink())?;
        response.header(CONTENT_TYPE).body(self.body);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    placement::raise_descriptor_limit();
    may::config().set_workers(1);
    let options = Options::parse();
    // It does not say which port it took.
    let address = if options.listen.port() == 0 { peer::free_address()? } else { options.listen };
    let server = HttpServer(Answer { body: options.body() }).start(address)?;
    peer::announce(address.into());
    server.join().map_err(|_| "the accepting coroutine has panicked")?;
    Ok(())
}
