//! What a person can type into a browser to reach a listener.

use std::net::{IpAddr, SocketAddr};

use crate::arguments::interfaces;

/// The URLs by which a listener at `address` can be reached: from this machine first, then those that
/// other machines may reach, without link-local ones, which no browser takes.
pub fn urls(address: SocketAddr) -> Vec<String> {
    let ip = address.ip().to_canonical();
    if !ip.is_unspecified() {
        return vec![url(address)];
    }
    let port = address.port();
    let mut others: Vec<IpAddr> = interfaces::all()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| interface.ip())
        .filter(|other| address.is_ipv6() || other.is_ipv4())
        .collect();
    // What people read out to each other is IPv4.
    others.sort();
    others.dedup();
    let others = others.into_iter().map(|ip| url(SocketAddr::new(ip, port)));
    std::iter::once(format!("http://localhost:{port}/")).chain(others).collect()
}

/// The URL of this very address.
pub fn url(address: SocketAddr) -> String {
    // A URL writes the percent sign of a zone as %25 (RFC 6874).
    format!("http://{}/", address.to_string().replace('%', "%25"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls_of(address: &str) -> Vec<String> {
        urls(address.parse().expect("an address"))
    }

    #[test]
    fn a_single_address_has_one_url() {
        assert_eq!(urls_of("127.0.0.1:2"), ["http://127.0.0.1:2/"]);
        assert_eq!(urls_of("[::1]:3"), ["http://[::1]:3/"]);
        assert_eq!(urls_of("[fe80::1%4]:5"), ["http://[fe80::1%254]:5/"]);
    }

    #[test]
    fn every_address_is_localhost_and_those_of_the_interfaces() {
        for everywhere in ["[::]:8888", "0.0.0.0:8888"] {
            let urls = urls_of(everywhere);
            assert_eq!(urls[0], "http://localhost:8888/");
            for url in &urls[1..] {
                let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix('/'));
                let address: SocketAddr = address.and_then(|it| it.parse().ok()).expect(url);
                assert!(!address.ip().is_loopback() && address.port() == 8888, "{url}");
                assert!(everywhere.starts_with('[') || address.is_ipv4(), "{url}");
            }
        }
    }
}
