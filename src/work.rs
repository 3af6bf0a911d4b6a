//! How much the loop does in one turn. It is counted, because nothing below the server reads a
//! clock.
//!
//! The unit is a byte that goes through a socket. Other work counts as the bytes that could have
//! gone through a socket meanwhile, [`BYTES_PER_MICROSECOND`]. The constants here say what each
//! kind of work counts as. They were measured on loopback and need not be exact: they only keep a
//! turn from taking many times longer than another.
//!
//! A turn has stages: clients run, what lingering clients send is thrown away, deadlines are acted on,
//! connections are accepted. Each stage has a [`Budget`] of its own, so that none can starve another, and within it each client has a share.
//! A client whose share is used up goes on in the next turn; clients that were not reached at all
//! come first in it.
//!
//! Clients run in batches. A batch that has begun may do another stage's worth, so that the last
//! batch of a stage can be completed like the first. Two things can use up more than that: a handler
//! or a source that says it did expensive work, and long unfinished heads, which are read again from
//! their beginning with each piece. Then the rest of the batch goes on in the next turn.

use std::time::Duration;

/// How many bytes go through a socket in a microsecond of the loop's time.
const BYTES_PER_MICROSECOND: usize = 4096;

/// Finding a request, calling the handler and encoding an answer: 0.15 µs.
pub(crate) const ANSWER: usize = 640;

/// Reading one byte of a head: 2 ns. Long fields are the dearest part of the dearest heads.
pub(crate) const HEAD_BYTE: usize = 8;

/// Finding the byte of a head that is wrong, for each byte up to it: 3 ns.
pub(crate) const FAULTY_BYTE: usize = 12;

/// Reading one byte of the framing of chunked content: 3 ns.
pub(crate) const CHUNK_BYTE: usize = 12;

/// Dropping an empty line between requests: 4 ns.
pub(crate) const EMPTY_LINE: usize = 16;

/// Calling `recv`, beside the bytes: 0.5 µs.
pub(crate) const RECEIVE: usize = 2048;

/// Calling `send` or `sendfile`, beside the bytes, which also wakes the client: 2 µs.
pub(crate) const SEND: usize = 8192;

/// Asking for one piece of a body that comes over time: 0.25 µs. A source may give bytes one by one.
pub(crate) const PIECE: usize = 1024;

/// Accepting a connection, and registering it with the poll: 4 µs.
pub(crate) const ACCEPT: usize = 16 * 1024;

/// Closing a connection: 8 µs.
pub(crate) const CLOSE: usize = 32 * 1024;

/// How many clients' largest shares one stage is: that many can use up their budgets in one turn.
const STAGE_SHARES: usize = 4;

/// At most this many clients run together: the server receives from them before it answers any.
pub(crate) const BATCH_CLIENTS_MAX: usize = 64;

/// The least share, in bytes, unless the configuration says less. A batch of clients that all use it
/// up is another stage's worth.
const SHARE_MIN: usize = 64 * 1024;

/// What may still be done in the present stage of the turn, and by the present client.
///
/// One counter grows, and is compared with where the stage and the client's share end: so counting
/// costs an addition, and looking a comparison.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    done: usize,
    stage_end: usize,
    batch_end: usize,
    client_end: usize,
    /// Where the client's share ends, or the batch before that.
    yields_at: usize,
    share: usize,
}

impl Budget {
    /// A stage begins in which `clients` clients can do something, each of them at most
    /// `client_max` bytes.
    pub(crate) fn begin_stage(&mut self, clients: usize, client_max: usize) {
        let stage_max = client_max.saturating_mul(STAGE_SHARES);
        let share = (stage_max / clients.max(1)).clamp(SHARE_MIN.min(client_max), client_max);
        // A client whose share is nearly used up may take one more step. Apart from a long head that
        // is read again, the dearest is its end.
        let batch = clients.clamp(1, BATCH_CLIENTS_MAX);
        let batch_max = share.saturating_add(CLOSE).saturating_mul(batch);
        let batch_end = stage_max.saturating_add(batch_max);
        *self =
            Budget { done: 0, stage_end: stage_max, batch_end, client_end: 0, yields_at: 0, share };
    }

    /// Whether there is something left for one more client.
    pub(crate) fn has_stage_left(&self) -> bool {
        self.done < self.stage_end
    }

    /// Whether there is something left for one more client of a batch that has begun.
    #[inline]
    pub(crate) fn has_batch_left(&self) -> bool {
        self.done < self.batch_end
    }

    /// What each client may do in this stage.
    pub(crate) fn share(&self) -> usize {
        self.share
    }

    /// A client begins, or goes on, that may do this much.
    pub(crate) fn begin_client(&mut self, share: usize) {
        self.client_end = self.done + share;
        self.yields_at = self.client_end.min(self.batch_end);
    }

    /// This much has been done.
    #[inline]
    pub(crate) fn spend(&mut self, work: usize) {
        self.done += work;
    }

    /// What the present client may still do.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.client_end.saturating_sub(self.done)
    }

    /// Whether the present client has to wait for its next turn.
    #[inline]
    pub(crate) fn is_used_up(&self) -> bool {
        self.done >= self.yields_at
    }
}

/// What work that takes this long counts as, in bytes.
pub(crate) fn of(time: Duration) -> usize {
    let nanos = usize::try_from(time.as_nanos()).unwrap_or(usize::MAX);
    nanos.saturating_mul(BYTES_PER_MICROSECOND) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn one_client_has_all_it_may_and_many_share_a_stage() {
        let mut budget = Budget::default();
        for (clients, share) in [
            (0, MIB),
            (1, MIB),
            (4, MIB),
            (5, 4 * MIB / 5),
            (16, MIB / 4),
            (64, 64 * 1024),
            (10_000, 64 * 1024),
        ] {
            budget.begin_stage(clients, MIB);
            assert_eq!(budget.share(), share, "of {clients} clients");
            assert!(budget.has_stage_left());
        }
        budget.begin_stage(1000, 1024);
        assert_eq!(budget.share(), 1024, "never more than is configured");
    }

    #[test]
    fn a_share_is_used_up_exactly_when_it_has_been_spent() {
        let mut budget = Budget::default();
        budget.begin_stage(1, MIB);
        budget.begin_client(100);
        budget.spend(99);
        assert_eq!((budget.left(), budget.is_used_up()), (1, false));
        budget.spend(1);
        assert_eq!((budget.left(), budget.is_used_up()), (0, true));
        // More than the share: a handler did dear work.
        budget.spend(5 * MIB);
        assert_eq!((budget.left(), budget.has_stage_left()), (0, false));
    }

    #[test]
    fn a_millisecond_of_work_is_a_stage_of_the_usual_size() {
        let mut budget = Budget::default();
        budget.begin_stage(1, MIB);
        budget.spend(of(Duration::from_micros(1023)));
        assert!(budget.has_stage_left());
        budget.spend(of(Duration::from_micros(1)));
        assert!(!budget.has_stage_left());
        assert!(of(Duration::MAX) > 1 << 50, "it is much, and does not overflow");
    }
}
