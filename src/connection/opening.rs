//! What a connection begins with.

use super::state::State;

/// What comes first on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opening {
    /// A request.
    #[default]
    Request,
    /// A PROXY header, and then a request.
    ProxyHeader,
}

impl From<Opening> for State {
    fn from(opening: Opening) -> State {
        match opening {
            Opening::Request => State::Fresh,
            Opening::ProxyHeader => State::ReadingProxyHeader,
        }
    }
}
