//! Answers that need a look at all clients: one snapshot, or one after the other for a watcher.
//!
//! Each is a [`Source`], which asks the mailbox for a snapshot and comes back for it. A watcher's is
//! asked for the next frame only when the last one is out and a tenth of a second has passed: so a
//! slow watcher skips frames, and the server holds at most one for it.

use std::sync::Arc;
use std::time::Duration;

use super::exposition;
use super::frame::{self, StaticFacts};
use super::mailbox::{Mailbox, Shared, Subscription};
use super::snapshot::{Snapshot, Sums};
use crate::answer::source::{Next, Piece, Source};

/// How often a watcher is sent a frame, for which all clients are looked at.
pub(super) const FRAME_PERIOD: Duration = Duration::from_millis(100);

/// How soon a snapshot that was asked for is looked for: the loop makes it within the same turn.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(1);

/// How soon a browser is to come back that has lost its connection, when the server has been
/// started anew for example.
const RETRY: &str = "retry: 1000\n\n";

/// The text that is being given out, in pieces if it is long.
#[derive(Debug, Default)]
struct Page {
    text: String,
    given: usize,
}

impl Page {
    fn new(text: String) -> Page {
        Page { text, given: 0 }
    }

    fn is_out(&self) -> bool {
        self.given == self.text.len()
    }

    /// Gives the next part, as long as the piece has room for.
    fn give(&mut self, piece: &mut Piece<'_>) {
        let end = self.text.len().min(self.given + piece.room().max(1));
        piece.append(&self.text.as_bytes()[self.given..end]);
        self.given = end;
    }
}

/// The frames of one watcher.
#[derive(Debug)]
pub(super) struct Frames {
    subscription: Subscription,
    slot: Option<usize>,
    page: Page,
    /// The edition that was shown last.
    edition: u64,
    /// The sums that it had.
    sums: Option<Sums>,
    /// The last frame is being given out.
    is_last: bool,
}

impl Frames {
    /// Those for the watcher with this subscription, which has chosen this slot.
    pub(super) fn new(subscription: Subscription, slot: Option<usize>) -> Frames {
        let edition = subscription.mailbox.lock().edition;
        let page = Page::new(RETRY.to_owned());
        Frames { subscription, slot, page, edition, sums: None, is_last: false }
    }
}

impl Source for Frames {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        if self.page.is_out() {
            let mut mailbox = self.subscription.mailbox.lock();
            if mailbox.edition == self.edition {
                mailbox.is_wanted = true;
                return Next::After(SNAPSHOT_PAUSE);
            }
            self.edition = mailbox.edition;
            self.is_last = mailbox.is_ending;
            let snapshot = Arc::clone(&mailbox.snapshot);
            drop(mailbox);
            let sums = self.sums.replace(snapshot.sums()).unwrap_or(snapshot.sums());
            let frame = frame::frame(&snapshot, sums, self.slot);
            self.page = Page::new(format!("data: {frame}\n\n"));
        }
        self.page.give(piece);
        match (self.page.is_out(), self.is_last) {
            (false, _) => Next::More,
            (true, false) if self.sums.is_none() => Next::More,
            (true, false) => Next::After(FRAME_PERIOD),
            (true, true) => Next::Done,
        }
    }
}

/// What a single snapshot is wanted for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// All of it, with the client in this slot.
    State(Option<usize>, Arc<StaticFacts>),
    /// The numbers that Prometheus collects.
    Metrics,
}

/// An answer that is written from a snapshot of its own.
#[derive(Debug)]
pub(super) struct Single {
    mailbox: Shared,
    purpose: Purpose,
    /// The last edition from before it was asked for.
    edition: u64,
    page: Option<Page>,
}

impl Single {
    pub(super) fn new(mailbox: &Shared, purpose: Purpose) -> Single {
        let edition = mailbox.lock().edition;
        Single { mailbox: mailbox.clone(), purpose, edition, page: None }
    }

    fn want(&self, mailbox: &mut Mailbox) {
        mailbox.is_wanted = true;
        if let Purpose::State(Some(slot), _) = &self.purpose
            && !mailbox.wanted_slots.contains(slot)
        {
            mailbox.wanted_slots.push(*slot);
        }
    }

    fn text_of(&self, snapshot: &Snapshot) -> String {
        match &self.purpose {
            Purpose::State(slot, static_facts) => frame::state(snapshot, static_facts, *slot),
            Purpose::Metrics => exposition::text(snapshot),
        }
    }
}

impl Source for Single {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        let page = match &mut self.page {
            Some(page) => page,
            None => {
                let mut mailbox = self.mailbox.lock();
                if mailbox.edition == self.edition {
                    self.want(&mut mailbox);
                    return Next::After(SNAPSHOT_PAUSE);
                }
                let snapshot = Arc::clone(&mailbox.snapshot);
                drop(mailbox);
                let text = self.text_of(&snapshot);
                self.page.insert(Page::new(text))
            }
        };
        page.give(piece);
        if page.is_out() { Next::Done } else { Next::More }
    }
}
