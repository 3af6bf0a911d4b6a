//! What a command line says of requests: their path and their fields.

use crate::arguments::Refusal;
use crate::server::Asked;

/// The path of a URL or of `--path`, which may not contradict each other.
pub fn path_of(asked: &Asked, option: Option<&str>) -> Result<String, Refusal> {
    match (&asked.path, option) {
        (Some(url), Some(option)) if url != "/" && url != option => Err(Refusal::Mistake(format!(
            "the URL has the path {url}, and --path says {option}; leave one of them out"
        ))),
        (_, Some(path)) => Ok(path.to_owned()),
        (Some(path), None) => Ok(path.clone()),
        (None, None) => Ok("/".to_owned()),
    }
}

/// `Host`, which is first unless the user has it, and what the user adds; a line each.
pub fn fields_of(asked: &Asked, added: &[String]) -> String {
    let has_host = added.iter().any(|line| is_named(line, "host"));
    let host = (!has_host).then(|| format!("Host: {}", asked.host));
    let lines = host.iter().chain(added);
    lines.map(|line| format!("{line}\r\n")).collect()
}

/// A field line that can be sent as it is, and that does not change what a request means for herd.
pub fn field(text: &str) -> Result<String, String> {
    let (name, value) = text.split_once(':').unwrap_or_default();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("write a name, a colon and a value, as in 'Accept: text/html'".to_owned());
    }
    let own = ["content-length", "transfer-encoding", "connection", "expect", "upgrade"];
    match own.iter().find(|own| name.eq_ignore_ascii_case(own)) {
        Some(_) => {
            Err(format!("herd itself decides on {name}; choose the kind of clients that sends it"))
        }
        None => Ok(format!("{name}: {}", value.trim())),
    }
}

fn is_named(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
}

/// What can stand in a request line: it is sent as it is.
pub fn path(text: &str) -> Result<String, &'static str> {
    match text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("write a path that begins with / and has no spaces, such as /index.html"),
    }
}

/// A method that asks for an answer.
pub fn method(text: &str) -> Result<String, &'static str> {
    let method = text.to_ascii_uppercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match method.as_str() {
        "CONNECT" => Err("write another method: it asks for a tunnel, not for an answer"),
        _ if !method.is_empty() && method.bytes().all(is_token) => Ok(method),
        _ => Err("write a method, such as PUT"),
    }
}

/// The field that names a host.
pub fn host(text: &str) -> Result<String, &'static str> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
        true => Ok(format!("Host: {text}")),
        false => Err("write a host, such as example.org or example.org:8080"),
    }
}

/// The field that has this name and password (RFC 7617).
pub fn authorization(text: &str) -> Result<String, &'static str> {
    match text.contains(':') {
        true => Ok(format!("Authorization: Basic {}", base64(text.as_bytes()))),
        false => {
            Err("write both, as NAME:PASSWORD; clients are -c N, and a PUT is -m PUT -b @FILE")
        }
    }
}

/// The field that has this cookie, or several with a semicolon between them.
pub fn cookie(text: &str) -> Result<String, &'static str> {
    match text.contains('=') {
        true => Ok(format!("Cookie: {}", text.trim())),
        false => Err("write a name and a value, as in session=1234"),
    }
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            match digit <= three.len() {
                true => text.push(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63].into()),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("\u{ff}\u{3ff}?", "w7/Pvz8="),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded, "{text}");
        }
    }
}
