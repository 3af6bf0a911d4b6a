//! The character classes of RFC 9110 §5.6 that are needed in more than one place.

/// `tchar`: what names of methods, fields and chunk extensions are made of.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a field's value: printable ASCII, space, tab, and bytes above ASCII. CR, LF
/// and NUL are what could end a line early; the other controls have no business there either.
pub(crate) fn is_field_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether `name` is `lower`, letters and hyphens, in any case. One bit tells a capital from its
/// small letter, and only that: the one other byte which it makes a hyphen is CR, and a name that
/// was parsed has none.
///
/// All bytes are compared, not only those up to the first that differs: the compiler then compares
/// many of them at once.
#[inline]
pub(crate) fn is<const N: usize>(name: &str, lower: &[u8; N]) -> bool {
    let Ok(name) = <&[u8; N]>::try_from(name.as_bytes()) else { return false };
    let differing = name.iter().zip(lower).map(|(byte, small)| (byte | 0x20) ^ small);
    differing.fold(0, |all, bits| all | bits) == 0
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
