//! Whose requests a route takes.

use super::route::{Matcher, PathPattern};
use crate::http::method::Method;
use crate::http::request::Request;

/// How a matcher and a request go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The route takes it.
    Takes,
    /// It would with another method.
    OtherMethod,
    No,
}

impl Matcher {
    pub(super) fn judge(&self, request: &Request<'_>, host: Option<&str>) -> Match {
        let is_host = self.host.as_deref().is_none_or(|own| host.is_some_and(|it| it == own));
        if !is_host || !self.path.takes(request.path()) {
            return Match::No;
        }
        match self.method.is_none_or(|own| takes(own, request.method())) {
            true => Match::Takes,
            false => Match::OtherMethod,
        }
    }

    /// Whether this one takes all requests that the other one could take.
    pub(super) fn hides(&self, other: &Matcher) -> bool {
        let method = self.method.is_none_or(|own| other.method.is_some_and(|it| takes(own, it)));
        let host = self.host.is_none() || self.host == other.host;
        let path = match (&self.path, &other.path) {
            (PathPattern::Exact(own), PathPattern::Exact(path)) => own == path,
            (PathPattern::Exact(_), PathPattern::Beneath(_)) => false,
            (PathPattern::Beneath(_), PathPattern::Exact(path) | PathPattern::Beneath(path)) => {
                self.path.takes(path)
            }
        };
        method && host && path
    }
}

impl PathPattern {
    pub(super) fn takes(&self, path: &str) -> bool {
        match self {
            PathPattern::Exact(own) => own == path,
            PathPattern::Beneath(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

/// A route for GET takes HEAD as well (RFC 9110 §9.3.2).
fn takes(own: Method, method: Method) -> bool {
    own == method || own == Method::Get && method == Method::Head
}

/// The host that a request names, in lower case and without its port.
pub(super) fn host(request: &Request<'_>) -> Option<String> {
    let value = request.field("Host").and_then(|value| std::str::from_utf8(value).ok())?;
    let name = match value.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => value,
    };
    Some(name.to_ascii_lowercase())
}
