//! What people type who come from another server, and what to type here.
//!
//! Clap suggests the option with the nearest spelling, which is no help to somebody who writes
//! `--index` and is sent to `--hidden`. What is listed here is answered by meaning.

use std::path::Path;

use oneloop::arguments::addresses::Place;

/// Words, without their hyphens, and what to do instead. The names are those of nginx, lighttpd,
/// caddy, `python -m http.server`, `php -S`, miniserve, `npx serve` and `http-server`.
const HABITS: [(&[&str], &str); 22] = [
    (
        &[
            "dir",
            "directory",
            "root",
            "document-root",
            "docroot",
            "webroot",
            "www",
            "public",
            "path",
            "folder",
            "prefix",
            "d",
            "r",
        ],
        "write the directory alone, as in 'oneloop ./public'",
    ),
    (
        &[
            "bind",
            "host",
            "hostname",
            "address",
            "addr",
            "listen-address",
            "listen-addr",
            "ip",
            "interface",
            "interfaces",
            "server-name",
            "b",
            "S",
        ],
        "write '--listen ADDR', as in '-l 127.0.0.1:8080'",
    ),
    (
        &["index", "index-file", "default-file", "default-document"],
        "index.html is each directory's index; '--list' shows directories without one",
    ),
    (
        &[
            "autoindex",
            "browse",
            "listing",
            "directory-listing",
            "list-directory",
            "list-directories",
            "dirlist",
            "dir-listing",
            "show-dir",
            "tree",
        ],
        "write '--list' to show directories without an index",
    ),
    (
        &["cors", "enable-cors", "allow-origin", "cors-allow-origins", "access-control"],
        "write -H 'Access-Control-Allow-Origin: *'",
    ),
    (
        &[
            "single",
            "single-page",
            "history",
            "history-api-fallback",
            "rewrite",
            "fallback",
            "try-files",
            "spa-fallback",
            "page-fallback",
            "s",
        ],
        "write '--spa' to answer unknown paths with /index.html",
    ),
    (
        &[
            "tls",
            "ssl",
            "https",
            "http2",
            "h2",
            "cert",
            "key",
            "certificate",
            "private-key",
            "certfile",
            "keyfile",
            "tls-cert",
            "tls-key",
            "ssl-cert",
            "ssl-key",
            "ssl-certificate",
            "tls-certificate",
        ],
        "it speaks HTTP/1.1 without TLS; put a proxy with TLS in front of it",
    ),
    (
        &["daemon", "daemonize", "background", "detach", "fork", "D", "pid", "pidfile", "pid-file"],
        "it stays in the foreground; end the line with '&', or let a service manager start it",
    ),
    (&["foreground", "no-daemon", "nodaemon"], "leave it out: it stays in the foreground"),
    (
        &["threads", "workers", "num-threads", "worker-processes", "worker-threads", "w", "j"],
        "leave it out: one thread serves all clients",
    ),
    (
        &["cache", "max-age", "no-cache", "expires", "cache-time", "c"],
        "write --cache-control 'max-age=3600', or what else caches are to be told",
    ),
    (
        &["headers", "add-header", "custom-header", "response-header"],
        "write -H 'NAME: VALUE' once for each field",
    ),
    (
        &["config", "conf", "config-file", "configuration"],
        "there is no configuration file; each option can be an environment variable, as \
         'oneloop --help' shows",
    ),
    (
        &["auth", "basic-auth", "user", "username", "password", "htpasswd", "credentials"],
        "it asks for no password; put a proxy that does in front of it",
    ),
    (
        &["upload", "upload-files", "allow-upload", "u", "webdav", "cgi", "php"],
        "it only sends files; uploads and programs need another server",
    ),
    (
        &["compress", "compression", "gzip", "brotli", "zstd", "compress-response"],
        "it compresses nothing itself; put app.js.gz, .br or .zst beside app.js, and it is sent",
    ),
    (
        &["dotfiles", "show-hidden", "all", "a"],
        "write '--hidden' to serve files whose names begin with a dot",
    ),
    (&["open", "o", "qrcode", "qr"], "leave it out, and open the address that it prints"),
    (
        &["timeout", "keepalive-timeout", "keep-alive-timeout", "keepalive", "read-timeout"],
        "there is one for each phase; see 'Timeouts' in 'oneloop --help'",
    ),
    (
        &["max-connections", "connections", "max-clients", "worker-connections", "limit"],
        "write '--clients-max N'",
    ),
    (
        &["client-max-body-size", "max-body", "max-body-size", "body-limit"],
        "write '--body-max SIZE'",
    ),
    (
        &["log-level", "loglevel", "debug", "trace", "silent"],
        "write '-v' to log more, '-q' to log less",
    ),
];

/// What to write instead of this option, if it is another server's.
pub fn advice(option: &str) -> Option<&'static str> {
    let word = option.trim_start_matches('-').split('=').next()?;
    let habit = HABITS.iter().find(|(words, _)| words.contains(&word));
    habit.filter(|_| option.starts_with('-')).map(|(_, advice)| *advice)
}

/// What somebody means who names this as a directory, and there is none: an address, or a port.
pub fn meant_by(directory: &Path) -> Option<String> {
    let text = directory.to_str()?;
    let place = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    place.parse::<Place>().ok()?;
    Some(format!("did you mean '-l {place}'?"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    #[test]
    fn each_word_has_one_advice_and_is_no_option_of_ours() {
        let mut seen = BTreeSet::new();
        let command = Cli::command();
        for (words, _) in HABITS {
            for word in words {
                assert!(seen.insert(word), "{word} is there twice");
                let is_ours = command.get_arguments().any(|argument| {
                    let short = argument.get_short().map(String::from);
                    argument.get_long() == Some(*word) || short.as_deref() == Some(*word)
                });
                assert!(!is_ours, "{word} is an option");
            }
        }
    }

    #[test]
    fn advice_is_given_for_options_with_and_without_a_value() {
        for option in ["--root", "--root=/srv", "-d"] {
            assert!(advice(option).is_some_and(|advice| advice.contains("./public")), "{option}");
        }
        for option in ["root", "--rooted", "--", "-"] {
            assert_eq!(advice(option), None, "{option}");
        }
    }

    #[test]
    fn a_port_or_an_address_is_meant_as_one() {
        for (directory, meant) in [
            ("8080", "-l 8080"),
            (":8080", "-l :8080"),
            ("localhost:8080", "-l localhost:8080"),
            ("http://127.0.0.1:8080/", "-l 127.0.0.1:8080"),
        ] {
            let said = format!("did you mean '{meant}'?");
            assert_eq!(meant_by(Path::new(directory)), Some(said));
        }
        for directory in ["public", "./8080", "65536", ""] {
            assert_eq!(meant_by(Path::new(directory)), None, "{directory}");
        }
    }
}
