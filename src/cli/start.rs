//! What the program says when the server has started, and when it could not start: its address and
//! how to stop it, or the obstacle and what to do.

use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;

use oneloop::config::{Endpoint, LocalAddress};
use oneloop::{Config, Error};

use super::option_sources::OptionSources;
use super::urls;
use crate::arguments::Refusal;

/// How many URLs are told of one listener: a machine with containers has dozens of addresses.
const URLS_MAX: usize = 4;

/// The highest port that is the system's to give, unless it is set up otherwise.
const PRIVILEGED_PORT_MAX: u16 = 1023;

/// One line: what can be typed into a browser, what is served and to how many clients at once, and how
/// to stop it.
pub fn line(places: &[LocalAddress], directory: Option<&Path>, most: Most) -> String {
    let urls: Vec<String> = places.iter().map(reached_at).collect();
    let urls = urls.join(" and ");
    let Most { clients, files } = most;
    let what = directory.map(|directory| {
        let directory = directory.display();
        format!(", serving {directory} (at most: clients {clients}, files {files} at once)")
    });
    format!("listening on {urls}{}; Ctrl-C stops it", what.unwrap_or_default())
}

/// How many there may be at once.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    pub clients: usize,
    /// Large files that are being sent, or kept open.
    pub files: usize,
}

/// Where this listener can be reached.
fn reached_at(place: &LocalAddress) -> String {
    let Some(address) = place.internet() else { return place.to_string() };
    let urls = urls::urls(address);
    let more = urls.len().saturating_sub(URLS_MAX);
    let told = urls[..urls.len() - more].join(" and ");
    match more {
        0 => told,
        more => format!("{told} and at {more} more addresses"),
    }
}

/// Why the server could not be started, and what to do.
pub fn refusal(error: Error, config: &Config, given: &OptionSources) -> Refusal {
    let Error::Bind { place, reason, .. } = &error else { return given.refusal(error) };
    let option = match place {
        place if config.admin.as_ref().is_some_and(|admin| admin.listen == **place) => "admin",
        place if config.health.as_ref() == Some(place) => "health",
        _ => "listen",
    };
    let address = match &place.endpoint {
        Endpoint::Everywhere(port) => Some((Ipv6Addr::UNSPECIFIED, *port).into()),
        Endpoint::At(address) => Some(*address),
        Endpoint::Unix(_) | Endpoint::Inherited(_) | _ => None,
    };
    if let Endpoint::Inherited(_) = place.endpoint {
        return Refusal::Mistake(format!("{}{error}", given.variable(option)));
    }
    let (at, why) = match address {
        Some(address) => {
            let written = match option {
                "listen" => "-l".to_owned(),
                option => format!("--{option}"),
            };
            (address.to_string(), obstacle(address, reason, &written))
        }
        None => (place.to_string(), reason.to_string()),
    };
    Refusal::System(format!("{}cannot listen at {at}: {why}", given.variable(option)))
}

/// What is in the way of listening at `address`, and what to write after `option` instead.
fn obstacle(address: SocketAddr, reason: &io::Error, option: &str) -> String {
    let with_port = |port: u16| match address.ip().is_unspecified() && option == "-l" {
        true => format!("'{option} {port}'"),
        false => format!("'{option} {}'", SocketAddr::new(address.ip(), port)),
    };
    let (port, kind) = (address.port(), reason.kind());
    let is_privileged = (1..=PRIVILEGED_PORT_MAX).contains(&port);
    if kind == ErrorKind::PermissionDenied && is_privileged {
        return format!(
            "ports below 1024 are for root; take a higher one ({}), or allow the program to use \
             them (setcap cap_net_bind_service=+ep)",
            with_port(8000 + port % 1000)
        );
    }
    if kind == ErrorKind::AddrInUse {
        return format!(
            "the port is in use by another program; stop that one ('ss -ltnp' shows it), or take \
             another port ({} picks a free one)",
            with_port(0)
        );
    }
    if kind == ErrorKind::AddrNotAvailable {
        let every = if option == "-l" { port.to_string() } else { format!("[::]:{port}") };
        return format!(
            "this machine has no such address; take one that 'ip address' shows, or listen at \
             all of them ('{option} {every}')"
        );
    }
    if kind == ErrorKind::InvalidInput && is_link_local(address) {
        let ip = address.ip();
        return format!(
            "a link-local address needs its interface; add it, as in '{option} [{ip}%eth0]:{port}'"
        );
    }
    format!("{reason}; take another address, as in '{option} 127.0.0.1:8888'")
}

fn is_link_local(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(address) if address.ip().is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_line_names_every_listener_and_the_directory() {
        let places = ["127.0.0.1:80", "[::1]:81"].map(|text| LocalAddress::Internet(address(text)));
        let most = Most { clients: 80, files: 16 };
        assert_eq!(
            line(&places, Some(Path::new("/srv")), most),
            "listening on http://127.0.0.1:80/ and http://[::1]:81/, serving /srv \
             (at most: clients 80, files 16 at once); Ctrl-C stops it"
        );
        assert_eq!(
            line(&places[..1], None, most),
            "listening on http://127.0.0.1:80/; Ctrl-C stops it"
        );
        let everywhere = line(&[LocalAddress::Internet(address("[::]:8888"))], None, most);
        assert!(everywhere.starts_with("listening on http://localhost:8888/"), "{everywhere}");
    }

    #[test]
    fn each_obstacle_has_a_remedy_that_can_be_typed() {
        for (at, kind, option, remedy) in [
            ("[::]:80", ErrorKind::PermissionDenied, "-l", "'-l 8080'"),
            ("127.0.0.1:443", ErrorKind::PermissionDenied, "-l", "'-l 127.0.0.1:8443'"),
            ("[::]:8888", ErrorKind::AddrInUse, "-l", "'-l 0'"),
            ("[::1]:8888", ErrorKind::AddrInUse, "-l", "'-l [::1]:0'"),
            ("127.0.0.1:9000", ErrorKind::AddrInUse, "--admin", "'--admin 127.0.0.1:0'"),
            ("192.0.2.7:8888", ErrorKind::AddrNotAvailable, "-l", "'-l 8888'"),
            ("[fe80::1]:8888", ErrorKind::InvalidInput, "-l", "'-l [fe80::1%eth0]:8888'"),
            ("[::]:8888", ErrorKind::OutOfMemory, "-l", "; take another address"),
        ] {
            let why = obstacle(address(at), &kind.into(), option);
            assert!(why.contains(remedy), "{at}: {why}");
        }
    }
}
