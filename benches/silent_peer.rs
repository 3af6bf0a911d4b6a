//! How long a peer keeps its slot that has lost its power: `cargo bench --bench silent_peer`, as root.
//!
//! A client waits for the next piece of an answer that pauses for an hour. Neither side owes the other
//! a byte, so nothing that is lost would be missed, and the server itself looks for no sign of life. Then
//! the client's link goes down, as by a cable that is pulled. The kernel must notice it by its own
//! questions (keepalive), and the server must free the slot. A second client, on a link of its own,
//! waits in the same way and stays: it answers these questions.
//!
//! All of it is in network namespaces with links of their own, which go with their processes. The times
//! are the real ones: two to three minutes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{Config, Listen, Next, Piece, Reply, Request, Server, Status};

/// When the slot is to be free at the latest: three and a half times the write timeout, which are 105 s,
/// and the time by which the kernel's timers may be late.
const GONE_MAX: Duration = Duration::from_secs(115);

/// How much longer the client that stays is watched.
const SLACK: Duration = Duration::from_secs(7);

/// How long the kernel's questions are waited for, until the answer is that none helps.
const PATIENCE: Duration = Duration::from_secs(200);

/// What the programs that this one starts of itself are told to be.
const SERVER: &str = "--as-server";
const CLIENT: &str = "--as-client";

const PORT: u16 = 8888;

/// A link from the server to each client.
const LINKS: [&str; 2] = ["olpulled", "olstays"];

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let has = |word: &str| words.iter().any(|it| it == word);
    if has(SERVER) {
        return serve();
    }
    if let Some(at) = words.iter().position(|it| it == CLIENT) {
        return wait_for_more(words[at + 1].parse().expect("an address"));
    }
    if !has("--bench") {
        return println!("not measured: cargo bench --bench silent_peer does that");
    }
    match measure() {
        Ok(gone) => {
            println!(
                "the slot of a peer that is cut off is free after {:.1} s",
                gone.as_secs_f64()
            );
            println!("the other client is still there");
            assert!(gone <= GONE_MAX, "which is later than {GONE_MAX:?}");
        }
        Err(lack) => println!("not measured: {lack}"),
    }
}

/// The server, which tells how many clients it has whenever that changes.
fn serve() {
    let mut config = Config::default();
    config.listen = vec![Listen::at(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)))];
    let mut server = Server::bind(&config, |_: &Request<'_>, reply: Reply<'_>| {
        let mut begun = false;
        reply.status(Status::OK).stream(move |piece: &mut Piece<'_>| {
            if !begun {
                piece.append("first");
                begun = true;
            }
            Next::Wait(Duration::from_secs(3600))
        })
    })
    .expect("a free port");
    let mut told = usize::MAX;
    loop {
        if server.clients() != told {
            told = server.clients();
            println!("clients {told}");
        }
        let _ = server.turn(None).expect("a healthy poll");
    }
}

/// A client that waits for the rest of its answer for ever.
fn wait_for_more(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    let mut room = [0; 512];
    while !answer.ends_with(b"first\r\n") {
        let bytes = stream.read(&mut room).expect("the first piece");
        assert!(bytes > 0, "the answer has ended");
        answer.extend_from_slice(&room[..bytes]);
    }
    println!("waits");
    let ended = stream.read(&mut room);
    println!("ended {ended:?}");
}

/// Runs until the slot is free, and says how long that took.
fn measure() -> Result<Duration, String> {
    let spaces = Spaces::new()?;
    let mut server = spaces.start("server", &[SERVER])?;
    server.hear("clients 0")?;
    let mut clients = Vec::new();
    for (number, link) in LINKS.iter().enumerate() {
        let address = format!("10.99.{number}.1:{PORT}");
        let mut client = spaces.start(link, &[CLIENT, &address])?;
        client.hear("waits")?;
        server.hear(&format!("clients {}", number + 1))?;
        clients.push(client);
    }
    spaces.ip(&["-n", &spaces.name(LINKS[0]), "link", "set", LINKS[0], "down"])?;
    let began = Instant::now();
    server.hear("clients 1")?;
    let gone = began.elapsed();
    // Past the time at which it would have gone, if it were for the silence alone.
    match server.lines.recv_timeout((GONE_MAX + SLACK).saturating_sub(gone) + SLACK) {
        Ok(line) => Err(format!("the client that is still there has lost its slot: {line}")),
        Err(_) => Ok(gone),
    }
}

/// One network namespace for the server, and one for each client.
struct Spaces;

impl Spaces {
    fn new() -> Result<Spaces, String> {
        let spaces = Spaces;
        for name in ["server", LINKS[0], LINKS[1]] {
            spaces.ip(&["netns", "add", &spaces.name(name)])?;
        }
        let server = spaces.name("server");
        for (number, link) in LINKS.iter().enumerate() {
            let (client, far) = (spaces.name(link), format!("{link}-s"));
            let pair = ["link", "add", link, "netns", &client, "type", "veth", "peer", "name"];
            spaces.ip(&[&pair[..], &[&far, "netns", &server]].concat())?;
            let ends = [(&client, link.to_string(), 2), (&server, far, 1)];
            for (space, device, host) in ends {
                let address = format!("10.99.{number}.{host}/24");
                spaces.ip(&["-n", space, "address", "add", &address, "dev", &device])?;
                spaces.ip(&["-n", space, "link", "set", &device, "up"])?;
            }
        }
        Ok(spaces)
    }

    /// No other run has this name at the same time.
    fn name(&self, of: &str) -> String {
        format!("{of}-{}", std::process::id())
    }

    fn ip(&self, words: &[&str]) -> Result<(), String> {
        let output = Command::new("ip").args(words).output();
        let output = output.map_err(|error| format!("ip (Debian package iproute2): {error}"))?;
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        output.status.success().then_some(()).ok_or(format!("ip {}: {why}", words.join(" ")))
    }

    /// Starts this program again in one of them.
    fn start(&self, of: &str, words: &[&str]) -> Result<Running, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(of)]).arg(program).args(words);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let output = process.stdout.take().expect("it was asked for as a pipe");
        Ok(Running { process, lines: lines_of(output) })
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for name in ["server", LINKS[0], LINKS[1]] {
            // Its links go with it.
            let _ = self.ip(&["netns", "delete", &self.name(name)]);
        }
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    // Ends with the process whose output it is.
    thread::spawn(move || {
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.all(|line| sender.send(line).is_ok())
    });
    lines
}

/// A program that runs. Ended when it is dropped.
struct Running {
    process: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Waits until it has printed this line.
    fn hear(&mut self, line: &str) -> Result<(), String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(printed) if printed == line => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(format!("no line {line:?}: {error}")),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
