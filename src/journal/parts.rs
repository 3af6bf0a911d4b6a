//! The parts of a line as they are written: addresses, numbers, times and what clients have sent.
//!
//! Pure functions, each for one part. An access log calls them a dozen times for each request, so the
//! usual case comes first in each, and the others are out of its way.

use std::fmt::{Display, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::pen::Pen;
use crate::peer::{PackedPeer, Peer};

/// The last digits of a number.
pub(super) fn put_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// A number below a thousand, as it is written.
#[derive(Clone, Copy)]
struct Small {
    /// Its digits, and a dot behind them.
    text: [u8; 4],
    /// How many digits it has.
    length: u8,
    /// Three digits, the first of them zeros perhaps.
    padded: [u8; 3],
}

/// All of them: so a number takes a look here and a copy.
static SMALL: [Small; 1000] = {
    let mut numbers = [Small { text: *b"0.\0\0", length: 1, padded: *b"000" }; 1000];
    let mut number = 1;
    while number < numbers.len() {
        let (hundreds, tens, ones) = (number / 100, number / 10 % 10, number % 10);
        let hundreds = b'0' + hundreds as u8;
        let (tens, ones) = (b'0' + tens as u8, b'0' + ones as u8);
        numbers[number] = Small {
            text: match number {
                0..10 => [ones, b'.', 0, 0],
                10..100 => [tens, ones, b'.', 0],
                100.. => [hundreds, tens, ones, b'.'],
            },
            length: 1 + (number >= 10) as u8 + (number >= 100) as u8,
            padded: [hundreds, tens, ones],
        };
        number += 1;
    }
    numbers
};

/// An address, without its port.
pub(crate) fn address(out: &mut Vec<u8>, client: IpAddr) {
    // An address of IPv6 has 39 bytes at most.
    let mut room = [0; 40];
    let mut pen = Pen::new(&mut room);
    match client {
        IpAddr::V4(client) => dotted(&mut pen, client.octets()),
        IpAddr::V6(client) => pen.pass_to(|pen| shown(pen, client)),
    }
    let length = 40 - pen.bytes_left();
    out.extend_from_slice(&room[..length]);
}

/// An IPv4 address.
#[inline(always)]
fn dotted(pen: &mut Pen<'_>, octets: [u8; 4]) {
    let text = pen.chunk::<16>();
    let mut end = 0;
    for octet in octets {
        let small = &SMALL[usize::from(octet)];
        text[end..end + small.text.len()].copy_from_slice(&small.text);
        end += usize::from(small.length) + 1;
    }
    pen.skip(end - 1);
}

#[cold]
fn shown(mut pen: Pen<'_>, part: impl Display) -> Pen<'_> {
    // Writing to room that is there cannot fail.
    _ = write!(pen, "{part}");
    pen
}

/// The peer, by one word: its address, without its port; or what is known of it if it has none.
#[inline(always)]
pub(super) fn host(pen: &mut Pen<'_>, peer: &PackedPeer) {
    match peer.ipv4() {
        Some(octets) => dotted(pen, octets),
        None => pen.pass_to(|pen| other_host(pen, *peer)),
    }
}

#[cold]
fn other_host(pen: Pen<'_>, peer: PackedPeer) -> Pen<'_> {
    match peer.ip() {
        Some(ip) => shown(pen, ip),
        None => shown(pen, Peer::from(peer)),
    }
}

/// The same, and the port if it has one.
#[inline(always)]
pub(super) fn host_and_port(pen: &mut Pen<'_>, peer: &PackedPeer) {
    host(pen, peer);
    if let Some(port) = peer.port() {
        pen.put(b":");
        number(pen, u64::from(port));
    }
}

#[inline(always)]
pub(super) fn number(pen: &mut Pen<'_>, number: u64) {
    if let Some(small) = SMALL.get(number as usize) {
        pen.put_start(small.text, usize::from(small.length));
    } else if let Some(thousands) = SMALL.get((number / 1000) as usize) {
        pen.put_start(thousands.text, usize::from(thousands.length));
        pen.put(&SMALL[(number % 1000) as usize].padded);
    } else {
        pen.pass_to(|pen| large_number(pen, number));
    }
}

/// One of a million or more.
#[cold]
#[inline(never)]
fn large_number(mut pen: Pen<'_>, value: u64) -> Pen<'_> {
    number(&mut pen, value / 1000);
    pen.put(&SMALL[(value % 1000) as usize].padded);
    pen
}

/// Seconds, to the millisecond.
#[inline(never)]
pub(super) fn time(mut pen: Pen<'_>, time: Duration) -> Pen<'_> {
    number(&mut pen, time.as_secs());
    pen.put(b".");
    pen.put(&SMALL[time.subsec_millis() as usize].padded);
    pen
}

/// Whether a byte stands for itself in a quoted part of a line.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\')
}

/// As nginx does: what is not printable, a quote, or a backslash becomes `\xHH`.
#[cold]
#[inline(never)]
pub(super) fn hexadecimal<'r>(mut pen: Pen<'r>, value: &[u8], bytes_max: usize) -> Pen<'r> {
    let shown = &value[..value.len().min(bytes_max)];
    each_run(&mut pen, shown, |pen, byte| {
        pen.put(b"\\x");
        pen.put(&digits(byte, b"0123456789ABCDEF"));
    });
    mark_cut(&mut pen, shown, value);
    pen
}

/// Text as it is, as far as JSON allows. Of a value that is no UTF-8, each byte above 0x7F becomes
/// `\u00HH`.
#[cold]
#[inline(never)]
pub(super) fn unicode<'r>(mut pen: Pen<'r>, value: &[u8], bytes_max: usize) -> Pen<'r> {
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
        Some(text) => escape_text(&mut pen, text),
        None => each_run(&mut pen, shown, |pen, byte| match byte {
            b'"' | b'\\' => pen.put(&[b'\\', byte]),
            _ => unicode_escape(pen, byte),
        }),
    }
    mark_cut(&mut pen, shown, value);
    pen
}

/// Control characters are escaped, also those that JSON allows: U+009B begins an order to a terminal.
fn escape_text(pen: &mut Pen<'_>, text: &str) {
    for part in text.split_inclusive(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        let (plain, last) = match part.char_indices().next_back() {
            Some((at, c)) if c.is_control() || matches!(c, '"' | '\\') => (&part[..at], Some(c)),
            Some(_) | None => (part, None),
        };
        pen.put(plain.as_bytes());
        match last {
            Some(c @ ('"' | '\\')) => pen.put(&[b'\\', c as u8]),
            // All control characters are below U+0100.
            Some(control) => unicode_escape(pen, control as u8),
            None => {}
        }
    }
}

fn unicode_escape(pen: &mut Pen<'_>, byte: u8) {
    pen.put(b"\\u00");
    pen.put(&digits(byte, b"0123456789abcdef"));
}

/// Copies what stands for itself, as long as it goes on, and has other bytes written by `escape`.
fn each_run(pen: &mut Pen<'_>, value: &[u8], mut escape: impl FnMut(&mut Pen<'_>, u8)) {
    let mut rest = value;
    loop {
        let (plain, special) = rest.split_at(plain_bytes(rest));
        pen.put(plain);
        let Some((byte, behind)) = special.split_first() else { return };
        escape(pen, *byte);
        rest = behind;
    }
}

/// Whether all bytes stand for themselves. Nearly always they do. Looks at sixteen at once.
#[inline]
pub(crate) fn are_plain(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<16>() {
        let (words, _) = bytes.as_chunks();
        // Some of them once more, as sixteen cost less than one after the other.
        return words.iter().all(all_are_plain) && all_are_plain(last);
    }
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => special(*first) | special(*last) == 0,
        (None, _) | (_, None) => bytes.iter().all(|byte| is_plain(*byte)),
    }
}

/// All are looked at, not only those up to the first that is not plain, and a byte is a number of them: so
/// the compiler looks at all at once.
#[inline(always)]
fn all_are_plain(word: &[u8; 16]) -> bool {
    let special = word.iter().fold(0, |all, byte| all | u8::from(!is_plain(*byte)));
    special == 0
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

fn mark_cut(pen: &mut Pen<'_>, shown: &[u8], value: &[u8]) {
    if shown.len() < value.len() {
        pen.put(b"...");
    }
}

fn digits(byte: u8, alphabet: &[u8; 16]) -> [u8; 2] {
    [alphabet[usize::from(byte >> 4)], alphabet[usize::from(byte & 15)]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `write` writes.
    fn written(write: impl FnOnce(Pen<'_>) -> Pen<'_>) -> String {
        let mut room = [0; 100];
        let length = 100 - write(Pen::new(&mut room)).bytes_left();
        str::from_utf8(&room[..length]).expect("text").to_owned()
    }

    #[test]
    fn times_are_written_to_the_millisecond() {
        for (micros, text) in
            [(0, "0.000"), (999, "0.000"), (1000, "0.001"), (61_099_999, "61.099")]
        {
            assert_eq!(written(|pen| time(pen, Duration::from_micros(micros))), text);
        }
    }

    #[test]
    fn numbers_are_written_as_they_are_everywhere() {
        let around = (0..20).map(|zeros| 10_u64.pow(zeros)).flat_map(|it| [it - 1, it, it + 1]);
        for value in around.chain([u64::MAX - 1, u64::MAX]) {
            let out = written(|mut pen| {
                number(&mut pen, value);
                pen
            });
            assert_eq!(out, value.to_string());
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
        let out = written(|pen| unicode(pen, "ä\u{9b}31m\u{85}\"\\\t€".as_bytes(), 100));
        assert_eq!(out, r#"ä\u009b31m\u0085\"\\\u0009€"#);
    }

    #[test]
    fn each_byte_that_is_not_plain_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            for length in 1..40 {
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
