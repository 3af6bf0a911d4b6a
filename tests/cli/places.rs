//! Where it listens: what can be written, and what is in the way.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Running, addresses, mistake, oneloop, refusal};

/// The addresses at which it says that it listens.
fn told(command: &mut Command) -> Vec<SocketAddr> {
    let line = Running::launch(command).wait_for_line("listening on ");
    // Every address is told as localhost, which is none.
    addresses(&line.replace("//localhost:", "//[::]:"))
}

#[test]
fn addresses_are_written_in_many_ways() {
    for (listen, ip) in [
        ("localhost:0", "127.0.0.1"),
        ("127.0.0.1:0", "127.0.0.1"),
        ("0.0.0.0:0", "::"),
        ("[::]:0", "::"),
        ("*:0", "::"),
        (":0", "::"),
    ] {
        let address = told(oneloop().args(["-l", listen]))[0];
        assert_eq!(address.ip().to_string(), ip, "{listen}");
        assert_ne!(address.port(), 0, "{listen}");
    }
}

#[test]
fn a_port_goes_with_addresses_that_have_none() {
    let alone = told(oneloop().args(["-p", "0"]));
    assert_eq!(alone[0].ip().to_string(), "::");
    let both = told(oneloop().args(["--port", "0", "-l", "localhost 127.0.0.1"]));
    assert_eq!(both.len(), 1, "they are the same address");
    assert_eq!(both[0].ip().to_string(), "127.0.0.1");
}

#[test]
fn a_port_on_the_command_line_outweighs_those_of_the_environment() {
    let mut command = oneloop();
    let addresses = told(command.env("ONELOOP_LISTEN", "127.0.0.1:1").args(["-p", "0"]));
    assert_eq!(addresses[0].ip().to_string(), "127.0.0.1");
    let mut command = oneloop();
    let addresses = told(command.env("ONELOOP_PORT", "1").args(["-l", "127.0.0.1:0"]));
    assert_eq!(addresses[0].ip().to_string(), "127.0.0.1");
    let given_twice = mistake(&["-p", "1", "-l", "127.0.0.1:2"]);
    assert!(given_twice.contains("'--port' cannot be used with"), "{given_twice}");
}

#[test]
fn a_port_that_is_none_is_told_where_an_address_goes() {
    for text in ["65536", "-1", "http", "127.0.0.1:80"] {
        let sentence = mistake(&[format!("--port={text}")]);
        assert!(sentence.contains("an address goes to --listen"), "{sentence}");
    }
}

/// Whether any link-local address is there to listen at depends on the machine; that the name is
/// understood does not.
#[cfg(target_os = "linux")]
#[test]
fn a_zone_is_the_name_of_an_interface() {
    let sentence = mistake(&["-l", "[fe80::1%nowhere9]:0"]);
    assert!(sentence.contains("no network interface 'nowhere9'"), "{sentence}");
    // Loopback has no such address, so the kernel has understood the rest.
    let sentence = refusal(oneloop().args(["-l", "[fe80::1%lo]:0"]), 1);
    assert!(sentence.contains("cannot listen at [fe80::1%1]:0"), "{sentence}");
}

#[test]
fn an_address_that_is_taken_is_told_with_another_to_take() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("its address").to_string();
    let sentence = refusal(oneloop().args(["-l", &address]), 1);
    assert!(sentence.contains(&address) && sentence.contains("in use"), "{sentence}");
    assert!(sentence.contains("'-l 127.0.0.1:0' picks a free one"), "{sentence}");
    let sentence = refusal(oneloop().env("ONELOOP_LISTEN", &address), 1);
    assert!(sentence.contains("ONELOOP_LISTEN: "), "{sentence}");
    let sentence = refusal(oneloop().args(["-l", "127.0.0.1:0", "--admin", &address]), 1);
    assert!(sentence.contains("'--admin 127.0.0.1:0' picks"), "{sentence}");
}

/// 192.0.2.0/24 is for documentation (RFC 5737).
#[test]
fn an_address_of_another_machine_is_told_how_to_find_ours() {
    let sentence = refusal(oneloop().args(["-l", "192.0.2.7:8888"]), 1);
    assert!(sentence.contains("no such address"), "{sentence}");
    assert!(sentence.contains("'-l 8888'"), "{sentence}");
}

/// Root may bind any port, and a machine may let everybody.
#[cfg(target_os = "linux")]
#[test]
fn a_privileged_port_is_told_with_a_higher_one() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first: u16 = first.ok().and_then(|it| it.trim().parse().ok()).unwrap_or(1024);
    if first <= 81 {
        println!("every user may listen at port 81 here");
        return;
    }
    // Another user cannot reach the folder of the build, perhaps.
    let folder = std::env::temp_dir().join(format!("oneloop-port-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let program = folder.join("oneloop");
    super::copy_program(&program);
    let mut command = super::oneloop_at(&program);
    if rustix::process::geteuid().is_root() {
        command.uid(65534);
    }
    let sentence = refusal(command.args(["-l", "127.0.0.1:81"]), 1);
    std::fs::remove_dir_all(&folder).expect("our own folder");
    assert!(sentence.contains("ports below 1024 are for root"), "{sentence}");
    assert!(sentence.contains("'-l 127.0.0.1:8081'"), "{sentence}");
}

/// The text that a new connection to this address gets.
fn text_at(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("it is listened at");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it is there");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and the end");
    answer.lines().last().expect("a text").to_owned()
}

/// How many connections are made until each process has had one: it would take chance more than the
/// universe has time for to send them all to one of two.
const CONNECTIONS_MAX: usize = 300;

#[test]
fn processes_that_reuse_a_port_all_answer_at_it() {
    let start = |at: &str, text: &str| {
        let mut command = oneloop();
        let running = Running::launch(command.args(["--reuse-port", "-l", at, "-t", text]));
        let address = addresses(&running.wait_for_line("listening on "))[0];
        (running, address)
    };
    let (_first, address) = start("127.0.0.1:0", "first");
    let (_second, same) = start(&address.to_string(), "second");
    assert_eq!(address, same);
    let mut texts = BTreeSet::new();
    for _ in 0..CONNECTIONS_MAX {
        texts.insert(text_at(address));
        if texts.len() == 2 {
            break;
        }
    }
    assert_eq!(texts.into_iter().collect::<Vec<_>>(), ["first", "second"]);
    let told = refusal(oneloop().args(["-l", &address.to_string()]), 1);
    assert!(told.contains("in use"), "one that does not say so as well: {told}");
    let admin = ["--reuse-port", "-l", "127.0.0.1:0", "--admin", &address.to_string()];
    assert!(refusal(oneloop().args(admin), 1).contains("in use"), "nor for the server's own");
}

#[test]
fn what_has_no_port_cannot_be_shared_by_one() {
    for place in ["unix:/tmp/oneloop-no-port", "fd:web"] {
        let told = mistake(&["--reuse-port", "-l", "0", "-l", place]);
        let says = format!("'--reuse-port' is for ports, and {place} is none");
        assert!(told.contains(&says), "{told}");
    }
}
