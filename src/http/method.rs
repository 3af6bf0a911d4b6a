//! The closed sets of words in a request line: methods and versions.

/// The methods of RFC 9110 §9 and PATCH (RFC 5789). Others are answered 501 before any handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Transfer a representation.
    Get,
    /// As GET, without the content. The handler answers as for GET; the content is left out.
    Head,
    /// Process the content.
    Post,
    /// Replace the representation.
    Put,
    /// Change the representation.
    Patch,
    /// Remove it.
    Delete,
    /// Ask what can be done.
    Options,
    /// Open a tunnel. Never reaches a handler: answered 405.
    Connect,
    /// Echo the request. Never reaches a handler: answered 405.
    Trace,
}

impl Method {
    /// The methods that a handler can be asked for, as an `Allow` field lists them.
    pub(crate) const ALLOWED: &'static str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

    /// The method of this name; names are case-sensitive (RFC 9110 §9.1).
    #[inline(always)]
    pub(crate) fn from_name(name: &str) -> Option<Method> {
        match name {
            "GET" => Some(Method::Get),
            "HEAD" => Some(Method::Head),
            "POST" => Some(Method::Post),
            "PUT" => Some(Method::Put),
            "PATCH" => Some(Method::Patch),
            "DELETE" => Some(Method::Delete),
            "OPTIONS" => Some(Method::Options),
            "CONNECT" => Some(Method::Connect),
            "TRACE" => Some(Method::Trace),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Connect => "CONNECT",
            Method::Trace => "TRACE",
        }
    }
}

/// The version a request is handled as: 1.0, or 1.1 for every later minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no chunks, no interim answers, closed unless asked otherwise.
    Http10,
    /// HTTP/1.1.
    Http11,
}
