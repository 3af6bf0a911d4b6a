//! Where the server is: an address, or a Unix socket of this machine.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
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

impl Server {
    /// Whether only this machine can have it.
    pub fn is_local(self) -> bool {
        match self {
            Server::At(address) => address.ip().is_loopback(),
            Server::Unix(_) => true,
        }
    }

    pub fn is_unix(self) -> bool {
        matches!(self, Server::Unix(_))
    }

    /// What requests say in `Host`: a Unix socket has no name that could stand there.
    pub fn host(self) -> String {
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
            let address = text.parse::<Place>()?.local(8888)?;
            return Ok(Server::At(SocketAddr::new(address.ip().to_canonical(), address.port())));
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
