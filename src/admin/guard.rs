//! Who may ask what: no web page but our own may, however it got into the browser of a user who can
//! reach the admin listener.
//!
//! Two attacks are refused. A page can make its own name resolve to our address, so that the
//! browser takes our answers for the page's own (DNS rebinding): the request then asks for a name
//! that is not ours. And a page can send requests here without seeing the answers: the browser then
//! says which page sends them. Programs other than browsers do not say this, and need not.

use std::net::IpAddr;

use crate::config::{LocalAddress, Reach};
use crate::http::method::Method;
use crate::http::request::Request;

/// The port that a URL need not name.
const HTTP_PORT: u16 = 80;

/// Whom a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// People, by a browser: what they can do here must not be done on their behalf.
    People,
    /// Programs that look at a figure now and then. It tells nothing of a single client.
    Programs,
}

/// The names by which a listener may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    address: LocalAddress,
    reach: Reach,
    /// Further names, with any port.
    hosts: Vec<String>,
}

impl Names {
    /// The names of a listener at `address`, which those in `reach` can connect to, and `hosts`.
    pub(super) fn new(address: LocalAddress, reach: Reach, hosts: &[String]) -> Names {
        Names { address, reach, hosts: hosts.to_vec() }
    }

    /// The name by which this request asks, if it may ask for what `audience` gets. A request of
    /// HTTP/1.0 need not have one, which is then empty: no browser sends such a request.
    pub(super) fn asked<'b>(&self, request: &Request<'b>, audience: Audience) -> Option<&'b str> {
        let target = request.target();
        // A target that is a whole URL outweighs the field (RFC 9112 §3.2.2).
        let authority = match target.split_once("://") {
            Some((_, rest)) if !target.starts_with('/') => rest.split(['/', '?']).next()?,
            Some(_) | None => match request.field("Host") {
                Some(host) => str::from_utf8(host).ok()?,
                None => return (audience == Audience::Programs).then_some(""),
            },
        };
        // Where anyone may connect, a program of theirs may use any name for the machine.
        let is_open = audience == Audience::Programs && self.reach == Reach::Anyone;
        (is_open || self.include(authority)).then_some(authority)
    }

    /// Whether `authority` is one of them: the address with our port, any numeric one if we listen
    /// at all of them, a loopback address, `localhost`, or one of the further names.
    ///
    /// A numeric address names only the machine that has it, so none can be rebound. Nor can
    /// `localhost`, which browsers do not look up. Behind a tunnel the port is another one.
    fn include(&self, authority: &str) -> bool {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            Some(_) | None => (authority, Some(HTTP_PORT)),
        };
        let Some(port) = port else { return false };
        let is_named = |name: &str| host.eq_ignore_ascii_case(name);
        if is_named("localhost") || self.hosts.iter().any(|name| is_named(name)) {
            return true;
        }
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let ip: Option<IpAddr> = literal.unwrap_or(host).parse().ok();
        let is_ours = |ip: IpAddr| {
            self.address.internet().is_some_and(|address| {
                let ours = address.ip().to_canonical();
                port == address.port() && (ours.is_unspecified() || ip == ours)
            })
        };
        ip.map(|ip| ip.to_canonical()).is_some_and(|ip| ip.is_loopback() || is_ours(ip))
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
            // "none": the user has typed the address.
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
    use std::net::SocketAddr;

    use super::*;

    fn names(address: &str, hosts: &[&str]) -> Names {
        let address: SocketAddr = address.parse().expect("an address");
        let local = LocalAddress::Internet(address);
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Names::new(local, Reach::ThisMachine, &hosts)
    }

    #[test]
    fn a_listener_answers_to_its_own_names_only() {
        for (address, authority) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("127.0.0.1:9000", "LocalHost:9000"),
            ("[::1]:9000", "[0:0:0:0:0:0:0:1]:9000"),
            ("[::]:9000", "192.0.2.7:9000"),
            ("0.0.0.0:9000", "localhost:9000"),
            ("192.0.2.7:9000", "192.0.2.7:9000"),
            ("192.0.2.7:80", "192.0.2.7"),
        ] {
            assert!(names(address, &[]).include(authority), "{authority} at {address}");
        }
        for (address, authority) in [
            ("127.0.0.1:9000", "127.0.0.1:"),
            ("127.0.0.1:9000", "127.0.0.1:x"),
            ("127.0.0.1:9000", "192.0.2.7:9000"),
            ("127.0.0.1:9000", "evil.example:9000"),
            ("127.0.0.1:9000", "localhost.evil.example:9000"),
            ("127.0.0.1:9000", "127.0.0.1.evil.example:9000"),
            ("[::]:9000", "evil.example:9000"),
            ("192.0.2.7:9000", "192.0.2.7"),
            ("192.0.2.7:9000", "192.0.2.8:9000"),
            ("[::]:9000", "192.0.2.7:9001"),
        ] {
            assert!(!names(address, &[]).include(authority), "{authority} at {address}");
        }
    }

    /// As by `ssh -L 1234:127.0.0.1:9000`.
    #[test]
    fn behind_a_tunnel_the_port_of_a_loopback_name_is_another_one() {
        for authority in ["localhost", "localhost:1234", "127.0.0.1:1234", "[::1]:1234", "[::1]"] {
            for address in ["127.0.0.1:9000", "[::1]:9000", "[::]:9000", "192.0.2.7:9000"] {
                assert!(names(address, &[]).include(authority), "{authority} at {address}");
            }
        }
    }

    #[test]
    fn further_names_are_ours_with_any_port_and_whatever_their_case() {
        let names = names("0.0.0.0:9000", &["oneloop", "box.example"]);
        for authority in ["oneloop:9000", "oneloop", "OneLoop:1234", "BOX.example:80"] {
            assert!(names.include(authority), "{authority}");
        }
        for authority in ["example:9000", "evil.box.example:9000", "oneloop:9000:1", "oneloop:x"] {
            assert!(!names.include(authority), "{authority}");
        }
    }
}
