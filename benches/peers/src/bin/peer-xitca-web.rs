//! xitca-web with one worker. Its accepting thread is counted as well.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use clap::Parser;
use xitca_web::App;
use xitca_web::body::ResponseBody;
use xitca_web::bytes::Bytes;
use xitca_web::handler::handler_service;
use xitca_web::handler::state::StateRef;
use xitca_web::http::header::{CONTENT_TYPE, HeaderValue};
use xitca_web::http::{Response, WebResponse};

use peers::peer::{self, Options};
use peers::{placement, text};

/// As long as the other servers' deadlines: no connection may end between two measurements.
const PATIENCE: Duration = Duration::from_secs(3600);

fn main() -> io::Result<()> {
    placement::raise_descriptor_limit();
    let options = Options::parse();
    let body = Bytes::from_static(options.body().as_bytes());
    let listener = TcpListener::bind(options.listen)?;
    peer::announce(listener.local_addr()?);
    App::new()
        .with_state(body)
        .at("/", handler_service(answer))
        .serve()
        .worker_threads(1)
        .keep_alive_timeout(PATIENCE)
        .request_head_timeout(PATIENCE)
        .listen(listener)?
        .run()
        .wait()
}

/// Answers a request that has been read to its end.
async fn answer(_content: Vec<u8>, StateRef(body): StateRef<'_, Bytes>) -> WebResponse {
    let mut response = Response::new(ResponseBody::bytes(body.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(text::CONTENT_TYPE));
    response
}
