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
use rustix::time::{ClockId, clock_gettime};

use crate::answer::handler::Reloaded;
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
    /// What it has not been told yet of a reload.
    owed: Option<Owed>,
    owed_due: Time,
    last_reload: LastReload,
    /// This process has taken over from the one that the manager had started.
    is_successor: bool,
    pub(super) places: String,
}

/// The messages about a reload, in their order: each must be one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    /// When it was done, in microseconds of the system's monotonic clock. A manager that has asked for
    /// it compares this with the time at which it did.
    Reloading {
        usec: u64,
    },
    Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastReload {
    NoneOrGood,
    Failed,
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
            owed: None,
            owed_due: Time::START,
            last_reload: LastReload::NoneOrGood,
            is_successor: false,
            places: String::new(),
        })
    }

    /// This process has taken over from one whose watchdog may hear nothing for `watchdog`. The manager is
    /// told that it is the main one now, and its watchdog hears this one instead, whose environment need
    /// not tell of it.
    pub(super) fn succeed(&mut self, watchdog: Option<Duration>) {
        self.is_successor = true;
        self.watchdog = self.watchdog.or(watchdog);
    }

    /// The process `pid` has taken over from this one. The manager hears it from the process that it
    /// knows, and before that has ended: it looks at messages before it looks at who has ended. So
    /// the service goes on even if this process ends at once.
    pub(super) fn hand_over_to(self, pid: u32) {
        // If there is no room for it, the new process tells the same.
        let _ = self.send(&format!("MAINPID={pid}"));
    }

    /// How long a watchdog may hear nothing.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// When it is to be told something, if the server is as it was told last or has become `now_is`.
    pub(super) fn due(&self, now_is: Told) -> Option<Time> {
        let status = (self.told != Some(now_is)).then_some(self.status_due);
        let owed = self.owed.map(|_| self.owed_due);
        sooner(sooner(status, owed), self.watchdog.map(|_| self.watchdog_due))
    }

    /// The server has reloaded what it can, between two turns' messages.
    pub(super) fn on_reloaded(&mut self, reloaded: &Reloaded) {
        self.last_reload = match reloaded {
            Reloaded::Failed(_) => LastReload::Failed,
            Reloaded::Nothing | Reloaded::Done(_) => LastReload::NoneOrGood,
        };
        // If it has not heard that the server is ready, it will hear no more than that.
        if self.told.is_some() {
            let time = clock_gettime(ClockId::Monotonic);
            let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
            let micros = u64::try_from(time.tv_nsec).unwrap_or_default() / 1000;
            self.owed = Some(Owed::Reloading { usec: seconds * 1_000_000 + micros });
            self.owed_due = Time::START;
        }
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
        self.tell_of_reload(now_is, now);
        // That it stops is told at once.
        let has_new_step = self.told.is_some_and(|told| told.step != now_is.step);
        if self.told == Some(now_is) || now < self.status_due && !has_new_step {
            return;
        }
        let clients = now_is.clients;
        let message = match now_is.step {
            None => {
                let main = match self.is_successor {
                    true => format!("MAINPID={}\n", process::id()),
                    false => String::new(),
                };
                let ready = match self.told {
                    None => format!("READY=1\n{main}"),
                    Some(_) => String::new(),
                };
                format!("{ready}{}", self.status(clients))
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

    /// Tells what it has not been told yet of a reload. A server that stops is not ready again.
    fn tell_of_reload(&mut self, now_is: Told, now: Time) {
        while let Some(owed) = self.owed.filter(|_| now >= self.owed_due) {
            let message = match owed {
                _ if now_is.step.is_some() => return self.owed = None,
                Owed::Reloading { usec } => format!("RELOADING=1\nMONOTONIC_USEC={usec}"),
                Owed::Ready => format!("READY=1\n{}", self.status(now_is.clients)),
            };
            if !self.send(&message) {
                self.owed_due = now + RETRY;
                return;
            }
            self.owed = match owed {
                Owed::Reloading { .. } => Some(Owed::Ready),
                Owed::Ready => None,
            };
        }
    }

    fn status(&self, clients: usize) -> String {
        let reload = match self.last_reload {
            LastReload::NoneOrGood => "",
            LastReload::Failed => "; the last reload failed, see the log",
        };
        format!("STATUS=listening on {}; {clients} clients{reload}", self.places)
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

    /// The time of a message about a reload, in microseconds.
    fn usec(message: &str) -> u64 {
        let usec = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(message);
        usec.parse().expect("a number")
    }

    #[test]
    fn a_reload_is_told_at_once_by_two_messages_and_the_status_says_when_it_failed() {
        let (mut manager, theirs) = pair(None);
        let one = Told { clients: 1, step: None };
        manager.on_reloaded(&Reloaded::Nothing);
        manager.tell(one, DRAIN, at(0));
        assert_eq!(heard(&theirs).len(), 1, "only that it is ready");
        let failed = Reloaded::Failed("a directory".into());
        let mut before = 0;
        for (reloaded, says) in
            [(&failed, "; the last reload failed, see the log"), (&Reloaded::Nothing, "")]
        {
            manager.on_reloaded(reloaded);
            assert_eq!(manager.due(one), Some(Time::START), "at once");
            manager.tell(one, DRAIN, at(500));
            let told = heard(&theirs);
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(usec(&told[0]) > before, "the system's clock goes on");
            before = usec(&told[0]);
            assert_eq!(
                told[1],
                format!("READY=1\nSTATUS=listening on http://[::]:80/; 1 clients{says}")
            );
            assert_eq!(manager.due(one), None);
        }
        // A server that stops will not be ready again.
        manager.on_reloaded(&failed);
        let draining = Told { step: Some(StopStep::Draining), ..one };
        manager.tell(draining, DRAIN, at(600));
        assert!(heard(&theirs).iter().all(|message| message.starts_with("STOPPING=1")));
        assert_eq!(manager.due(draining), None);
    }

    #[test]
    fn a_reload_for_which_there_is_no_room_is_told_later_and_in_its_order() {
        let (mut manager, theirs) = pair(None);
        let none = Told { clients: 0, step: None };
        manager.tell(none, DRAIN, at(0));
        while manager.send("STATUS=") {}
        manager.on_reloaded(&Reloaded::Nothing);
        manager.tell(none, DRAIN, at(10));
        assert_eq!(manager.due(none), Some(at(10) + RETRY));
        manager.tell(none, DRAIN, at(20));
        heard(&theirs);
        manager.tell(none, DRAIN, at(110));
        let told = heard(&theirs);
        assert!(usec(&told[0]) > 0 && told[1].starts_with("READY=1\n") && told.len() == 2);
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
