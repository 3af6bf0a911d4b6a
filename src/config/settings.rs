//! All settings in one, and what contradicts itself among them.

use super::limits::Limits;
use super::places::{AdminListener, Endpoint, Listen, Reach};
use super::timeouts::Timeouts;
use super::unix::UnixName;
use crate::error::Error;
use crate::network::Network;

/// What a server is told before it starts.
///
/// ```
/// use oneloop::{Config, Listen};
/// let mut config = Config::default();
/// config.listen = vec![Listen::everywhere(8080)];
/// config.limits.body_bytes_max = 64 * 1024;
/// assert!(config.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; at least one place. Default: port 8888 on every address.
    pub listen: Vec<Listen>,
    /// Where it shows what it does: a page, metrics, health. Default: nowhere.
    pub admin: Option<AdminListener>,
    /// Where it says whether it is well, to anyone who can reach it: `/healthz`, `/readyz` and
    /// `/metrics`, and nothing that could change anything. Default: nowhere.
    pub health: Option<Listen>,
    /// Whether other processes of the same user, which say so as well, may listen at the same ports: the
    /// kernel then shares new connections out among them. It holds for the places in `listen`, which must
    /// all have ports. Default: no.
    pub reuse_port: bool,
    /// The path of a Unix socket by which a new process takes over from this one, and this one from an
    /// old one that listens there: see [`Server::take_over`](crate::Server::take_over). Default: none.
    pub takeover: Option<UnixName>,
    /// Names by which the admin listener may be asked, besides its address and `localhost`: a
    /// container's, say. Browsers that look up other names are refused there, because a web page
    /// can make its own name lead to any address. Default: none.
    pub admin_hosts: Vec<String>,
    /// The proxies that may say whose request they pass on: see
    /// [`Request::client`](crate::Request::client). No other peer is believed. Default:
    /// [`Network::THIS_MACHINE`].
    pub proxied_by: Vec<Network>,
    /// How much of anything there may be.
    pub limits: Limits,
    /// How long anything may take.
    pub timeouts: Timeouts,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: vec![Listen::everywhere(8888)],
            admin: None,
            health: None,
            reuse_port: false,
            takeover: None,
            admin_hosts: Vec::new(),
            proxied_by: Network::THIS_MACHINE.to_vec(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Config {
    /// How many places to listen there may be, all kinds together, for another process to take over:
    /// the kernel passes a few hundred descriptors at once.
    pub const TAKEOVER_PLACES_MAX: usize = 128;

    /// Says what contradicts itself here, and how to mend it.
    ///
    /// # Errors
    /// [`Error::Config`] with one sentence, in which settings have their names here:
    /// `limits.head_bytes_max`. [`Server::bind`](crate::Server::bind) calls this.
    pub fn check(&self) -> Result<(), Error> {
        self.check_places()?;
        self.limits.check()?;
        self.timeouts.check()
    }

    fn check_places(&self) -> Result<(), Error> {
        if self.listen.is_empty() {
            return Err(Error::config("listen has no address; give one"));
        }
        let admin = self.admin.as_ref();
        let mut own = admin.map(|it| &it.listen).into_iter().chain(&self.health);
        if let Some(listen) = own.find(|it| it.proxy) {
            return Err(Error::config(format!(
                "{listen} is not for clients, and cannot ask for PROXY headers; leave ,proxy out"
            )));
        }
        if let Some(admin) = admin {
            admin.check_reach(Some(&admin.listen.endpoint))?;
        }
        self.check_takeover()?;
        let has_no_port =
            |it: &&Listen| matches!(it.endpoint, Endpoint::Unix(_) | Endpoint::Inherited(_));
        if let Some(listen) = self.listen.iter().find(has_no_port).filter(|_| self.reuse_port) {
            return Err(Error::config(format!(
                "reuse_port is for ports, and {listen} is none that this process binds; leave one \
                 of them out"
            )));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let bad =
            self.admin_hosts.iter().find(|name| name.is_empty() || !name.chars().all(is_name));
        if let Some(name) = bad {
            return Err(Error::config(format!(
                "admin_hosts has '{name}', which is no host name; write it without a \
                 scheme and a port"
            )));
        }
        Ok(())
    }

    fn check_takeover(&self) -> Result<(), Error> {
        let Some(takeover) = &self.takeover else { return Ok(()) };
        if takeover.as_path().is_none() {
            return Err(Error::config(format!(
                "takeover has {takeover}, which has no file, and so no mode; give a path"
            )));
        }
        let places = self.listen.len() + usize::from(self.admin.is_some());
        let places = places + usize::from(self.health.is_some());
        if places > Config::TAKEOVER_PLACES_MAX {
            return Err(Error::config(format!(
                "listen has {places} places with admin and health; name at most {}, which is what \
                 can be taken over",
                Config::TAKEOVER_PLACES_MAX
            )));
        }
        Ok(())
    }
}

impl AdminListener {
    /// Fails if other machines can reach it at `endpoint`, and are not to.
    pub(crate) fn check_reach(&self, endpoint: Option<&Endpoint>) -> Result<(), Error> {
        match (self.reach, endpoint.and_then(Endpoint::port_for_others)) {
            (Reach::ThisMachine, Some(port)) => Err(Error::config(format!(
                "the admin address {} can be reached from other machines; make it \
                 127.0.0.1:{port}, or say that anyone may reach it",
                self.listen
            ))),
            (Reach::ThisMachine, None) | (Reach::Anyone, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::limits::{FIELDS_CAPACITY, RECEIVE_BYTES};
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing() {
        Config::default().check().expect("no contradiction");
    }

    #[test]
    fn each_contradiction_is_named_in_one_line() {
        let admin = |text: &str| {
            let listen: Listen = text.parse().expect("a place");
            Some(AdminListener::new(listen, Reach::ThisMachine))
        };
        let hidden = UnixName::of_abstract("a").expect("a name");
        let many = vec![Listen::everywhere(0); Config::TAKEOVER_PLACES_MAX + 1];
        let breaks: [&dyn Fn(&mut Config); 15] = [
            &|config| config.listen.clear(),
            &|config| config.admin = admin("[::]:9000"),
            &|config| config.admin = admin("9000"),
            &|config| config.admin = admin("192.0.2.7:9000"),
            &|config| config.admin = admin("127.0.0.1:9000,proxy"),
            &|config| config.limits.head_bytes_max = RECEIVE_BYTES + 1,
            &|config| config.limits.target_bytes_max = config.limits.head_bytes_max,
            &|config| config.limits.fields_max = FIELDS_CAPACITY + 1,
            &|config| config.limits.clients_max = Some(0),
            &|config| config.takeover = Some(hidden),
            &|config| {
                config.reuse_port = true;
                config.listen.push("unix:/a".parse().expect("a place"));
            },
            &|config| {
                config.reuse_port = true;
                config.listen.push("fd:web".parse().expect("a place"));
            },
            &|config| {
                config.takeover = UnixName::path("/t").ok();
                config.listen = many.clone();
            },
            &|config| config.timeouts.idle = Duration::ZERO,
            &|config| config.timeouts.typing_grace = Some(Duration::ZERO),
        ];
        for damage in breaks {
            let mut config = Config::default();
            damage(&mut config);
            let message = config.check().expect_err("a contradiction").to_string();
            assert!(!message.contains('\n') && message.contains("; "), "{message}");
        }
    }
}
