//! Which sockets listen at the server's place, by the kernel's lists.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::server::Server;

/// The state of a listener, in the kernel's lists of TCP sockets.
const LISTENING: &str = "0A";

/// The listening sockets, as links among a process's descriptors name them. The process tells in which
/// network the lists are looked up.
pub fn of(pid: u32, server: Server) -> BTreeSet<String> {
    let list = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}"));
    let lists = |names: &[&str]| names.iter().flat_map(|name| list(name)).collect::<String>();
    match server {
        Server::At(address) => tcp(&lists(&["tcp", "tcp6"]), address),
        Server::Unix(_) => unix(&lists(&["unix"]), &server.to_string()),
    }
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn tcp(list: &str, address: SocketAddr) -> BTreeSet<String> {
    let places = places(address);
    let inode = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_listener = words.get(3) == Some(&LISTENING);
        let is_there = words.get(1).is_some_and(|place| places.iter().any(|one| one == place));
        (is_listener && is_there).then(|| words.get(9).map(|inode| link(inode)))?
    };
    list.lines().filter_map(inode).collect()
}

/// `Num RefCount Protocol Flags Type St Inode Path`; an abstract name begins with `@`.
fn unix(list: &str, server: &str) -> BTreeSet<String> {
    let path = server.strip_prefix("unix:").unwrap_or(server);
    let inode = |line: &str| {
        let (inode, named) = line.split_whitespace().nth(6).zip(line.split_once(path))?;
        named.1.is_empty().then(|| link(inode))
    };
    list.lines().filter_map(inode).collect()
}

fn link(inode: &str) -> String {
    format!("socket:[{inode}]")
}

/// What a listener may be bound to for connections to this address: it, or every address.
fn places(address: SocketAddr) -> Vec<String> {
    let mut all = vec![IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)];
    all.push(address.ip());
    if let IpAddr::V4(address) = address.ip() {
        all.push(address.to_ipv6_mapped().into());
    }
    let port = address.port();
    all.iter().map(|address| format!("{}:{port:04X}", hexadecimal(*address))).collect()
}

/// As the kernel prints addresses: words of 32 bits, in the machine's own order of bytes.
fn hexadecimal(address: IpAddr) -> String {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let words = octets.as_chunks::<4>().0.iter();
    words.map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn link_of(socket: &impl AsRawFd) -> String {
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd()));
        link.expect("it is open").to_string_lossy().into_owned()
    }

    #[test]
    fn a_listener_is_found_by_its_own_address_and_by_every_address() {
        for bound in ["127.0.0.1:0", "0.0.0.0:0"] {
            let listener = TcpListener::bind(bound).expect("a free port");
            let port = listener.local_addr().expect("an address").port();
            let server = |text: String| text.parse::<Server>().expect("a server");
            let found = of(std::process::id(), server(format!("127.0.0.1:{port}")));
            assert!(found.contains(&link_of(&listener)), "{bound}: {found:?}");
            let elsewhere = of(std::process::id(), server(format!("127.0.0.9:{port}")));
            assert_eq!(elsewhere.contains(&link_of(&listener)), bound.starts_with("0."));
        }
    }

    #[test]
    fn a_unix_listener_is_found_by_its_whole_path() {
        let path = std::env::temp_dir().join(format!("herd-listeners-{}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a free path");
        let server = |path: String| format!("unix:{path}").parse::<Server>().expect("a server");
        let path_text = path.display().to_string();
        let found = of(std::process::id(), server(path_text.clone()));
        let longer = of(std::process::id(), server(format!("{path_text}x")));
        let _ = fs::remove_file(path);
        assert!(found.contains(&link_of(&listener)), "{found:?}");
        assert!(longer.is_empty(), "{longer:?}");
    }
}
