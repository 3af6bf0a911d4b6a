//! Where to listen: for clients, and for those who look at what the server does.

use std::net::SocketAddr;

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

/// Where the server shows what it does: see [`Config::admin`](super::Config::admin).
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
