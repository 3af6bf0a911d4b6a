//! `oneloop health`: asks a server whether it is well. For containers that have no other program to ask.
//!
//! This is no part of the server: it blocks, within a bound on the whole time.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use oneloop::config::{Endpoint, UnixName};
use oneloop::{Config, Listen};
use socket2::{Domain, SockAddr, Socket, Type};

use super::options::Cli;
use crate::arguments::Refusal;
use crate::arguments::addresses::Place;
use crate::arguments::values::duration;

/// The word that asks for this, as the first argument. A directory of that name is `./health`.
pub const WORD: &str = "health";

/// How long all of it may take, unless it is said. Docker gives 30 s.
const TIMEOUT: Duration = Duration::from_secs(5);

/// As much of an answer is read: its status, and the words that follow the head.
const ANSWER_BYTES_MAX: usize = 4096;

const PATH: &str = "/healthz";

const HELP: &str = "\
Ask a server whether it is well: exit code 0 if it says 200, 1 if it does not

Usage: oneloop health [URL] [--timeout TIME]

  URL              http://127.0.0.1:9001/readyz, 9001, or unix:/run/oneloop/health.
                   Without a path: /healthz. Default: the health address of the
                   environment (ONELOOP_HEALTH), or else its first place to listen
  --timeout TIME   All of it may take this long [default: 5s]
";

/// Whom to ask, and for what.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    endpoint: Peer,
    path: String,
    timeout: Duration,
}

/// Where the server is.
#[derive(Debug, PartialEq, Eq)]
enum Peer {
    At(SocketAddr),
    Unix(UnixName),
}

/// Asks what the arguments behind `health` say, and prints the answer.
///
/// # Errors
/// If the arguments are wrong, or the server does not say that it is well.
pub fn ask(arguments: impl Iterator<Item = OsString>) -> Result<(), Refusal> {
    let arguments: Option<Vec<String>> = arguments.map(|it| it.into_string().ok()).collect();
    let arguments = arguments.ok_or_else(|| mistake("an argument is not UTF-8; write it anew"))?;
    if arguments.iter().any(|it| it == "-h" || it == "--help") {
        return print(HELP.as_bytes());
    }
    let question = Question::of(&arguments)?;
    let said = question.ask().map_err(|reason| {
        Refusal::System(format!("{} does not say that it is well: {reason}", question.name()))
    })?;
    print(said.as_bytes())
}

fn mistake(sentence: impl Into<String>) -> Refusal {
    Refusal::Mistake(sentence.into())
}

/// If standard output is closed, the exit code still tells.
fn print(text: &[u8]) -> Result<(), Refusal> {
    let _ = io::stdout().write_all(text);
    Ok(())
}

impl Question {
    fn of(arguments: &[String]) -> Result<Question, Refusal> {
        let (mut target, mut timeout) = (None, TIMEOUT);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = match argument.split_once('=') {
                Some(("--timeout", value)) => Some(value.to_owned()),
                _ if argument == "--timeout" => Some(arguments.next().cloned().unwrap_or_default()),
                _ => None,
            };
            match value {
                Some(text) => {
                    let read = duration(&text).map_err(|why| mistake(format!("--timeout: {why}")));
                    timeout = *read?;
                }
                None if argument.starts_with('-') => {
                    return Err(mistake(format!(
                        "unexpected '{argument}'; see 'oneloop health -h'"
                    )));
                }
                None if target.is_some() => return Err(mistake("give one URL; ask once for each")),
                None => target = Some(argument),
            }
        }
        let (endpoint, path) = match target {
            Some(target) => place(target).map_err(|why| mistake(format!("{target}: {why}")))?,
            None => (of_environment()?, PATH.to_owned()),
        };
        // The system takes no timeout of zero.
        Ok(Question { endpoint, path, timeout: timeout.max(Duration::from_millis(1)) })
    }

    fn name(&self) -> String {
        match &self.endpoint {
            Peer::At(address) => format!("http://{address}{}", self.path),
            Peer::Unix(name) => name.to_string(),
        }
    }

    /// What the server says, if it is well.
    fn ask(&self) -> io::Result<String> {
        let deadline = Instant::now() + self.timeout;
        match &self.endpoint {
            Peer::At(address) => {
                let stream = TcpStream::connect_timeout(address, self.timeout)?;
                let set = |left| {
                    stream.set_write_timeout(Some(left)).and(stream.set_read_timeout(Some(left)))
                };
                self.exchange(&stream, &address.to_string(), deadline, set)
            }
            Peer::Unix(name) => {
                let stream = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                stream.connect_timeout(&unix_address(name)?, self.timeout)?;
                let set = |left| {
                    stream.set_write_timeout(Some(left)).and(stream.set_read_timeout(Some(left)))
                };
                self.exchange(&stream, "localhost", deadline, set)
            }
        }
    }

    fn exchange<'s, S>(
        &self,
        stream: &'s S,
        host: &str,
        deadline: Instant,
        set_timeouts: impl Fn(Duration) -> io::Result<()>,
    ) -> io::Result<String>
    where
        &'s S: Read + Write,
    {
        let left = || match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::Error::from(ErrorKind::TimedOut)),
            left => Ok(left),
        };
        let path = &self.path;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        set_timeouts(left()?)?;
        let mut stream = stream;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut reader = BufReader::new(stream);
        while answer.len() < ANSWER_BYTES_MAX {
            set_timeouts(left()?)?;
            match reader.fill_buf() {
                Ok([]) => break,
                Ok(bytes) => {
                    let len = bytes.len();
                    answer.extend_from_slice(bytes);
                    reader.consume(len);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
        judge(&String::from_utf8_lossy(&answer))
    }
}

/// What the answer says, if its status is 200.
fn judge(answer: &str) -> io::Result<String> {
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
    match status {
        Some("200") => Ok(text.to_owned()),
        Some(status) => Err(io::Error::other(format!("{status}, {}", text.trim()))),
        None => Err(io::Error::other("its answer is no HTTP")),
    }
}

/// Where this URL, address or socket is, and its path.
fn place(text: &str) -> Result<(Peer, String), String> {
    if text.starts_with("unix:") {
        let listen: Listen = text.parse().map_err(|why| format!("{why}"))?;
        return Ok((peer(&listen)?, PATH.to_owned()));
    }
    if text.starts_with("https:") {
        return Err("only http is spoken here".to_owned());
    }
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let (authority, path) = match rest.find('/') {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, PATH),
    };
    if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("a path has no blanks".to_owned());
    }
    let address = authority.parse::<Place>()?.local(9001)?;
    Ok((Peer::At(reachable(address)), path.to_owned()))
}

/// Where the server of this environment is.
fn of_environment() -> Result<Peer, Refusal> {
    let Config { health, listen, .. } = Cli::from_arguments(["oneloop"])?.config()?;
    let listen = health.or_else(|| listen.into_iter().find(|it| !it.proxy));
    let listen = listen.ok_or_else(|| mistake("the environment has no place to ask; name one"))?;
    peer(&listen).map_err(mistake)
}

fn peer(listen: &Listen) -> Result<Peer, String> {
    match &listen.endpoint {
        Endpoint::Everywhere(port) => Ok(Peer::At(SocketAddr::from((Ipv4Addr::LOCALHOST, *port)))),
        Endpoint::At(address) => Ok(Peer::At(reachable(*address))),
        Endpoint::Unix(socket) => Ok(Peer::Unix(socket.name)),
        Endpoint::Inherited(_) | _ => Err(format!("{listen} cannot be asked; name a URL")),
    }
}

/// A server that listens at all addresses is reached at the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn unix_address(name: &UnixName) -> io::Result<SockAddr> {
    match (name.as_path(), name.as_abstract()) {
        (Some(path), _) => SockAddr::unix(path),
        (None, name) => {
            use std::os::unix::ffi::OsStrExt;
            let bytes = [&[0], name.unwrap_or_default()].concat();
            SockAddr::unix(std::ffi::OsStr::from_bytes(&bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(arguments: &[&str]) -> Result<Question, Refusal> {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        Question::of(&arguments)
    }

    #[test]
    fn a_url_an_address_and_a_socket_say_whom_to_ask() {
        for (text, name) in [
            ("http://127.0.0.1:9001/readyz", "http://127.0.0.1:9001/readyz"),
            ("http://localhost:9001", "http://127.0.0.1:9001/healthz"),
            ("9001", "http://127.0.0.1:9001/healthz"),
            ("[::]:9001/readyz?a", "http://[::1]:9001/readyz?a"),
            ("unix:/run/health", "unix:/run/health"),
            ("unix:@health", "unix:@health"),
        ] {
            assert_eq!(question(&[text]).expect(text).name(), name);
        }
        let asked = question(&["9001", "--timeout=250ms"]).expect("good arguments");
        assert_eq!(asked.timeout, Duration::from_millis(250));
    }

    #[test]
    fn what_cannot_be_asked_is_a_mistake() {
        for arguments in [
            &["9001", "9002"][..],
            &["--surprise"],
            &["9001", "--timeout"],
            &["9001", "--timeout", "soon"],
            &["https://127.0.0.1/"],
            &["http://example.org/"],
            &["http://127.0.0.1/healthz"],
            &["9001/a b"],
            &["unix:"],
        ] {
            match question(arguments) {
                Err(Refusal::Mistake(sentence)) => assert!(!sentence.contains('\n'), "{sentence}"),
                outcome => panic!("{arguments:?}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn only_200_is_well() {
        assert_eq!(judge("HTTP/1.1 200 OK\r\nA: b\r\n\r\nok\n").expect("well"), "ok\n");
        for answer in ["HTTP/1.1 503 X\r\n\r\nstopping\n", "HTTP/1.1 204 X\r\n\r\n", "", "noise"] {
            assert!(judge(answer).is_err(), "{answer}");
        }
        let why = judge("HTTP/1.1 503 X\r\n\r\nstopping\n").expect_err("not ready").to_string();
        assert_eq!(why, "503, stopping");
    }
}
