//! The PROXY header, with which a connection begins that came in where clients come through a proxy.
//!
//! It is read before a byte is looked at as HTTP. What is no header ends the connection without an
//! answer, as in HAProxy and nginx: it comes from a proxy that is configured otherwise or from a
//! client that should not be here, and neither could read an answer as one to what it has sent. A
//! client that looks for ways around the proxy learns nothing by that.

use std::net::SocketAddr;

use super::context::{Common, Context};
use super::machine::Connection;
use super::partial::InputUse;
use crate::buffer::Parked;
use crate::http::proxy_header::{self, Missing, ProxyHeaderFault};
use crate::metrics::CloseReason;

impl Connection {
    /// Looks for a header at the start of `input`.
    #[cold]
    pub(super) fn read_proxy_header<H>(
        &mut self,
        input: &[u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        match proxy_header::read(input) {
            Ok(header) => {
                if header.client.is_some() {
                    self.parked.get_or_insert_default().client = header.client;
                }
                self.state.on_proxy_header();
                // The request's first byte may be here already.
                self.began = context.common.millis;
                InputUse::Consumed(header.bytes)
            }
            Err(Missing::More) => InputUse::Kept(input.len()),
            Err(Missing::Fault(fault)) => {
                self.refuse_proxy_header(fault, context.common);
                InputUse::Consumed(input.len())
            }
        }
    }

    /// The peer has ended its side before its header was whole. One that has sent nothing may only have
    /// looked whether the server listens.
    #[cold]
    pub(super) fn on_eof_of_proxy_header(&mut self, common: &mut Common) {
        match self.kept().is_empty() {
            true => self.on_close(CloseReason::PeerClosed),
            false => self.refuse_proxy_header(ProxyHeaderFault::Unfinished, common),
        }
    }

    fn refuse_proxy_header(&mut self, fault: ProxyHeaderFault, common: &mut Common) {
        common.proxy_header_fault = Some(fault);
        self.on_close(CloseReason::NoProxyHeader);
    }

    /// The client for which its proxy has said that it connects.
    pub(crate) fn client(&self) -> Option<SocketAddr> {
        Parked::client(&self.parked)
    }
}
