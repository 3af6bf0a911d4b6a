//! What a service manager is told: that the server is ready, how it is, and that it stops.
//!
//! The protocol is `sd_notify(3)`: lines of text in datagrams to a socket that the environment names.
//! One socket is opened at the start, and does not block: a manager that is busy holds up no client.
//! All is told at the end of a turn. So a handler that blocks the loop is noticed: the manager's
//! watchdog hears nothing.

use std::env;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::process;
use std::time::Duration;

use log::warn;

use crate::engine::StopStep;
use crate::system_calls::again;
use crate::time::{Time, sooner};

/// The status is told at most once in this time: every change would be a system call for each client.
const STATUS_PERIOD: Duration = Duration::from_secs(1);

/// A message that found no room is sent again after this long.
const RETRY: Duration = Duration::from_millis(100);

/// How much longer than its drain the server may need to stop.
const STOP_SLACK: Duration = Duration::from_secs(5);

/// The process that has started this one, and wants to be told how it is.
///
/// ```
/// use oneloop::{Config, Listen, Reply, Request, Server, ServiceManager};
///
/// let mut config = Config::default();
/// config.listen = vec![Listen::everywhere(0)];
/// let mut server = Server::bind(&config, |_: &Request<'_>, reply: Reply<'_>| reply.send("hi"))?;
/// if let Some(manager) = ServiceManager::from_env()? {
///     server.tell_manager(manager);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    /// How long a watchdog may hear nothing.
    watchdog: Option<Duration>,
    /// What was told last.
    told: Option<Told>,
    status_due: Time,
    watchdog_due: Time,
    pub(super) places: String,
}

/// How the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) clients: usize,
    pub(super) step: Option<StopStep>,
}

impl ServiceManager {
    /// The one that the environment names: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` if a watchdog is set for
    /// this process.
    ///
    /// # Errors
    /// If its socket cannot be reached.
    pub fn from_env() -> io::Result<Option<ServiceManager>> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let socket = UnixDatagram::unbound()?;
        match name.to_str().and_then(|name| name.strip_prefix('@')) {
            Some(hidden) => connect_abstract(&socket, hidden)?,
            None => socket.connect(&name)?,
        }
        let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let is_for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_for_us && *usec > 0);
        ServiceManager::new(socket, watchdog.map(Duration::from_micros)).map(Some)
    }

    /// One that reads at the other end of this socket. Its watchdog, if it has one, may hear nothing
    /// for this time.
    ///
    /// # Errors
    /// If the socket cannot be made non-blocking.
    pub fn new(socket: UnixDatagram, watchdog: Option<Duration>) -> io::Result<ServiceManager> {
        socket.set_nonblocking(true)?;
        Ok(ServiceManager {
            socket,
            watchdog,
            told: None,
            status_due: Time::START,
            watchdog_due: Time::START,
            places: String::new(),
        })
    }

    /// When it is to be told something, if the server is as it was told last or has become `now_is`.
    pub(super) fn due(&self, now_is: Told) -> Option<Time> {
        let status = (self.told != Some(now_is)).then_some(self.status_due);
        sooner(status, self.watchdog.map(|_| self.watchdog_due))
    }

    /// Tells it what is due by `now`.
    pub(super) fn tell(&mut self, now_is: Told, stop_max: Duration, now: Time) {
        if let Some(watchdog) = self.watchdog
            && now >= self.watchdog_due
        {
            // Half of the time: one message may be late, and the turn it is sent in.
            let next = if self.send("WATCHDOG=1") { watchdog / 2 } else { RETRY };
            self.watchdog_due = now + next;
        }
        // That it stops is told at once.
        let has_new_step = self.told.is_some_and(|told| told.step != now_is.step);
        if self.told == Some(now_is) || now < self.status_due && !has_new_step {
            return;
        }
        let clients = now_is.clients;
        let message = match now_is.step {
            None => {
                let ready = if self.told.is_none() { "READY=1\n" } else { "" };
                format!("{ready}STATUS=listening on {}; {clients} clients", self.places)
            }
            Some(_) => {
                let stopping = match has_new_step || self.told.is_none() {
                    true => {
                        let usec = (stop_max + STOP_SLACK).as_micros();
                        format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={usec}\n")
                    }
                    false => String::new(),
                };
                format!("{stopping}STATUS=stopping; {clients} clients may finish")
            }
        };
        if self.send(&message) {
            (self.told, self.status_due) = (Some(now_is), now + STATUS_PERIOD);
        } else {
            self.status_due = now + RETRY;
        }
    }

    /// Whether the message needs not be sent again.
    fn send(&self, message: &str) -> bool {
        match again(|| self.socket.send(message.as_bytes())) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => {
                if self.told.is_none() {
                    warn!("the service manager cannot be told that the server is ready: {error}");
                }
                true
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn connect_abstract(socket: &UnixDatagram, name: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)
}

/// Other systems have no such names.
#[cfg(not(target_os = "linux"))]
fn connect_abstract(_: &UnixDatagram, _: &str) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(watchdog: Option<Duration>) -> (ServiceManager, UnixDatagram) {
        let (ours, theirs) = UnixDatagram::pair().expect("a pair of sockets");
        theirs.set_nonblocking(true).expect("an option");
        let manager = ServiceManager::new(ours, watchdog).expect("an option");
        (ServiceManager { places: "http://[::]:80/".into(), ..manager }, theirs)
    }

    fn heard(theirs: &UnixDatagram) -> Vec<String> {
        let mut room = [0; 512];
        let mut all = Vec::new();
        while let Ok(bytes) = theirs.recv(&mut room) {
            all.push(String::from_utf8(room[..bytes].to_vec()).expect("text"));
        }
        all
    }

    fn at(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    const DRAIN: Duration = Duration::from_secs(10);

    #[test]
    fn the_status_is_told_when_it_has_changed_and_at_most_once_a_second() {
        let (mut manager, theirs) = pair(None);
        let none = Told { clients: 0, step: None };
        assert_eq!(manager.due(none), Some(Time::START), "that it is ready, at once");
        manager.tell(none, DRAIN, at(0));
        assert_eq!(heard(&theirs), ["READY=1\nSTATUS=listening on http://[::]:80/; 0 clients"]);
        assert_eq!(manager.due(none), None);
        for clients in [1, 2, 3] {
            let more = Told { clients, step: None };
            manager.tell(more, DRAIN, at(500));
            assert_eq!((heard(&theirs).len(), manager.due(more)), (0, Some(at(1000))));
        }
        manager.tell(Told { clients: 3, step: None }, DRAIN, at(1000));
        assert_eq!(heard(&theirs), ["STATUS=listening on http://[::]:80/; 3 clients"]);
        let draining = Told { clients: 3, step: Some(StopStep::Draining) };
        manager.tell(draining, DRAIN, at(1001));
        assert_eq!(
            heard(&theirs),
            ["STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000\nSTATUS=stopping; 3 clients may finish"]
        );
        manager.tell(Told { clients: 2, ..draining }, DRAIN, at(3000));
        assert_eq!(heard(&theirs), ["STATUS=stopping; 2 clients may finish"]);
    }

    #[test]
    fn a_watchdog_hears_twice_in_its_time() {
        let (mut manager, theirs) = pair(Some(Duration::from_millis(400)));
        let none = Told { clients: 0, step: None };
        let mut times = Vec::new();
        for millis in 0..1000 {
            manager.tell(none, DRAIN, at(millis));
            times.extend(heard(&theirs).iter().any(|it| it == "WATCHDOG=1").then_some(millis));
        }
        assert_eq!(times, [0, 200, 400, 600, 800]);
        assert_eq!(manager.due(none), Some(at(1000)));
    }

    /// The handler blocks the loop for longer than the watchdog waits.
    #[test]
    fn a_watchdog_hears_nothing_while_a_handler_blocks() {
        use std::io::Write;

        use crate::{Config, Listen, Reply, Request, Server};
        let config = Config { listen: vec![Listen::everywhere(0)], ..Config::default() };
        let (manager, theirs) = pair(Some(Duration::from_millis(40)));
        let heard_before = std::rc::Rc::new(std::cell::Cell::new(None));
        let (seen, at_manager) = (heard_before.clone(), theirs.try_clone().expect("a descriptor"));
        let mut server = Server::bind(&config, move |_: &Request<'_>, reply: Reply<'_>| {
            heard(&at_manager);
            std::thread::sleep(Duration::from_millis(200));
            seen.set(Some(heard(&at_manager).len()));
            reply.send("at last")
        })
        .expect("a free port");
        server.tell_manager(manager);
        let _ = server.turn(None).expect("a healthy poll");
        assert!(heard(&theirs).iter().any(|it| it == "WATCHDOG=1"));
        let port = server.local_addrs()[0].port();
        let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a client");
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it is there");
        while heard_before.get().is_none() {
            let _ = server.turn(None).expect("a healthy poll");
        }
        assert_eq!(heard_before.get(), Some(0));
        let _ = server.turn(None).expect("a healthy poll");
        assert!(heard(&theirs).iter().any(|it| it == "WATCHDOG=1"), "it goes on");
    }

    #[test]
    fn a_manager_that_reads_nothing_holds_up_nothing_and_hears_later() {
        let (mut manager, theirs) = pair(None);
        while manager.send("STATUS=") {}
        let none = Told { clients: 0, step: None };
        manager.tell(none, DRAIN, at(0));
        assert_eq!(manager.due(none), Some(Time::START + RETRY));
        assert!(heard(&theirs).iter().all(|it| it == "STATUS="));
        manager.tell(none, DRAIN, at(100));
        assert!(heard(&theirs)[0].starts_with("READY=1\n"));
        // A manager that has gone is not tried again and again.
        drop(theirs);
        let one = Told { clients: 1, step: None };
        manager.tell(one, DRAIN, at(2000));
        assert_eq!(manager.due(one), None);
    }
}
