//! The four forms of a request target (RFC 9112 §3.2), and the host they or `Host` name.

use super::chars::has_any;
use super::method::Method;

/// A request target that has been found well-formed for its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'b> {
    /// From the first slash on; `*` for the asterisk form; empty for CONNECT.
    pub(crate) path: &'b str,
    /// What follows the first `?`. Percent signs in it may encode nothing.
    pub(crate) query: Option<&'b str>,
}

impl<'b> Target<'b> {
    /// Judges `raw` as the target of a request with `method`. `None`: it is none.
    #[inline(always)]
    pub(crate) fn parse(method: Method, raw: &'b str) -> Option<Target<'b>> {
        // Nearly all targets are a path.
        match raw.as_bytes().first() {
            Some(b'/') if method != Method::Connect => Target::path_and_query(raw, 0),
            Some(_) | None => Target::parse_other(method, raw),
        }
    }

    /// The three forms that do not begin with a slash.
    #[cold]
    fn parse_other(method: Method, raw: &'b str) -> Option<Target<'b>> {
        let bytes = raw.as_bytes();
        if method == Method::Connect {
            let named = host_is_valid(bytes) && port_of(bytes).is_some_and(|port| !port.is_empty());
            return named.then_some(Target { path: "", query: None });
        }
        if raw == "*" && method == Method::Options {
            return Some(Target { path: raw, query: None });
        }
        let Target { path, query } = Target::path_and_query(raw, authority_end(raw)?)?;
        // `http://host?query` and `http://host` have the path "/" (RFC 9110 §4.2.3).
        Some(Target { path: if path.is_empty() { "/" } else { path }, query })
    }

    /// The target whose path begins here.
    #[inline(always)]
    fn path_and_query(raw: &'b str, path_start: usize) -> Option<Target<'b>> {
        let (path, query) = match scan(raw.as_bytes())? {
            Some(mark) => (&raw[path_start..mark], Some(&raw[mark + 1..])),
            None => (&raw[path_start..], None),
        };
        Some(Target { path, query })
    }
}

/// Finds the first question mark, and in the same pass refuses a fragment, which never travels
/// (RFC 9112 §3.2), and a percent sign before the query that encodes nothing. Other bytes are the
/// handler's to judge: clients send many that RFC 3986 does not allow. In a query, browsers send a
/// percent sign as a person typed it. `None`: it is refused.
#[inline(always)]
fn scan(bytes: &[u8]) -> Option<Option<usize>> {
    // Most targets have none of these.
    match has_any(bytes, *b"#?%") {
        true => scan_marked(bytes),
        false => Some(None),
    }
}

/// The same, byte by byte.
#[inline(never)]
fn scan_marked(bytes: &[u8]) -> Option<Option<usize>> {
    let mut query_mark = None;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'#' => return None,
            b'?' => query_mark = query_mark.or(Some(at)),
            b'%' if query_mark.is_none() => match bytes.get(at + 1..at + 3) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {}
                Some(_) | None => return None,
            },
            _ => {}
        }
    }
    Some(query_mark)
}

/// Where the authority of an absolute-form target ends.
fn authority_end(raw: &str) -> Option<usize> {
    let (scheme, rest) = raw.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    host_is_valid(&rest.as_bytes()[..end]).then_some(raw.len() - rest.len() + end)
}

/// The longest `Host` that is remembered, in bytes: longer names are rare.
const KNOWN_HOST_BYTES_MAX: usize = 64;

/// The last valid `Host`. Nearly all requests of a server name the same one, and to compare it costs
/// a fourth of judging it again.
#[derive(Clone, Debug)]
pub(crate) struct KnownHost {
    bytes: [u8; KNOWN_HOST_BYTES_MAX],
    /// How many of them it has. An empty one is not valid, so that stands for none.
    len: usize,
}

impl Default for KnownHost {
    fn default() -> KnownHost {
        KnownHost { bytes: [0; KNOWN_HOST_BYTES_MAX], len: 0 }
    }
}

impl KnownHost {
    /// As [`host_is_valid`].
    #[inline]
    pub(super) fn is_valid(&mut self, value: &[u8]) -> bool {
        let known = self.bytes.get(..self.len).unwrap_or_default();
        !value.is_empty() && are_same(known, value) || self.learn(value)
    }

    /// Judges `value`, and remembers it if it is valid.
    #[inline(never)]
    fn learn(&mut self, value: &[u8]) -> bool {
        let is_valid = host_is_valid(value);
        if is_valid && let Some(bytes) = self.bytes.get_mut(..value.len()) {
            bytes.copy_from_slice(value);
            self.len = value.len();
        }
        is_valid
    }
}

/// Whether these are the same bytes. Most hosts have 8 to 16 of them, ports included: they take two
/// comparisons in place, where a call would take twenty instructions.
#[inline(always)]
fn are_same(some: &[u8], others: &[u8]) -> bool {
    let ends = |bytes: &[u8]| {
        let (first, last) = (bytes.first_chunk::<8>()?, bytes.last_chunk::<8>()?);
        (bytes.len() <= 16).then(|| (u64::from_ne_bytes(*first), u64::from_ne_bytes(*last)))
    };
    some.len() == others.len()
        && match (ends(some), ends(others)) {
            (Some(some), Some(others)) => some == others,
            (_, _) => some == others,
        }
}

/// Whether this is `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 §7.2).
///
/// An empty `Host` is only right for a URI without authority, and `http` URIs always have one.
fn host_is_valid(value: &[u8]) -> bool {
    port_of(value).is_some()
}

/// The digits of the port, empty if there are none; `None` if this is no host and port.
fn port_of(value: &[u8]) -> Option<&[u8]> {
    let host_end = match value.strip_prefix(b"[") {
        Some(inner) => {
            let length = inner.iter().position(|byte| *byte == b']')?;
            is_ip_literal(&inner[..length]).then_some(1 + length + 1)?
        }
        None => name_end(value),
    };
    let port = match value[host_end..].split_first() {
        None => &[][..],
        Some((b':', port)) => port,
        Some(_) => return None,
    };
    (host_end > 0 && port.iter().all(u8::is_ascii_digit)).then_some(port)
}

/// Whether this may stand in brackets: an IPv6 address, or one of a later version (RFC 3986
/// §3.2.2, `IPvFuture`). A zone means something on the client's machine alone, so clients take it out
/// (RFC 6874 §4), and RFC 9112 §3.2 has a `Host` with one refused.
fn is_ip_literal(literal: &[u8]) -> bool {
    if let [b'v' | b'V', versioned @ ..] = literal {
        let Some(dot) = versioned.iter().position(|byte| *byte == b'.') else { return false };
        let (version, address) = (&versioned[..dot], &versioned[dot + 1..]);
        let of_address = |byte: &u8| *byte == b':' || REG_NAME[usize::from(*byte)];
        return !version.is_empty()
            && version.iter().all(u8::is_ascii_hexdigit)
            && !address.is_empty()
            && address.iter().all(of_address);
    }
    let address = std::str::from_utf8(literal).ok();
    address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// Where the registered name ends that this begins with.
fn name_end(value: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let outside = value[end..].iter().position(|byte| !REG_NAME[usize::from(*byte)]);
        end += outside.unwrap_or(value.len() - end);
        match value[end..] {
            // An encoded byte, which hardly any name has.
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                end += 3
            }
            _ => return end,
        }
    }
}

/// RFC 3986 §3.2.2: unreserved and sub-delims. A table, because every request's `Host` goes
/// through it.
const REG_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"-._~!$&'()*+,;=";
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_host_is_judged_as_any_other() {
        let mut known = KnownHost::default();
        let long = |bytes: usize| "a".repeat(bytes);
        for (host, is_valid) in [
            ("", false),
            ("a", true),
            ("a", true),
            ("", false),
            ("ab", true),
            ("a", true),
            ("a b", false),
            ("a", true),
            (&long(KNOWN_HOST_BYTES_MAX), true),
            (&long(KNOWN_HOST_BYTES_MAX), true),
            (&long(KNOWN_HOST_BYTES_MAX + 1), true),
            (&long(KNOWN_HOST_BYTES_MAX), true),
            ("a\0", false),
        ] {
            assert_eq!(known.is_valid(host.as_bytes()), is_valid, "{host:?}");
        }
    }

    #[test]
    fn hosts_are_judged_as_rfc_9110_says() {
        for good in [
            "a.example",
            "a.example:80",
            "a.example:",
            "127.0.0.1:8888",
            "[::1]",
            "[::1]:1",
            "[::ffff:192.0.2.1]:",
            "[v1.fe80::a+en1]:80",
            "[VaF.a,b]",
            "%41b%7E",
            "a.example:00080",
        ] {
            assert!(host_is_valid(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a b",
            "a/b",
            "u@a",
            "a:b",
            "[::1",
            "::1",
            "[::1]x",
            "[x]",
            "a\\b",
            "###",
            "a%4",
            "%zz",
            "a:+8",
            "[::1]:a",
            "[fe80::1%25lo]",
            "[fe80::1%lo]",
            "[v.a]",
            "[v1.]",
            "[v1a]",
            "[1.a]",
            "[vg.a]",
            "[v1.a/]",
            "[v1.%41]",
            "[v1.a",
            "[]",
        ] {
            assert!(!host_is_valid(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn each_form_gives_its_path_and_query() {
        let parse =
            |method, raw| Target::parse(method, raw).map(|target| (target.path, target.query));
        assert_eq!(parse(Method::Get, "/a/b?c?d"), Some(("/a/b", Some("c?d"))));
        assert_eq!(parse(Method::Get, "HTTP://a.example:80/x"), Some(("/x", None)));
        assert_eq!(parse(Method::Get, "https://a.example"), Some(("/", None)));
        assert_eq!(parse(Method::Get, "https://a.example?q"), Some(("/", Some("q"))));
        assert_eq!(parse(Method::Get, "/%41?100%&%zz?%4"), Some(("/%41", Some("100%&%zz?%4"))));
        assert_eq!(parse(Method::Get, "http://a.example?%"), Some(("/", Some("%"))));
        assert_eq!(parse(Method::Options, "*"), Some(("*", None)));
        assert_eq!(parse(Method::Connect, "a.example:443"), Some(("", None)));
    }

    #[test]
    fn a_target_that_is_none_of_the_forms_is_refused() {
        for raw in [
            "*",
            "x",
            "*?",
            "/a#b",
            "/?a#b",
            "/?%#",
            "/%",
            "/%4",
            "/%4x",
            "/%?41",
            "/%4?1",
            "http://",
            "http:///x",
            "http://a%/",
            "http://a%?q",
            "ftp://a/",
            "a:80",
        ] {
            assert_eq!(Target::parse(Method::Get, raw), None, "{raw}");
        }
        for raw in ["/", "a.example", "a.example:", "*"] {
            assert_eq!(Target::parse(Method::Connect, raw), None, "{raw}");
        }
    }
}
