//! The report as a picture: an SVG by hand.
//!
//! Three panels share an axis of time: right answers a second, how long answers took, and which clients
//! were connected. Below them, how long answers took by percentile. A colour is a kind of clients,
//! wherever it stands.
//!
//! | module | what it owns |
//! |---|---|
//! | `picture` | what stands where |
//! | `panel` | a frame with its scales, and the lines and areas in it |
//! | `scale` | which numbers stand at an axis, and what they are called |
//! | `over_time` | the three panels over time |
//! | `percentiles` | the panel below them |
//! | `caption` | the command and the machine |
//! | `colours` | the colour of each kind |

mod caption;
mod colours;
mod over_time;
mod panel;
mod percentiles;
mod picture;
mod scale;

pub use caption::Caption;
pub use picture::svg;
