//! The character classes of RFC 9110 §5.6 that are needed in more than one place.

/// `tchar`: what names of methods, fields and chunk extensions are made of.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `token`: at least one of these bytes, and no other.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// What may stand in a field's value: printable ASCII, space, tab, and bytes above ASCII. CR, LF
/// and NUL are what could end a line early; the other controls have no business there either.
pub(crate) fn is_field_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether `word` is `lower`, letters and hyphens, in any case. One bit tells a capital from its
/// small letter, and only that: the one other byte which it makes a hyphen is CR, and no name and no
/// value that was parsed has one.
///
/// All bytes are compared, not only those up to the first that differs: the compiler then compares
/// many of them at once.
#[inline]
pub(crate) fn is<const N: usize>(word: impl AsRef<[u8]>, lower: &[u8; N]) -> bool {
    let Ok(word) = <&[u8; N]>::try_from(word.as_ref()) else { return false };
    let differing = word.iter().zip(lower).map(|(byte, small)| (byte | 0x20) ^ small);
    differing.fold(0, |all, bits| all | bits) == 0
}

/// Whether one of the `wanted` bytes is among `bytes`. Looks at eight of them at once.
#[inline(always)]
pub(crate) fn has_any<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks();
    words.iter().any(|word| {
        let word = u64::from_ne_bytes(*word);
        // Where a byte is the wanted one, `other` has zero, and only there subtracting borrows first.
        let hits = wanted.map(|byte| {
            let other = word ^ (ONES * u64::from(byte));
            other.wrapping_sub(ONES) & !other
        });
        hits.into_iter().fold(0, |all, hit| all | hit) & HIGHS != 0
    }) || rest.iter().any(|byte| wanted.contains(byte))
}

/// `OWS` and `BWS`: white space on one line.
pub(crate) fn is_space_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The elements of a comma-separated list, without the white space around them; empty elements
/// are skipped (RFC 9110 §5.6.1.2).
pub(crate) fn list_elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wanted_byte_is_found_wherever_it_stands_and_no_other_is() {
        for len in 0..=20 {
            let mut bytes = vec![b'a'; len];
            assert!(!has_any(&bytes, *b"#?%"), "{len}");
            for (at, byte) in (0..len).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                bytes[at] = byte;
                assert_eq!(has_any(&bytes, *b"#?%"), b"#?%".contains(&byte), "{byte} at {at}");
                bytes[at] = b'a';
            }
        }
    }
}
