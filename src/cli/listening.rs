//! Where to listen: `--listen` and `--port`, and what they mean together.

use std::net::{IpAddr, Ipv6Addr};

use clap::Args;
use clap::parser::ValueSource;
use oneloop::{Config, InvalidNetwork, Listen, Network};

use super::option_sources::OptionSources;
use crate::arguments::Refusal;
use crate::arguments::addresses::{Place, socket_address};

/// The options under the heading "Listening".
#[derive(Debug, Args)]
#[command(next_help_heading = "Listening")]
pub struct ListeningOptions {
    /// Listen at this address or port, or both; may be repeated, or separated by commas
    ///
    /// A port alone (8888) means every address, IPv6 and IPv4. Only this machine can reach
    /// 127.0.0.1, [::1] and localhost; 0.0.0.0 is every IPv4 address. A port may follow a colon
    /// (localhost:8080). A link-local address names its interface: [fe80::1%eth0]:8888. Port 0 lets
    /// the system choose a port; the first line of the log says which.
    #[arg(
        short, long, value_name = "ADDR", env = "ONELOOP_LISTEN", value_delimiter = ',',
        default_values_t = [Place::of_port(default_port())]
    )]
    listen: Vec<Place>,

    /// Listen on this port, of every address or of the --listen addresses without a port
    #[arg(short, long, value_name = "PORT", env = "ONELOOP_PORT", value_parser = port)]
    port: Option<u16>,

    /// Believe a proxy at these addresses on whose request it passes on; may be repeated
    ///
    /// An address, or a block of them: 10.0.0.0/8. The client is then the last address in Forwarded,
    /// or else in X-Forwarded-For, that is not such a proxy's. No other
    /// peer is believed. By default a proxy on this machine is; "none" believes no proxy.
    #[arg(
        long, value_name = "CIDR", env = "ONELOOP_PROXIED_BY", value_delimiter = ',',
        value_parser = proxies
    )]
    proxied_by: Vec<Proxies>,
}

/// What one `--proxied-by` says.
#[derive(Clone, Copy, Debug)]
enum Proxies {
    None,
    In(Network),
}

fn proxies(text: &str) -> Result<Proxies, InvalidNetwork> {
    match text.trim() {
        "none" => Ok(Proxies::None),
        block => block.parse().map(Proxies::In),
    }
}

/// The library's, which is written nowhere else.
fn default_port() -> u16 {
    match Config::default().listen[..] {
        [Listen::Everywhere(port)] => port,
        _ => unreachable!("by default there is one place, a port of every address"),
    }
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.trim().parse().map_err(
        |_| "write a port from 0 to 65535; an address goes to --listen, a directory stands alone",
    )
}

/// Where to listen for clients: at this port unless another one is given.
fn listen(place: Place, port: u16) -> Listen {
    let port = place.port.unwrap_or(port);
    match place.host {
        None => Listen::Everywhere(port),
        Some((ip, _)) if ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Listen::Everywhere(port),
        Some(host) => Listen::At(socket_address(host, port)),
    }
}

impl ListeningOptions {
    /// Whether a port is given twice, and how to mend it.
    pub fn check(&self, given: &OptionSources) -> Result<(), Refusal> {
        let both = given.source("port").is_some() && given.source("port") == given.source("listen");
        match self.listen.iter().find(|place| both && place.port.is_some()) {
            Some(place) => Err(Refusal::Mistake(format!(
                "{} cannot be used with {} {place}, which has a port; give only one of them",
                given.name("port"),
                given.name("listen").trim_matches('\'')
            ))),
            None => Ok(()),
        }
    }

    /// Which proxies are believed.
    pub fn proxied_by(&self) -> Vec<Network> {
        let block = |proxies: &Proxies| match proxies {
            Proxies::None => None,
            Proxies::In(network) => Some(*network),
        };
        match self.proxied_by.is_empty() {
            true => Config::default().proxied_by,
            false => self.proxied_by.iter().filter_map(block).collect(),
        }
    }

    /// Where to listen. The command line overrides the environment: a port there applies to every
    /// address here.
    pub fn places(&self, given: &OptionSources) -> Vec<Listen> {
        let Some(port) = self.port else {
            return self.listen.iter().map(|place| listen(*place, default_port())).collect();
        };
        if given.source("listen").is_none() {
            return vec![Listen::Everywhere(port)];
        }
        let outweighs = given.source("port") == Some(ValueSource::CommandLine);
        let mut places = Vec::new();
        for place in &self.listen {
            let place = if outweighs { place.with_port(port) } else { *place };
            let listen = listen(place, port);
            if !places.contains(&listen) {
                places.push(listen);
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use super::*;

    fn listen(arguments: &[&str]) -> Vec<Listen> {
        let cli = Cli::from_arguments(["oneloop"].iter().chain(arguments)).expect("good arguments");
        cli.config().expect("good values").listen
    }

    fn at(text: &str) -> Listen {
        Listen::At(text.parse().expect("an address"))
    }

    #[test]
    fn every_ipv6_address_is_every_address() {
        for text in ["[::]", "::", "*", "8888"] {
            assert_eq!(listen(&["-l", text]), [Listen::Everywhere(8888)], "{text}");
        }
        for text in ["[::]:80", "*:80", ":80"] {
            assert_eq!(listen(&["-l", text]), [Listen::Everywhere(80)], "{text}");
        }
        assert_eq!(listen(&["-l", "0.0.0.0"]), [at("0.0.0.0:8888")]);
    }

    #[test]
    fn each_listen_adds_a_place_and_replaces_the_default() {
        assert_eq!(listen(&[]), [Listen::Everywhere(8888)]);
        assert_eq!(
            listen(&["-l", "80,81", "--listen", "127.0.0.1:0"]),
            [Listen::Everywhere(80), Listen::Everywhere(81), at("127.0.0.1:0")]
        );
    }

    #[test]
    fn a_port_is_one_of_every_address_or_of_those_without_one() {
        assert_eq!(listen(&["-p", "80"]), [Listen::Everywhere(80)]);
        assert_eq!(listen(&["--port=0"]), [Listen::Everywhere(0)]);
        assert_eq!(
            listen(&["-l", "localhost,[::1]", "-p", "80"]),
            [at("127.0.0.1:80"), at("[::1]:80")]
        );
        assert_eq!(listen(&["-l", "localhost"]), [at("127.0.0.1:8888")]);
    }

    #[test]
    fn a_port_that_is_given_twice_is_a_mistake() {
        match Cli::from_arguments(["oneloop", "-l", "127.0.0.1:80", "-p", "81"]) {
            Err(Refusal::Mistake(sentence)) => assert_eq!(
                sentence,
                "'--port' cannot be used with --listen 127.0.0.1:80, which has a port; give only \
                 one of them"
            ),
            outcome => panic!("{outcome:?}"),
        }
    }
}
