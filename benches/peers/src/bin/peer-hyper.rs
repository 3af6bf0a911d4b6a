//! hyper on one current-thread runtime, as its guide shows it, a task for each connection.
//!
//! Two choices in its favour: no timer, so that it keeps no deadline, and pipelined answers are
//! sent together.

use std::convert::Infallible;
use std::io;

use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use peers::peer::{self, Options};
use peers::{placement, text};

fn main() -> io::Result<()> {
    placement::raise_descriptor_limit();
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve())
}

async fn serve() -> io::Result<()> {
    let options = Options::parse();
    let body = Bytes::from_static(options.body().as_bytes());
    let listener = TcpListener::bind(options.listen).await?;
    peer::announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve_connection(stream, body.clone()));
    }
}

/// A connection that breaks is nobody's business here: the clients notice.
async fn serve_connection(stream: TcpStream, body: Bytes) {
    let service = service_fn(|request| answer(request, body.clone()));
    let connection =
        http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service);
    let _ = connection.await;
}

/// Reads the request to its end, piece by piece, and answers.
async fn answer(
    request: Request<Incoming>,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut content = request.into_body();
    while let Some(Ok(_)) = content.frame().await {}
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(text::CONTENT_TYPE));
    Ok(response)
}
