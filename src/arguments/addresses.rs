//! How a place to listen at is written, or one to connect to.
//!
//! It accepts what users know from other programs: an address without a port, `localhost`, `*`, a
//! zone by name. Other names are not looked up, because that can wait for a network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

use super::interfaces;

/// The forms, for a user who has written another one.
const FORMS: &str = "write a port (8888), a numeric address or localhost, or both \
                     (127.0.0.1:8888, localhost:8888, [::1]:8888, [::]:8888)";

/// An address, a port, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address, if one is given.
    pub host: Option<Host>,
    /// The port, if one is given.
    pub port: Option<u16>,
}

/// An address, and the number of the interface that it belongs to, or 0.
pub type Host = (IpAddr, u32);

impl Place {
    /// This port of every address.
    pub fn of_port(port: u16) -> Place {
        Place { host: None, port: Some(port) }
    }

    /// The same address with this port.
    pub fn with_port(self, port: u16) -> Place {
        Place { port: Some(port), ..self }
    }

    /// One address and port. A port alone is one of this machine's loopback address. Without a port
    /// the refusal shows how to add one, such as `example`.
    pub fn local(self, example: u16) -> Result<SocketAddr, String> {
        match self.port {
            Some(_) => Ok(self.local_or(example)),
            None => Err(format!("add the port: {}", self.with_port(example))),
        }
    }

    /// The same, and this port if none is given.
    pub fn local_or(self, port: u16) -> SocketAddr {
        let host = self.host.unwrap_or((IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
        socket_address(host, self.port.unwrap_or(port))
    }
}

/// This port of this address.
pub fn socket_address((ip, zone): Host, port: u16) -> SocketAddr {
    match ip {
        IpAddr::V4(_) => SocketAddr::new(ip, port),
        IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, zone)),
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let text = text.trim();
        let forms = || FORMS.to_owned();
        if let Some(port) = port(text.strip_prefix(':').unwrap_or(text)) {
            return Ok(Place::of_port(port));
        }
        if let Some(bracketed) = text.strip_prefix('[') {
            let (host, rest) = bracketed.split_once(']').ok_or_else(forms)?;
            let port = match rest.strip_prefix(':') {
                Some(digits) => Some(port(digits).ok_or_else(forms)?),
                None if rest.is_empty() => None,
                None => return Err(forms()),
            };
            let host = ipv6(host)?.ok_or_else(forms)?;
            return Ok(Place { host: Some(host), port });
        }
        // The last part of `::8888` is meant as a port, but would be one of the address.
        let is_clear = !text.starts_with("::") || matches!(text, "::" | "::1");
        if text.matches(':').count() > 1 && is_clear {
            let host = ipv6(text)?.ok_or_else(forms)?;
            return Ok(Place { host: Some(host), port: None });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, digits)) => (name, Some(port(digits).ok_or_else(forms)?)),
            None => (text, None),
        };
        let ip = match name {
            "*" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            _ if name.eq_ignore_ascii_case("localhost") => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            _ => name.parse().ok().map(IpAddr::V4),
        };
        Ok(Place { host: Some((ip.ok_or_else(forms)?, 0)), port })
    }
}

/// A port is made of digits: the parser of numbers would take `+80`, too.
fn port(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// An IPv6 address, perhaps with a zone. Fails if the zone is none of this machine's.
fn ipv6(text: &str) -> Result<Option<Host>, String> {
    let (ip, zone) = match text.split_once('%') {
        Some((ip, zone)) => (ip, Some(zone)),
        None => (text, None),
    };
    let Ok(ip) = ip.parse::<Ipv6Addr>() else { return Ok(None) };
    let number = match zone {
        None => 0,
        // A URL writes the percent sign as %25 (RFC 6874).
        Some(zone) => interfaces::number(zone)
            .or_else(|| interfaces::number(zone.strip_prefix("25")?))
            .ok_or_else(|| {
                format!("this machine has no network interface '{zone}'; name one of its own")
            })?,
    };
    Ok(Some((IpAddr::V6(ip), number)))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host, self.port) {
            (None, port) => write!(f, "{}", port.unwrap_or_default()),
            (Some(host), Some(port)) => write!(f, "{}", socket_address(host, port)),
            (Some((IpAddr::V4(ip), _)), None) => write!(f, "{ip}"),
            (Some((IpAddr::V6(ip), 0)), None) => write!(f, "[{ip}]"),
            (Some((IpAddr::V6(ip), zone)), None) => write!(f, "[{ip}%{zone}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address that is meant, and the port.
    fn read(text: &str) -> (Option<SocketAddr>, Option<u16>) {
        let place = text.parse::<Place>().expect(text);
        (place.host.map(|host| socket_address(host, place.port.unwrap_or(8888))), place.port)
    }

    fn at(text: &str) -> Option<SocketAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn a_place_is_a_port_an_address_or_both() {
        for (text, port) in [("80", 80), (":80", 80), (" 0 ", 0), ("65535", 65535)] {
            assert_eq!(read(text), (None, Some(port)), "{text}");
        }
        for (text, address) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:80", "[::1]:80"),
            ("[::]:80", "[::]:80"),
            ("*:80", "[::]:80"),
            ("localhost:80", "127.0.0.1:80"),
            ("LocalHost:80", "127.0.0.1:80"),
        ] {
            assert_eq!(read(text), (at(address), Some(80)), "{text}");
        }
    }

    #[test]
    fn an_address_may_stand_without_a_port() {
        for (text, address) in [
            ("localhost", "127.0.0.1:8888"),
            ("127.0.0.1", "127.0.0.1:8888"),
            ("0.0.0.0", "0.0.0.0:8888"),
            ("[::1]", "[::1]:8888"),
            ("::1", "[::1]:8888"),
            ("2001:db8::7", "[2001:db8::7]:8888"),
            ("[::]", "[::]:8888"),
            ("::", "[::]:8888"),
            ("*", "[::]:8888"),
        ] {
            assert_eq!(read(text), (at(address), None), "{text}");
        }
    }

    #[test]
    fn a_zone_is_a_number_or_an_interface() {
        let zoned = |zone| {
            let address = SocketAddrV6::new("fe80::1".parse().expect("an address"), 80, 0, zone);
            (Some(SocketAddr::V6(address)), Some(80))
        };
        assert_eq!(read("[fe80::1%7]:80"), zoned(7));
        for (name, number) in if_addrs_of_this_machine() {
            assert_eq!(read(&format!("[fe80::1%{name}]:80")), zoned(number));
            assert_eq!(read(&format!("[fe80::1%25{name}]:80")), zoned(number));
            assert_eq!(read(&format!("fe80::1%{name}")).1, None);
        }
        let refused = "[fe80::1%nowhere9]:80".parse::<Place>().expect_err("no such interface");
        assert!(refused.contains("'nowhere9'"), "{refused}");
    }

    /// `lo` at least, where the tests run.
    fn if_addrs_of_this_machine() -> Vec<(&'static str, u32)> {
        ["lo", "lo0"].iter().filter_map(|name| Some((*name, interfaces::number(name)?))).collect()
    }

    #[test]
    fn anything_else_is_told_the_forms_of_an_address() {
        for text in [
            "",
            ":",
            "65536",
            "-1",
            "+80",
            "::8888",
            "example.com:80",
            "127.0.0.1:",
            "[::1",
            "[::1]80",
            "[127.0.0.1]:80",
            "localhost:x",
            "1.2.3",
            "http://localhost",
            "a:b:c",
            "é",
            "[é]:1",
        ] {
            let refused = text.parse::<Place>().expect_err(text);
            assert!(refused.contains("127.0.0.1:8888") && refused.contains("[::1]:8888"), "{text}");
        }
    }

    #[test]
    fn a_local_address_that_is_a_port_is_on_the_loopback() {
        let local = |text: &str| text.parse::<Place>().expect(text).local(9000);
        let at = |text: &str| Ok(text.parse().expect("an address"));
        assert_eq!(local("9000"), at("127.0.0.1:9000"));
        assert_eq!(local(":0"), at("127.0.0.1:0"));
        assert_eq!(local("localhost:9000"), at("127.0.0.1:9000"));
        assert_eq!(local("[::1]:9000"), at("[::1]:9000"));
        assert_eq!(local("[::]:9000"), at("[::]:9000"));
        assert_eq!(local("*:9000"), at("[::]:9000"));
        assert_eq!(local("[::1]"), Err("add the port: [::1]:9000".to_owned()));
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same_place() {
        for text in ["8888", "127.0.0.1:80", "[::1]:80", "[::]", "10.0.0.1", "[fe80::1%7]:80"] {
            let place = text.parse::<Place>().expect(text);
            assert_eq!(place.to_string(), text);
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }
}
