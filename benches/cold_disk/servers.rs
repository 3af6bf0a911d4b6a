//! Who is asked: a handler of this library, and nginx.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oneloop::{Config, FileRange, Listen, Reply, Request, Server, Status};

use crate::disk::Disk;

/// The core that a server has for itself.
const CORE: &str = "0";

/// A server's name.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Oneloop,
    Nginx,
}

/// One that runs. Ended when it is dropped.
pub struct Running {
    pub address: SocketAddr,
    process: Child,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Oneloop, Kind::Nginx];

    /// Calm and storm, so often one after the other. Whoever is answered once a minute has to be
    /// waited for only once.
    pub fn rounds(self) -> usize {
        match self {
            Kind::Oneloop => 3,
            Kind::Nginx => 1,
        }
    }

    /// Starts it on a core of its own, with all its reads throttled.
    pub fn start(self, disk: &Disk) -> Result<Running, String> {
        let running = match self {
            Kind::Oneloop => start_oneloop(disk),
            Kind::Nginx => start_nginx(disk),
        };
        let running = running.map_err(|error| error.to_string())?;
        disk.slow_down(running.process.id())?;
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start_oneloop(disk: &Disk) -> std::io::Result<Running> {
    let mut process = Command::new("taskset")
        .args(["-c", CORE])
        .arg(std::env::current_exe()?)
        .arg("serve")
        .arg(&disk.mounted)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line)?;
    let address = line.trim().parse().map_err(std::io::Error::other)?;
    Ok(Running { address, process })
}

/// The files of a folder: `/hot`, and `/large` from the byte on that a `Range` names.
pub fn serve(folder: &Path) {
    // Noting when a file was read can have to wait for the file system's journal.
    let unnoted = rustix::fs::OFlags::NOATIME.bits() as i32;
    let open = |name: &str| {
        let opened = File::options().read(true).custom_flags(unnoted).open(folder.join(name));
        Arc::new(opened.expect("a file of the disk"))
    };
    let (hot, large) = (open("hot"), open("large"));
    let length = |file: &File| file.metadata().expect("an open file").len();
    let (hot_length, large_length) = (length(&hot), length(&large));
    let mut config = Config::default();
    config.listen = vec![Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))];
    let handler = move |request: &Request<'_>, reply: Reply<'_>| {
        if request.path() != "/large" {
            return reply.send_file(FileRange::new(Arc::clone(&hot), 0, hot_length));
        }
        let range = request.field("Range").and_then(|range| str::from_utf8(range).ok());
        let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix("-"));
        let from: u64 = from.and_then(|from| from.parse().ok()).unwrap_or_default();
        let range = FileRange::new(Arc::clone(&large), from, large_length - from);
        let told = format!("bytes {from}-{}/{large_length}", large_length - 1);
        let partial = Status::try_from(206).expect("a status");
        reply.status(partial).field("Content-Range", told).send_file(range)
    };
    let mut server = Server::bind(&config, handler).expect("loopback has free ports");
    println!("{}", server.local_addrs()[0]);
    server.run().expect("the poll of a healthy system");
}

/// As Debian sets it up, with one process and without a log.
fn start_nginx(disk: &Disk) -> std::io::Result<Running> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let text = format!(
        "daemon off; master_process off; pid {folder}/cold-disk.pid; error_log /dev/null crit;
        events {{ worker_connections 768; }}
        http {{
            sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000;
            server {{ listen {address}; root {root}; }}
        }}",
        folder = folder.display(),
        root = disk.mounted.display(),
    );
    let file = folder.join("cold-disk.conf");
    fs::write(&file, text)?;
    let process = Command::new("taskset")
        .args(["-c", CORE, "nginx", "-c"])
        .arg(&file)
        .stderr(Stdio::null())
        .spawn()?;
    let running = Running { address, process };
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > Duration::from_secs(5) {
            return Err(std::io::Error::other("nginx does not start"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(running)
}
