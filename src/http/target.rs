//! The four forms of a request target (RFC 9112 §3.2), and the host they or `Host` name.

use super::fault::FaultKind;
use super::method::Method;

/// A request target that has been found well-formed for its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'b> {
    /// As it stood in the request line.
    pub(crate) raw: &'b str,
    /// From the first slash on; `*` for the asterisk form; empty for CONNECT.
    pub(crate) path: &'b str,
    /// What follows the first `?`.
    pub(crate) query: Option<&'b str>,
}

impl<'b> Target<'b> {
    /// Judges `raw` as the target of a request with `method`.
    pub(crate) fn parse(method: Method, raw: &'b str) -> Result<Target<'b>, FaultKind> {
        let bytes = raw.as_bytes();
        if method == Method::Connect {
            let named = host_is_valid(bytes) && port_of(bytes).is_some_and(|port| !port.is_empty());
            return match named {
                true => Ok(Target { raw, path: "", query: None }),
                false => Err(FaultKind::TargetInvalid),
            };
        }
        if raw == "*" && method == Method::Options {
            return Ok(Target { raw, path: raw, query: None });
        }
        if !is_free_of_fragments(bytes) {
            return Err(FaultKind::TargetInvalid);
        }
        let from_path = if bytes.first() == Some(&b'/') { raw } else { after_authority(raw)? };
        let (path, query) = match from_path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (from_path, None),
        };
        // `http://host?query` and `http://host` have the path "/" (RFC 9110 §4.2.3).
        Ok(Target { raw, path: if path.is_empty() { "/" } else { path }, query })
    }
}

/// Neither a fragment, which never travels (RFC 9112 §3.2), nor a percent sign that encodes
/// nothing. Other bytes are the handler's to judge: clients send many that RFC 3986 does not allow.
fn is_free_of_fragments(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'#' => return false,
            b'%' => match (rest.next(), rest.next()) {
                (Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
                _ => return false,
            },
            _ => {}
        }
    }
    true
}

/// What follows the authority of an absolute-form target.
fn after_authority(raw: &str) -> Result<&str, FaultKind> {
    let (scheme, rest) = raw.split_once("://").ok_or(FaultKind::TargetInvalid)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(FaultKind::TargetInvalid);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, from_path) = rest.split_at(end);
    match host_is_valid(authority.as_bytes()) {
        true => Ok(from_path),
        false => Err(FaultKind::TargetInvalid),
    }
}

/// Whether this is `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 §7.2).
///
/// An empty `Host` is only right for a URI without authority, and `http` URIs always have one.
pub(crate) fn host_is_valid(value: &[u8]) -> bool {
    let Some(port) = port_of(value) else { return false };
    let host = match port.len() {
        0 => value.strip_suffix(b":").unwrap_or(value),
        digits => &value[..value.len() - digits - 1],
    };
    let literal = host.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]"));
    match literal {
        Some(inner) => {
            std::str::from_utf8(inner).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => !host.is_empty() && host.iter().all(|byte| is_reg_name_byte(*byte)),
    }
}

/// The digits behind the last colon that is not part of an IPv6 literal; empty if there is none;
/// `None` if what stands there is no port.
fn port_of(value: &[u8]) -> Option<&[u8]> {
    let after_host = value.iter().rposition(|byte| *byte == b']').map_or(0, |end| end + 1);
    let rest = &value[after_host..];
    match rest.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let port = &rest[colon + 1..];
            port.iter().all(u8::is_ascii_digit).then_some(port)
        }
        None if after_host == 0 || rest.is_empty() => Some(b""),
        None => None,
    }
}

/// RFC 3986 §3.2.2: unreserved, sub-delims, and the percent sign of an encoded byte.
fn is_reg_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_judged_as_rfc_9110_says() {
        for good in
            ["a.example", "a.example:80", "a.example:", "127.0.0.1:8888", "[::1]", "[::1]:1"]
        {
            assert!(host_is_valid(good.as_bytes()), "{good}");
        }
        for bad in
            ["", ":80", "a b", "a/b", "u@a", "a:b", "[::1", "::1", "[::1]x", "[x]", "a\\b", "###"]
        {
            assert!(!host_is_valid(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn each_form_gives_its_path_and_query() {
        let parse =
            |method, raw| Target::parse(method, raw).map(|target| (target.path, target.query));
        assert_eq!(parse(Method::Get, "/a/b?c?d"), Ok(("/a/b", Some("c?d"))));
        assert_eq!(parse(Method::Get, "HTTP://a.example:80/x"), Ok(("/x", None)));
        assert_eq!(parse(Method::Get, "https://a.example?q"), Ok(("/", Some("q"))));
        assert_eq!(parse(Method::Options, "*"), Ok(("*", None)));
        assert_eq!(parse(Method::Connect, "a.example:443"), Ok(("", None)));
    }

    #[test]
    fn a_target_that_is_none_of_the_forms_is_refused() {
        for raw in
            ["*", "x", "/a#b", "/%", "/%4", "/%4x", "http://", "http:///x", "ftp://a/", "a:80"]
        {
            assert_eq!(Target::parse(Method::Get, raw), Err(FaultKind::TargetInvalid), "{raw}");
        }
        for raw in ["/", "a.example", "a.example:", "*"] {
            assert_eq!(Target::parse(Method::Connect, raw), Err(FaultKind::TargetInvalid), "{raw}");
        }
    }
}
