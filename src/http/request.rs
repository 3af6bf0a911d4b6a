//! What a handler sees: one whole request, borrowed from the bytes in which it arrived.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::SystemTime;

use super::forwarded;
use super::method::{Method, Version};
use super::parse::Head;
use super::query;
use super::target::Target;
use crate::buffer::Parked;
use crate::network::Network;
use crate::peer::{Caller, Peer};
use crate::time::Time;

/// What a request has in common with others.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The proxies whose word counts on whose request it is.
    pub(crate) proxied_by: Vec<Network>,
    /// How many connections came before the one that is just being driven.
    pub(crate) connection: u32,
}

/// One whole request: its head parsed, its content decoded and complete.
///
/// Everything borrows from the receive buffer, so a handler copies what it wants to keep.
#[derive(Debug)]
pub struct Request<'b> {
    pub(crate) method: Method,
    pub(crate) head: &'b Head<'b>,
    pub(crate) target: &'b Target<'b>,
    pub(crate) body: &'b [u8],
    pub(crate) caller: &'b Caller,
    /// Where it is kept what a PROXY header has said of the client.
    pub(crate) parked: &'b Option<Box<Parked>>,
    pub(crate) surroundings: &'b Surroundings,
    pub(crate) now: Time,
    pub(crate) date: SystemTime,
}

impl<'b> Request<'b> {
    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The target as the client wrote it, not decoded: UTF-8 without controls or spaces.
    pub fn target(&self) -> &'b str {
        self.head.target
    }

    /// The path of the target, not decoded. It begins with a slash, or is `*`. Two hexadecimal
    /// digits follow each percent sign. The crate `percent-encoding` decodes it:
    /// `percent_decode_str(request.path()).decode_utf8()`. Split it at its slashes before that, as a
    /// decoded segment may contain one.
    pub fn path(&self) -> &'b str {
        self.target.path
    }

    /// What follows the target's first `?`, not decoded. Browsers send a percent sign there as it
    /// was typed, so it may encode nothing.
    pub fn query(&self) -> Option<&'b str> {
        self.target.query
    }

    /// The names and values of the query, in the order in which they came: decoded as the URL
    /// Standard says, so that `+` is a space. What is no UTF-8 becomes the replacement character.
    ///
    /// The fields of a form that was sent as `application/x-www-form-urlencoded` are read from
    /// [`body`](Request::body) in the same way by `form_urlencoded::parse`, of the crate of that name;
    /// cookies, by the crate `cookie`.
    ///
    /// ```
    /// use oneloop::{Reply, Request, Sent};
    /// use oneloop::testing::ask;
    ///
    /// fn serve(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    ///     let pairs: Vec<_> = request.query_pairs().collect();
    ///     reply.send(format!("{pairs:?}, sorted by {:?}", request.query_value("sort")))
    /// }
    ///
    /// let answer = ask(&mut serve, b"GET /?q=a+b%21&sort=name HTTP/1.1\r\nHost: a\r\n\r\n");
    /// assert_eq!(answer.text(), r#"[("q", "a b!"), ("sort", "name")], sorted by Some("name")"#);
    /// ```
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'b, str>, Cow<'b, str>)> + use<'b> {
        query::pairs(self.target.query.unwrap_or_default())
    }

    /// The value of the first of the [pairs](Request::query_pairs) with this name.
    pub fn query_value(&self, name: &str) -> Option<Cow<'b, str>> {
        self.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The version it is handled as.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The value of the first field with this name, in any case of letters, without the white
    /// space around it. Values are bytes: HTTP does not say in which encoding they are.
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        self.fields().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field, in the order in which they came, at most
    /// [`Limits::fields_max`](crate::Limits::fields_max).
    pub fn fields(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> {
        self.head.fields.iter()
    }

    /// The whole content, after chunked decoding; empty if there was none. At most
    /// [`Limits::body_bytes_max`](crate::Limits::body_bytes_max) bytes.
    pub fn body(&self) -> &'b [u8] {
        self.body
    }

    /// The other end of the connection. Behind a proxy, that is the proxy.
    pub fn peer(&self) -> Peer {
        self.caller.peer.into()
    }

    /// How many connections of the public came before this one: the number by which the log names it.
    pub fn connection(&self) -> u32 {
        self.surroundings.connection
    }

    /// Which request of its connection this is, faults included: the first is 1.
    pub fn number(&self) -> u32 {
        self.caller.next_number()
    }

    /// The address of the client whose request it is, as far as its proxies have said.
    ///
    /// If the connection began with a PROXY header, that has told who connected to the proxy; if not,
    /// the [peer](Request::peer) did. Is that a proxy which
    /// [`Config::proxied_by`](crate::Config::proxied_by) trusts, the client is the last address in
    /// `Forwarded` (RFC 7239), or else in `X-Forwarded-For`, that is not such a proxy's own. What stands
    /// before it may have been made up by the client, and is not looked at. `None`: it came by a Unix
    /// socket, and no proxy has said more.
    ///
    /// Reads all fields: keep the result if you need it again.
    pub fn client(&self) -> Option<IpAddr> {
        let told = Parked::client(self.parked).map(|client| client.ip());
        let came_from = told.or(self.caller.peer.ip());
        forwarded::client(came_from, &self.head.fields, &self.surroundings.proxied_by).or(came_from)
    }

    /// When the loop's present turn began: the clock by which a handler that keeps something can
    /// tell how old it is, for it has none of its own.
    pub fn received_at(&self) -> Time {
        self.now
    }

    /// The time of day, at most a second old: what the answer's `Date` says.
    pub fn date(&self) -> SystemTime {
        self.date
    }
}
