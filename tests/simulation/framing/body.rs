//! Where chunked content ends (RFC 9112 §7.1).

use oneloop::Limits;

use super::lines::{self, Line};
use super::{Reading, first_line};

/// The longest line that gives a size, its CR included, in bytes.
const SIZE_LINE_BYTES_MAX: usize = 256;

/// The content that is coded at the start of `bytes`, and how many of them it takes.
pub fn chunked(bytes: &[u8], limits: &Limits) -> Reading<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    // Bytes of extensions and trailers, which together may be as many as a head's.
    let mut aside = 0;
    loop {
        let line = first_line(&bytes[at..]);
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let mut faults: Vec<(usize, u16)> = Vec::new();
        faults.extend(Line::Size.first_unsound(line).map(|unsound| (unsound, 400)));
        let room = (limits.body_bytes_max - body.len()) as u64;
        let size = lines::size(&line[..digits]).map(|(size, _)| size);
        if size.is_some_and(|size| size > room) && line.len() > digits {
            faults.push((digits + 1, 413));
        }
        let counted = line.strip_suffix(b"\n").unwrap_or(line).len();
        if counted > SIZE_LINE_BYTES_MAX {
            faults.push((SIZE_LINE_BYTES_MAX + 1, 400));
        }
        let extension = counted.saturating_sub(digits + 1);
        if aside + extension > limits.head_bytes_max {
            faults.push((digits + 1 + limits.head_bytes_max - aside + 1, 400));
        }
        if let Some(first) = faults.iter().map(|(at, _)| *at).min() {
            let with_it = faults.into_iter().filter(|(at, _)| *at == first);
            return Reading::Faulty(at + first, with_it.map(|(_, status)| status).collect());
        }
        aside += extension;
        let (Some(_), Some(size)) = (lines::text_of(line), size) else {
            return Reading::Unfinished;
        };
        at += line.len();
        if size == 0 {
            return trailers(bytes, at, aside, limits).into_content(body);
        }
        let data = &bytes[at..];
        let data = &data[..data.len().min(size as usize)];
        body.extend_from_slice(data);
        at += data.len();
        for expected in b"\r\n" {
            match bytes.get(at) {
                None => return Reading::Unfinished,
                Some(byte) if byte != expected => return Reading::Faulty(at + 1, vec![400]),
                Some(_) => at += 1,
            }
        }
    }
}

/// Where the trailers end that begin `at`.
fn trailers(bytes: &[u8], mut at: usize, mut aside: usize, limits: &Limits) -> Reading<usize> {
    let mut fields = 0;
    loop {
        let line = first_line(&bytes[at..]);
        let begins_field = line.first().is_some_and(|byte| lines::is_token(&[*byte]));
        let mut faults: Vec<(usize, u16)> = Vec::new();
        if begins_field && fields == limits.fields_max {
            faults.push((1, 431));
        }
        faults.extend(Line::Field.first_unsound(line).map(|unsound| (unsound, 400)));
        if aside + line.len() > limits.head_bytes_max {
            faults.push((limits.head_bytes_max - aside + 1, 431));
        }
        if let Some((fault, status)) = faults.into_iter().min_by_key(|(at, _)| *at) {
            return Reading::Faulty(at + fault, vec![status]);
        }
        let Some(text) = lines::text_of(line) else { return Reading::Unfinished };
        fields += 1;
        aside += line.len();
        at += line.len();
        if text.is_empty() {
            return Reading::Whole(at);
        }
    }
}

impl Reading<usize> {
    fn into_content(self, body: Vec<u8>) -> Reading<(Vec<u8>, usize)> {
        match self {
            Reading::Whole(len) => Reading::Whole((body, len)),
            Reading::Faulty(at, statuses) => Reading::Faulty(at, statuses),
            Reading::Unfinished => Reading::Unfinished,
        }
    }
}
