//! Status codes of final answers, and their reason phrases (RFC 9110 §15).

use std::fmt;

/// The status of a final answer: 200 to 599.
///
/// ```
/// use oneloop::Status;
/// assert_eq!(Status::try_from(404), Ok(Status::NOT_FOUND));
/// assert!(Status::try_from(101).is_err());
/// assert_eq!(Status::NOT_FOUND.to_string(), "404 Not Found");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

/// The error of making a [`Status`] from a number that is not one of a final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidStatus(u16);

impl fmt::Display for InvalidStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no status of a final answer; use 200 to 599", self.0)
    }
}

impl std::error::Error for InvalidStatus {}

impl TryFrom<u16> for Status {
    type Error = InvalidStatus;

    fn try_from(code: u16) -> Result<Status, InvalidStatus> {
        match code {
            200..=599 => Ok(Status(code)),
            _ => Err(InvalidStatus(code)),
        }
    }
}

/// A [`Status`], or the number of one. Implemented for these two alone.
pub trait IntoStatus: sealed::Sealed {
    /// The status.
    ///
    /// # Errors
    /// If no final answer can have this number.
    fn into_status(self) -> Result<Status, InvalidStatus>;
}

impl IntoStatus for Status {
    #[inline]
    fn into_status(self) -> Result<Status, InvalidStatus> {
        Ok(self)
    }
}

impl IntoStatus for u16 {
    fn into_status(self) -> Result<Status, InvalidStatus> {
        self.try_into()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Status {}
    impl Sealed for u16 {}
}

/// Whether an answer with some status has content (RFC 9110 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentRule {
    /// It has, if only of length 0.
    Allowed,
    /// It has none, and says its length is 0 (205).
    Empty,
    /// It has none, and no `Content-Length` either (204, 304).
    Absent,
}

macro_rules! statuses {
    ($($name:ident = $code:literal $reason:literal,)*) => {
        impl Status {
            $(#[doc = concat!("`", stringify!($code), " ", $reason, "`")]
            pub const $name: Status = Status($code);)*

            /// The reason phrase of RFC 9110; empty for a code that it does not name.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "",
                }
            }

            /// The whole status line, for the codes that have a name.
            pub(crate) fn line(self) -> Option<&'static [u8]> {
                match self.0 {
                    $($code => Some(
                        concat!("HTTP/1.1 ", stringify!($code), " ", $reason, "\r\n").as_bytes(),
                    ),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    OK = 200 "OK",
    CREATED = 201 "Created",
    ACCEPTED = 202 "Accepted",
    NO_CONTENT = 204 "No Content",
    RESET_CONTENT = 205 "Reset Content",
    PARTIAL_CONTENT = 206 "Partial Content",
    MOVED_PERMANENTLY = 301 "Moved Permanently",
    FOUND = 302 "Found",
    SEE_OTHER = 303 "See Other",
    NOT_MODIFIED = 304 "Not Modified",
    TEMPORARY_REDIRECT = 307 "Temporary Redirect",
    PERMANENT_REDIRECT = 308 "Permanent Redirect",
    BAD_REQUEST = 400 "Bad Request",
    UNAUTHORIZED = 401 "Unauthorized",
    FORBIDDEN = 403 "Forbidden",
    NOT_FOUND = 404 "Not Found",
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed",
    NOT_ACCEPTABLE = 406 "Not Acceptable",
    REQUEST_TIMEOUT = 408 "Request Timeout",
    CONFLICT = 409 "Conflict",
    GONE = 410 "Gone",
    LENGTH_REQUIRED = 411 "Length Required",
    PRECONDITION_FAILED = 412 "Precondition Failed",
    CONTENT_TOO_LARGE = 413 "Content Too Large",
    URI_TOO_LONG = 414 "URI Too Long",
    UNSUPPORTED_MEDIA_TYPE = 415 "Unsupported Media Type",
    RANGE_NOT_SATISFIABLE = 416 "Range Not Satisfiable",
    EXPECTATION_FAILED = 417 "Expectation Failed",
    MISDIRECTED_REQUEST = 421 "Misdirected Request",
    UNPROCESSABLE_CONTENT = 422 "Unprocessable Content",
    TOO_MANY_REQUESTS = 429 "Too Many Requests",
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431 "Request Header Fields Too Large",
    INTERNAL_SERVER_ERROR = 500 "Internal Server Error",
    NOT_IMPLEMENTED = 501 "Not Implemented",
    BAD_GATEWAY = 502 "Bad Gateway",
    SERVICE_UNAVAILABLE = 503 "Service Unavailable",
    GATEWAY_TIMEOUT = 504 "Gateway Timeout",
    HTTP_VERSION_NOT_SUPPORTED = 505 "HTTP Version Not Supported",
}

impl Status {
    /// The three digits.
    pub fn code(self) -> u16 {
        self.0
    }

    /// Whether an answer with this status has content.
    pub(crate) fn content_rule(self) -> ContentRule {
        match self.0 {
            204 | 304 => ContentRule::Absent,
            205 => ContentRule::Empty,
            _ => ContentRule::Allowed,
        }
    }
}

/// The three digits, a space and the reason phrase: `404 Not Found`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}
