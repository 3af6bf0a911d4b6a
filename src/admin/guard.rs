//! Who may ask what: no web page but our own may, however it got into the browser of somebody who
//! can reach the admin place.
//!
//! Two ways are closed. A page can have its own name resolve to our address, so that the browser
//! takes our answers for its own (DNS rebinding): the name it asks for is then not one of ours. And
//! a page can send requests here whose answers it does not get to see: the browser says whose they
//! are. Programs that are no browsers say nothing of the kind, and need not.

use std::net::{IpAddr, SocketAddr};

use crate::http::method::Method;
use crate::http::request::Request;

/// The port that a URL need not name.
const HTTP_PORT: u16 = 80;

/// The names by which a listener may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names {
    address: SocketAddr,
}

impl Names {
    /// Those of whoever listens here.
    pub(super) fn of(address: SocketAddr) -> Names {
        Names { address }
    }

    /// The name by which this request asks, if it is one of ours.
    pub(super) fn asked<'b>(&self, request: &Request<'b>) -> Option<&'b str> {
        let target = request.target();
        // A target that is a whole URL outweighs the field (RFC 9112 §3.2.2).
        let authority = match target.split_once("://") {
            Some((_, rest)) if !target.starts_with('/') => rest.split(['/', '?']).next()?,
            Some(_) | None => str::from_utf8(request.field("Host")?).ok()?,
        };
        self.include(authority).then_some(authority)
    }

    /// Whether `authority` is one of them: the address, or any numeric one if we listen at all of
    /// them, or `localhost` if that can be us; with our port.
    ///
    /// A numeric address is nobody's name but the machine's that has it, so none can be rebound.
    fn include(&self, authority: &str) -> bool {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            Some(_) | None => (authority, Some(HTTP_PORT)),
        };
        if port != Some(self.address.port()) {
            return false;
        }
        let ours = self.address.ip().to_canonical();
        if host.eq_ignore_ascii_case("localhost") {
            return ours.is_loopback() || ours.is_unspecified();
        }
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let ip: Option<IpAddr> = literal.unwrap_or(host).parse().ok();
        ip.is_some_and(|ip| ours.is_unspecified() || ip.to_canonical() == ours)
    }
}

/// Whether this request comes from our own page, or from no page at all, as far as the browser
/// says; it asks by the name `authority`.
///
/// Every browser names the origin of a POST. Where one left it out, it says in other ways that
/// another site is behind a request.
pub(super) fn is_own(request: &Request<'_>, authority: &str) -> bool {
    let own = format!("http://{authority}");
    request.fields().all(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "origin" => value.eq_ignore_ascii_case(own.as_bytes()),
        "sec-fetch-site" => match request.method() {
            // "none": somebody has typed the address.
            Method::Get | Method::Head => matches!(value, b"same-origin" | b"none"),
            Method::Post
            | Method::Put
            | Method::Patch
            | Method::Delete
            | Method::Options
            | Method::Connect
            | Method::Trace => value == b"same-origin",
        },
        "referer" => match value.get(..own.len()) {
            Some(begin) if begin.eq_ignore_ascii_case(own.as_bytes()) => {
                matches!(value.get(own.len()), None | Some(b'/'))
            }
            Some(_) | None => false,
        },
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_answers_to_its_own_names_only() {
        let includes = |address: &str, authority: &str| {
            Names::of(address.parse().expect("an address")).include(authority)
        };
        for (address, authority) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("127.0.0.1:9000", "localhost:9000"),
            ("127.0.0.1:9000", "LocalHost:9000"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("127.0.0.1:80", "localhost"),
            ("[::1]:9000", "[::1]:9000"),
            ("[::1]:9000", "[0:0:0:0:0:0:0:1]:9000"),
            ("[::1]:80", "[::1]"),
            ("[::]:9000", "192.0.2.7:9000"),
            ("0.0.0.0:9000", "localhost:9000"),
            ("192.0.2.7:9000", "192.0.2.7:9000"),
        ] {
            assert!(includes(address, authority), "{authority} at {address}");
        }
        for (address, authority) in [
            ("127.0.0.1:9000", "127.0.0.1"),
            ("127.0.0.1:9000", "127.0.0.1:"),
            ("127.0.0.1:9000", "127.0.0.1:9001"),
            ("127.0.0.1:9000", "127.0.0.2:9000"),
            ("127.0.0.1:9000", "[::1]:9000"),
            ("127.0.0.1:9000", "evil.example:9000"),
            ("127.0.0.1:9000", "localhost.evil.example:9000"),
            ("127.0.0.1:9000", "127.0.0.1.evil.example:9000"),
            ("[::]:9000", "evil.example:9000"),
            ("[::1]:9000", "[::1]"),
            ("192.0.2.7:9000", "localhost:9000"),
        ] {
            assert!(!includes(address, authority), "{authority} at {address}");
        }
    }
}
