//! What a newcomer types: it works, or is told what to type.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{file, mistake, oneloop, refusal};

#[test]
fn a_port_or_an_address_in_the_place_of_a_directory_is_told_its_option() {
    for (argument, meant) in [
        ("8080", "'-l 8080'"),
        (":8080", "'-l :8080'"),
        ("localhost:8080", "'-l localhost:8080'"),
        ("127.0.0.1", "'-l 127.0.0.1'"),
        ("http://localhost:8080/", "'-l localhost:8080'"),
    ] {
        let sentence = mistake(&[argument]);
        assert!(sentence.contains(&format!("did you mean {meant}?")), "{sentence}");
    }
}

#[test]
fn a_file_in_the_place_of_a_directory_is_told_its_option() {
    let path = file("cli-a-file.html", b"<p>");
    let sentence = mistake(&[&path]);
    assert!(sentence.contains(&format!("write --file '{path}'")), "{sentence}");
}

#[test]
fn words_of_other_servers_are_answered_by_meaning() {
    for (words, advice) in [
        (&["--dir", "--directory", "--root", "--document-root", "-d", "-r"][..], "./public"),
        (&["--bind", "--host", "--address", "--addr", "--listen-address", "-b"], "--listen"),
        (&["--index", "--autoindex", "--browse", "--listing"], "--list"),
        (&["--cors"], "Access-Control-Allow-Origin"),
        (&["--single", "--history-api-fallback", "--try-files", "-s"], "--spa"),
        (&["--error-page"], "404.html"),
        (&["--user"], "stays the user"),
        (&["--server-name"], "every name"),
        (&["--accesslog", "--log-format"], "--access-log -"),
        (&["--log"], "log"),
        (&["--tls", "--ssl", "--https", "--cert", "--key"], "proxy"),
        (&["--daemon", "--background", "-D"], "foreground"),
        (&["--threads", "--workers"], "one thread"),
        (&["--config", "--conf"], "environment variable"),
        (&["--gzip", "--compress"], "app.js.gz"),
        (&["--auth"], "password"),
    ] {
        for word in words {
            for arguments in [&[*word][..], &[*word, "value"], &[".", *word, "value"]] {
                let sentence = mistake(arguments);
                assert!(sentence.contains(&format!("no option '{word}'")), "{sentence}");
                assert!(sentence.contains(advice), "{sentence}");
            }
        }
    }
}

#[test]
fn a_sites_switch_in_the_environment_needs_a_directory_like_an_option() {
    for (variable, value) in [
        ("ONELOOP_LIST", "1"),
        ("ONELOOP_SPA", "yes"),
        ("ONELOOP_HIDDEN", "on"),
        ("ONELOOP_CACHE_CONTROL", "no-store"),
        ("ONELOOP_CACHE_BYTES", "1MiB"),
    ] {
        let sentence = refusal(oneloop().env(variable, value), 2);
        let said = format!("{variable} is for a site; name the directory");
        assert!(sentence.contains(&said), "{sentence}");
    }
    super::Running::start(oneloop().env("ONELOOP_LIST", "0"));
}

/// A mistake names what the user has written: the option, or the variable.
#[test]
fn what_contradicts_itself_is_named_by_option_or_variable() {
    for (option, value) in [
        ("--head-max", "63"),
        ("--head-max", "1MiB"),
        ("--target-max", "0"),
        ("--target-max", "16KiB"),
        ("--fields-max", "129"),
        ("--body-max", "4GiB"),
        ("--output-high-water", "1"),
        ("--turn-max", "1"),
        ("--accepts-max", "0"),
        ("--deadlines-max", "0"),
        ("--clients-max", "0"),
        ("--first-byte-timeout", "0"),
        ("--head-timeout", "0s"),
        ("--typing-grace", "0s"),
        ("--body-timeout", "0s"),
        ("--write-timeout", "0s"),
        ("--idle-timeout", "0s"),
        ("--linger-timeout", "0s"),
    ] {
        let sentence = mistake(&[option, value]);
        assert!(sentence.contains(&format!("'{option}'")), "{sentence}");
        let variable = option[2..].replace('-', "_").to_uppercase();
        let variable = format!("ONELOOP_{variable}");
        let sentence = refusal(oneloop().env(&variable, value), 2);
        assert!(sentence.contains(&variable), "{sentence}");
        assert!(!sentence.contains("limits.") && !sentence.contains("timeouts."), "{sentence}");
    }
}

#[test]
fn what_cannot_be_read_or_sent_is_named_by_its_variable() {
    for (variable, value) in [
        ("ONELOOP_DIR", ""),
        ("ONELOOP_DIR", "no/such/directory"),
        ("ONELOOP_FILE", "no/such/file"),
        ("ONELOOP_HEADER", "Content-Length: 5"),
        ("ONELOOP_ADMIN", "0.0.0.0:0"),
        ("ONELOOP_PORT", "x"),
    ] {
        let sentence = refusal(oneloop().env(variable, value), 2);
        assert!(sentence.contains(variable), "{sentence}");
    }
}

#[test]
fn a_value_that_is_no_text_is_named_by_option_or_variable() {
    let bytes = OsStr::from_bytes(b"X: \xff");
    for option in ["--text", "-t", "--header", "--status", "--listen", "--cache-control"] {
        let sentence = mistake(&[OsStr::new(option), bytes]);
        assert!(sentence.contains(&format!("{option}: ")), "{sentence}");
    }
    for variable in ["ONELOOP_TEXT", "ONELOOP_HEADER", "ONELOOP_STATUS", "ONELOOP_LIST"] {
        let sentence = refusal(oneloop().env(variable, bytes), 2);
        assert!(sentence.contains(variable), "{sentence}");
    }
}

#[test]
fn control_characters_are_refused_wherever_they_come_from() {
    for value in ["a\nb", "a\r", "a\tb", "a\x1bb", "a\u{85}"] {
        for option in ["-t", "--text", "-H", "--cache-control", "--file", "--listen", "--explain"] {
            let sentence = mistake(&[format!("{option}={value}")]);
            assert!(sentence.contains("control characters"), "{option}: {sentence}");
        }
        assert!(mistake(&[value]).contains("control characters"));
        for variable in ["ONELOOP_TEXT", "ONELOOP_DIR", "ONELOOP_FILE", "ONELOOP_ADMIN_HOST"] {
            let mut command = oneloop();
            command.env("ONELOOP_ADMIN", "0");
            let sentence = refusal(command.env(variable, value), 2);
            assert!(sentence.contains(&format!("{variable}: there is ")), "{sentence}");
        }
    }
    for (variable, value) in [
        ("ONELOOP_LISTEN", "127.0.0.1:0\n"),
        ("ONELOOP_STATUS", "200\n"),
        ("ONELOOP_HEAD_MAX", "16KiB\n"),
        ("ONELOOP_STRICT", "1\n"),
    ] {
        let sentence = refusal(oneloop().env(variable, value), 2);
        assert!(sentence.contains(&format!("{variable}: there is a line feed")), "{sentence}");
    }
    let sentence = mistake(&["-H", "X-A: b\nX-C: d"]);
    assert!(sentence.contains("-H: there is a line feed"), "{sentence}");
    let sentence = refusal(oneloop().env("ONELOOP_HEADER", "X-A: b\nX-C: \x1b"), 2);
    assert!(sentence.contains("ONELOOP_HEADER: there is"), "{sentence}");
}
