//! How a place to listen is written: [`Listen`] describes the forms.
//!
//! Each mistake is told with its column, what was expected there, and an example.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::places::{Endpoint, Listen};
use super::unix::{Group, InvalidUnixName, UnixName, UnixSocket};

/// The forms of an endpoint, for a user who has written something else.
const FORMS: &str = "write a port (8888), a numeric address with its port (127.0.0.1:8888, \
                     [::1]:8888), unix:/PATH, unix:@NAME or fd:NAME";

/// What can stand behind a comma.
const OPTIONS: &str = "options are mode=0660, group=www-data and proxy";

/// The longest name that a listener can have which is inherited (`sd_listen_fds(3)`).
const INHERITED_NAME_BYTES_MAX: usize = 255;

/// Why a text is no [`Listen`]. Its [`Display`] says where the mistake is, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidListen {
    column: usize,
    sentence: String,
}

impl InvalidListen {
    /// At which character of the text the mistake begins; the first is 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl Display for InvalidListen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.column {
            1 => f.write_str(&self.sentence),
            column => write!(f, "at character {column}: {}", self.sentence),
        }
    }
}

impl std::error::Error for InvalidListen {}

/// A text of which a part is wrong.
#[derive(Clone, Copy)]
struct Text<'t>(&'t str);

impl Text<'_> {
    /// The mistake begins at this byte.
    fn wrong(self, at: usize, sentence: impl Into<String>) -> InvalidListen {
        InvalidListen { column: self.0[..at].chars().count() + 1, sentence: sentence.into() }
    }
}

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Listen, InvalidListen> {
        Listen::parse_with(text, internet_endpoint)
    }
}

impl Listen {
    /// Reads `text` as [`FromStr`] does, but lets `internet` read what is neither `unix:` nor `fd:`:
    /// for a program that also takes other forms of addresses. What that says is wrong is told as
    /// it is.
    ///
    /// # Errors
    /// If the text is no place to listen.
    pub fn parse_with(
        text: &str,
        internet: impl FnOnce(&str) -> Result<Endpoint, String>,
    ) -> Result<Listen, InvalidListen> {
        let (head, options) = match text.find(',') {
            Some(comma) => (&text[..comma], Some(comma + 1)),
            None => (text, None),
        };
        let endpoint = if let Some(name) = head.strip_prefix("unix:") {
            Endpoint::Unix(UnixSocket::new(unix_name(Text(text), name)?))
        } else if let Some(name) = head.strip_prefix("fd:") {
            Endpoint::Inherited(inherited_name(Text(text), name)?)
        } else {
            internet(head).map_err(|sentence| Text(text).wrong(0, sentence))?
        };
        let mut listen = Listen::from(endpoint);
        if let Some(mut at) = options {
            let mut given = Vec::new();
            for option in text[at..].split(',') {
                listen.set(Text(text), at, option, &mut given)?;
                at += option.len() + 1;
            }
        }
        Ok(listen)
    }

    /// Sets one option, which stands at `at` of `text`.
    fn set<'t>(
        &mut self,
        text: Text<'t>,
        at: usize,
        option: &'t str,
        given: &mut Vec<&'t str>,
    ) -> Result<(), InvalidListen> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        if given.contains(&name) {
            return Err(text.wrong(at, format!("'{name}' is given twice; leave one out")));
        }
        given.push(name);
        let value_at = at + name.len() + 1;
        match (name, value) {
            ("proxy", None) => self.proxy = true,
            ("proxy", Some(_)) => {
                return Err(text.wrong(value_at - 1, "'proxy' has no value; write ,proxy"));
            }
            ("mode", value) => {
                let socket = self.unix_mut().map_err(|why| text.wrong(at, why))?;
                socket.mode = value.and_then(mode).ok_or_else(|| {
                    let end = if value.is_some() { value_at } else { at };
                    text.wrong(end, "write three octal digits from 000 to 777: mode=0660")
                })?;
            }
            ("group", value) => {
                let socket = self.unix_mut().map_err(|why| text.wrong(at, why))?;
                socket.group = Some(value.and_then(group).ok_or_else(|| {
                    let end = if value.is_some() { value_at } else { at };
                    text.wrong(end, "write the name or the number of a group: group=www-data")
                })?);
            }
            ("tls", _) => {
                return Err(text.wrong(
                    at,
                    "there is no TLS here; put a proxy that speaks it in front, such as HAProxy \
                     or nginx",
                ));
            }
            ("", None) => {
                return Err(text.wrong(at, format!("no option follows this comma; {OPTIONS}")));
            }
            _ => {
                return Err(text.wrong(
                    at,
                    format!(
                        "'{option}' is no option of a place; {OPTIONS}, and another place is \
                         given by itself"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The Unix socket that an option is about.
    fn unix_mut(&mut self) -> Result<&mut UnixSocket, &'static str> {
        match &mut self.endpoint {
            Endpoint::Unix(socket) => Ok(socket),
            Endpoint::Everywhere(_) | Endpoint::At(_) => {
                Err("mode and group are for files of Unix sockets, as in unix:/PATH,mode=0660")
            }
            Endpoint::Inherited(_) => {
                Err("mode and group of this socket are set where it is made, as by SocketMode= \
                     and SocketGroup= in its unit")
            }
        }
    }
}

fn unix_name(text: Text<'_>, name: &str) -> Result<UnixName, InvalidListen> {
    let start = "unix:".len();
    let (made, start) = match name.strip_prefix('@') {
        Some(hidden) => (UnixName::of_abstract(hidden), start + 1),
        None => (UnixName::path(name), start),
    };
    made.map_err(|why| match why {
        InvalidUnixName::Empty => {
            text.wrong(start, "write the path of a socket, or @ and a name: unix:/run/oneloop.sock")
        }
        InvalidUnixName::HasNul | InvalidUnixName::TooLong { .. } => {
            text.wrong(start, format!("{why}; write a shorter one, as in unix:/run/oneloop.sock"))
        }
    })
}

fn inherited_name(text: Text<'_>, name: &str) -> Result<String, InvalidListen> {
    let is_name = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    let start = "fd:".len();
    if let Some(bad) = name.bytes().position(|byte| !is_name(byte)) {
        return Err(text.wrong(
            start + bad,
            "a name is made of ASCII letters, digits and signs other than a colon: fd:web",
        ));
    }
    if name.is_empty() || name.len() > INHERITED_NAME_BYTES_MAX {
        return Err(text.wrong(
            start,
            "write the name of a socket, as FileDescriptorName= in its unit has it: fd:web",
        ));
    }
    Ok(name.to_owned())
}

/// A port, or an address with its port.
fn internet_endpoint(text: &str) -> Result<Endpoint, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = text.parse().map_err(|_| format!("{text} is no port; the highest is 65535"));
        return port.map(Endpoint::Everywhere);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Endpoint::At(address));
    }
    match text.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => Err(format!("add the port: {}", SocketAddr::new(ip, 8888))),
        Err(_) => Err(format!("'{text}' is no place to listen; {FORMS}")),
    }
}

/// Three octal digits, and perhaps a zero before them.
fn mode(text: &str) -> Option<u32> {
    let is_octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let has_length = text.len() == 3 || text.len() == 4 && text.starts_with('0');
    (is_octal && has_length).then(|| u32::from_str_radix(text, 8).ok()).flatten()
}

fn group(text: &str) -> Option<Group> {
    if let Ok(id) = text.parse::<u32>()
        && !text.starts_with('+')
    {
        return Some(Group::Id(id));
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._$".contains(&byte);
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    (begins && text.bytes().all(is_name)).then(|| Group::Name(text.to_owned()))
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Everywhere(port) => write!(f, "{port}"),
            Endpoint::At(address) => write!(f, "{address}"),
            Endpoint::Unix(socket) => write!(f, "{}", socket.name),
            Endpoint::Inherited(name) => write!(f, "fd:{name}"),
        }
    }
}

impl Display for Listen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.endpoint)?;
        if let Endpoint::Unix(UnixSocket { mode, group, .. }) = &self.endpoint {
            if *mode != UnixSocket::MODE {
                write!(f, ",mode={mode:04o}")?;
            }
            if let Some(group) = group {
                write!(f, ",group={group}")?;
            }
        }
        if self.proxy {
            f.write_str(",proxy")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(name: Result<UnixName, InvalidUnixName>) -> UnixSocket {
        UnixSocket::new(name.expect("a name"))
    }

    fn at(address: &str) -> Listen {
        Listen::at(address.parse::<SocketAddr>().expect("an address"))
    }

    #[test]
    fn a_place_is_read_and_shown_as_it_was_written() {
        let socket = unix(UnixName::path("/run/a.sock"));
        let www = UnixSocket { group: Some(Group::Name("www-data".into())), ..socket.clone() };
        let whole = UnixSocket { mode: 0o600, group: Some(Group::Id(33)), ..socket.clone() };
        for (text, listen) in [
            ("8888", Listen::everywhere(8888)),
            ("0", Listen::everywhere(0)),
            ("127.0.0.1:80", at("127.0.0.1:80")),
            ("0.0.0.0:80", at("0.0.0.0:80")),
            ("[::1]:80", at("[::1]:80")),
            ("[::]:80", at("[::]:80")),
            ("[fe80::1%2]:80", at("[fe80::1%2]:80")),
            ("unix:/run/a.sock", Endpoint::Unix(socket).into()),
            ("unix:a.sock", Endpoint::Unix(unix(UnixName::path("a.sock"))).into()),
            ("unix:./@a", Endpoint::Unix(unix(UnixName::path("./@a"))).into()),
            ("unix:@a b", Endpoint::Unix(unix(UnixName::of_abstract("a b"))).into()),
            ("unix:/run/a.sock,group=www-data", Endpoint::Unix(www).into()),
            ("unix:/run/a.sock,mode=0600,group=33", Endpoint::Unix(whole).into()),
            ("fd:web", Endpoint::Inherited("web".into()).into()),
            ("8888,proxy", Listen { proxy: true, ..Listen::everywhere(8888) }),
            ("127.0.0.1:80,proxy", Listen { proxy: true, ..at("127.0.0.1:80") }),
        ] {
            assert_eq!(text.parse(), Ok(listen.clone()), "{text}");
            assert_eq!(listen.to_string(), text);
        }
        let order = "unix:/a,proxy,group=_x,mode=666".parse::<Listen>().expect("any order");
        assert_eq!(order.to_string(), "unix:/a,mode=0666,group=_x,proxy");
        let usual = "unix:/a,mode=0660".parse::<Listen>().expect("the usual mode");
        assert_eq!(usual.to_string(), "unix:/a");
    }

    #[test]
    fn each_mistake_is_told_with_its_column_and_an_example() {
        let long = format!("unix:/{}", "n".repeat(107));
        for (text, column, says) in [
            ("", 1, "8888"),
            (" 8888", 1, "8888"),
            ("x", 1, "127.0.0.1:8888"),
            ("65536", 1, "65535"),
            ("localhost:80", 1, "numeric"),
            ("127.0.0.1", 1, "127.0.0.1:8888"),
            ("::1", 1, "[::1]:8888"),
            ("[::1]", 1, "[::1]:8888"),
            ("127.0.0.1:65536", 1, "127.0.0.1:8888"),
            ("unix:", 6, "unix:/run/"),
            ("unix:,mode=0600", 6, "unix:/run/"),
            ("unix:@", 7, "unix:/run/"),
            ("unix:/a\0b", 6, "NUL"),
            (&long, 6, "108 bytes; at most 107"),
            ("fd:", 4, "fd:web"),
            ("fd:a:b", 5, "fd:web"),
            ("fd:é", 4, "fd:web"),
            ("8888,", 6, "mode=0660"),
            ("8888,9999", 6, "another place is given by itself"),
            ("8888,127.0.0.1:80", 6, "another place is given by itself"),
            ("8888,Proxy", 6, "proxy"),
            ("8888,proxy=1", 11, ",proxy"),
            ("8888,proxy,proxy", 12, "twice"),
            ("8888,proxy,", 12, "mode=0660"),
            ("8888,tls", 6, "HAProxy"),
            ("8888,tls=a.pem", 6, "HAProxy"),
            ("8888,mode=0660", 6, "unix:/PATH"),
            ("[::1]:80,group=x", 10, "unix:/PATH"),
            ("fd:web,mode=0660", 8, "SocketMode="),
            ("unix:/a,mode", 9, "mode=0660"),
            ("unix:/a,mode=", 14, "mode=0660"),
            ("unix:/a,mode=66", 14, "mode=0660"),
            ("unix:/a,mode=0668", 14, "mode=0660"),
            ("unix:/a,mode=1777", 14, "mode=0660"),
            ("unix:/a,mode=+660", 14, "mode=0660"),
            ("unix:/a,mode=0660,mode=0600", 19, "twice"),
            ("unix:/a,group=", 15, "group=www-data"),
            ("unix:/a,group=+1", 15, "group=www-data"),
            ("unix:/a,group=-x", 15, "group=www-data"),
            ("unix:/a,group=a b", 15, "group=www-data"),
            ("unix:/a,group=4294967296", 15, "group=www-data"),
            ("unix:/é,mode=9", 14, "mode=0660"),
        ] {
            let wrong = text.parse::<Listen>().expect_err(text);
            assert_eq!(wrong.column(), column, "{text}: {wrong}");
            assert!(wrong.to_string().contains(says), "{text}: {wrong}");
            assert!(!wrong.to_string().contains('\n'), "{text}");
        }
    }

    #[test]
    fn a_program_may_read_addresses_in_its_own_way() {
        let read = |text: &str| {
            Listen::parse_with(text, |address| match address {
                "here" => Ok(Endpoint::Everywhere(1)),
                other => Err(format!("no '{other}'")),
            })
        };
        assert_eq!(read("here,proxy").map(|it| it.to_string()), Ok("1,proxy".into()));
        assert_eq!(read("unix:@a").map(|it| it.to_string()), Ok("unix:@a".into()));
        assert_eq!(read("there").map_err(|it| it.to_string()), Err("no 'there'".into()));
        assert_eq!(read("here,x").map_err(|it| it.column()), Err(6));
    }
}
