//! The floor: the least that a single-threaded server on Linux can do for a request.
//!
//! One edge-triggered epoll loop, one `recv`, one `send` of constant bytes. It understands nothing:
//! it counts requests only because each must be answered once. What a real server costs above this
//! is the price of understanding.
//!
//! ```text
//! floor --request-bytes 64       every 64 bytes are a request; no byte is looked at
//! floor                          every \r\n\r\n ends a request; for curl, telnet, wrk
//! ```

use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitCode;

use clap::Parser;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, getsockname,
    listen, recv, send, socket_with, sockopt,
};

use peers::placement;
use peers::text;

/// The kernel cuts this down to `net.core.somaxconn`, whose default it is.
const BACKLOG: i32 = 4096;
/// As many as mio is commonly given: a batch large enough that its one `epoll_wait` vanishes among
/// the answers.
const EVENTS_MAX: usize = 1024;
/// One buffer for all clients, small enough to stay in the first-level cache.
const INPUT_BYTES: usize = 16 * 1024;
/// Answers lie ready side by side up to this size, so that a pipelined batch leaves with one
/// `send`.
const ANSWERS_BYTES: usize = 64 * 1024;

/// Answers every request with the same bytes and parses nothing.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(short, long, default_value_t = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))]
    listen: SocketAddrV4,
    /// Take every N bytes for a request instead of looking for the blank line.
    #[arg(long, value_name = "N")]
    request_bytes: Option<NonZeroUsize>,
    /// Answer with a body of N bytes.
    #[arg(long, value_name = "N")]
    body_bytes: Option<usize>,
    /// Answer 304, without a body.
    #[arg(long)]
    not_modified: bool,
    /// Close each connection after its first answer.
    #[arg(long)]
    close: bool,
}

fn main() -> ExitCode {
    match Floor::bind(&Options::parse()).and_then(|mut floor| floor.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The whole server.
struct Floor {
    epoll: OwnedFd,
    listener: OwnedFd,
    /// By descriptor: the kernel hands out the lowest free number, so the table stays dense.
    clients: Vec<Option<Client>>,
    input: Vec<u8>,
    answers: Answers,
    counting: Counting,
    after_answer: Fate,
}

/// One connection.
struct Client {
    stream: OwnedFd,
    /// What [`Counting`] remembers between two `recv`s.
    progress: usize,
    /// Bytes of answers not yet taken by the kernel. While there are any, nothing more is read.
    owed: usize,
}

/// What becomes of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Close,
}

impl Floor {
    fn bind(options: &Options) -> Result<Floor, Errno> {
        placement::raise_descriptor_limit();
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let listener = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&listener, true)?;
        // Accepted sockets inherit it: no system call per connection.
        sockopt::set_tcp_nodelay(&listener, true)?;
        bind(&listener, &options.listen)?;
        listen(&listener, BACKLOG)?;
        let address = SocketAddrV4::try_from(getsockname(&listener)?)?;
        eprintln!("listening on http://{address}/");

        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, token(&listener), EventFlags::IN | EventFlags::ET)?;
        let after_answer = if options.close { Fate::Close } else { Fate::Keep };
        Ok(Floor {
            epoll,
            listener,
            clients: Vec::new(),
            input: vec![0; INPUT_BYTES],
            answers: Answers::new(options, after_answer),
            counting: options.request_bytes.map_or(Counting::Ends, Counting::Lengths),
            after_answer,
        })
    }

    fn run(&mut self) -> Result<(), Errno> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            for event in events.drain(..) {
                let number = event.data.u64() as usize;
                if number == self.listener.as_raw_fd() as usize {
                    self.accept_all()?;
                } else {
                    self.serve(number);
                }
            }
        }
    }

    fn accept_all(&mut self) -> Result<(), Errno> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let stream = match accept_with(&self.listener, flags) {
                Ok(stream) => stream,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => return Err(error),
            };
            let readable = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, &stream, token(&stream), readable)?;
            let number = stream.as_raw_fd() as usize;
            if self.clients.len() <= number {
                self.clients.resize_with(number + 1, || None);
            }
            self.clients[number] = Some(Client { stream, progress: 0, owed: 0 });
        }
    }

    /// A client that was closed earlier in this batch may still have an event in it; a new client
    /// with its number then finds nothing to read.
    fn serve(&mut self, number: usize) {
        let Some(mut client) = self.clients[number].take() else { return };
        if self.drive(&mut client) == Fate::Keep {
            self.clients[number] = Some(client);
        }
    }

    fn drive(&mut self, client: &mut Client) -> Fate {
        if client.owed > 0 {
            match self.send(client) {
                Fate::Keep if client.owed > 0 => return Fate::Keep,
                Fate::Keep if self.after_answer == Fate::Keep => {}
                Fate::Keep | Fate::Close => return Fate::Close,
            }
        }
        loop {
            let received = match recv(&client.stream, &mut self.input[..], RecvFlags::empty()) {
                Ok((0, _)) => return Fate::Close,
                Ok((received, _)) => received,
                Err(Errno::AGAIN) => return Fate::Keep,
                Err(Errno::INTR) => continue,
                Err(_) => return Fate::Close,
            };
            let requests = self.counting.count(&mut client.progress, &self.input[..received]);
            if requests > 0 {
                client.owed = requests * self.answers.one_bytes;
                let fate = self.send(client);
                if fate == Fate::Close || client.owed > 0 {
                    return fate;
                }
                if self.after_answer == Fate::Close {
                    return Fate::Close;
                }
            }
            // A short read has emptied the socket; the next byte makes a new edge.
            if received < self.input.len() {
                return Fate::Keep;
            }
        }
    }

    /// Sends what is owed, as far as the kernel takes it now, and asks for the edge that continues.
    fn send(&self, client: &mut Client) -> Fate {
        while client.owed > 0 {
            let bytes = self.answers.owed(client.owed);
            match send(&client.stream, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => client.owed -= sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let both =
                        EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
                    let token = token(&client.stream);
                    return match epoll::modify(&self.epoll, &client.stream, token, both) {
                        Ok(()) => Fate::Keep,
                        Err(_) => Fate::Close,
                    };
                }
                Err(_) => return Fate::Close,
            }
        }
        Fate::Keep
    }
}

fn token(descriptor: &OwnedFd) -> EventData {
    EventData::new_u64(descriptor.as_raw_fd() as u64)
}

/// The same answer many times over, made once at the start.
struct Answers {
    bytes: Vec<u8>,
    one_bytes: usize,
}

impl Answers {
    fn new(options: &Options, after_answer: Fate) -> Answers {
        let body = match options.not_modified {
            true => String::new(),
            false => text::body(options.body_bytes),
        };
        let status = if options.not_modified { "304 Not Modified" } else { "200 OK" };
        let close = match after_answer {
            Fate::Keep => "",
            Fate::Close => "Connection: close\r\n",
        };
        let one = format!(
            "HTTP/1.1 {status}\r\nDate: Sun, 22 Nov 2026 15:00:00 GMT\r\nContent-Type: {}\r\n\
             {close}Content-Length: {}\r\n\r\n{body}",
            text::CONTENT_TYPE,
            body.len(),
        );
        let copies = (ANSWERS_BYTES / one.len()).max(1);
        Answers { one_bytes: one.len(), bytes: one.repeat(copies).into_bytes() }
    }

    /// The next bytes to send when `owed` are left: the end of a half-sent answer, then whole ones.
    fn owed(&self, owed: usize) -> &[u8] {
        let sent_of_one = (self.one_bytes - owed % self.one_bytes) % self.one_bytes;
        let end = (sent_of_one + owed).min(self.bytes.len());
        &self.bytes[sent_of_one..end]
    }
}

/// How it knows that a request has come.
enum Counting {
    /// By `\r\n\r\n`; `progress` is how much of it the last bytes matched.
    Ends,
    /// By length, whatever the bytes are; `progress` is how many of the next request have come.
    Lengths(NonZeroUsize),
}

impl Counting {
    fn count(&self, progress: &mut usize, received: &[u8]) -> usize {
        match self {
            Counting::Lengths(length) => {
                let bytes = *progress + received.len();
                *progress = bytes % length.get();
                bytes / length.get()
            }
            Counting::Ends => {
                received.iter().filter(|byte| ends_with_blank_line(progress, **byte)).count()
            }
        }
    }
}

/// Whether `byte` completes `\r\n\r\n`, of which `matched` bytes have come before it.
fn ends_with_blank_line(matched: &mut usize, byte: u8) -> bool {
    const END: &[u8; 4] = b"\r\n\r\n";
    *matched = match byte {
        byte if byte == END[*matched] => *matched + 1,
        b'\r' => 1,
        _ => 0,
    };
    let complete = *matched == END.len();
    if complete {
        *matched = 0;
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_counted_wherever_the_input_is_cut() {
        let input = b"GET / HTTP/1.1\r\n\r\nGET /\r\r\n\r\nx\r\n\r\r\n\r\n";
        for cut in 0..input.len() {
            let mut progress = 0;
            let first = Counting::Ends.count(&mut progress, &input[..cut]);
            let second = Counting::Ends.count(&mut progress, &input[cut..]);
            assert_eq!(first + second, 3, "cut at {cut}");
        }
    }

    #[test]
    fn lengths_are_counted_wherever_the_input_is_cut() {
        let counting = Counting::Lengths(NonZeroUsize::MIN.saturating_add(6));
        for cut in 0..30 {
            let mut progress = 0;
            let first = counting.count(&mut progress, &[0; 30][..cut]);
            let second = counting.count(&mut progress, &[0; 30][cut..]);
            assert_eq!((first + second, progress), (4, 2), "cut at {cut}");
        }
    }

    #[test]
    fn a_half_sent_answer_continues_where_it_stopped() {
        let options = Options::parse_from(["floor", "--body-bytes", "3"]);
        let answers = Answers::new(&options, Fate::Keep);
        let one = answers.bytes[..answers.one_bytes].to_vec();
        let owed = answers.owed(answers.one_bytes * 2 - 5);
        assert_eq!(owed, [&one[5..], &one[..]].concat());
        assert_eq!(answers.owed(1), b"x");
    }
}
