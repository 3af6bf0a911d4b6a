//! Where to listen: `--listen` and `--port`, and what they mean together.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use clap::Args;
use clap::parser::ValueSource;
use oneloop::config::{Endpoint, InvalidListen, UnixName};
use oneloop::{Config, InvalidNetwork, Listen, Network};

use super::option_sources::OptionSources;
use super::values::switch;
use crate::arguments::Refusal;
use crate::arguments::addresses::{Place, socket_address};

/// The options under the heading "Listening".
#[derive(Debug, Args)]
#[command(next_help_heading = "Listening")]
pub struct ListeningOptions {
    /// Listen at this address or port, or both, or at a Unix socket; may be repeated
    ///
    /// A port alone (8888) means every address, IPv6 and IPv4. Only this machine can reach
    /// 127.0.0.1, [::1] and localhost; 0.0.0.0 is every IPv4 address. A port may follow a colon
    /// (localhost:8080). A link-local address names its interface: [fe80::1%eth0]:8888. Port 0 lets
    /// the system choose a port; the first line of the log says which. unix:/PATH is a Unix socket for
    /// users of its group: others by ,mode=0666, another group by ,group=www-data behind the path;
    /// unix:@NAME is an abstract one. fd:NAME is a listener from systemd, by its name. Behind a place,
    /// ",proxy" asks each connection for a PROXY header of version 1 or 2, which says who the client
    /// is; what begins otherwise is closed without an answer. In ONELOOP_LISTEN, blanks separate
    /// several places.
    #[arg(
        short, long, value_name = "PLACE", env = "ONELOOP_LISTEN",
        default_values_t = [Places(vec![Place::of_port(default_port()).into()])]
    )]
    listen: Vec<Places>,

    /// Listen on this port, of every address or of the --listen addresses without a port
    #[arg(short, long, value_name = "PORT", env = "ONELOOP_PORT", value_parser = port)]
    port: Option<u16>,

    /// Believe a proxy at these addresses on whose request it passes on; may be repeated
    ///
    /// An address, or a block of them: 10.0.0.0/8. The client is then the last address in Forwarded,
    /// or else in X-Forwarded-For, that is not such a proxy's. No other
    /// peer is believed; where a PROXY header has come, its client is the peer. By default a proxy on
    /// this machine is, also by a Unix socket ("unix"); "none" believes no proxy.
    #[arg(
        long, value_name = "CIDR", env = "ONELOOP_PROXIED_BY", value_delimiter = ',',
        value_parser = proxies
    )]
    proxied_by: Vec<Proxies>,

    /// Let other processes of the same user listen at the same ports, too
    ///
    /// Each of them needs this option. The kernel shares new connections out among them by their
    /// addresses. When one ends, connections that wait in its queue are lost, unless another process
    /// takes over (--takeover) or net.ipv4.tcp_migrate_req is 1. Not for unix:/PATH and fd:NAME, nor for
    /// --admin and --health.
    #[arg(long, env = "ONELOOP_REUSE_PORT", value_parser = switch)]
    reuse_port: bool,

    /// Take over from the process that listens at this path, without losing a request
    ///
    /// If one does, it hands over its listeners, goes on serving until this process has started, and
    /// then drains and ends. Each place to listen that both have is taken over, with what waits there;
    /// others are bound and closed. If none does, this process starts as usual. In both cases it listens
    /// at the path for the next one, by a Unix socket for the same user.
    #[arg(long, value_name = "PATH", env = "ONELOOP_TAKEOVER", value_parser = path)]
    takeover: Option<UnixName>,
}

/// What one `--proxied-by` says.
#[derive(Clone, Copy, Debug)]
enum Proxies {
    None,
    In(Network),
}

fn path(text: &str) -> Result<UnixName, String> {
    let text = text.trim();
    if text.starts_with('@') || text.starts_with("unix:") {
        return Err("write the path alone, such as /run/oneloop/takeover".to_owned());
    }
    UnixName::path(text).map_err(|error| error.to_string())
}

fn proxies(text: &str) -> Result<Proxies, InvalidNetwork> {
    match text.trim() {
        "none" => Ok(Proxies::None),
        block => block.parse().map(Proxies::In),
    }
}

/// What one `--listen` says, or the variable: places with blanks between them.
#[derive(Clone, Debug)]
struct Places(Vec<Written>);

/// One place as it is written: the port of an address may be given apart.
#[derive(Clone, Debug)]
struct Written {
    address: Option<Place>,
    listen: Listen,
}

impl FromStr for Places {
    type Err = String;

    fn from_str(text: &str) -> Result<Places, String> {
        match text.trim().is_empty() {
            true => text.parse::<Written>().map(|written| Places(vec![written])),
            false => text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map(Places),
        }
    }
}

impl Display for Places {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.0.iter().map(Written::to_string).collect();
        f.write_str(&places.join(" "))
    }
}

impl FromStr for Written {
    type Err = String;

    fn from_str(text: &str) -> Result<Written, String> {
        let mut address = None;
        let read = Listen::parse_with(text, |text| {
            let place: Place = text.parse()?;
            address = Some(place);
            Ok(endpoint(place, default_port()))
        });
        match read {
            Ok(listen) => Ok(Written { address, listen }),
            Err(wrong) => Err(explained(&wrong, text)),
        }
    }
}

impl From<Place> for Written {
    fn from(place: Place) -> Written {
        Written { address: Some(place), listen: endpoint(place, default_port()).into() }
    }
}

impl Display for Written {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(place) if self.listen.proxy => write!(f, "{place},proxy"),
            Some(place) => place.fmt(f),
            None => self.listen.fmt(f),
        }
    }
}

impl Written {
    /// The same place at `port`, if it is an address.
    fn with(&self, port: impl FnOnce(Place) -> u16) -> Listen {
        let mut listen = self.listen.clone();
        if let Some(place) = self.address {
            listen.endpoint = endpoint(place, port(place));
        }
        listen
    }
}

/// What is wrong. Commas separated places once, and a second place is what most mistakes are.
fn explained(wrong: &InvalidListen, text: &str) -> String {
    let mut behind = text.chars().skip(wrong.column().saturating_sub(2));
    let is_behind_comma = wrong.column() > 1 && behind.next() == Some(',');
    let found: String = behind.take_while(|found| *found != ',').collect();
    match is_behind_comma && found.parse::<Written>().is_ok() {
        true => format!("{wrong}: repeat --listen for '{found}'"),
        false => wrong.to_string(),
    }
}

/// A place of which nothing is left open: an address without a host is the loopback address, and it
/// has a port. `example` is one to show.
pub fn local_place(text: &str, example: u16) -> Result<Listen, String> {
    let local = |text: &str| text.parse::<Place>()?.local(example).map(Endpoint::At);
    Listen::parse_with(text.trim(), local).map_err(|wrong| wrong.to_string())
}

/// The library's, which is written nowhere else.
fn default_port() -> u16 {
    match Config::default().listen[..] {
        [Listen { endpoint: Endpoint::Everywhere(port), .. }] => port,
        _ => unreachable!("by default there is one place, a port of every address"),
    }
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.trim().parse().map_err(
        |_| "write a port from 0 to 65535; an address goes to --listen, a directory stands alone",
    )
}

/// Where to listen: at this port unless another one is given.
fn endpoint(place: Place, port: u16) -> Endpoint {
    let port = place.port.unwrap_or(port);
    match place.host {
        None => Endpoint::Everywhere(port),
        Some((ip, _)) if ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Endpoint::Everywhere(port),
        Some(host) => Endpoint::At(socket_address(host, port)),
    }
}

impl ListeningOptions {
    /// Whether a port is given twice, and how to mend it.
    pub fn check(&self, given: &OptionSources) -> Result<(), Refusal> {
        let both = given.source("port").is_some() && given.source("port") == given.source("listen");
        let has_port = |written: &&Written| written.address.is_some_and(|it| it.port.is_some());
        match self.written().filter(|_| both).find(has_port) {
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

    /// Whether other processes may listen at the same ports.
    pub fn reuse_port(&self) -> bool {
        self.reuse_port
    }

    /// Where the process is from which to take over.
    pub fn takeover(&self) -> Option<UnixName> {
        self.takeover
    }

    fn written(&self) -> impl Iterator<Item = &Written> {
        self.listen.iter().flat_map(|places| &places.0)
    }

    /// Where to listen. The command line overrides the environment: a port there applies to every
    /// address here.
    pub fn places(&self, given: &OptionSources) -> Vec<Listen> {
        let Some(port) = self.port else {
            return self.written().map(|written| written.listen.clone()).collect();
        };
        if given.source("listen").is_none() {
            return vec![Listen::everywhere(port)];
        }
        let outweighs = given.source("port") == Some(ValueSource::CommandLine);
        let mut places = Vec::new();
        for written in self.written() {
            let listen = written.with(|place| match place.port {
                Some(own) if !outweighs => own,
                Some(_) | None => port,
            });
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
        Listen::at(text.parse::<std::net::SocketAddr>().expect("an address"))
    }

    #[test]
    fn every_ipv6_address_is_every_address() {
        for text in ["[::]", "::", "*", "8888"] {
            assert_eq!(listen(&["-l", text]), [Listen::everywhere(8888)], "{text}");
        }
        for text in ["[::]:80", "*:80", ":80"] {
            assert_eq!(listen(&["-l", text]), [Listen::everywhere(80)], "{text}");
        }
        assert_eq!(listen(&["-l", "0.0.0.0"]), [at("0.0.0.0:8888")]);
    }

    #[test]
    fn each_listen_adds_a_place_and_replaces_the_default() {
        assert_eq!(listen(&[]), [Listen::everywhere(8888)]);
        assert_eq!(
            listen(&["-l", "80 81", "--listen", "127.0.0.1:0"]),
            [Listen::everywhere(80), Listen::everywhere(81), at("127.0.0.1:0")]
        );
    }

    #[test]
    fn a_port_is_one_of_every_address_or_of_those_without_one() {
        assert_eq!(listen(&["-p", "80"]), [Listen::everywhere(80)]);
        assert_eq!(listen(&["--port=0"]), [Listen::everywhere(0)]);
        assert_eq!(
            listen(&["-l", "localhost [::1]", "-p", "80"]),
            [at("127.0.0.1:80"), at("[::1]:80")]
        );
        assert_eq!(listen(&["-l", "localhost"]), [at("127.0.0.1:8888")]);
    }

    #[test]
    fn a_place_may_be_a_unix_socket_or_have_options() {
        let places = listen(&["-l", "unix:/run/a.sock,mode=0600", "-l", "localhost", "-p", "80"]);
        let shown: Vec<String> = places.iter().map(Listen::to_string).collect();
        assert_eq!(shown, ["unix:/run/a.sock,mode=0600", "127.0.0.1:80"]);
    }

    #[test]
    fn a_second_place_behind_a_comma_is_told_to_repeat_the_option() {
        for (text, second) in [
            ("80,81", "'81'"),
            ("80,localhost:81", "'localhost:81'"),
            ("unix:/a,unix:@b,82", "'unix:@b'"),
        ] {
            let told = text.parse::<Places>().expect_err(text);
            assert!(told.contains(&format!("repeat --listen for {second}")), "{told}");
        }
        for text in ["80,mode", "unix:/a,mode=99"] {
            let told = text.parse::<Places>().expect_err(text);
            assert!(!told.contains("repeat"), "{told}");
        }
        let told = "".parse::<Places>().expect_err("nothing");
        assert!(told.contains("8888"), "{told}");
    }

    #[test]
    fn what_is_shown_of_places_reads_back() {
        for text in ["8888", "localhost:80 unix:@a,proxy", "127.0.0.1,proxy fd:web"] {
            let places = text.parse::<Places>().expect(text).to_string();
            assert_eq!(places.parse::<Places>().expect(text).to_string(), places);
        }
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
