//! What users of wrk, ab, hey, oha, k6, vegeta and autocannon type, and what to type here.

use crate::arguments::habits;

const HABITS: [(&str, &str); 15] = [
    ("connections concurrency concurrent users vus", "write '--get N', or '-c N'"),
    ("duration seconds", "write '--for TIME', as in '-z 10s'"),
    ("number total-requests iterations amount a", "write '--requests N', or '-n N'"),
    ("threads workers cpus w", "leave it out: herd is one thread, as its servers are"),
    ("R qps query-per-second", "write '--rate RATE', or '-r RATE'"),
    ("X request", "write '--method METHOD', or '-m METHOD'"),
    ("data body-file D p", "write '--body TEXT' or '--body @FILE', or '-b'; '-m METHOD' for PUT"),
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
    ("T s max-time", "write '--timeout TIME', or '-t TIME', as in '-t 2s'"),
    ("script lua targets input scenario", "herd has no scripts; combine kinds of clients"),
    (
        "cookies C auth A basic-auth accept",
        "write '--cookie NAME=VALUE', '--user NAME:PASSWORD' or -H 'NAME: VALUE'",
    ),
    ("insecure https http2 h2 tls cert cacert", "herd speaks HTTP/1.1 without TLS"),
];

/// What to write instead of this argument, if it is another program's option.
pub fn advice(argument: &str) -> Option<String> {
    match argument.starts_with('-') {
        true => habits::advice(&HABITS, argument),
        false => None,
    }
}

/// What to write if a server has the name of a command, or of another program's.
pub fn misplaced(argument: &str) -> Option<String> {
    let told = match argument {
        "exam" => "write 'exam' first: herd exam SERVER",
        "compare" => "write 'compare' first: herd compare SERVER SERVER",
        "run" | "attack" => "leave it out; herd takes the server and options",
        _ => return None,
    };
    Some(told.to_owned())
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
            ("--threads", "one thread"),
            ("-X", "-m METHOD"),
            ("--latency", "the report"),
        ] {
            let told = advice(typed).unwrap_or_default();
            assert!(told.contains(meant), "{typed}: {told}");
        }
        assert_eq!(advice("--gett"), None);
    }
}
