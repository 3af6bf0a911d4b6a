//! What a head's fields say about framing, and what is wrong with that.

use super::{Head, Persistence};

/// What is acted upon.
pub struct Control {
    pub framing: Framing,
    pub persistence: Persistence,
    pub expects: bool,
}

/// How the content's end is found (RFC 9112 §6.3).
pub enum Framing {
    Length(u64),
    Chunked,
}

impl Control {
    /// Or the statuses of all that is wrong: any one of them is a good answer.
    pub fn of(head: &Head<'_>) -> Result<Control, Vec<u16>> {
        let mut wrong = Vec::new();
        if !is_target(head) {
            wrong.push(400);
        }
        let hosts = values(head, "host");
        let enough = hosts.len() == 1 || hosts.is_empty() && head.old;
        if !enough || !hosts.into_iter().all(|host| port_of(host).is_some()) {
            wrong.push(400);
        }
        let expectations = elements(head, "expect");
        if expectations.iter().any(|element| element != "100-continue") {
            wrong.push(417);
        }
        if values(head, "content-type").len() > 1 {
            wrong.push(400);
        }
        let framing = match framing(head) {
            Ok(framing) => framing,
            Err(status) => {
                wrong.push(status);
                Framing::Length(0)
            }
        };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let expects = !head.old && !expectations.is_empty();
        Ok(Control { framing, persistence: persistence(head), expects })
    }
}

fn framing(head: &Head<'_>) -> Result<Framing, u16> {
    let codings = elements(head, "transfer-encoding");
    let lengths = values(head, "content-length");
    let has_coding = !values(head, "transfer-encoding").is_empty();
    match lengths[..] {
        [_, _, ..] => return Err(400),
        [_] if has_coding => return Err(400),
        [length] => {
            let digits = *length == *b"0" || length.first().is_some_and(|first| *first != b'0');
            let digits = digits && length.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(length).ok().filter(|_| digits);
            return length.and_then(|text| text.parse().ok()).map(Framing::Length).ok_or(400);
        }
        [] => {}
    }
    if !has_coding {
        return Ok(Framing::Length(0));
    }
    let chunked = codings.iter().filter(|coding| *coding == "chunked").count();
    match codings.last() {
        _ if head.old => Err(400),
        Some(last) if last == "chunked" && chunked == 1 => match codings.len() {
            1 => Ok(Framing::Chunked),
            _ => Err(501),
        },
        Some(_) | None => Err(400),
    }
}

/// RFC 9112 §9.3.
fn persistence(head: &Head<'_>) -> Persistence {
    let options = elements(head, "connection");
    let says = |option: &str| options.iter().any(|said| said == option);
    match head.old {
        // What follows a CONNECT is no HTTP.
        _ if says("close") || head.method == b"CONNECT" => Persistence::Close,
        false => Persistence::Keep,
        true if says("keep-alive") => Persistence::KeepStated,
        true => Persistence::Close,
    }
}

fn values<'s>(head: &Head<'s>, name: &str) -> Vec<&'s [u8]> {
    let named = head.fields.iter().filter(|(field, _)| field == name);
    named.map(|(_, value)| *value).collect()
}

/// The elements of a list in all fields of this name, in lower case.
fn elements(head: &Head<'_>, name: &str) -> Vec<String> {
    let text = |value| String::from_utf8_lossy(value).to_ascii_lowercase();
    let all = values(head, name).into_iter().map(text).collect::<Vec<_>>().join(",");
    let elements = all.split(',').map(|element| element.trim_matches([' ', '\t']).to_owned());
    elements.filter(|element| !element.is_empty()).collect()
}

/// RFC 9112 §3.2, for the method that it is.
fn is_target(head: &Head<'_>) -> bool {
    let text = String::from_utf8_lossy(head.target);
    if head.method == b"CONNECT" {
        return port_of(head.target).is_some_and(|port| !port.is_empty());
    }
    if head.method == b"OPTIONS" && text == "*" {
        return true;
    }
    let before_query = head.target.split(|byte| *byte == b'?').next().unwrap_or_default();
    if text.contains('#') || !is_encoded(before_query) {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let is_http = ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str());
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    is_http && port_of(authority.as_bytes()).is_some()
}

/// Whether each percent sign encodes something (RFC 3986 §2.1).
fn is_encoded(text: &[u8]) -> bool {
    let mut behind = text.split(|byte| *byte == b'%').skip(1);
    behind.all(|rest| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit))
}

/// The port's digits in `uri-host [ ":" port ]`, or nothing if it is none of that (RFC 9110 §7.2).
fn port_of(value: &[u8]) -> Option<&[u8]> {
    let bracket = value.iter().position(|byte| *byte == b']').filter(|_| value.starts_with(b"["));
    let host_len = match bracket {
        Some(at) => at + 1,
        None => value.iter().position(|byte| *byte == b':').unwrap_or(value.len()),
    };
    let (host, port) = value.split_at(host_len);
    let is_host = match bracket {
        Some(at) => {
            let literal = std::str::from_utf8(&host[1..at]).unwrap_or_default();
            literal.parse::<std::net::Ipv6Addr>().is_ok() || is_of_later_version(literal)
        }
        None => {
            let of_name =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte);
            !host.is_empty() && host.iter().all(of_name) && is_encoded(host)
        }
    };
    let digits = match port {
        [] => port,
        _ => port.strip_prefix(b":")?,
    };
    (is_host && digits.iter().all(u8::is_ascii_digit)).then_some(digits)
}

/// `IPvFuture` (RFC 3986 §3.2.2).
fn is_of_later_version(literal: &str) -> bool {
    let mut parts = literal.splitn(2, '.');
    let (version, address) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Some(version) = version.strip_prefix(['v', 'V']) else { return false };
    let of_address = |char: char| char.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:".contains(char);
    !version.is_empty()
        && version.chars().all(|char| char.is_ascii_hexdigit())
        && !address.is_empty()
        && address.chars().all(of_address)
}
