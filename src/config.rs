//! Every number that shapes the server, each with its reason.
//!
//! Owns [`Config`], [`Limits`], [`Timeouts`] and the relations between them: the ones among the
//! defaults are checked when the crate is compiled, the ones a user can break by
//! [`Config::check`], before anything is bound.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::Error;
use crate::network::Network;

/// The most header fields a head can have room for, whatever [`Limits::fields_max`] says.
///
/// They are parsed into an array on the stack: 128 fields take 4 KiB of it, one page.
pub const FIELDS_CAPACITY: usize = 128;

/// The size of the buffer into which a client on its own is received, in bytes.
///
/// A `recv` that fills it has to be followed by another, so it should hold what usually comes at
/// once: 64 KiB is a full loopback segment. Untouched pages of it cost nothing.
pub const RECEIVE_BYTES: usize = 64 * 1024;

/// For how many spans of [`Timeouts::linger`] a peer is listened to at most: a minute by default, in
/// which a slow line still carries an upload of 30 MB to its end.
pub const LINGER_SPANS_MAX: u8 = 30;

/// The least that a configuration can let one client do in one turn, in bytes.
pub(crate) const TURN_BYTES_MIN: usize = 1024;

/// How many bytes are received at once where requests may begin, or a longest head if that is more.
///
/// What lies behind a request whose answer is not taken has to be kept, so this is also what one
/// client can make us hold of pipelined requests. It has room for hundreds of them.
pub(crate) const REQUESTS_BYTES: usize = 16 * 1024;

/// What a server is told before it starts.
///
/// ```
/// use oneloop::{Config, Listen};
/// let mut config = Config::default();
/// config.listen = vec![Listen::Everywhere(8080)];
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

/// One place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// This port on every address of the machine: dual-stack, or IPv4 alone where there is no
    /// IPv6. Port 0 lets the system choose.
    Everywhere(u16),
    /// Exactly this address. Port 0 lets the system choose.
    At(SocketAddr),
}

/// Where the server shows what it does: see [`Config::admin`].
///
/// Everyone who can reach it sees which clients are connected, and can pause the server. So it must be
/// an address of this machine alone, unless the configuration says that anyone may reach it.
///
/// ```
/// use oneloop::config::{AdminListener, Reach};
/// use oneloop::Config;
///
/// let address = "127.0.0.1:9000".parse().expect("an address");
/// let mut config = Config::default();
/// config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
/// assert!(config.check().is_ok());
///
/// let address = "0.0.0.0:9000".parse().expect("an address");
/// config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
/// assert!(config.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdminListener {
    /// Exactly this address. Port 0 lets the system choose.
    pub address: SocketAddr,
    /// Who may be able to connect to it.
    pub reach: Reach,
}

impl AdminListener {
    /// At exactly this address, for whom `reach` says.
    pub fn new(address: SocketAddr, reach: Reach) -> AdminListener {
        AdminListener { address, reach }
    }
}

/// Who may be able to connect to the [admin listener](AdminListener).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Programs on this machine: the address is a loopback address.
    ThisMachine,
    /// Everyone whom the network lets through. You confirm that this is intended.
    Anyone,
}

/// How much the server accepts of anything. Each limit says what happens at it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// A request's head, in bytes, from its first byte to the empty line that ends it.
    /// Above: 431. Browsers send under 4 KiB; the rest is room for large cookies. 64 bytes to
    /// [`RECEIVE_BYTES`].
    ///
    /// Default: 16 KiB.
    pub head_bytes_max: usize,
    /// A request's target, in bytes; less than a head. Above: 414. RFC 9112 §3 asks for request
    /// lines of 8,000 octets at least; this is the next power of two.
    ///
    /// Default: 8 KiB.
    pub target_bytes_max: usize,
    /// A request's header fields, and as many trailers. Above: 431. At most
    /// [`FIELDS_CAPACITY`]. Browsers send under 30.
    ///
    /// Default: 100.
    pub fields_max: usize,
    /// A request's content, in bytes, after chunked decoding; less than 4 GiB. Above: 413, unread
    /// if its length was declared. Handlers see whole bodies, so this is also what one client can
    /// make us hold.
    ///
    /// Default: 1 MiB.
    pub body_bytes_max: usize,
    /// Once this many bytes of answers to pipelined requests are waiting (1,024 or more), they are
    /// sent before the next request is looked at. It is also the largest piece that a
    /// [`Source`](crate::Source) is asked for. What the kernel does not take of it is kept for its
    /// client, so 20,000 clients can make us hold 320 MB of answers; a hundred usual ones fit.
    ///
    /// Default: 16 KiB.
    pub output_bytes_high_water: usize,
    /// What is read and thrown away, in bytes, after an answer that ends a connection, so that
    /// the peer gets to read the answer. Above: closed. Many programs read no answer before they
    /// have sent a whole body, and their bytes cost nothing but the reading: so this is far more
    /// than a body may have, and [`Timeouts::linger`] is what usually ends it.
    ///
    /// Default: 1 GiB.
    pub linger_bytes_max: usize,
    /// What one client may do in one turn, in bytes (1,024 or more). It then stands at the end of
    /// the run queue. All clients together may do four times as much, and share that if they are
    /// more than four; clients that are not reached are the first in the next turn.
    ///
    /// It counts the bytes that are received and sent, and everything else as the bytes that could
    /// be sent meanwhile, 4 KiB a microsecond: each answer, each byte of its request's head, each
    /// system call, and what handlers say that they have [worked](crate::Sent::took). So the usual
    /// 1 MiB is a quarter of a millisecond of work, and a turn takes one or two milliseconds. No
    /// system call is given more bytes than are left. Clients of the admin listener may do a quarter.
    ///
    /// Default: 1 MiB.
    pub turn_bytes_max: usize,
    /// How many connections one listener accepts in one turn. The rest waits for the next turn,
    /// behind the clients that are already here.
    ///
    /// Default: 256.
    pub accepts_per_turn_max: usize,
    /// How many deadlines are acted on in one turn; the rest follows in the next.
    ///
    /// Default: 256.
    pub deadlines_per_turn_max: usize,
    /// How many clients at once; `None`: as many as the descriptor limit allows. At the limit, the
    /// longest-idle client is closed to admit the next; if no client is idle, new connections wait
    /// in the kernel's queue.
    ///
    /// Default: `None`.
    pub clients_max: Option<usize>,
    /// How many bytes a second a body, or the reading of an answer, must move at the least,
    /// averaged over its timeout. Below: 408, or reset. Slower than any network a person waits on.
    ///
    /// Default: 500.
    pub progress_bytes_per_second_min: u32,
    /// How many finished handshakes the kernel keeps for us until we accept, per listener. It
    /// caps this at its own maximum (`net.core.somaxconn`). Above: the kernel drops handshakes.
    ///
    /// Default: 4,096.
    pub backlog: i32,
}

/// How long anything may take. A timeout fires on time or up to 1/64 of its length late; in
/// exchange a busy client's timer is hardly ever touched. The server first receives what the client
/// has sent, so a request that came in time is answered even if the loop was held up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From connecting to the first byte. Then: closed. A person needs seconds, a program none.
    ///
    /// Default: 10 s.
    pub first_byte: Duration,
    /// From a head's first byte to its last; more bytes do not extend it. Then: 408.
    ///
    /// Default: 10 s.
    pub head: Duration,
    /// If given, a head that has stopped arriving for this long is taken for something that a
    /// person typed, and goes to [`Handler::handle_fault`](crate::Handler::handle_fault) as
    /// [`FaultKind::HeadStalled`](crate::FaultKind::HeadStalled), like one that has outlived
    /// `head`. It is never longer than `head`, and not renewed where that would outlast `head`.
    ///
    /// Default: `None`.
    pub typing_grace: Option<Duration>,
    /// A body makes the minimal progress within each such span. Else: 408.
    ///
    /// Default: 30 s.
    pub body: Duration,
    /// The peer takes the minimum of our answer within each such span. Else: reset. The kernel
    /// gives up after four times as long on what it has taken and cannot deliver.
    ///
    /// Default: 30 s.
    pub write: Duration,
    /// From an answer to the next request on a kept connection. Then: closed.
    ///
    /// Default: 60 s.
    pub idle: Duration,
    /// After the answer that ends a connection, what the peer still sends is read and thrown away:
    /// as long as it makes the minimal progress within each such span, for at most
    /// [`LINGER_SPANS_MAX`] spans. Then: closed.
    ///
    /// Default: 2 s.
    pub linger: Duration,
    /// From being told to stop until the remaining clients are cut off.
    ///
    /// Default: 10 s.
    pub drain: Duration,
}

/// What a connection can be waiting for when its time runs out. One timer list each. A pausing
/// source has none: its time stands in the set of appointments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum TimeoutClass {
    /// Connected, and not a byte yet.
    FirstByte,
    /// Between two requests.
    Idle,
    /// A head has begun and goes on arriving, typed or sent.
    TypingGrace,
    /// A head has begun.
    Head,
    /// A body has begun.
    Body,
    /// An answer is being taken.
    Write,
    /// The last answer is out.
    Linger,
}

impl TimeoutClass {
    /// All of them, in the order of their numbers.
    pub const ALL: &'static [TimeoutClass] = &[
        TimeoutClass::FirstByte,
        TimeoutClass::Idle,
        TimeoutClass::TypingGrace,
        TimeoutClass::Head,
        TimeoutClass::Body,
        TimeoutClass::Write,
        TimeoutClass::Linger,
    ];
}

/// The compiler asks for a new class here. It belongs into `ALL` as well: clients wait in a list for
/// each class that stands there.
const _: () = {
    let mut number = 0;
    while number < TimeoutClass::ALL.len() {
        let class = TimeoutClass::ALL[number];
        assert!(class as usize == number, "all stand in the order of their numbers");
        match class {
            TimeoutClass::FirstByte
            | TimeoutClass::Idle
            | TimeoutClass::TypingGrace
            | TimeoutClass::Head
            | TimeoutClass::Body
            | TimeoutClass::Write
            | TimeoutClass::Linger => number += 1,
        }
    }
    assert!(number == 1 + TimeoutClass::Linger as usize, "the last class is the last of all");
};

impl Timeouts {
    /// The typing grace, which is never longer than a whole head may take.
    pub(crate) fn grace(&self) -> Option<Duration> {
        self.typing_grace.map(|grace| grace.min(self.head))
    }

    /// How long the kernel may try to deliver what it has taken from us to a peer that takes none
    /// of it. Four times the write timeout: the server itself first resets a client that it can see
    /// not to read, and the kernel sees a slow reader's window open only a segment at a time, which
    /// on loopback are 64 KiB, or 130 seconds of the minimal progress.
    pub(crate) fn delivery(&self) -> Duration {
        self.write.saturating_mul(4)
    }

    /// How long a connection may wait for what `class` names.
    pub fn of(&self, class: TimeoutClass) -> Duration {
        match class {
            TimeoutClass::FirstByte => self.first_byte,
            TimeoutClass::Idle => self.idle,
            TimeoutClass::TypingGrace => self.grace().unwrap_or(self.head),
            TimeoutClass::Head => self.head,
            TimeoutClass::Body => self.body,
            TimeoutClass::Write => self.write,
            TimeoutClass::Linger => self.linger,
        }
    }
}

impl Limits {
    /// How many bytes have to move within `timeout` to count as progress.
    pub fn progress_bytes(&self, timeout: Duration) -> u64 {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        millis.saturating_mul(u64::from(self.progress_bytes_per_second_min)) / 1000
    }

    /// The most memory that one client can make the server hold, in bytes, if the handler is given
    /// content: a head and a body half arrived, and a full batch of answers, or one piece of a
    /// streamed answer, not taken. The copied body of the answer that fills the batch comes on top, if
    /// a handler copies large ones, and whatever a source keeps itself.
    pub fn client_bytes_max(&self) -> usize {
        self.head_bytes_max
            .saturating_add(self.body_bytes_max)
            .max(RECEIVE_BYTES)
            .saturating_add(self.output_bytes_high_water)
    }
}

const DEFAULT_LIMITS: Limits = Limits {
    head_bytes_max: 16 * 1024,
    target_bytes_max: 8 * 1024,
    fields_max: 100,
    body_bytes_max: 1024 * 1024,
    output_bytes_high_water: 16 * 1024,
    linger_bytes_max: 1024 * 1024 * 1024,
    turn_bytes_max: 1024 * 1024,
    accepts_per_turn_max: 256,
    deadlines_per_turn_max: 256,
    clients_max: None,
    progress_bytes_per_second_min: 500,
    backlog: 4096,
};

const DEFAULT_TIMEOUTS: Timeouts = Timeouts {
    first_byte: Duration::from_secs(10),
    head: Duration::from_secs(10),
    typing_grace: None,
    body: Duration::from_secs(30),
    write: Duration::from_secs(30),
    idle: Duration::from_secs(60),
    linger: Duration::from_secs(2),
    drain: Duration::from_secs(10),
};

const _: () = {
    let limits = &DEFAULT_LIMITS;
    assert!(limits.target_bytes_max < limits.head_bytes_max, "a longest target fits into a head");
    assert!(limits.head_bytes_max <= RECEIVE_BYTES, "a longest head arrives in one receive");
    assert!(limits.fields_max <= FIELDS_CAPACITY, "every field allowed has room");
    assert!(limits.linger_bytes_max >= limits.body_bytes_max, "a refused body can be discarded");
    assert!(limits.turn_bytes_max >= RECEIVE_BYTES, "a turn has room for a receive");
    let timeouts = &DEFAULT_TIMEOUTS;
    assert!(timeouts.linger.as_secs() < timeouts.drain.as_secs(), "draining outlasts lingering");
};

impl Default for Limits {
    fn default() -> Limits {
        DEFAULT_LIMITS
    }
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        DEFAULT_TIMEOUTS
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: vec![Listen::Everywhere(8888)],
            admin: None,
            admin_hosts: Vec::new(),
            proxied_by: Network::THIS_MACHINE.to_vec(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Config {
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
        if let Some(AdminListener { address, reach: Reach::ThisMachine }) = self.admin
            && !address.ip().to_canonical().is_loopback()
        {
            return Err(Error::config(format!(
                "the admin address {address} can be reached from other machines; make it \
                 127.0.0.1:{}, or say that anyone may reach it",
                address.port()
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
}

impl Limits {
    fn check(&self) -> Result<(), Error> {
        let at_least = |name: &str, value: usize, least: usize| match value < least {
            true => {
                Err(Error::config(format!("limits.{name} is {value}; make it {least} or more")))
            }
            false => Ok(()),
        };
        at_least("head_bytes_max", self.head_bytes_max, 64)?;
        at_least("target_bytes_max", self.target_bytes_max, 1)?;
        at_least("output_bytes_high_water", self.output_bytes_high_water, 1024)?;
        at_least("turn_bytes_max", self.turn_bytes_max, TURN_BYTES_MIN)?;
        at_least("accepts_per_turn_max", self.accepts_per_turn_max, 1)?;
        at_least("deadlines_per_turn_max", self.deadlines_per_turn_max, 1)?;
        at_least("clients_max", self.clients_max.unwrap_or(1), 1)?;
        if self.head_bytes_max > RECEIVE_BYTES {
            return Err(Error::config(format!(
                "limits.head_bytes_max is {}; make it {RECEIVE_BYTES} or less",
                self.head_bytes_max
            )));
        }
        if self.target_bytes_max >= self.head_bytes_max {
            return Err(Error::config(format!(
                "limits.target_bytes_max is {}, which leaves no room in limits.head_bytes_max \
                 ({}); lower the first or raise the second",
                self.target_bytes_max, self.head_bytes_max
            )));
        }
        if self.fields_max > FIELDS_CAPACITY {
            return Err(Error::config(format!(
                "limits.fields_max is {}; make it {FIELDS_CAPACITY} or less",
                self.fields_max
            )));
        }
        if self.body_bytes_max > u32::MAX as usize {
            return Err(Error::config("limits.body_bytes_max is 4 GiB or more; lower it"));
        }
        Ok(())
    }
}

impl Timeouts {
    fn check(&self) -> Result<(), Error> {
        // By name, so that the compiler asks for a new one here. Clients need not meet a deadline to be
        // drained: zero is "at once".
        let Timeouts { first_byte, head, typing_grace, body, write, idle, linger, drain: _ } = self;
        let named = [
            ("first_byte", Some(first_byte)),
            ("head", Some(head)),
            ("typing_grace", typing_grace.as_ref()),
            ("body", Some(body)),
            ("write", Some(write)),
            ("idle", Some(idle)),
            ("linger", Some(linger)),
        ];
        match named.iter().find(|(_, timeout)| timeout.is_some_and(|it| it.is_zero())) {
            Some((name, _)) => Err(Error::config(format!(
                "timeouts.{name} is zero, so no client could meet it; make it longer"
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_contradict_nothing() {
        Config::default().check().expect("no contradiction");
    }

    #[test]
    fn each_contradiction_is_named_in_one_line() {
        let everywhere = "[::]:9000".parse().expect("an address");
        let admin = AdminListener { address: everywhere, reach: Reach::ThisMachine };
        let breaks: [&dyn Fn(&mut Config); 8] = [
            &|config| config.listen.clear(),
            &|config| config.admin = Some(admin),
            &|config| config.limits.head_bytes_max = RECEIVE_BYTES + 1,
            &|config| config.limits.target_bytes_max = config.limits.head_bytes_max,
            &|config| config.limits.fields_max = FIELDS_CAPACITY + 1,
            &|config| config.limits.clients_max = Some(0),
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
