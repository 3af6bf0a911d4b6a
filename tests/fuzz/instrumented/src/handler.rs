//! A handler that says all that it was shown, and a few more things that handlers do.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use oneloop::{Fault, Handler, Reply, Request, Sent, Status, Version};

/// Everything that a handler is shown of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub method: String,
    pub target: String,
    pub path: String,
    pub query: Option<String>,
    pub version: Version,
    pub fields: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub client: Option<IpAddr>,
}

impl Shown {
    fn of(request: &Request<'_>) -> Shown {
        let fields: Vec<_> =
            request.fields().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        for (name, _) in &fields {
            let first = fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            let found = request.field(&name.to_ascii_uppercase());
            assert_eq!(found, first.map(|(_, value)| &value[..]), "the first {name}");
        }
        Shown {
            method: request.method().as_str().to_owned(),
            target: request.target().to_owned(),
            path: request.path().to_owned(),
            query: request.query().map(str::to_owned),
            version: request.version(),
            fields,
            body: request.body().to_vec(),
            client: request.client(),
        }
    }

    /// All of it, as bytes.
    pub fn echo(&self) -> Vec<u8> {
        let Shown { method, target, path, query, version, fields, body, client } = self;
        let line = format!("{method}\n{target}\n{path}\n{query:?}\n{version:?}\n{client:?}\n");
        let mut echo = line.into_bytes();
        for (name, value) in fields {
            echo.extend_from_slice(format!("{name}: ").as_bytes());
            echo.extend_from_slice(value);
            echo.push(b'\n');
        }
        echo.push(b'\n');
        echo.extend_from_slice(body);
        echo
    }
}

/// How a request is answered: its path says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// 200, and the echo.
    Echo,
    /// The same, in memory that is shared instead of copied.
    Shared,
    /// The same, and the end of the connection.
    Close,
    /// The same, and the content as a field: it may be something that breaks a head.
    Reflect,
    /// A status that has rules of its own about content.
    Bare(u16),
}

/// More than the server copies: it sends such bodies from where they are.
const SHARED_BYTES: usize = 9000;

impl Manner {
    pub fn of(path: &str) -> Manner {
        match path {
            "/shared" => Manner::Shared,
            "/close" => Manner::Close,
            "/reflect" => Manner::Reflect,
            "/204" => Manner::Bare(204),
            "/205" => Manner::Bare(205),
            "/304" => Manner::Bare(304),
            _ => Manner::Echo,
        }
    }

    /// The content of an answer in this manner.
    pub fn body(self, shown: &Shown) -> Vec<u8> {
        let mut body = shown.echo();
        if self == Manner::Shared {
            body.resize(body.len().max(SHARED_BYTES), b'.');
        }
        body
    }
}

/// The name of the field that proves an answer to HEAD, too, to be the right one.
pub const ECHO: &str = "Echo";
/// The name of the field that carries a fault's kind.
pub const KIND: &str = "Kind";
/// The name of the field that carries a request's content.
pub const REFLECTED: &str = "Reflected";

/// Sixteen digits that stand for `bytes`.
pub fn digest(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The handler.
#[derive(Debug)]
pub struct Echo;

impl Handler for Echo {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let shown = Shown::of(request);
        let manner = Manner::of(request.path());
        let body = manner.body(&shown);
        let reply = match manner {
            Manner::Bare(code) => reply.status(Status::try_from(code).expect("a final status")),
            Manner::Echo | Manner::Shared | Manner::Close | Manner::Reflect => {
                reply.status(Status::OK)
            }
        };
        let reply = reply.field(ECHO, digest(&body));
        match manner {
            Manner::Echo | Manner::Bare(_) => reply.send(&body),
            Manner::Shared => reply.send(Arc::<[u8]>::from(body)),
            Manner::Close => reply.close().send(&body),
            Manner::Reflect => reply.field(REFLECTED, request.body()).send(&body),
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        reply
            .status(fault.status())
            .field(KIND, format!("{:?}", fault.kind()))
            .field(ECHO, digest(fault.received()))
            .send(fault.to_string())
    }
}
