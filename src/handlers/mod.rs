//! The handlers that ship with the crate. They use only what any handler can use.

mod fallible;
mod fixed_text;
mod health_path;
#[cfg(feature = "site")]
mod media_type;
#[cfg(feature = "routes")]
mod routes;
#[cfg(feature = "site")]
mod site;

pub use fallible::{Fallible, fallible};
pub use fixed_text::FixedText;
pub use health_path::HealthPath;
#[cfg(feature = "site")]
pub use media_type::media_type;
#[cfg(feature = "routes")]
#[doc(hidden)]
pub use routes::{RouteLine, RouteSources, Routes};
#[cfg(feature = "site")]
pub use site::{InvalidType, Site};
