//! What an answer's body is made of, and what of it is copied.

use std::borrow::Cow;
use std::sync::Arc;

use crate::buffer::{COPIED_BYTES_MAX, Output, Uncopied};

/// An answer's body, made by `From` of what a handler has: bytes or text, borrowed, owned or shared.
///
/// Up to 8 KiB are copied behind the head, and go out with it by one call. More is copied only if it
/// is borrowed. What is owned is moved and what is shared is counted, and both are sent from where
/// they are: give a large body by value, and one for many answers as an [`Arc`]. From 32 KiB on the
/// kernel can hold it, and send it without a copy: see [`FileRange::in_memory`](crate::FileRange::in_memory).
///
/// ```
/// use std::sync::Arc;
/// use oneloop::{Handler, Reply, Request, Sent};
///
/// fn serving(logo: Arc<[u8]>) -> impl Handler {
///     move |request: &Request<'_>, reply: Reply<'_>| match request.path() {
///         "/logo" => reply.field("Content-Type", "image/png").send(&logo),
///         "/zeros" => reply.send(vec![0; 1_000_000]),
///         path => reply.send(format!("you asked for {path}\n")),
///     }
/// }
/// # let _ = serving(Arc::from(*b"png"));
/// ```
#[derive(Clone, Debug)]
pub struct Body<'a>(Bytes<'a>);

#[derive(Clone, Debug)]
enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
    /// Counted only if it is not copied.
    SharedByRef(&'a Arc<[u8]>),
    Shared(Arc<[u8]>),
}

impl Body<'_> {
    // Inlined, like what follows: of an ordinary answer it is known what its body is made of, so that
    // nothing is left to find out, or to drop.
    #[inline(always)]
    fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Owned(bytes) => bytes,
            Bytes::SharedByRef(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
        }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    /// Puts it behind the head, copied or not.
    #[inline(always)]
    pub(super) fn put_behind(self, output: &mut Output) {
        match self.as_slice().len() <= COPIED_BYTES_MAX {
            true => output.encoded().extend_from_slice(self.as_slice()),
            false => self.put_large_behind(output),
        }
    }

    #[cold]
    fn put_large_behind(self, output: &mut Output) {
        output.put_behind(match self.0 {
            Bytes::Borrowed(bytes) => return output.encoded().extend_from_slice(bytes),
            Bytes::Owned(bytes) => Uncopied::Owned(bytes),
            Bytes::SharedByRef(bytes) => Uncopied::Shared(Arc::clone(bytes)),
            Bytes::Shared(bytes) => Uncopied::Shared(bytes),
        });
    }
}

impl<'a> From<&'a [u8]> for Body<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Body<'a> {
        Body(Bytes::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Body<'a> {
    #[inline]
    fn from(bytes: &'a [u8; N]) -> Body<'a> {
        Body(Bytes::Borrowed(bytes))
    }
}

impl<'a> From<&'a str> for Body<'a> {
    #[inline]
    fn from(text: &'a str) -> Body<'a> {
        Body(Bytes::Borrowed(text.as_bytes()))
    }
}

impl<'a> From<&'a String> for Body<'a> {
    #[inline]
    fn from(text: &'a String) -> Body<'a> {
        Body(Bytes::Borrowed(text.as_bytes()))
    }
}

impl<'a> From<&'a Vec<u8>> for Body<'a> {
    #[inline]
    fn from(bytes: &'a Vec<u8>) -> Body<'a> {
        Body(Bytes::Borrowed(bytes))
    }
}

impl<'a> From<&'a Arc<[u8]>> for Body<'a> {
    #[inline]
    fn from(bytes: &'a Arc<[u8]>) -> Body<'a> {
        Body(Bytes::SharedByRef(bytes))
    }
}

impl From<Vec<u8>> for Body<'_> {
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        Body(Bytes::Owned(bytes))
    }
}

impl From<String> for Body<'_> {
    #[inline]
    fn from(text: String) -> Self {
        Body(Bytes::Owned(text.into_bytes()))
    }
}

impl From<Box<[u8]>> for Body<'_> {
    #[inline]
    fn from(bytes: Box<[u8]>) -> Self {
        Body(Bytes::Owned(bytes.into_vec()))
    }
}

impl From<Arc<[u8]>> for Body<'_> {
    #[inline]
    fn from(bytes: Arc<[u8]>) -> Self {
        Body(Bytes::Shared(bytes))
    }
}

impl From<Arc<str>> for Body<'_> {
    #[inline]
    fn from(text: Arc<str>) -> Self {
        Body(Bytes::Shared(text.into()))
    }
}

impl From<&Arc<str>> for Body<'_> {
    #[inline]
    fn from(text: &Arc<str>) -> Self {
        Arc::clone(text).into()
    }
}

impl<'a> From<Cow<'a, [u8]>> for Body<'a> {
    #[inline]
    fn from(bytes: Cow<'a, [u8]>) -> Body<'a> {
        match bytes {
            Cow::Borrowed(bytes) => bytes.into(),
            Cow::Owned(bytes) => bytes.into(),
        }
    }
}

impl<'a> From<Cow<'a, str>> for Body<'a> {
    #[inline]
    fn from(text: Cow<'a, str>) -> Body<'a> {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}
