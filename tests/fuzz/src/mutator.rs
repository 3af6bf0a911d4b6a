//! Makes inputs of others in ways that know what a message is: lines and messages are moved,
//! lengths and chunk sizes are made right or almost right. Flipping bits, which is what a fuzzer
//! does by itself, hardly ever gets two numbers to agree.

use crate::chunks;
use crate::random::Random;

/// Whole messages, and pieces of them that belong together.
const MESSAGES: [&[u8]; 9] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /shared HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a?b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST /reflect HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"5;a=\"\\b\"\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    b"\r\n",
];

/// Puts another input, made of the first `len` bytes of `data`, into it, and says how long that
/// is: at most as long as `data`. `flip` is the fuzzer's own way of doing so.
///
/// One time in four an input is changed by its lines; the other times it is flipped, which the
/// fuzzer does well.
pub fn mutate(
    data: &mut [u8],
    len: usize,
    seed: u32,
    flip: impl FnOnce(&mut [u8]) -> usize,
) -> usize {
    mutate_by(change, data, len, seed, flip)
}

/// The same, where it is `change` that makes another input one time in four.
pub(crate) fn mutate_by(
    change: fn(&[u8], &mut Random) -> Vec<u8>,
    data: &mut [u8],
    len: usize,
    seed: u32,
    flip: impl FnOnce(&mut [u8]) -> usize,
) -> usize {
    let mut random = Random::new(u64::from(seed));
    if random.below(4) > 0 {
        return flip(data);
    }
    let changed = change(&data[..len], &mut random);
    let changed_len = changed.len().min(data.len());
    data[..changed_len].copy_from_slice(&changed[..changed_len]);
    changed_len
}

fn change(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> =
        input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (one, other) = (random.below(lines.len() + 1), random.below(lines.len() + 1));
    match random.below(8) {
        0 if one < lines.len() => drop(lines.remove(one)),
        1 if one < lines.len() && other < lines.len() => lines.swap(one, other),
        2 if one < lines.len() => {
            let again = lines[one].repeat(1 << random.below(7));
            lines.insert(other, again);
        }
        3 => {
            let some = lines[one.min(other)..one.max(other)].to_vec();
            lines.extend(some);
        }
        4 => right_length(&mut lines, random),
        5 => right_chunk_size(&mut lines, one),
        6 if one < lines.len() => {
            // What stands from here on becomes a chunk.
            let content = lines.split_off(one).concat();
            lines.push(chunks::chunk(&content));
            lines.push(chunks::LAST.to_vec());
        }
        _ => lines.insert(one, MESSAGES[random.below(MESSAGES.len())].to_vec()),
    }
    lines.concat()
}

/// Has `Content-Length` say how much follows the head, or almost.
fn right_length(lines: &mut [Vec<u8>], random: &mut Random) {
    let is_length = |line: &Vec<u8>| line.to_ascii_lowercase().starts_with(b"content-length");
    let Some(at) = lines.iter().position(is_length) else { return };
    let behind = lines[at..].iter().skip_while(|line| *line != b"\r\n").skip(1);
    let len: usize = behind.map(Vec::len).sum();
    let nearly = (len + random.below(3)).saturating_sub(1);
    lines[at] = format!("Content-Length: {nearly}\r\n").into_bytes();
}

/// Has a line say the size of the next one as a chunk's.
fn right_chunk_size(lines: &mut [Vec<u8>], at: usize) {
    let Some(next) = lines.get(at + 1) else { return };
    let len = next.strip_suffix(b"\r\n").unwrap_or(next).len();
    lines[at] = format!("{len:x}\r\n").into_bytes();
}
