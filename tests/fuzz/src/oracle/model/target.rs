//! The forms of a request target (RFC 9112 §3.2), and what may be a host (RFC 3986 §3.2.2).

use std::net::Ipv6Addr;

/// The path and the query of this target, if a request with this method can have it.
///
/// Of the path only the percent signs are checked: everything else in it, and all of the query, is
/// the handler's to judge.
pub fn read<'t>(method: &str, target: &'t str) -> Option<(&'t str, Option<&'t str>)> {
    match (method, target) {
        ("CONNECT", _) => {
            let (host, port) = target.rsplit_once(':')?;
            let is_authority = is_host(host) && !port.is_empty() && is_digits(port);
            return is_authority.then_some(("", None));
        }
        ("OPTIONS", "*") => return Some(("*", None)),
        _ => {}
    }
    if target.contains('#') {
        return None;
    }
    let (before_query, query) = match target.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (target, None),
    };
    if !percents_encode(before_query) {
        return None;
    }
    if before_query.starts_with('/') {
        return Some((before_query, query));
    }
    let (scheme, rest) = before_query.split_once("://")?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return None;
    }
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    is_host_and_port(authority).then_some((path, query))
}

/// `uri-host [ ":" port ]`, where the host is not empty and the port may be.
pub fn is_host_and_port(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((host, port)) if is_digits(port) => is_host(host),
        Some(_) | None => is_host(text),
    }
}

/// An IPv6 address in brackets, or one of a later version, or a registered name; IPv4 addresses
/// look like one.
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| {
            address.parse::<Ipv6Addr>().is_ok() || is_of_later_version(address)
        }),
        None => !text.is_empty() && text.chars().all(is_in_name) && percents_encode(text),
    }
}

/// `IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`
fn is_of_later_version(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some((version, address)) = lower.strip_prefix('v').and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    let digits = !version.is_empty() && version.chars().all(|char| char.is_ascii_hexdigit());
    let is_in_address = |char| char == ':' || is_in_name(char) && char != '%';
    digits && !address.is_empty() && address.chars().all(is_in_address)
}

fn is_in_name(char: char) -> bool {
    let unreserved = char.is_ascii_alphanumeric() || "-._~".contains(char);
    let sub_delim = "!$&'()*+,;=".contains(char);
    unreserved || sub_delim || char == '%'
}

/// Whether two hexadecimal digits stand behind every percent sign.
fn percents_encode(text: &str) -> bool {
    text.split('%').skip(1).all(|behind| {
        let mut digits = behind.chars().take(2).filter(char::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    })
}

fn is_digits(text: &str) -> bool {
    text.chars().all(|char| char.is_ascii_digit())
}
