//! Behind real balancers that send PROXY headers: HAProxy, and nginx with its stream module.

#[path = "support/needed.rs"]
mod needed;
#[path = "support/sockets.rs"]
mod sockets;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use needed::{Folder, Needed, report_not_run};
use oneloop::{CloseReason, Reply, Request, Sent};
use socket2::{Domain, Socket, Type};
use sockets::{Background, Client, PATIENCE};

const HAPROXY: Needed = Needed { names: &["haproxy"], package: "haproxy" };
const NGINX: Needed = Needed { names: &["nginx"], package: "nginx-core" };

/// What its package installs.
const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// No other client has this address: balancers connect from 127.0.0.1.
const OWN: Ipv4Addr = Ipv4Addr::new(127, 1, 2, 3);

fn say_client(request: &Request<'_>, reply: Reply<'_>) -> Sent {
    let client = request.client().map_or("nobody".into(), |client| client.to_string());
    reply.send(format!("{client} by {}", request.peer()))
}

/// A server that asks for PROXY headers.
fn server() -> Background {
    let mut config = sockets::config();
    config.listen[0].proxy = true;
    Background::start(&config, say_client)
}

/// A balancer that ends with its guard.
struct Balancer {
    child: Child,
    address: SocketAddr,
}

impl Balancer {
    /// Starts `command`, which listens at this address, and waits until it does.
    fn start(command: &mut Command, address: SocketAddr) -> Balancer {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut balancer = Balancer { child: child.spawn().expect("it was found"), address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < PATIENCE, "it does not listen at {address}");
            assert!(balancer.child.try_wait().expect("a child").is_none(), "it has ended");
            thread::yield_now();
        }
        balancer
    }

    /// A client of it, which comes from [`OWN`].
    fn connect(&self) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((OWN, 0)).into()).expect("an address of this machine");
        socket.connect(&self.address.into()).expect("it listens");
        Client::new(socket.into())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // If it has ended already, that was said where it mattered.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where nothing listens.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

fn haproxy(program: &Path, folder: &Folder, mode: &str, server: &str) -> Balancer {
    let address = free_address();
    let file = folder.path().join("haproxy.cfg");
    let config = format!(
        "defaults\n  mode {mode}\n  timeout connect 5s\n  timeout client 60s\n  \
         timeout server 60s\nlisten all\n  bind {address}\n  option httpchk GET /check\n  \
         default-server inter 50ms fall 1 rise 1\n  server oneloop {server}\n"
    );
    fs::write(&file, config).expect("the folder can be written to");
    Balancer::start(Command::new(program).args(["-db", "-f"]).arg(&file), address)
}

/// Asks twice over a kept connection by this balancer.
fn assert_told_of(balancer: &Balancer) {
    assert_told_by(balancer, "127.0.0.1:");
}

/// The same, of a balancer that comes from a place which begins like this.
fn assert_told_by(balancer: &Balancer, peer: &str) {
    let mut client = balancer.connect();
    for _ in 0..2 {
        let told = client.get("/").text().to_owned();
        assert!(told.starts_with(&format!("{OWN} by {peer}")), "{told}");
    }
}

#[test]
fn haproxy_says_who_its_clients_are_by_either_version() {
    let Some(program) = HAPROXY.find(haproxy_says_who_its_clients_are_by_either_version) else {
        return;
    };
    let folder = Folder::new("haproxy-clients");
    for mode in ["tcp", "http"] {
        for option in ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"] {
            let server = server();
            let balancer =
                haproxy(&program, &folder, mode, &format!("{} {option}", server.address()));
            assert_told_of(&balancer);
            assert_eq!(server.seen().metrics.closed(CloseReason::NoProxyHeader), 0, "{option}");
        }
    }
}

/// By a PROXY header where the place asks for it, else by a field, which is believed of a Unix socket.
#[test]
fn haproxy_says_at_a_unix_socket_who_its_clients_are() {
    let Some(program) = HAPROXY.find(haproxy_says_at_a_unix_socket_who_its_clients_are) else {
        return;
    };
    let folder = Folder::new("haproxy-unix");
    for (behind_path, option) in [(",proxy", "send-proxy-v2"), ("", "")] {
        let path = folder.path().join("s");
        let mut config = sockets::config();
        let place = format!("unix:{}{behind_path}", path.display());
        config.listen = vec![place.parse().expect("a place")];
        let server = Background::start(&config, say_client);
        let server_line = format!("unix@{} {option} check\n  option forwardfor", path.display());
        let balancer = haproxy(&program, &folder, "http", &server_line);
        server.wait_until(|seen| seen.metrics.requests >= 2);
        assert_told_by(&balancer, "unix:pid=");
        assert_eq!(server.seen().metrics.closed(CloseReason::NoProxyHeader), 0, "{option}");
    }
}

#[test]
fn haproxys_checks_of_health_come_for_themselves_and_are_answered() {
    let Some(program) =
        HAPROXY.find(haproxys_checks_of_health_come_for_themselves_and_are_answered)
    else {
        return;
    };
    let folder = Folder::new("haproxy-checks");
    for option in ["send-proxy", "send-proxy-v2"] {
        let server = server();
        let place = format!("{} {option} check", server.address());
        let balancer = haproxy(&program, &folder, "http", &place);
        server.wait_until(|seen| seen.metrics.requests >= 3);
        assert_told_of(&balancer);
        assert_eq!(server.seen().metrics.closed(CloseReason::NoProxyHeader), 0, "{option}");
    }
}

#[test]
fn haproxy_without_the_header_is_refused() {
    let Some(program) = HAPROXY.find(haproxy_without_the_header_is_refused) else { return };
    let folder = Folder::new("haproxy-none");
    let server = server();
    let balancer = haproxy(&program, &folder, "tcp", &server.address().to_string());
    let mut client = balancer.connect();
    client.ask("/");
    client.end();
    server.wait_until(|seen| seen.metrics.closed(CloseReason::NoProxyHeader) == 1);
    assert_eq!(server.seen().metrics.requests, 0);
}

#[test]
fn nginx_says_at_a_unix_socket_who_its_clients_are() {
    let Some(program) = NGINX.find(nginx_says_at_a_unix_socket_who_its_clients_are) else { return };
    let folder = Folder::new("nginx-unix");
    let (path, address) = (folder.path().join("s"), free_address());
    let mut server_config = sockets::config();
    server_config.listen = vec![format!("unix:{}", path.display()).parse().expect("a place")];
    let server = Background::start(&server_config, say_client);
    let config = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\nhttp {{ access_log off; \
         upstream oneloop {{ server unix:{}; keepalive 4; }} server {{ listen {address}; \
         location / {{ proxy_pass http://oneloop; proxy_http_version 1.1; \
         proxy_set_header Connection ''; proxy_set_header X-Forwarded-For $remote_addr; }} }} }}\n",
        path.display()
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, config).expect("the folder can be written to");
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(&file);
    assert_told_by(&Balancer::start(&mut command, address), "unix:pid=");
    // A client has its answer before the turn that gave it has ended.
    let seen = server.wait_until(|seen| seen.metrics.requests == 2);
    assert_eq!(seen.metrics.accepted, 1, "one kept connection");
}

#[test]
fn nginx_says_who_its_clients_are() {
    let test = nginx_says_who_its_clients_are;
    let Some(program) = NGINX.find(test) else { return };
    if !Path::new(STREAM_MODULE).is_file() {
        report_not_run(test, "nginx has no stream module (Debian package libnginx-mod-stream)");
        return;
    }
    let folder = Folder::new("nginx-clients");
    let (server, address) = (server(), free_address());
    let file = folder.path().join("nginx.conf");
    let config = format!(
        "load_module {STREAM_MODULE};\ndaemon off;\nmaster_process off;\npid nginx.pid;\n\
         events {{}}\nstream {{ server {{ listen {address}; proxy_pass {}; proxy_protocol on; }} \
         }}\n",
        server.address()
    );
    fs::write(&file, config).expect("the folder can be written to");
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(&file);
    assert_told_of(&Balancer::start(&mut command, address));
}
