//! PROXY headers to begin with, and ways to make others of them that know what a header is: words of
//! a line are replaced, additions are put in, lengths are made right or almost right.

use crate::mutator;
use crate::random::Random;

/// Headers, and the beginnings of some, each as a proxy sends it or nearly.
pub const HEADERS: [&[u8]; 18] = [
    b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n",
    b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
    b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n",
    b"PROXY TCP6 ::ffff:192.0.2.1 1:2:3:4:5:6:7:8 1 2\r\n",
    b"PROXY UNKNOWN\r\n",
    b"PROXY UNKNOWN 192.0.2.1 and more\r\n",
    b"PROXY TCP4 192.0.2.1",
    b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
      ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
    b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
      ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655350\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0",
    b"\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x05local",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xC0\0\x02\x01\x0A\0\0\x01\x12\x67\0\x50",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0f\xC0\0\x02\x01\x0A\0\0\x01\x12\x67\0\x50\x04\0\0",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x240123456789012345678901234567890123\x12\x67",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\
      \xFF\xFF\xC0\0\x02\x010123456789abcdefport",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x00\0\x05other",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xD8/run/socket",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x0F\xF0\xC0\0\x02\x01",
];

/// What may follow.
pub const BEHIND: [&[u8]; 4] = [
    b"",
    b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
];

/// Words of a line, and what is nearly one.
const WORDS: [&str; 22] = [
    "PROXY",
    "TCP4",
    "TCP6",
    "UNKNOWN",
    "UDP4",
    "192.0.2.1",
    "0.0.0.0",
    "255.255.255.256",
    "1.2.3",
    "01.2.3.4",
    "::",
    "::1",
    "1:2:3:4:5:6:7::",
    "1::2::3",
    "1:2:3:4:5:6:1.2.3.4",
    "::FFFF:1.2.3.4",
    "12345::",
    "0",
    "00",
    "65535",
    "65536",
    "",
];

/// The signature of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Puts another input, made of the first `len` bytes of `data`, into it, and says how long that
/// is: at most as long as `data`. `flip` is the fuzzer's own way of doing so, three times in four.
pub fn mutate(
    data: &mut [u8],
    len: usize,
    seed: u32,
    flip: impl FnOnce(&mut [u8]) -> usize,
) -> usize {
    // Each change reads the first byte, which says how the rest is cut.
    if len == 0 {
        return flip(data);
    }
    mutator::mutate_by(change, data, len, seed, flip)
}

fn change(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let header = random.pick(&HEADERS);
    match random.below(5) {
        // The script stays, and the rest of it begins anew.
        0 => {
            bytes.truncate(1 + usize::from(input[0] >> 6));
            bytes.extend([header, random.pick(&BEHIND)].concat());
        }
        1 => {
            let at = 1 + random.below(bytes.len());
            bytes.splice(at..at, header.iter().copied());
        }
        2 => {
            let at = 1 + random.below(bytes.len());
            let value = &b"what a proxy has to add"[..random.below(20)];
            bytes.splice(at..at, [&[4, 0, value.len() as u8], value].concat());
            right_length(&mut bytes, random);
        }
        3 => right_length(&mut bytes, random),
        _ => {
            let mut words: Vec<&[u8]> = input[1..].split(|byte| *byte == b' ').collect();
            let at = random.below(words.len());
            words[at] = random.pick(&WORDS).as_bytes();
            bytes = [&input[..1], &words.join(&b' ')].concat();
        }
    }
    bytes
}

/// Has the header of version 2 say how much stands between it and the request behind it, or almost.
fn right_length(bytes: &mut [u8], random: &mut Random) {
    let place = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).position(|it| it == text);
    let Some(at) = place(bytes, SIGNATURE).map(|at| at + SIGNATURE.len() + 4) else { return };
    let Some(behind) = bytes.get(at..) else { return };
    let len = place(behind, b"GET ").or(place(behind, b"POST ")).unwrap_or(behind.len());
    let nearly = (len + random.below(3)).saturating_sub(1);
    bytes[at - 2..at].copy_from_slice(&(nearly as u16).to_be_bytes());
}
