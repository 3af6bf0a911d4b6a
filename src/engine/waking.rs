//! Sources of answers that are woken from outside the loop.

use super::clients::Clients;
use super::stream::Stream;

impl<S: Stream> Clients<S> {
    /// Has `bell` called when a source is woken, on the thread that wakes it: it is to end the sleep
    /// of the loop. To be called once; a loop that never sleeps needs none.
    pub fn ring_when_woken(&self, bell: Box<dyn Fn() + Send + Sync>) {
        self.common.wakers.set_bell(bell);
    }

    /// Sources that were woken are due. In their place among the deadlines, they are asked in turn.
    #[cold]
    pub(super) fn wake_sources(&mut self) {
        for name in self.common.wakers.take_woken() {
            let Some(client) = self.slab.get_mut(name.slot) else { continue };
            if client.connection.wake_source(name) {
                self.renew_deadline(name.slot);
            }
        }
    }
}
