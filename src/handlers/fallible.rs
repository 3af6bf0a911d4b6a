//! Handlers that may fail.

use std::fmt::Display;

use log::error;

use crate::answer::handler::{Handler, Reply, Sent};
use crate::http::request::Request;
use crate::http::status::Status;

/// A handler made by [`fallible`].
#[derive(Clone, Debug)]
pub struct Fallible<F>(F);

/// Makes a handler of a function that may fail, in which `?` is at hand.
///
/// If it fails, the client is answered 500 and learns nothing of the reason, which is logged
/// by the crate `log`, at the level `error`: a program that installs no logger does not see it. What
/// the function had written of an answer is taken back, so nothing is sent twice. To answer otherwise,
/// by the kind of the error for example, call [`Reply::try_answer`].
///
/// ```
/// use std::error::Error;
/// use oneloop::handlers::fallible;
/// use oneloop::testing::ask;
///
/// let mut doubling = fallible(|request, reply| -> Result<_, Box<dyn Error>> {
///     let number: u32 = request.query_value("n").ok_or("no number")?.parse()?;
///     let double = number.checked_mul(2).ok_or("it is too large")?;
///     Ok(reply.send(double.to_string()))
/// });
///
/// let answer = ask(&mut doubling, "GET /?n=21 HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert_eq!((answer.status(), answer.text()), (200, "42"));
/// let answer = ask(&mut doubling, "GET /?n=x HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert_eq!((answer.status(), answer.text()), (500, "500 Internal Server Error\n"));
/// ```
pub fn fallible<F, E>(handle: F) -> Fallible<F>
where
    F: FnMut(&Request<'_>, Reply<'_>) -> Result<Sent, E>,
    E: Display,
{
    Fallible(handle)
}

impl<F, E> Handler for Fallible<F>
where
    F: FnMut(&Request<'_>, Reply<'_>) -> Result<Sent, E>,
    E: Display,
{
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match reply.try_answer(|reply| self.0(request, reply)) {
            Ok(sent) => sent,
            Err(failed) => {
                let (method, target) = (request.method().as_str(), request.target());
                error!("cannot answer {method} {target}: {}", failed.error);
                let status = Status::INTERNAL_SERVER_ERROR;
                let head = failed.reply.status(status);
                head.field("Content-Type", "text/plain; charset=utf-8").send(format!("{status}\n"))
            }
        }
    }
}
