//! How much of anything there may be: [`Limits`], and the sizes that no setting changes.

use std::time::Duration;

use crate::error::Error;

/// The most header fields a head can have room for, whatever [`Limits::fields_max`] says.
///
/// They are parsed into an array on the stack: 128 fields take 4 KiB of it, one page.
pub const FIELDS_CAPACITY: usize = 128;

/// The size of the buffer into which a client on its own is received, in bytes.
///
/// A `recv` that fills it has to be followed by another, so it should hold what usually comes at
/// once: 64 KiB is a full loopback segment. Untouched pages of it cost nothing.
pub const RECEIVE_BYTES: usize = 64 * 1024;

/// The least that a configuration can let one client do in one turn, in bytes.
pub(crate) const TURN_BYTES_MIN: usize = 1024;

/// How many bytes are received at once where requests may begin, or a longest head if that is more.
///
/// What lies behind a request whose answer is not taken has to be kept, so this is also what one
/// client can make us hold of pipelined requests. It has room for hundreds of them.
pub(crate) const REQUESTS_BYTES: usize = 16 * 1024;

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
    /// than a body may have, and [`Timeouts::linger`](super::Timeouts::linger) is what usually ends it.
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

    pub(super) fn check(&self) -> Result<(), Error> {
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

const _: () = {
    let limits = &DEFAULT_LIMITS;
    assert!(limits.target_bytes_max < limits.head_bytes_max, "a longest target fits into a head");
    assert!(limits.head_bytes_max <= RECEIVE_BYTES, "a longest head arrives in one receive");
    assert!(limits.fields_max <= FIELDS_CAPACITY, "every field allowed has room");
    assert!(limits.linger_bytes_max >= limits.body_bytes_max, "a refused body can be discarded");
    assert!(limits.turn_bytes_max >= RECEIVE_BYTES, "a turn has room for a receive");
};

impl Default for Limits {
    fn default() -> Limits {
        DEFAULT_LIMITS
    }
}
