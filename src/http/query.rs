//! The query of a target as names and values, as the URL Standard reads `application/x-www-form-urlencoded`.

use std::borrow::Cow;

/// The pairs of `query`, decoded: `+` is a space, what is no UTF-8 becomes the replacement character,
/// and a percent sign that encodes nothing stands for itself.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes())
}
