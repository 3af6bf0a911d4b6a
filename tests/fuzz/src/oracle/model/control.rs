//! What a head says to the connection: where the content ends (RFC 9112 §6.3), whether the
//! connection goes on (§9.3), whether the client waits for leave (RFC 9110 §10.1.1).

use oneloop::{FaultKind, Version};

use super::head::Head;
use super::{target, trimmed};

/// How the end of the content is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
}

/// What becomes of the connection after the answer, and what the answer says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Keep,
    KeepStated,
    Close,
}

/// What a well-formed head means.
#[derive(Debug)]
pub struct Control {
    /// Why a request with this method is refused, if it is.
    pub method_fault: Option<FaultKind>,
    pub path: String,
    pub query: Option<String>,
    pub framing: Framing,
    pub persistence: Persistence,
    /// Whether the client may be waiting for a 100.
    pub expects: bool,
}

/// Judges `head`; or says all that is wrong with it.
pub fn judge(head: &Head) -> Result<Control, Vec<FaultKind>> {
    let old = head.version == Version::Http10;
    let mut faults = Vec::new();

    let hosts: Vec<_> = values(head, "host").collect();
    match hosts[..] {
        [] if old => {}
        [] => faults.push(FaultKind::HostMissing),
        [host] if std::str::from_utf8(host).is_ok_and(target::is_host_and_port) => {}
        [_] => faults.push(FaultKind::HostInvalid),
        [..] => faults.push(FaultKind::HostRepeated),
    }
    let expectations = list(head, "expect");
    if expectations.iter().any(|expectation| expectation != "100-continue") {
        faults.push(FaultKind::ExpectationUnknown);
    }
    if values(head, "content-type").count() > 1 {
        faults.push(FaultKind::ContentTypeRepeated);
    }
    let resource = target::read(&head.method, &head.target);
    if resource.is_none() {
        faults.push(FaultKind::TargetInvalid);
    }
    let framing = match framing(head, old) {
        Ok(framing) => framing,
        Err(fault) => {
            faults.push(fault);
            Framing::Length(0)
        }
    };
    let (Some((path, query)), true) = (resource, faults.is_empty()) else { return Err(faults) };
    Ok(Control {
        method_fault: match head.method.as_str() {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => None,
            "CONNECT" | "TRACE" => Some(FaultKind::MethodRefused),
            _ => Some(FaultKind::MethodUnknown),
        },
        path: path.to_owned(),
        query: query.map(str::to_owned),
        framing,
        persistence: persistence(head, old),
        expects: !old && !expectations.is_empty(),
    })
}

/// Strictly: one length, or `chunked` and nothing else.
fn framing(head: &Head, old: bool) -> Result<Framing, FaultKind> {
    let lengths: Vec<_> = values(head, "content-length").collect();
    let is_coded = values(head, "transfer-encoding").next().is_some();
    match (&lengths[..], is_coded) {
        ([_, _, ..], _) => Err(FaultKind::LengthInvalid),
        ([], false) => Ok(Framing::Length(0)),
        ([length], false) => number(length).map(Framing::Length).ok_or(FaultKind::LengthInvalid),
        (_, true) if old => Err(FaultKind::CodingInOldVersion),
        ([_], true) => Err(FaultKind::LengthWithCoding),
        ([], true) => {
            let codings = list(head, "transfer-encoding");
            let place = codings.iter().position(|coding| coding == "chunked");
            match place {
                Some(0) if codings.len() == 1 => Ok(Framing::Chunked),
                Some(place) if place > 0 && place + 1 == codings.len() => {
                    Err(FaultKind::CodingUnknown)
                }
                Some(_) | None => Err(FaultKind::ChunkedNotLast),
            }
        }
    }
}

fn persistence(head: &Head, old: bool) -> Persistence {
    let options = list(head, "connection");
    let has = |option: &str| options.iter().any(|other| other == option);
    match head.method.as_str() {
        // What would follow is a tunnel's.
        "CONNECT" => Persistence::Close,
        _ if has("close") => Persistence::Close,
        _ if !old => Persistence::Keep,
        _ if has("keep-alive") => Persistence::KeepStated,
        _ => Persistence::Close,
    }
}

fn values<'h>(head: &'h Head, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let named = head.fields.iter().filter(move |(other, _)| other.to_ascii_lowercase() == name);
    named.map(|(_, value)| &value[..])
}

/// The elements of a list field over all its lines, in small letters. Bytes that are no ASCII
/// stay different from all that is.
fn list(head: &Head, name: &str) -> Vec<String> {
    let elements = values(head, name).flat_map(|value| value.split(|byte| *byte == b','));
    let texts = elements.map(|element| {
        let latin: String = trimmed(element).iter().copied().map(char::from).collect();
        latin.to_ascii_lowercase()
    });
    texts.filter(|element| !element.is_empty()).collect()
}

/// A decimal number that fits into 64 bits, without zeros in front.
fn number(text: &[u8]) -> Option<u64> {
    let digits = |byte: &u8| char::from(*byte).to_digit(10).map(u64::from);
    let first = digits(text.first()?)?;
    if first == 0 {
        return (text.len() == 1).then_some(0);
    }
    text[1..]
        .iter()
        .try_fold(first, |number, byte| number.checked_mul(10)?.checked_add(digits(byte)?))
}
