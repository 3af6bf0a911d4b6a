//! What users of wrk, ab, hey, oha, k6, vegeta and autocannon type, and what to type here.

use crate::arguments::habits;

const HABITS: [(&str, &str); 26] = [
    (
        "connections concurrency concurrent users vus max-workers max-connections batch",
        "write '--get N', or '-c N'",
    ),
    ("duration seconds", "write '--for TIME', as in '-z 10s'"),
    ("number total-requests iterations amount", "write '--requests N', or '-n N'"),
    ("threads workers cpus w", "leave it out: herd is one thread, as its servers are"),
    (
        "R qps rps query-per-second overallRate arrival-rate",
        "write '--rate RATE' for a rate in total, or '-r RATE'",
    ),
    ("X request", "write '--method METHOD', or '-m METHOD'"),
    ("i head", "write '-m HEAD'; for a number of requests '-n N'"),
    ("data body-file D p", "write '--body TEXT' or '--body @FILE', or '-b'; '-m METHOD' for PUT"),
    ("k keepalive keep-alive", "leave it out: --get clients keep their connections"),
    (
        "disable-keepalive no-keepalive disable-keep-alive no-vu-connection-reuse \
         no-connection-reuse",
        "write '--connect-close N': these clients open a connection for each request",
    ),
    (
        "latency L percentiles latencies histogram l summary-trend-stats",
        "leave it out: the report has them",
    ),
    (
        "latency-correction",
        "write '--rate RATE': latency is then measured from when a request was due; without a rate \
         '--corrected'",
    ),
    (
        "T s max-time",
        "for a time limit write '--timeout TIME', as in '-t 2s'; for a type of content \
         -H 'Content-Type: TYPE'",
    ),
    ("script lua input scenario stage stages", "herd has no scripts; combine kinds of clients"),
    (
        "targets urls-from-file url-list file f",
        "write '--urls FILE', with a line for each: [WEIGHT] [METHOD] URL",
    ),
    (
        "cookies C auth A basic-auth accept",
        "write '--cookie NAME=VALUE', '--user NAME:PASSWORD' or -H 'NAME: VALUE'",
    ),
    ("a", "write '--user NAME:PASSWORD', or '-n N' for a number of requests"),
    ("U user-agent content-type", "write it as a field, as in -H 'User-Agent: NAME'"),
    ("insecure https http2 h2 h2c tls cert cacert root-certs", "herd speaks HTTP/1.1 without TLS"),
    ("no-tui no-progress no-progress-meter", "write '--quiet'"),
    (
        "o out output output-format j summary-export e g format print-csv",
        "write '--json FILE', '--csv FILE' or '--plot FILE.svg'; - is standard output for JSON",
    ),
    ("x proxy P", "herd uses no proxy; name the server itself"),
    ("redirect redirects max-redirects", "herd follows no redirects; --expect-status 302, say"),
    ("v verbose debug http-debug", "leave it out; --json tells more than the table"),
    ("S no-summary silent", "write '--quiet', which shows nothing while the run goes on"),
    ("unix-socket unixsocket socket", "name the socket as the server: herd unix:/PATH"),
];

/// Options whose values may look like anything.
const TEXTS: [&str; 4] = ["-b", "--body", "--expect", "-H"];

/// What to write instead of this argument, if it is another program's option.
pub fn advice(argument: &str) -> Option<String> {
    match argument.starts_with('-') {
        true => habits::advice(&HABITS, argument),
        false => None,
    }
}

/// What to write if one of these arguments is a long option with a single hyphen, as Go's programs have
/// them: here `-rate` would be `-r ate`. `ours` knows the names of our options.
pub fn single_hyphen(arguments: &[String], ours: impl Fn(&str) -> bool) -> Option<String> {
    let befores = [""].into_iter().chain(arguments.iter().map(String::as_str));
    let all = arguments.iter().zip(befores);
    let mut options =
        all.filter(|(_, before)| !TEXTS.contains(before)).filter_map(|(argument, _)| {
            let word = argument.strip_prefix('-').filter(|word| !word.starts_with('-'))?;
            let name = word.split('=').next()?;
            (name.len() > 1).then_some((argument, name))
        });
    options.find_map(|(argument, name)| match ours(name) {
        true => {
            Some(format!("there is no option '{argument}'; write it with two hyphens: --{name}"))
        }
        false => habits::advice(&HABITS, argument),
    })
}

/// What to write if a server has the name of a command, or of another program's.
pub fn misplaced(argument: &str) -> Option<String> {
    let told = match argument {
        "exam" => "write 'exam' first: herd exam SERVER",
        "compare" => "write 'compare' first: herd compare SERVER SERVER",
        "run" | "attack" | "report" | "plot" => {
            "leave it out: herd takes the server and options, as in herd 8888 -c 10 -z 10s"
        }
        _ => return None,
    };
    Some(told.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Refusal;
    use crate::kind::Kind;
    use crate::options::Options;
    use crate::plan::Plan;

    #[test]
    fn each_word_has_one_advice_and_is_no_option_of_ours() {
        habits::assert_clear(&HABITS, &Options::command());
    }

    /// What came of a command line.
    fn tried(line: &str) -> Result<Plan, String> {
        let words = line.split_whitespace().skip(1).map(|word| word.replace('_', " "));
        let words = ["herd".to_owned()].into_iter().chain(words);
        match Options::from_arguments(words).and_then(Options::plan) {
            Ok(plan) => Ok(plan),
            Err(Refusal::Mistake(sentence)) => Err(sentence),
            Err(other) => panic!("{line}: {other:?}"),
        }
    }

    /// As they are typed from habit, with `_` for a space within a word. What is accepted means the same
    /// here.
    #[test]
    fn what_means_the_same_here_is_accepted() {
        for (line, clients, length, rate) in [
            ("wrk -c100 -d30s http://localhost:8888/", 100, 30, None),
            ("wrk -c 10 -d 2s --timeout 2s http://localhost:8888/a", 10, 2, None),
            ("wrk -c 10 -d 1m -H Host:_example.org http://localhost:8888/", 10, 60, None),
            ("ab -n 1000 -c 10 http://localhost:8888/", 10, 300, None),
            ("ab -n 100 -c 5 -H Accept:_a/b http://localhost:8888/", 5, 300, None),
            ("hey -n 200 -c 50 http://localhost:8888/", 50, 300, None),
            ("hey -z 10s -c 20 http://localhost:8888/", 20, 10, None),
            ("hey -z 10s -c 20 -m PUT http://localhost:8888/", 20, 10, None),
            ("oha -n 200 -c 50 http://localhost:8888/", 50, 300, None),
            ("oha -z 10s -q 100 http://localhost:8888/", 64, 10, Some(100.0)),
            ("oha -z 5s -c 9 -H a:b -t 2s http://localhost:8888/", 9, 5, None),
            ("vegeta --rate 50 --for 5s http://localhost:8888/", 64, 5, Some(50.0)),
            ("autocannon -c 100 -d 10s http://localhost:8888", 100, 10, None),
        ] {
            let plan = tried(line).unwrap_or_else(|told| panic!("{line}: {told}"));
            let get = plan.wanted(Kind::Get);
            assert_eq!((get.clients, get.rate), (clients, rate), "{line}");
            assert_eq!(plan.length.as_secs(), length, "{line}");
        }
    }

    /// Command lines of others, and what the advice on each has to name.
    const OTHERWISE: [(&str, &str); 70] = [
        ("wrk -t4 -c100 -d30s URL", "one thread"),
        ("wrk -c 10 -d 10 URL", "10s"),
        ("wrk -c 10 -d 1s --latency URL", "the report has them"),
        ("wrk -c 10 -d 1s -s post.lua URL", "-t 2s"),
        ("wrk -c 10 -d 1s --script post.lua URL", "no scripts"),
        ("wrk --connections 10 --duration 1s URL", "-c N"),
        ("wrk --threads 2 -c 10 URL", "one thread"),
        ("wrk2 -R 1000 -c 10 -d 1s URL", "--rate RATE"),
        ("wrk2 -c 10 -d 1s -L URL", "the report has them"),
        ("ab -k -n 1000 -c 10 URL", "keep their connections"),
        ("ab -t 5 -c 10 URL", "-z 10s"),
        ("ab -n 100 -p post.txt -T text/plain URL", "--body @FILE"),
        ("ab -n 100 -T text/plain URL", "Content-Type"),
        ("ab -n 100 -C a=b URL", "--cookie"),
        ("ab -n 100 -A me:secret URL", "--user"),
        ("ab -n 100 -i URL", "-m HEAD"),
        ("ab -n 100 -g out.tsv URL", "--csv FILE"),
        ("ab -n 100 -e out.csv URL", "--csv FILE"),
        ("ab -n 100 -u put.txt URL", "-m PUT"),
        ("ab -n 100 -q URL", "a number per second"),
        ("hey -n 100 -d {} -m POST URL", "--body"),
        ("hey -n 100 -D body.txt URL", "--body @FILE"),
        ("hey -n 100 -a me:secret URL", "--user"),
        ("hey -n 100 -T text/plain URL", "Content-Type"),
        ("hey -n 100 -disable-keepalive URL", "--connect-close"),
        ("hey -n 100 -cpus 2 URL", "one thread"),
        ("hey -n 100 -host example.org URL", "--host"),
        ("hey -n 100 -o csv URL", "--csv FILE"),
        ("hey -n 100 -t 20 URL", "-t 2s"),
        ("hey -n 100 -U me URL", "User-Agent"),
        ("hey -n 100 -h2 URL", "without TLS"),
        ("k6 run script.js", "herd 8888"),
        ("k6 run --vus 10 --duration 30s script.js", "-c N"),
        ("k6 --vus 10 --duration 30s URL", "-c N"),
        ("k6 -u 10 -d 30s URL", "-c N"),
        ("k6 -i 100 URL", "-n N"),
        ("k6 --iterations 100 URL", "-n N"),
        ("k6 --rps 100 URL", "--rate RATE"),
        ("k6 --stage 10s:20 URL", "no scripts"),
        ("k6 --out json=a URL", "--json FILE"),
        ("k6 --summary-export a URL", "--json FILE"),
        ("k6 --no-vu-connection-reuse URL", "--connect-close"),
        ("k6 --http-debug URL", "--json"),
        ("oha --no-tui -n 9 URL", "--quiet"),
        ("oha --json URL", "standard output"),
        ("oha -j -n 9 URL", "--json FILE"),
        ("oha -n 9 -d {} -m POST URL", "--body"),
        ("oha -n 9 --latency-correction -q 5 URL", "when a request was due"),
        ("oha -n 9 --disable-keepalive URL", "--connect-close"),
        ("oha --urls-from-file a", "--urls FILE"),
        ("oha -n 9 --http2 URL", "without TLS"),
        ("oha -n 9 -x http://proxy URL", "no proxy"),
        ("oha -n 9 https://localhost/", "http://localhost/"),
        ("vegeta attack -rate=50 -duration=1s", "--rate"),
        ("vegeta attack URL", "herd 8888"),
        ("vegeta -rate=50/s -duration=1s URL", "--rate"),
        ("vegeta -duration=1s URL", "--for TIME"),
        ("vegeta -targets=list.txt", "--urls FILE"),
        ("vegeta -connections=10 URL", "-c N"),
        ("vegeta -max-workers=10 URL", "-c N"),
        ("vegeta -workers=10 URL", "one thread"),
        ("vegeta -header a:b URL", "--header"),
        ("vegeta -body a.txt URL", "--body"),
        ("vegeta -keepalive=false URL", "keep their connections"),
        ("vegeta -output a.bin URL", "--json FILE"),
        ("vegeta -timeout=5s URL", "--timeout"),
        ("vegeta -redirects=-1 URL", "no redirects"),
        ("autocannon -c 100 -a 50 URL", "-n N"),
        ("autocannon -w 4 URL", "one thread"),
        ("autocannon --renderStatusCodes URL", "--help"),
    ];

    #[test]
    fn what_is_called_otherwise_here_is_told_what_it_is_called() {
        for (line, hint) in OTHERWISE {
            let line = line.replace("URL", "http://localhost:8888/");
            let told = tried(&line).expect_err(&line);
            assert!(told.contains(hint) && !told.contains('\n'), "{line}: {told}");
        }
    }

    #[test]
    fn a_text_may_look_like_an_option_of_another_program() {
        let plan = tried("herd -b -rate http://localhost:8888/").expect("a body");
        assert_eq!(plan.resource().body.as_deref(), Some(&b"-rate"[..]));
    }
}
