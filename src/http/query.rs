//! The query of a target as names and values: `application/x-www-form-urlencoded` of the URL Standard.
//!
//! Written here, because the crate that does it would be two more for each program that embeds this one.

use std::borrow::Cow;

/// The pairs of `query`, decoded: `+` is a space, what is no UTF-8 becomes the replacement character,
/// and a percent sign that encodes nothing stands for itself.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let encoded = match behind {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        rest = if encoded.is_some() { &behind[2..] } else { behind };
        bytes.push(match (encoded, first) {
            (Some((high, low)), _) => high << 4 | low,
            (None, b'+') => b' ',
            (None, other) => *other,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_the_url_standard_says() {
        for (query, expected) in [
            ("", &[][..]),
            ("&&", &[]),
            ("a", &[("a", "")]),
            ("a=b&a=c", &[("a", "b"), ("a", "c")]),
            ("=b&c=", &[("", "b"), ("c", "")]),
            ("a=b=c", &[("a", "b=c")]),
            ("a+b=c%20d%2B", &[("a b", "c d+")]),
            ("%61%3D=%C3%84", &[("a=", "\u{c4}")]),
            ("a=100%&b=%zz%4", &[("a", "100%"), ("b", "%zz%4")]),
            ("a=%ff%41", &[("a", "\u{fffd}A")]),
        ] {
            let found: Vec<_> = pairs(query).collect();
            let found: Vec<_> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(found, expected, "{query}");
        }
    }
}
