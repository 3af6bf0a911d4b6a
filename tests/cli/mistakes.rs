//! Mistakes on the command line and in the environment: one line, and an exit code.

use super::*;

#[test]
fn each_kind_of_mistake_is_one_line_and_exit_code_2() {
    let cases: [(&[&str], &str); 46] = [
        (&["--lisen", "8888"], "'--listen'"),
        (&["--surprise"], "oneloop --help"),
        (&["no/such/directory"], "name a directory"),
        (&["Cargo.toml"], "write --file 'Cargo.toml'"),
        (&[".", "another"], "name one directory"),
        (&[".", "--file", "page.html"], "give only one"),
        (&["--list"], "name the directory"),
        (&[".", "-H", "ETag: x"], "ETag"),
        (&["--type", "ts=video/mp2t"], "'--type' is for a site"),
        (&[".", "--type", "ts"], "EXT=TYPE"),
        (&[".", "--type", "=text/plain"], "extension"),
        (&[".", "--type", "ts=text"], "'text/plain'"),
        (&[".", "--type", "a/b=text/plain"], "such as log"),
        (&["-x"], "oneloop --help"),
        (&["--strict=1"], "'--strict'"),
        (&["--listen"], "oneloop --help"),
        (&["-l", "example.com:80"], "localhost:8888"),
        (&["-l", "65536"], "[::1]:8888"),
        (&["--proxied-by", "proxy.example"], "10.0.0.0/8"),
        (&["--proxied-by", "10.0.0.0/33"], "from 0 to 32"),
        (&["--proxied-by", "::1,10.0.0.1/8"], "behind the first 8"),
        (&["-l", "a\nb\n\nc"], "-l: there is a line feed"),
        (&["-t", "a", "--file", "b"], "give only one"),
        (&["--status", "200", "--status", "201"], "give only one"),
        (&["--status", "99"], "200 to 599"),
        (&["--status", "OK"], "200 to 599"),
        (&["-H", "no colon"], "'Name: value'"),
        (&["-H", "Content-Length: 5"], "Content-Length"),
        (&["-H", "two words: value"], "two words"),
        (&["--file", "no/such/file"], "no/such/file"),
        (&["--file", "/"], "name a readable file"),
        (&["--head-max", "large"], "16KiB"),
        (&["--fields-max", "many"], "such as 100"),
        (&["--backlog", "2147483648"], "smaller"),
        (&["--idle-timeout", "10"], "500ms"),
        (&["--head-max", "63"], "make it 64 or more"),
        (&["--target-max", "16KiB"], "lower"),
        (&["--idle-timeout", "0s"], "longer"),
        (&["--admin", "127.0.0.1"], "127.0.0.1:9000"),
        (&["--health", "127.0.0.1"], "127.0.0.1:9001"),
        (&["--health-path", "healthz"], "such as /healthz"),
        (&["--health-path", "/a?b"], "without a query"),
        (&["--admin", "9000", "--admin-host", "http://oneloop:9000"], "without a scheme"),
        (&["--admin", "0.0.0.0:9000"], "--admin-anyone-can-reach-it"),
        (&["--admin", "[::]:9000"], "use 127.0.0.1:9000"),
        (&["--admin", "0", "--slow-motion", "1s"], "slow motion of its page"),
    ];
    for (arguments, part) in cases {
        let sentence = mistake(arguments);
        assert!(sentence.contains(part), "{arguments:?}: {sentence}");
    }
}

#[test]
fn arguments_that_are_not_utf_8_are_mistakes_and_no_panic() {
    let bytes = OsStr::from_bytes(b"\xff\xfe");
    mistake(&[bytes]);
    for option in ["--listen", "--text", "--file", "--header", "--status", "--head-max"] {
        mistake(&[OsStr::new(option), bytes]);
    }
    refusal(oneloop().env("ONELOOP_TEXT", bytes), 2);
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    for (variable, value) in [
        ("ONELOOP_LISTEN", "8888 somewhere"),
        ("ONELOOP_HEADER", "X-A: b\nno colon"),
        ("ONELOOP_STRICT", "maybe"),
        ("ONELOOP_TYPE", "log=text/plain\nts"),
        ("ONELOOP_HEAD_MAX", ""),
        ("ONELOOP_DRAIN_TIMEOUT", "soon"),
    ] {
        let sentence = refusal(oneloop().env(variable, value), 2);
        assert!(sentence.contains(variable), "{sentence}");
    }
}

#[test]
fn an_address_that_is_taken_is_one_line_with_its_name_and_exit_code_1() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("its address").to_string();
    let sentence = refusal(oneloop().args(["-l", &address]), 1);
    assert!(sentence.contains(&address) && sentence.contains("in use"), "{sentence}");
}
