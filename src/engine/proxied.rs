//! What the log says of clients that sent no PROXY header where one has to come first.

use std::time::Duration;

use log::warn;

use super::clients::Clients;
use super::stream::Stream;

/// After this long without it, it is logged again.
const LOG_QUIET: Duration = Duration::from_secs(10);

impl<S: Stream> Clients<S> {
    /// The connection of this client has ended for that. The log has the first of them, while they
    /// come: each can be a port scan, and all of them a proxy that is configured otherwise.
    #[cold]
    pub(super) fn log_no_proxy_header(&mut self, key: usize) {
        let fault = self.common.proxy_header_fault.take();
        if let Some(fault) = fault
            && self.steps.unproxied.note(self.steps.now(), LOG_QUIET)
        {
            let peer = self.slab[key].connection.address();
            warn!("closed {peer} without an answer: a PROXY header has to come first, and {fault}");
        }
    }
}
