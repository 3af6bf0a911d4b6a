//! What a path names in a directory, by the README: which file, which directory, or nothing.
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
    let raw: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let segments: Vec<Vec<u8>> = raw.iter().map(|segment| decoded(segment)).collect();
    for (place, segment) in segments.iter().enumerate() {
        // The first that is wrong decides.
        if segment.contains(&0) {
            return Named::Malformed;
        }
        let is_well_known = place == 0 && segment == b".well-known";
        if segment.contains(&b'/') || (segment[0] == b'.' && !is_well_known) {
            return Named::Nothing;
        }
    }
    let is_directory = segments.is_empty() || path.ends_with('/');
    Named::Name { segments, is_directory }
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
