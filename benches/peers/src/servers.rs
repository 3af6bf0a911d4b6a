//! The table of who is measured. A new peer is a row here and a function that says how to start it.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::failure::Failure;
use crate::load::Connections;
use crate::running::{Announcement, Start};
use crate::scenario::Scenario;
use crate::text;

/// A server under comparison.
#[derive(Clone, Copy)]
pub struct Server {
    /// What `--only` and the report call it.
    pub name: &'static str,
    /// Where its program is, if it is installed.
    find: fn(&Paths) -> Option<PathBuf>,
    /// How its program is started for a scenario.
    prepare: fn(&Path, &Scenario, TempDir) -> io::Result<Start>,
}

/// What the others are compared with.
pub const FLOOR: &str = "floor";

/// Everyone, in the report's order. The floor stands there twice: what differs between the two is
/// noise.
pub const SERVERS: [Server; 4] = [
    Server { name: FLOOR, find: find_floor, prepare: prepare_floor },
    Server { name: "floor-again", find: find_floor, prepare: prepare_floor },
    Server { name: "oneloop", find: find_oneloop, prepare: prepare_oneloop },
    Server { name: "nginx", find: find_nginx, prepare: prepare_nginx },
];

/// Where programs are that the machine does not know.
#[derive(Debug)]
pub struct Paths {
    /// The server of this project.
    pub oneloop: PathBuf,
}

impl Server {
    /// Its program; none when it is not on this machine.
    pub fn program(&self, paths: &Paths) -> Option<PathBuf> {
        (self.find)(paths)
    }

    /// How to start `program` for `scenario`.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn start(&self, program: &Path, scenario: &Scenario) -> Result<Start, Failure> {
        TempDir::with_prefix("peers-")
            .and_then(|directory| (self.prepare)(program, scenario, directory))
            .map_err(Failure::machine(format!("prepare {}", self.name)))
    }
}

/// It is built together with this program.
fn find_floor(_: &Paths) -> Option<PathBuf> {
    existing(env::current_exe().ok()?.with_file_name("floor"))
}

/// It is told the requests' length, so that it need not look at a single byte.
fn prepare_floor(program: &Path, scenario: &Scenario, directory: TempDir) -> io::Result<Start> {
    let mut command = Command::new(program);
    command.arg("--request-bytes").arg(scenario.request().len().to_string());
    match scenario.connections {
        Connections::Kept => {}
        Connections::PerRequest => {
            command.arg("--close");
        }
    }
    Ok(Start { command, announcement: Announcement::Line, directory })
}

fn find_oneloop(paths: &Paths) -> Option<PathBuf> {
    existing(paths.oneloop.clone())
}

/// At level `info` it says where it listens, and nothing per request.
fn prepare_oneloop(program: &Path, _: &Scenario, directory: TempDir) -> io::Result<Start> {
    let mut command = Command::new(program);
    command.args(["-l", "127.0.0.1:0"]).env("RUST_LOG", "info");
    Ok(Start { command, announcement: Announcement::Line, directory })
}

fn find_nginx(_: &Paths) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // Debian keeps it in a folder that only root's path names.
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .find_map(|folder| existing(folder.join("nginx")))
}

/// One process: the worker's loop without the master, which could outlive us with its worker.
fn prepare_nginx(program: &Path, _: &Scenario, directory: TempDir) -> io::Result<Start> {
    let address = free_address()?;
    let at = directory.path();
    let configuration = at.join("nginx.conf");
    fs::write(&configuration, nginx_configuration(at, address))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(at).arg("-c").arg(&configuration);
    command.arg("-e").arg(at.join("error.log"));
    Ok(Start { command, announcement: Announcement::Told(address), directory })
}

/// Nothing but the answer: no access log, no limit on a connection's requests, no version in the
/// head.
fn nginx_configuration(at: &Path, address: SocketAddrV4) -> String {
    let at = at.display();
    let content_type = text::CONTENT_TYPE;
    let body = text::BODY.escape_default();
    format!(
        "daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 50000;
pid {at}/nginx.pid;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {at}/body;
    proxy_temp_path {at}/proxy;
    fastcgi_temp_path {at}/fastcgi;
    uwsgi_temp_path {at}/uwsgi;
    scgi_temp_path {at}/scgi;
    default_type \"{content_type}\";
    server {{
        listen {address} backlog=4096;
        location / {{ return 200 \"{body}\"; }}
    }}
}}
"
    )
}

/// A port that was free a moment ago; for servers that cannot say which one they took.
fn free_address() -> io::Result<SocketAddrV4> {
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr()?.port()))
}

fn existing(program: PathBuf) -> Option<PathBuf> {
    program.is_file().then_some(program)
}
