//! From the path of a target to the name of a file beneath the root: bytes in, bytes out.
//!
//! A path is decoded once, segment by segment. Then `.` and `..` are resolved as RFC 3986 §5.2.4
//! says: `..` removes the segment before it, and nothing at the root. The result has no `.` and no
//! `..`, no empty segment and no NUL, and a slash only where the path had one unencoded. So it
//! stays beneath the root even before the kernel enforces that. Names are bytes: they need not be
//! UTF-8, and a backslash or an overlong encoding of a slash is part of a name like any other byte.

/// The one dot-file that is served in any case, at the root (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// Whether files whose names begin with a dot are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DotFiles {
    Absent,
    Present,
}

/// Why a path leads to no file, whatever files there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Astray {
    /// It has a NUL, which no client sends by mistake: 400.
    Malformed,
    /// It names something that no file can be called, or that is not shown: 404.
    Nowhere,
}

/// The name that `path` stands for: relative to the root, without empty segments, ending in a
/// slash if the path names a directory, and empty for the root itself. It is `path` itself in nearly
/// every case, and else made in `scratch`.
pub(super) fn name<'p>(
    path: &'p str,
    dot_files: DotFiles,
    scratch: &'p mut Vec<u8>,
) -> Result<&'p [u8], Astray> {
    let path = path.as_bytes();
    if is_plain(path) {
        return Ok(&path[1..]);
    }
    resolve(path, scratch)?;
    let mut in_root = true;
    for segment in scratch.split(|byte| *byte == b'/') {
        if !is_shown(segment, in_root, dot_files) {
            return Err(Astray::Nowhere);
        }
        in_root = false;
    }
    Ok(scratch)
}

/// Makes a name of `path` in `out`, whether what it names is shown or not.
fn resolve(path: &[u8], out: &mut Vec<u8>) -> Result<(), Astray> {
    out.clear();
    let relative = path.strip_prefix(b"/").ok_or(Astray::Nowhere)?;
    let mut segments = relative.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        // Here `out` is empty, or ends in a slash.
        let start = out.len();
        decode(segment, out);
        let decoded = &out[start..];
        if decoded.contains(&0) {
            return Err(Astray::Malformed);
        }
        // An encoded slash is a byte of the name, and no file has it.
        if decoded.contains(&b'/') {
            return Err(Astray::Nowhere);
        }
        match decoded {
            b"." => out.truncate(start),
            b".." => {
                let parent = out[..start.saturating_sub(1)].iter().rposition(|byte| *byte == b'/');
                out.truncate(parent.map_or(0, |slash| slash + 1));
            }
            _ if segments.peek().is_some() => out.push(b'/'),
            _ => {}
        }
    }
    // Two slashes for one are a common slip, and the file system reads them as one, too. To `..`
    // there is an empty segment between them, so they go last.
    let mut before = b'/';
    out.retain(|byte| {
        let is_second = *byte == b'/' && before == b'/';
        before = *byte;
        !is_second
    });
    Ok(())
}

/// Whether this path is its own name: nothing encoded, no empty segment, no dot before a name.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    for byte in path {
        // Most bytes are letters, which one comparison tells.
        if *byte > b'/' {
            before = *byte;
            continue;
        }
        match byte {
            b'%' | 0 => return false,
            b'/' | b'.' if before == b'/' => return false,
            _ => before = *byte,
        }
    }
    path.first() == Some(&b'/')
}

/// Whether a file of this name, in the root or below it, is shown.
pub(super) fn is_shown(name: &[u8], in_root: bool, dot_files: DotFiles) -> bool {
    let is_well_known = in_root && name == WELL_KNOWN;
    match name {
        b"." | b".." => false,
        [b'.', ..] => dot_files == DotFiles::Present || is_well_known,
        _ => true,
    }
}

/// Appends `segment` with every percent-encoded byte decoded. The target has been found to have
/// two digits behind every percent sign; without them, it stands for itself.
fn decode(segment: &[u8], out: &mut Vec<u8>) {
    let mut rest = segment;
    while let Some((byte, behind)) = rest.split_first() {
        let encoded = match (byte, behind) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match encoded {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = &behind[2..];
            }
            None => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether the last segment looks like a file's and not like a page's: it has a dot in it.
pub(super) fn has_extension(name: &[u8]) -> bool {
    let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    last.contains(&b'.')
}

/// Appends `name` as a path or a part of one: all but unreserved bytes and slashes encoded
/// (RFC 3986 §2.3), so that no reader can take it for a host, a scheme or a query.
pub(super) fn encode(name: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in name {
        if is_left(*byte) {
            out.push(*byte);
        } else {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend_from_slice(&[b'%', DIGITS[high], DIGITS[low]]);
        }
    }
}

/// How long that is.
pub(super) fn encoded_bytes(name: &[u8]) -> usize {
    name.iter().map(|byte| if is_left(*byte) { 1 } else { 3 }).sum()
}

/// Whether it stands for itself.
fn is_left(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Result<&[u8], Astray> = Err(Astray::Nowhere);
    const MALFORMED: Result<&[u8], Astray> = Err(Astray::Malformed);

    #[test]
    fn a_path_becomes_the_name_of_a_file_beneath_the_root_or_of_none() {
        let table: [(&str, Result<&[u8], Astray>); 66] = [
            ("/", Ok(b"")),
            ("/a", Ok(b"a")),
            ("/a/", Ok(b"a/")),
            ("/a/b.c", Ok(b"a/b.c")),
            ("//", Ok(b"")),
            ("//a", Ok(b"a")),
            ("/a//b///c", Ok(b"a/b/c")),
            ("/a//", Ok(b"a/")),
            ("//evil.example/", Ok(b"evil.example/")),
            ("/%61", Ok(b"a")),
            ("/%41%7a%7A", Ok(b"Azz")),
            ("/a%20b", Ok(b"a b")),
            ("/a+b", Ok(b"a+b")),
            ("/%2561", Ok(b"%61")),
            ("/%252e%252e/x", Ok(b"%2e%2e/x")),
            ("/caf%C3%A9", Ok(b"caf\xc3\xa9")),
            ("/caf\u{e9}", Ok(b"caf\xc3\xa9")),
            ("/%ff%fe", Ok(b"\xff\xfe")),
            ("/%c0%af", Ok(b"\xc0\xaf")),
            ("/%c0%ae%c0%ae/x", Ok(b"\xc0\xae\xc0\xae/x")),
            ("/a\\b", Ok(b"a\\b")),
            ("/..\\x", NOWHERE),
            ("/a\\..\\x", Ok(b"a\\..\\x")),
            ("/%5c", Ok(b"\\")),
            ("/a..b", Ok(b"a..b")),
            ("/a.", Ok(b"a.")),
            ("/a..", Ok(b"a..")),
            ("/%3f%23", Ok(b"?#")),
            ("/a%0ab", Ok(b"a\nb")),
            // The examples of RFC 3986 §5.2.4.
            ("/a/b/c/./../../g", Ok(b"a/g")),
            ("/.", Ok(b"")),
            ("/..", Ok(b"")),
            ("/./", Ok(b"")),
            ("/../", Ok(b"")),
            ("/../secret", Ok(b"secret")),
            ("/a/../../../secret", Ok(b"secret")),
            ("/a/../b", Ok(b"b")),
            ("/a/../b/", Ok(b"b/")),
            ("/a/./b", Ok(b"a/b")),
            ("/a/.", Ok(b"a/")),
            ("/a/b/..", Ok(b"a/")),
            ("/a/b/../", Ok(b"a/")),
            ("/a/..", Ok(b"")),
            ("/a//../b", Ok(b"a/b")),
            ("/a/b//..//../c", Ok(b"a/b/c")),
            ("//..//a", Ok(b"a")),
            ("/%2e%2e/secret", Ok(b"secret")),
            ("/a/.%2E/secret", Ok(b"secret")),
            ("/%2e/a", Ok(b"a")),
            ("/a/b/%2E%2e", Ok(b"a/")),
            ("/.git/../a", Ok(b"a")),
            ("/a/../.git/config", NOWHERE),
            ("/.well-known/../a/.well-known/x", NOWHERE),
            ("/a/../.well-known/x", Ok(b".well-known/x")),
            ("/a%2f../../b", NOWHERE),
            ("/%00/../a", MALFORMED),
            ("/a%2fb", NOWHERE),
            ("/..%2fsecret", NOWHERE),
            ("/%2fetc%2fpasswd", NOWHERE),
            ("/...", NOWHERE),
            ("/.git/config", NOWHERE),
            ("/a/.htpasswd", NOWHERE),
            ("/%00", MALFORMED),
            ("/a%00.html", MALFORMED),
            ("*", NOWHERE),
            ("", NOWHERE),
        ];
        for (path, expected) in table {
            assert_eq!(name(path, DotFiles::Absent, &mut Vec::new()), expected, "{path}");
        }
    }

    #[test]
    fn dot_files_are_there_only_if_they_are_wanted_or_well_known() {
        let shown = |path, dot_files| name(path, dot_files, &mut Vec::new()).is_ok();
        let table = [
            ("/.well-known/security.txt", true, true),
            ("/%2ewell-known/", true, true),
            ("//.well-known", true, true),
            ("/.well-known/.secret", false, true),
            ("/.well-knownn", false, true),
            ("/a/.well-known/x", false, true),
            ("/.profile", false, true),
            ("/...", false, true),
            ("/.", true, true),
            ("/.well-known/../.profile", false, true),
        ];
        for (path, absent, present) in table {
            assert_eq!(shown(path, DotFiles::Absent), absent, "{path}");
            assert_eq!(shown(path, DotFiles::Present), present, "{path}");
        }
    }

    #[test]
    fn no_listing_shows_a_directory_itself_and_the_one_above() {
        for dot_files in [DotFiles::Absent, DotFiles::Present] {
            assert!(!is_shown(b".", true, dot_files) && !is_shown(b"..", false, dot_files));
        }
    }

    #[test]
    fn a_plain_path_is_its_own_name_and_is_not_copied() {
        let path = "/assets/app.3f2a.js";
        let mut scratch = Vec::new();
        let found = name(path, DotFiles::Absent, &mut scratch).expect("a plain path");
        assert_eq!(found.as_ptr(), path[1..].as_ptr());
        assert_eq!(scratch.capacity(), 0);
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same_and_has_only_harmless_bytes() {
        let all: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').collect();
        let mut path = b"/x".to_vec();
        encode(&all, &mut path);
        let path = String::from_utf8(path).expect("ASCII");
        assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/%-._~".contains(&byte)));
        let expected = [b"x", &all[..]].concat();
        assert_eq!(name(&path, DotFiles::Absent, &mut Vec::new()), Ok(&expected[..]));
    }

    #[test]
    fn a_page_has_no_dot_in_its_last_segment() {
        for (name, expected) in
            [("", false), ("a", false), ("a.b/c", false), ("a.js", true), ("a/b.", true)]
        {
            assert_eq!(has_extension(name.as_bytes()), expected, "{name}");
        }
    }
}
