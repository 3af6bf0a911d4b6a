//! actix-web with one worker. Its accepting thread is counted as well.

use std::io;
use std::time::Duration;

use actix_web::web::{self, Bytes, Payload};
use actix_web::{App, HttpResponse, HttpServer, rt};
use clap::Parser;

use peers::peer::{self, Options};
use peers::text;

/// As long as the other servers' deadlines: no connection may end between two measurements.
const PATIENCE: Duration = Duration::from_secs(3600);
/// Its default allows 25,000 connections, which is enough; its backlog need not differ from ours.
const BACKLOG: u32 = 4096;

fn main() -> io::Result<()> {
    let options = Options::parse();
    let body = Bytes::from_static(options.body().as_bytes());
    rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            let body = body.clone();
            App::new().default_service(web::to(move |content| answer(content, body.clone())))
        })
        .workers(1)
        .backlog(BACKLOG)
        .keep_alive(PATIENCE)
        .client_request_timeout(PATIENCE)
        .bind(options.listen)?;
        server.addrs().into_iter().for_each(peer::announce);
        server.run().await
    })
}

/// Reads the request to its end and answers.
async fn answer(content: Payload, body: Bytes) -> HttpResponse {
    match content.to_bytes().await {
        Ok(_) => HttpResponse::Ok().content_type(text::CONTENT_TYPE).body(body),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}
