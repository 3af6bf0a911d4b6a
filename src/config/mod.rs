//! Every setting that shapes the server, each with its reason.
//!
//! `settings` has [`Config`], which holds all others: `places`, where to listen; `limits`, how much of
//! anything there may be; `timeouts`, how long anything may take. What contradicts itself among the
//! defaults is found when the crate is compiled, what a user can break by [`Config::check`], before
//! anything is bound.

mod limits;
mod places;
mod settings;
mod timeouts;

pub use limits::{FIELDS_CAPACITY, Limits, RECEIVE_BYTES};
pub(crate) use limits::{REQUESTS_BYTES, TURN_BYTES_MIN};
pub use places::{AdminListener, Listen, Reach};
pub use settings::Config;
pub use timeouts::{LINGER_SPANS_MAX, TimeoutClass, Timeouts};
