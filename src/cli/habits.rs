//! What users of other servers type, and what to type here.

use std::path::Path;

use crate::arguments::addresses::Place;
use crate::arguments::habits;

/// Words, without their hyphens and with spaces between them, and what to do instead. The names are those of nginx, lighttpd,
/// caddy, `python -m http.server`, `php -S`, miniserve, `npx serve` and `http-server`.
const HABITS: [(&str, &str); 30] = [
    (
        "dir directory root document-root docroot webroot www public path folder prefix d r",
        "write the directory alone, as in 'oneloop ./public'",
    ),
    (
        "bind host hostname address addr listen-address listen-addr ip interface interfaces b S",
        "write '--listen PLACE', as in '-l 127.0.0.1:8080'",
    ),
    ("server-name virtual-host vhost domain", "leave it out: it answers to every name"),
    (
        "index index-file default-file default-document",
        "index.html is each directory's index; '--list' shows directories without one",
    ),
    (
        "autoindex browse listing directory-listing list-directory list-directories dirlist \
         dir-listing show-dir tree indexes",
        "write '--list' to show directories without an index",
    ),
    (
        "error-page not-found not-found-page 404 404-page page404",
        "404.html in the directory is the not-found page",
    ),
    (
        "cors enable-cors allow-origin cors-allow-origins access-control",
        "write -H 'Access-Control-Allow-Origin: *'",
    ),
    (
        "single single-page history history-api-fallback rewrite fallback try-files spa-fallback \
         page-fallback",
        "write '--spa' to answer unknown paths with /index.html",
    ),
    ("s", "'--spa' serves a single-page application; kill sends a signal"),
    (
        "tls ssl https http2 h2 cert key certificate private-key certfile keyfile tls-cert \
         tls-key ssl-cert ssl-key ssl-certificate tls-certificate ssl-certificate-key",
        "it speaks HTTP/1.1 without TLS; put a proxy with TLS in front of it",
    ),
    (
        "daemon daemonize background detach fork D pid pidfile pid-file",
        "it stays in the foreground; end the line with '&', or let a service manager start it",
    ),
    ("foreground no-daemon nodaemon g", "leave it out: it stays in the foreground"),
    (
        "threads workers num-threads worker-processes worker-threads processes w j",
        "leave it out: one thread serves all clients",
    ),
    (
        "cache max-age no-cache expires cache-time etag",
        "write --cache-control 'max-age=3600', or another value",
    ),
    ("c", "there is no configuration file; '--cache-control VALUE' sets what caches are told"),
    (
        "headers add-header custom-header response-header",
        "write -H 'NAME: VALUE' once for each field",
    ),
    (
        "config conf config-file configuration",
        "there is no configuration file; each option can be an environment variable, as 'oneloop \
         --help' shows",
    ),
    (
        "auth basic-auth username password htpasswd credentials",
        "it asks for no password; put a proxy that does in front of it",
    ),
    ("user uid group gid run-as", "it stays the user that starts it; it asks for no password"),
    (
        "upload upload-files allow-upload u webdav cgi php",
        "it only sends files; uploads and programs need another server",
    ),
    (
        "compress compression gzip brotli zstd compress-response gzip-static",
        "it compresses nothing itself; put app.js.gz, .br or .zst beside app.js, and it is sent",
    ),
    ("dotfiles show-hidden all a", "write '--hidden' to serve files whose names begin with a dot"),
    ("open o qrcode qr", "leave it out, and open the address that it prints"),
    (
        "timeout keepalive-timeout keep-alive-timeout keepalive keep-alive read-timeout",
        "there is one for each phase; see 'Timeouts' in 'oneloop --help'",
    ),
    (
        "max-connections connections max-clients worker-connections limit maxconn",
        "write '--clients-max N'",
    ),
    ("client-max-body-size max-body max-body-size body-limit", "write '--body-max SIZE'"),
    ("log-level loglevel debug trace silent", "write '-v' to log more, '-q' to log less"),
    (
        "log log-file logfile error-log log-path",
        "the log is on standard error; end the line with '2>FILE' to keep it",
    ),
    ("accesslog log-format log-requests", "write '--access-log -', or '--access-log FILE'"),
    (
        "proxy proxy-pass reverse-proxy backend upstream",
        "it serves files and a text itself; it asks no other server",
    ),
];

/// What to write instead of this argument, if it is another server's option or one too many.
pub fn advice(argument: &str) -> Option<String> {
    if !argument.starts_with('-') {
        let meant = meant_by(Path::new(argument));
        let meant = meant.unwrap_or_else(|| "name one directory and nothing beside it".to_owned());
        return Some(format!("'{argument}' is one argument too many; {meant}"));
    }
    habits::advice(&HABITS, argument)
}

/// What a user means who names a directory that does not exist: an address, or a port.
pub fn meant_by(directory: &Path) -> Option<String> {
    let text = directory.to_str()?;
    let place = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    place.parse::<Place>().ok()?;
    Some(format!("did you mean '-l {place}'?"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::Cli;
    use super::*;

    #[test]
    fn each_word_has_one_advice_and_is_no_option_of_ours() {
        habits::assert_clear(&HABITS, &Cli::command());
    }

    #[test]
    fn advice_is_given_for_options_with_and_without_a_value() {
        for option in ["--root", "--root=/srv", "-d"] {
            assert!(advice(option).is_some_and(|advice| advice.contains("./public")), "{option}");
        }
        for option in ["--rooted", "--", "-"] {
            assert_eq!(advice(option), None, "{option}");
        }
    }

    #[test]
    fn a_second_argument_is_told_to_go() {
        let said = |argument| advice(argument).expect("an argument too many");
        assert!(said("8080").ends_with("too many; did you mean '-l 8080'?"));
        assert!(said("photos").ends_with("name one directory and nothing beside it"));
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
