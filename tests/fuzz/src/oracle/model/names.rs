//! What a path names in a directory, by the README of the site: which file, which directory, or nothing.
//!
//! The path is taken apart into segments first, and these are decoded each by itself, character by
//! character. A slow reader of the rules, not of the server's code.

/// What a path comes to, whatever files there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// It has a NUL.
    Malformed,
    /// Something that cannot be there, or is not shown.
    Nothing,
    /// These segments, and whether a slash follows the last.
    Name { segments: Vec<Vec<u8>>, is_directory: bool },
}

/// Reads a path that begins with a slash and whose percent signs all encode something.
pub fn read(path: &str) -> Named {
    // RFC 3986 §5.2.4, on a list of segments of which empty ones count like any other.
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut is_directory = true;
    for segment in path.split('/').skip(1).map(decoded) {
        // The first that is wrong decides.
        if segment.contains(&0) {
            return Named::Malformed;
        }
        if segment.contains(&b'/') {
            return Named::Nothing;
        }
        is_directory = [&b""[..], b".", b".."].contains(&&segment[..]);
        if segment == b".." {
            kept.pop();
        } else if segment != b"." {
            kept.push(segment);
        }
    }
    let segments: Vec<Vec<u8>> = kept.into_iter().filter(|segment| !segment.is_empty()).collect();
    for (place, segment) in segments.iter().enumerate() {
        let is_well_known = place == 0 && segment == b".well-known";
        if segment[0] == b'.' && !is_well_known {
            return Named::Nothing;
        }
    }
    Named::Name { is_directory: is_directory || segments.is_empty(), segments }
}

fn decoded(segment: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut parts = segment.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two digits follow every percent sign"));
        bytes.extend(rest.bytes());
    }
    bytes
}

/// The path of a directory, as the server has to write it: with nothing in it that means anything.
pub fn written(segments: &[Vec<u8>]) -> String {
    let mut path = String::from("/");
    for segment in segments {
        for byte in segment {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    path.push(char::from(*byte));
                }
                _ => path.push_str(&format!("%{byte:02X}")),
            }
        }
        path.push('/');
    }
    path
}
