//! Every setting that shapes the server, each with its reason.
//!
//! `settings` has [`Config`], which holds all others: `places`, where to listen, with the names of Unix
//! sockets in `unix`, in `grammar` how a place is written, and in `address` where it turns out to be; `limits`, how much of anything there may
//! be; `timeouts`, how long anything may take. What contradicts itself among the defaults is found when
//! the crate is compiled, what a user can break by [`Config::check`], before anything is bound.

mod address;
mod grammar;
mod limits;
mod places;
mod settings;
mod timeouts;
mod unix;

pub use address::LocalAddress;
pub use grammar::InvalidListen;
pub use limits::{FIELDS_CAPACITY, Limits, RECEIVE_BYTES};
pub(crate) use limits::{REQUESTS_BYTES, TURN_BYTES_MIN};
pub use places::{AdminListener, Endpoint, Listen, Reach};
pub use settings::Config;
pub use timeouts::{LINGER_SPANS_MAX, TimeoutClass, Timeouts};
pub use unix::{Group, InvalidUnixName, UnixName, UnixSocket};
