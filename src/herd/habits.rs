//! What users of wrk, ab, hey, oha, k6, vegeta and autocannon type, and what to type here.

use crate::arguments::habits;

const HABITS: [(&str, &str); 14] = [
    ("connections concurrency concurrent users vus", "write '--get N', or '-c N'"),
    ("duration seconds", "write '--for TIME', as in '-z 10s'"),
    ("number total-requests iterations amount a", "write '--requests N', or '-n N'"),
    ("threads workers cpus t w", "leave it out: herd is one thread, as its servers are"),
    ("qps query-per-second", "write '--rate RATE', or '-r RATE'"),
    (
        "method m X request data body b body-file D p u",
        "clients of --get send GETs; those of --post N send POSTs of 1 KiB",
    ),
    ("k keepalive keep-alive", "leave it out: --get clients keep their connections"),
    (
        "disable-keepalive no-keepalive disable-keep-alive",
        "write '--connect-close N': these clients open a connection for each request",
    ),
    ("latency L percentiles latencies histogram l", "leave it out: the report has them"),
    (
        "latency-correction",
        "write '--rate RATE': latency is then measured from when a request was due",
    ),
    ("timeout T s max-time", "write '--patience TIME' for answers that are missing at the end"),
    ("script lua targets input scenario", "herd has no scripts; combine kinds of clients"),
    (
        "cookie cookies C user auth A basic-auth accept",
        "write -H 'NAME: VALUE', as in -H 'Cookie: a=b'",
    ),
    ("insecure https http2 h2 tls cert cacert", "herd speaks HTTP/1.1 without TLS"),
];

/// What to write instead of this argument, if it is another program's option or one too many.
pub fn advice(argument: &str) -> Option<String> {
    match argument.starts_with('-') {
        true => habits::advice(&HABITS, argument),
        false if argument == "exam" => Some("write 'exam' first: herd exam SERVER".to_owned()),
        false => Some(format!("'{argument}' is one argument too many; name one server")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::options::Options;

    #[test]
    fn each_word_has_one_advice_and_is_no_option_of_ours() {
        habits::assert_clear(&HABITS, &Options::command());
    }

    #[test]
    fn what_other_programs_call_it_is_told_what_it_is_called_here() {
        for (typed, meant) in [
            ("--connections", "-c N"),
            ("--duration=10s", "-z 10s"),
            ("-t", "one thread"),
            ("-m", "--post N"),
            ("--latency", "the report"),
            ("http://b/", "one server"),
        ] {
            let told = advice(typed).unwrap_or_default();
            assert!(told.contains(meant), "{typed}: {told}");
        }
        assert_eq!(advice("--gett"), None);
    }
}
