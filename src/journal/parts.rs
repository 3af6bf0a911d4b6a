//! The parts of a line as they are written: addresses, numbers, times and what clients have sent.
//!
//! Pure functions, each for one part. An access log calls them a dozen times for each request, so the
//! usual case comes first in each, and the others are out of its way.

use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use crate::peer::{PackedPeer, Peer};

/// The last digits of a number.
pub(super) fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Each byte as a part of an address, with the dot behind it; and how long that is.
const PARTS_OF_ADDRESSES: [([u8; 4], u8); 256] = {
    let mut parts = [(*b"....", 2); 256];
    let mut value = 0;
    while value < parts.len() {
        let number = value as u8;
        let (hundreds, tens, ones) = (b'0' + number / 100, b'0' + number / 10 % 10, number % 10);
        let ones = b'0' + ones;
        parts[value] = match number {
            0..=9 => ([ones, b'.', 0, 0], 2),
            10..=99 => ([tens, ones, b'.', 0], 3),
            100.. => ([hundreds, tens, ones, b'.'], 4),
        };
        value += 1;
    }
    parts
};

/// An address, without its port.
pub(crate) fn address(out: &mut Vec<u8>, client: IpAddr) {
    match client {
        IpAddr::V4(client) => dotted(out, client.octets()),
        IpAddr::V6(client) => shown(out, client),
    }
}

/// An IPv4 address.
#[inline(always)]
fn dotted(out: &mut Vec<u8>, octets: [u8; 4]) {
    let mut text = [0; 16];
    let mut end = 0;
    for byte in octets {
        let (part, length) = PARTS_OF_ADDRESSES[usize::from(byte)];
        text[end..end + part.len()].copy_from_slice(&part);
        end += usize::from(length);
    }
    out.extend_from_slice(&text[..end - 1]);
}

#[cold]
fn shown(out: &mut Vec<u8>, part: impl Display) {
    // Writing to a vector cannot fail.
    _ = write!(out, "{part}");
}

/// The peer, by one word: its address, without its port; or what is known of it if it has none.
#[inline(always)]
pub(crate) fn host(out: &mut Vec<u8>, peer: PackedPeer) {
    match (peer.ipv4(), peer.ip()) {
        (Some(octets), _) => dotted(out, octets),
        (None, Some(ip)) => shown(out, ip),
        (None, None) => shown(out, Peer::from(peer)),
    }
}

/// The same, and the port if it has one.
#[inline(always)]
pub(crate) fn host_and_port(out: &mut Vec<u8>, peer: PackedPeer) {
    host(out, peer);
    if let Some(port) = peer.port() {
        out.push(b':');
        number(out, u64::from(port));
    }
}

/// The numbers below a hundred, by two digits.
const TWO_DIGITS: [[u8; 2]; 100] = {
    let mut numbers = [[0; 2]; 100];
    let mut number = 0;
    while number < numbers.len() {
        numbers[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    numbers
};

pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    match number {
        0..10 => out.push(b'0' + number as u8),
        10..100 => out.extend_from_slice(&TWO_DIGITS[number as usize]),
        100..1000 => {
            let [tens, ones] = TWO_DIGITS[number as usize % 100];
            out.extend_from_slice(&[b'0' + (number / 100) as u8, tens, ones]);
        }
        1000.. => large_number(out, number),
    }
}

fn large_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    while rest > 0 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&TWO_DIGITS[(rest % 100) as usize]);
        rest /= 100;
    }
    start += usize::from(digits[start] == b'0');
    out.extend_from_slice(&digits[start..]);
}

/// Seconds, to the millisecond.
pub(super) fn time(out: &mut Vec<u8>, time: Duration) {
    // Nearly each answer is sent in the turn in which it is given.
    if time.is_zero() {
        return out.extend_from_slice(b"0.000");
    }
    number(out, time.as_secs());
    let mut millis = *b".000";
    put(&mut millis[1..], u64::from(time.subsec_millis()));
    out.extend_from_slice(&millis);
}

/// Whether a byte stands for itself in a quoted part of a line.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// As nginx does: what is not printable, a quote, or a backslash becomes `\xHH`.
pub(super) fn hexadecimal(out: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    match value.len() <= bytes_max && are_plain(value) {
        true => out.extend_from_slice(value),
        false => hexadecimal_where_needed(out, value, bytes_max),
    }
}

#[cold]
fn hexadecimal_where_needed(out: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    let shown = &value[..value.len().min(bytes_max)];
    each_run(out, shown, |out, byte| {
        out.extend_from_slice(b"\\x");
        out.extend_from_slice(&digits(byte, b"0123456789ABCDEF"));
    });
    mark_cut(out, shown, value);
}

/// Text as it is, as far as JSON allows. Of a value that is no UTF-8, each byte above 0x7F becomes
/// `\u00HH`.
pub(super) fn unicode(out: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    match value.len() <= bytes_max && are_plain(value) {
        true => out.extend_from_slice(value),
        false => unicode_where_needed(out, value, bytes_max),
    }
}

#[cold]
fn unicode_where_needed(out: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    let mut shown = &value[..value.len().min(bytes_max)];
    let text = match str::from_utf8(shown) {
        // A character that the cut has torn is left out.
        Err(torn) if torn.error_len().is_none() && shown.len() < value.len() => {
            shown = &shown[..torn.valid_up_to()];
            str::from_utf8(shown).ok()
        }
        text => text.ok(),
    };
    match text {
        Some(text) => escape_text(out, text),
        None => each_run(out, shown, |out, byte| match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => unicode_escape(out, byte),
        }),
    }
    mark_cut(out, shown, value);
}

/// Control characters are escaped, also those that JSON allows: U+009B begins an order to a terminal.
fn escape_text(out: &mut Vec<u8>, text: &str) {
    for part in text.split_inclusive(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        let (plain, last) = match part.char_indices().next_back() {
            Some((at, c)) if c.is_control() || matches!(c, '"' | '\\') => (&part[..at], Some(c)),
            Some(_) | None => (part, None),
        };
        out.extend_from_slice(plain.as_bytes());
        match last {
            Some(c @ ('"' | '\\')) => out.extend_from_slice(&[b'\\', c as u8]),
            // All control characters are below U+0100.
            Some(control) => unicode_escape(out, control as u8),
            None => {}
        }
    }
}

fn unicode_escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(b"\\u00");
    out.extend_from_slice(&digits(byte, b"0123456789abcdef"));
}

/// Copies what stands for itself, as long as it goes on, and has other bytes written by `escape`.
fn each_run(out: &mut Vec<u8>, value: &[u8], mut escape: impl FnMut(&mut Vec<u8>, u8)) {
    let mut rest = value;
    loop {
        let (plain, special) = rest.split_at(plain_bytes(rest));
        out.extend_from_slice(plain);
        let Some((byte, behind)) = special.split_first() else { return };
        escape(out, *byte);
        rest = behind;
    }
}

/// Whether all bytes stand for themselves. Nearly always they do.
#[inline]
fn are_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    if words.iter().any(|word| special(*word) != 0) {
        return false;
    }
    match bytes.last_chunk::<8>() {
        // Some of them once more, as eight cost less than one after the other.
        Some(last) => special(*last) == 0,
        None => rest.iter().all(|byte| is_plain(*byte)),
    }
}

/// How many bytes at the start stand for themselves. Looks at eight at once.
fn plain_bytes(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let special = special(*word);
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + plain
}

/// The first byte that does not stand for itself has its highest bit set here, and none before it has.
#[inline]
fn special(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST_BITS: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    let equal = |value: u8| {
        let word = word ^ (ONES * u64::from(value));
        word.wrapping_sub(ONES) & !word
    };
    let below_space = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
    (word | below_space | equal(b'"') | equal(b'\\') | equal(0x7F)) & HIGHEST_BITS
}

fn mark_cut(out: &mut Vec<u8>, shown: &[u8], value: &[u8]) {
    if shown.len() < value.len() {
        out.extend_from_slice(b"...");
    }
}

fn digits(byte: u8, alphabet: &[u8; 16]) -> [u8; 2] {
    [alphabet[usize::from(byte >> 4)], alphabet[usize::from(byte & 15)]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_everywhere() {
        let around = (0..20).map(|zeros| 10_u64.pow(zeros)).flat_map(|it| [it - 1, it, it + 1]);
        for value in around.chain([u64::MAX - 1, u64::MAX]) {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(str::from_utf8(&out), Ok(value.to_string().as_str()));
        }
    }

    #[test]
    fn addresses_are_written_as_they_are_everywhere() {
        let longer = "2001:db8::ffff:1".parse().expect("an address");
        let all = (0..=u8::MAX).map(|byte| IpAddr::from([byte, 10, 255 - byte, byte]));
        for client in all.chain([longer]) {
            let mut out = Vec::new();
            address(&mut out, client);
            assert_eq!(str::from_utf8(&out), Ok(client.to_string().as_str()));
        }
    }

    #[test]
    fn text_keeps_its_letters_and_loses_its_control_characters() {
        let mut out = Vec::new();
        unicode(&mut out, "ä\u{9b}31m\u{85}\"\\\t€".as_bytes(), 100);
        assert_eq!(str::from_utf8(&out), Ok(r#"ä\u009b31m\u0085\"\\\u0009€"#));
    }

    #[test]
    fn each_byte_that_is_not_plain_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            for length in 1..20 {
                for at in 0..length {
                    // What lies behind it is not plain either.
                    let mut bytes = vec![b'!'; length];
                    bytes[at] = byte;
                    bytes[at + 1..].fill(b'"');
                    let first = if is_plain(byte) { at + 1 } else { at };
                    assert_eq!(plain_bytes(&bytes), first, "{byte:#x} at {at} of {length}");
                    let are_plain = are_plain(&bytes);
                    assert_eq!(are_plain, first == length, "{byte:#x} at {at} of {length}");
                }
            }
        }
    }
}
