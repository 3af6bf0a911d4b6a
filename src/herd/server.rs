//! Where the server is: an address, or a Unix socket of this machine; and what a URL says besides.

use std::fmt::{self, Display, Formatter};
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use oneloop::config::UnixName;

use crate::arguments::addresses::Place;
use crate::load::sources::{self, Target};

/// What the clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// An address and port.
    At(SocketAddr),
    /// A Unix socket.
    Unix(UnixName),
}

/// Whether the user has confirmed that a server on another host may be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    Yes,
    No,
}

impl Vouched {
    /// From `--i-may-load-this-host`.
    pub fn from_flag(flag: bool) -> Vouched {
        if flag { Vouched::Yes } else { Vouched::No }
    }
}

/// A server, and what a URL says besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub server: Server,
    /// What requests say in `Host`.
    pub host: String,
    /// What they request, if that stands behind the server.
    pub path: Option<String>,
}

impl Server {
    /// Whether only this machine can have it.
    pub fn is_local(self) -> bool {
        match self {
            Server::At(address) => address.ip().is_loopback(),
            Server::Unix(_) => true,
        }
    }

    /// The same server, if clients can and may connect to it.
    ///
    /// # Errors
    /// In a sentence: the port is 0, or it is another host's and the user does not vouch for that.
    pub fn loadable(self, vouched: Vouched) -> Result<Server, String> {
        let Server::At(address) = self else { return Ok(self) };
        if address.port() == 0 {
            return Err("the server's port cannot be 0; give the port that it listens at".into());
        }
        if !self.is_local() && vouched == Vouched::No {
            return Err(format!(
                "{} is not a loopback address (127.0.0.0/8, ::1); if you may load that host, add \
                 --i-may-load-this-host",
                address.ip()
            ));
        }
        Ok(self)
    }

    pub fn is_unix(self) -> bool {
        matches!(self, Server::Unix(_))
    }

    /// What requests say in `Host`: a Unix socket has no name that could stand there.
    fn host(self) -> String {
        match self {
            Server::At(address) => address.to_string(),
            Server::Unix(_) => "localhost".to_owned(),
        }
    }

    /// The same, as the system names it.
    pub fn target(self) -> Target {
        match self {
            Server::At(address) => address.into(),
            Server::Unix(name) => match (name.as_path(), name.as_abstract()) {
                (Some(path), _) => sources::unix_path(path),
                (None, name) => sources::unix_abstract(name.unwrap_or_default()),
            },
        }
    }
}

/// An address and port, a port of the loopback address, or a Unix socket.
impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Server, String> {
        let Some(name) = text.strip_prefix("unix:") else {
            return text.parse::<Place>()?.local(8888).map(Server::from);
        };
        if let Some((name, options)) = name.split_once(',') {
            return Err(format!(
                "only the server needs ',{options}'; write unix:{name}, and add --proxy-protocol \
                 if it asks for PROXY headers"
            ));
        }
        let made = match name.strip_prefix('@') {
            Some(hidden) => UnixName::of_abstract(hidden),
            None => UnixName::path(name),
        };
        let name = made.map_err(|why| format!("{why}; write one as in unix:/run/oneloop.sock"))?;
        Ok(Server::Unix(name))
    }
}

/// A server, or a URL of HTTP without TLS, or a server and a path as in a URL. Names are looked up in a
/// URL.
impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Asked, String> {
        if text.starts_with("unix:") {
            return Asked::of(text.parse()?, None);
        }
        if let Some((scheme, rest)) = text.split_once("://")
            && !scheme.eq_ignore_ascii_case("http")
        {
            return Err(format!("herd speaks HTTP without TLS; write http://{rest}"));
        }
        let url = text.split_once("://").map(|(_, rest)| rest);
        let rest = url.unwrap_or(text);
        let (place, path) = match rest.find(['/', '?']) {
            Some(at) => (&rest[..at], Some(&rest[at..])),
            None => (rest, url.map(|_| "/")),
        };
        if place.contains('@') {
            return Err("a user's name in a URL is not sent; add a field, as in -H \
                        'Authorization: Basic …'"
                .to_owned());
        }
        let Some(_) = url else { return Asked::of(place.parse()?, path) };
        let server = match place.parse::<Place>() {
            Ok(found) => Server::from(found.local_or(HTTP_PORT)),
            Err(_) => looked_up(place)?,
        };
        Ok(Asked { host: place.to_owned(), ..Asked::of(server, path)? })
    }
}

/// The port of a URL that names none.
const HTTP_PORT: u16 = 80;

impl Asked {
    /// Whether it says no more than where the server is.
    pub fn is_server_alone(&self) -> bool {
        self.path.as_deref().is_none_or(|path| path == "/")
    }

    /// `path` begins with `/` or `?`. Its fragment, which no client sends, is left out.
    fn of(server: Server, path: Option<&str>) -> Result<Asked, String> {
        let path = path.map(|path| {
            let path = path.split('#').next().unwrap_or_default();
            if path.starts_with('?') { format!("/{path}") } else { path.to_owned() }
        });
        match path.as_deref().is_none_or(|path| path.bytes().all(|byte| byte.is_ascii_graphic())) {
            true => Ok(Asked { server, host: server.host(), path }),
            false => Err("write the path without spaces, and other characters as %XX".to_owned()),
        }
    }
}

/// The first address of a name, with or without a port.
fn looked_up(place: &str) -> Result<Server, String> {
    let with_port = match place.rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => place.to_owned(),
        Some(_) | None => format!("{place}:{HTTP_PORT}"),
    };
    let found = with_port.to_socket_addrs().map_err(|reason| reason.to_string());
    let first = found.and_then(|mut all| all.next().ok_or_else(|| "it has no address".to_owned()));
    first.map(Server::from).map_err(|reason| {
        format!("cannot find '{place}': {reason}; write an address, as in http://127.0.0.1:8888/")
    })
}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Server {
        Server::At(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

impl Display for Server {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Server::At(address) => address.fmt(f),
            Server::Unix(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back_as_the_same_server() {
        for text in ["127.0.0.1:80", "[::1]:80", "unix:/run/a.sock", "unix:a", "unix:@a b"] {
            let server: Server = text.parse().expect(text);
            assert_eq!(server.to_string(), text);
            assert!(server.is_local() && server.is_unix() == text.starts_with("unix:"), "{text}");
        }
        let elsewhere: Server = "192.0.2.1:80".parse().expect("an address");
        assert!(!elsewhere.is_local());
    }

    #[test]
    fn a_url_names_a_server_a_host_and_a_path() {
        for (text, server, host, path) in [
            ("8888", "127.0.0.1:8888", "127.0.0.1:8888", None),
            (":8888/a?b", "127.0.0.1:8888", "127.0.0.1:8888", Some("/a?b")),
            ("localhost:80/#top", "127.0.0.1:80", "127.0.0.1:80", Some("/")),
            ("http://localhost:8888/path", "127.0.0.1:8888", "localhost:8888", Some("/path")),
            ("HTTP://127.0.0.1", "127.0.0.1:80", "127.0.0.1", Some("/")),
            ("http://[::1]:81?q=1", "[::1]:81", "[::1]:81", Some("/?q=1")),
            ("unix:/run/a.sock", "unix:/run/a.sock", "localhost", None),
        ] {
            let asked: Asked = text.parse().expect(text);
            let (server, host) = (server.to_owned(), host.to_owned());
            assert_eq!((asked.server.to_string(), asked.host), (server, host), "{text}");
            assert_eq!(asked.path.as_deref(), path, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_ours_is_told_how_to_mend_it() {
        for (text, remedy) in [
            ("https://localhost:8443/a", "http://localhost:8443/a"),
            ("http://me:secret@localhost/", "Authorization"),
            ("http://localhost/a b", "%XX"),
            ("http://no-such-host.invalid/", "http://127.0.0.1:8888/"),
            ("http:///a", "http://127.0.0.1:8888/"),
        ] {
            let told = text.parse::<Asked>().expect_err(text);
            assert!(told.contains(remedy), "{text}: {told}");
        }
    }

    #[test]
    fn what_is_no_server_is_told_how_to_mend_it() {
        let long = format!("unix:/{}", "n".repeat(200));
        for (text, remedy) in [
            ("unix:", "unix:/run/oneloop.sock"),
            ("unix:@", "unix:/run/oneloop.sock"),
            (&*long, "at most"),
            ("unix:/a,mode=0666", "write unix:/a"),
            ("unix:@a,proxy", "--proxy-protocol"),
            ("Unix:/a", "127.0.0.1:8888"),
        ] {
            let told = text.parse::<Server>().expect_err(text);
            assert!(told.contains(remedy), "{text}: {told}");
        }
    }
}
