//! How long anything may take: [`Timeouts`], and the class of each wait.

use std::time::Duration;

use crate::error::Error;

/// For how many spans of [`Timeouts::linger`] a peer is listened to at most: a minute by default, in
/// which a slow line still carries an upload of 30 MB to its end.
pub const LINGER_SPANS_MAX: u8 = 30;

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
    /// gives up after three and a half times as long on what it has taken and cannot deliver, and on a
    /// peer that does not say that it is still there.
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
    /// For this long a server that was told to stop only announces that: it is no longer ready, by
    /// `/readyz`, and each answer says `Connection: close`. It accepts and serves as before. A
    /// balancer needs this time to notice. A second call to stop ends it.
    ///
    /// Default: 0 s.
    pub drain_announce: Duration,
    /// For this long after its listeners are closed, a stopping server keeps idle connections: a client
    /// may have a request on its way, which is answered. Then each is ended, and what still comes from
    /// its client is read and thrown away as for `linger`. Never longer than half of `drain`.
    ///
    /// Default: 2 s.
    pub drain_idle: Duration,
    /// From the end of `drain_announce` until the remaining clients are cut off.
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
    /// of it, and how long a peer may leave its questions unanswered. Three and a half times the write
    /// timeout: the server itself first resets a client that it can see not to read, and the kernel sees
    /// a slow reader's window open only a segment at a time. On loopback a segment has 64 KiB, so there
    /// the kernel gives up a client that reads fewer than 625 bytes a second. More than that, and a
    /// peer that has lost its power would keep its slot for more than two minutes.
    pub(crate) fn delivery(&self) -> Duration {
        self.write.saturating_mul(7) / 2
    }

    /// How long a stopping server keeps idle connections. The rest of the time to drain is for their
    /// end.
    pub(crate) fn idle_in_drain(&self) -> Duration {
        self.drain_idle.min(self.drain / 2)
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

    pub(super) fn check(&self) -> Result<(), Error> {
        // By name, so that the compiler asks for a new one here. Clients need not meet a deadline to be
        // drained: zero is "at once".
        let Timeouts {
            first_byte,
            head,
            typing_grace,
            body,
            write,
            idle,
            linger,
            drain_announce: _,
            drain_idle: _,
            drain: _,
        } = self;
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

const DEFAULT_TIMEOUTS: Timeouts = Timeouts {
    first_byte: Duration::from_secs(10),
    head: Duration::from_secs(10),
    typing_grace: None,
    body: Duration::from_secs(30),
    write: Duration::from_secs(30),
    idle: Duration::from_secs(60),
    linger: Duration::from_secs(2),
    drain_announce: Duration::ZERO,
    drain_idle: Duration::from_secs(2),
    drain: Duration::from_secs(10),
};

const _: () = {
    let timeouts = &DEFAULT_TIMEOUTS;
    let (idle, linger) = (timeouts.drain_idle.as_secs(), timeouts.linger.as_secs());
    assert!(idle + linger < timeouts.drain.as_secs(), "draining outlasts lingering");
};

impl Default for Timeouts {
    fn default() -> Timeouts {
        DEFAULT_TIMEOUTS
    }
}
