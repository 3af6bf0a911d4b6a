//! Tells a client what has come of its request: as it came, or as JSON.

use std::fmt::Write;

use crate::http::method::Version;
use crate::http::request::Request;
use crate::watch::write_text;

/// The request as it came, but for the spaces around values and for how its content was framed.
pub(super) fn raw(request: &Request<'_>) -> Vec<u8> {
    let version = version(request);
    let line = format!("{} {} {version}\r\n", request.method().as_str(), request.target());
    let mut bytes = line.into_bytes();
    for (name, value) in request.fields() {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(request.body());
    bytes
}

/// The same and whose it is, as one JSON object. Bytes that are no UTF-8 become the replacement
/// character.
pub(super) fn json(request: &Request<'_>) -> String {
    let mut json = String::from("{\n  \"method\": ");
    string(&mut json, request.method().as_str());
    json.push_str(",\n  \"target\": ");
    string(&mut json, request.target());
    json.push_str(",\n  \"version\": ");
    string(&mut json, version(request));
    json.push_str(",\n  \"fields\": [");
    for (at, (name, value)) in request.fields().enumerate() {
        json.push_str(if at == 0 { "\n    [" } else { ",\n    [" });
        string(&mut json, name);
        json.push_str(", ");
        string(&mut json, &String::from_utf8_lossy(value));
        json.push(']');
    }
    json.push_str("\n  ],\n  \"body\": ");
    string(&mut json, &String::from_utf8_lossy(request.body()));
    let _ = write!(json, ",\n  \"body_bytes\": {},\n  \"client\": ", request.body().len());
    match request.client() {
        Some(client) => string(&mut json, &client.to_string()),
        None => json.push_str("null"),
    }
    let (connection, number) = (request.connection(), request.number());
    let _ = write!(json, ",\n  \"connection\": {connection},\n  \"request\": {number}\n}}\n");
    json
}

fn version(request: &Request<'_>) -> &'static str {
    match request.version() {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

fn string(json: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = write_text(json, text);
}
