//! What a handler is shown: one whole request, borrowed from the bytes it arrived in.

use super::parse::Fields;
use super::target::Target;

/// The methods of RFC 9110 §9 and PATCH (RFC 5789). Others are answered 501 before any handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// One whole request: its head parsed, its content decoded and complete.
///
/// Everything borrows from the receive buffer, so a handler copies what it wants to keep.
#[derive(Debug)]
pub struct Request<'b> {
    pub(crate) method: Method,
    pub(crate) target: Target<'b>,
    pub(crate) version: Version,
    pub(crate) fields: Fields<'b>,
    pub(crate) body: &'b [u8],
}

impl<'b> Request<'b> {
    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The target as the client wrote it, not decoded: UTF-8 without controls or spaces.
    pub fn target(&self) -> &'b str {
        self.target.raw
    }

    /// The path of the target, not decoded. It begins with a slash, or is `*`.
    pub fn path(&self) -> &'b str {
        self.target.path
    }

    /// What follows the target's first `?`, not decoded.
    pub fn query(&self) -> Option<&'b str> {
        self.target.query
    }

    /// The version it is handled as.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The value of the first field with this name, in any case of letters, without the white
    /// space around it. Values are bytes: HTTP does not say in which encoding they are.
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        self.fields().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every field, in the order in which they came, at most
    /// [`Limits::fields_max`](crate::Limits::fields_max).
    pub fn fields(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> {
        self.fields.iter()
    }

    /// The whole content, after chunked decoding; empty if there was none. At most
    /// [`Limits::body_bytes_max`](crate::Limits::body_bytes_max) bytes.
    pub fn body(&self) -> &'b [u8] {
        self.body
    }
}
