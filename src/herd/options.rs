//! The options, and the [`Plan`] that follows from them.
//!
//! One struct for each heading of the help. What a single option may say is checked as it is read,
//! what they may say together in [`Options::plan`]; how many clients the system allows is found out
//! later, when the limit has been raised.

use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser};

use crate::arguments::Refusal;
use crate::arguments::reading::{self, Exceptions};
use crate::arguments::values::{Size, count, duration};
use crate::checks;
use crate::habits;
use crate::kind::Kind;
use crate::option_values::{
    asked, at_least_one, bytes_of, corrected, length, rate, report_file, status, timeout,
};
use crate::plan::{Afterwards, Corrected, Crossings, Destination, Plan, Shown, Wanted};
use crate::proxy_header::ProxyProtocol;
use crate::request;
use crate::resources::{self, Resource, Wish, Wished};
use crate::server::{Asked, Vouched};

/// Loads an HTTP/1.1 server with good and strange clients, and checks every byte that comes back.
///
/// Choose how many clients of each kind are connected at once. N@RATE limits a kind to RATE requests
/// per second in total; without a rate, each client makes its next request as soon as it can. The
/// good clients are --get, --post, --connect-close, --half-close and --telnet: if one of their requests
/// is not answered, or is answered wrongly, the exit code is 1. Without any clients, there are --get 64.
#[derive(Debug, Parser)]
#[command(name = "herd", version, after_long_help = EXAMPLES)]
pub struct Options {
    /// The server: a URL (http://localhost:8888/path), an address and port, a port, or unix:/PATH
    ///
    /// Several URLs are requested in turn, at random. They are of one server.
    #[arg(value_name = "SERVER", required_unless_present = "urls", value_parser = asked)]
    servers: Vec<Asked>,

    #[command(flatten)]
    good: GoodOptions,
    #[command(flatten)]
    strange: StrangeOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    report: ReportOptions,
}

const EXAMPLES: &str = "\
Examples:
  herd 8888                                     64 get clients, as fast as possible, for ten seconds
  herd http://localhost:8888/path -c 100 -z 30s 100 of them for half a minute
  herd 8888 --get 200 --rate 5000 --idle 9000 --drip 500 --for 30s
  herd 8888 --get 64 --rate 5000 --calm 10s --garbage 100@250 --reset 100@250 --for 30s --pid PID
  herd 8888 --idle 15000 --connect-rate 15000   15,000 connections within one second
  herd unix:/run/oneloop.sock --get 64          64 clients of a Unix socket
  herd exam 8888                                what the server can: see herd exam --help
  herd compare 8888 8889                        how two servers differ: see herd compare --help";

#[derive(Debug, Args)]
#[command(next_help_heading = "Good clients")]
struct GoodOptions {
    /// Clients that send GET requests, one after another, over one connection each
    #[arg(long, short = 'c', value_name = "N", value_parser = count::<usize>)]
    get: Option<usize>,

    /// Send this many GETs per second in total, at random times, even if the server falls behind
    ///
    /// This is an open loop: latency is measured from the time at which a request was due, so it
    /// includes any time during which every client was still waiting for an answer.
    #[arg(long, short, short_alias = 'q', value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,

    /// GETs that each get client sends at once; it sends more when all of them are answered
    #[arg(long, value_name = "DEPTH", value_parser = at_least_one, default_value = "1")]
    pipeline: usize,

    /// Clients that POST 1 KiB, alternating between Content-Length and chunked
    #[arg(long, value_name = "N[@RATE]")]
    post: Option<Wanted>,

    /// Clients that open a connection for each GET and send Connection: close
    #[arg(long, value_name = "N[@RATE]")]
    connect_close: Option<Wanted>,

    /// Clients that open a connection for each GET, close their sending side, and read the answer
    #[arg(long, value_name = "N[@RATE]")]
    half_close: Option<Wanted>,

    /// People at a telnet: some type a request, and all must be answered in time, or closed
    ///
    /// Each takes a connection and types a request line by line, or key by key; or says hello; or sends
    /// what telnet clients send: negotiation, CR NUL, a backspace, Ctrl-C. Between lines they think.
    #[arg(long, value_name = "N[@RATE]")]
    telnet: Option<Wanted>,

    /// How often each telnet client presses a key or types a line; before a line it thinks for five times
    /// as long
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "50ms")]
    type_every: humantime::Duration,

    /// The path that clients request [default: the URL's, or /]
    #[arg(long, value_name = "PATH", value_parser = request::path)]
    path: Option<String>,

    /// Request what this file lists, a line each, such as '3 GET /path'; - is standard input
    ///
    /// A line is a URL, behind a weight and a method if they are not 1 and --method. Get, connect-close and
    /// half-close clients choose among them at random, by their weights; the seed repeats the choices. All
    /// are of one server; a path alone is one of SERVER. Lines that begin with # are comments. Clients of
    /// other kinds request the first.
    #[arg(long, value_name = "FILE", conflicts_with = "path")]
    urls: Option<PathBuf>,

    /// Add this field to every request; repeat it for several
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = request::field)]
    header: Vec<String>,

    /// The Host of every request [default: the server's, as it is written]
    #[arg(long, value_name = "HOST", value_parser = request::host)]
    host: Option<String>,

    /// Send this name and password with every request (Basic)
    #[arg(long, short, value_name = "NAME:PASSWORD", value_parser = request::authorization)]
    user: Option<String>,

    /// Send this cookie with every request
    #[arg(long, value_name = "NAME=VALUE", value_parser = request::cookie)]
    cookie: Option<String>,

    /// The method of --get, --connect-close and --half-close clients [default: GET; POST with --body]
    #[arg(long, short, value_name = "METHOD", value_parser = request::method)]
    method: Option<String>,

    /// The content of their requests, or @FILE to read it from
    #[arg(long, short, value_name = "TEXT", allow_hyphen_values = true)]
    body: Option<String>,

    /// How long a good client waits for an answer; then it is lost, and the client connects again
    #[arg(long, short, value_name = "TIME", value_parser = timeout)]
    timeout: Option<humantime::Duration>,

    /// The body that every answer must have, or @FILE to read it from [default: the first answer's]
    ///
    /// Without this option, herd sends one GET before the run, and one POST if there are post clients,
    /// and expects the status and body of those answers.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    expect: Option<String>,

    /// The status that every answer must have [default: the first answer's; 200 with --expect]
    ///
    /// If a first answer has a status of 400 or more, and this option does not name it, herd does not
    /// begin: a crowd that gets nothing but 404 shows little.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    expect_status: Option<u16>,

    /// What a request counts as that crosses with the server's end of a kept connection
    ///
    /// The server closes it while the request is on its way, and does not receive it. Without a
    /// retry, which HTTP allows for some methods only, a user would see an error.
    #[arg(long, value_name = "AS", value_enum, default_value = "lost")]
    crossings: Crossings,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Strange clients")]
struct StrangeOptions {
    /// Clients that connect and send nothing
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    idle: Option<usize>,

    /// Clients that send a request head that never ends, one byte at a time
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    drip: Option<usize>,

    /// Clients that send requests and never read the answers
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    never_read: Option<usize>,

    /// Clients that send requests and read the answers a few bytes at a time
    #[arg(long, value_name = "N", value_parser = count::<usize>)]
    slow_read: Option<usize>,

    /// Clients that connect and send random bytes; no answer is right, and so is any well-formed one
    #[arg(long, value_name = "N[@RATE]")]
    garbage: Option<Wanted>,

    /// Clients that connect, send a GET, and reset the connection
    #[arg(long, value_name = "N[@RATE]")]
    reset: Option<Wanted>,

    /// How often each drip client sends a byte, and each slow-read client reads
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    drip_every: humantime::Duration,

    /// How many bytes a slow-read client reads at a time
    #[arg(long, value_name = "SIZE", default_value = "64")]
    slow_read_bytes: Size,

    /// The path that never-read and slow-read clients request [default: --path]
    ///
    /// They request it as often as it takes for the answers to exceed 256 KiB, at least once. That is
    /// more than the kernel buffers for such a client, so the server has to wait.
    #[arg(long, value_name = "PATH", value_parser = request::path)]
    big_path: Option<String>,

    /// Replace an idle, drip, never-read or slow-read client when the server closes its connection
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
struct RunOptions {
    /// How long to send requests [default: 10s; with --requests 5min]
    #[arg(long = "for", short = 'z', short_alias = 'd')]
    #[arg(value_name = "TIME", value_parser = length)]
    length: Option<humantime::Duration>,

    /// Stop when the good clients have made this many requests
    #[arg(long, short = 'n', value_name = "N", value_parser = at_least_one)]
    requests: Option<usize>,

    /// Start with only the get and post clients for this time, and compare it with the rest
    #[arg(long, value_name = "TIME", value_parser = duration)]
    calm: Option<humantime::Duration>,

    /// Limit on new connections per second, for clients that stay connected
    #[arg(long, value_name = "RATE", value_parser = rate, default_value = "5000")]
    connect_rate: f64,

    /// How long to wait at the end for answers that are still missing
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5s")]
    patience: humantime::Duration,

    /// Begin each connection with a PROXY header of this version, as a balancer does
    ///
    /// Each tells of a client of its own, of 192.0.2.0/24. Idle clients send none.
    #[arg(long, value_name = "VERSION", value_enum)]
    proxy_protocol: Option<ProxyProtocol>,

    /// Seed for everything random: garbage, and the times at which requests are due
    #[arg(long, value_name = "N", value_parser = count::<u64>, default_value = "1")]
    seed: u64,

    /// Allow a server on another host, which you confirm that you may load
    #[arg(long)]
    i_may_load_this_host: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
struct ReportOptions {
    /// Also write the report as JSON; with -, to standard output, and the table to standard error
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(report_file))]
    json: Option<PathBuf>,

    /// Write the counts and latencies of each second as CSV (of each few seconds in long runs)
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Write how long answers took as a log of HdrHistogram, a line for each good kind and part of the run
    #[arg(long, value_name = "FILE")]
    hdr: Option<PathBuf>,

    /// Show nothing while the run goes on
    ///
    /// Without this option, a terminal shows rate, percentiles, open clients and errors, drawn anew each
    /// second; elsewhere there is a line a second.
    #[arg(long)]
    quiet: bool,

    /// Write a picture: answers per second, latency and open clients over time, and latency by percentile
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,

    /// Also report latency as if clients had asked on while they waited (wrk2's correction)
    ///
    /// Clients without a rate ask for nothing while they wait, so a server that stands still for a second
    /// makes one late answer of what would have been many. For each answer that took longer than TIME
    /// this adds those that would have been asked for meanwhile, one each TIME, as HdrHistogram's
    /// correction does. Without TIME it is the median of the kind.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "median", value_parser = corrected)]
    corrected: Option<Corrected>,

    /// Report CPU time per answer, memory and descriptors of the server's process (Linux)
    #[arg(long, value_name = "PID", value_parser = count::<u32>)]
    pid: Option<u32>,
}

/// How many get clients there are if the user asks for no clients.
const GET_CLIENTS: usize = 64;

/// Bodies may have any characters.
const BODIES: Exceptions<'_> = Exceptions { bodies: &["--expect", "--body", "-b"], lists: &[] };

impl Options {
    /// Reads arguments, the program's name first.
    pub fn from_arguments<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Options, Refusal> {
        let command = Options::command();
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
        let ours = |name: &str| command.get_arguments().any(|it| it.get_long() == Some(name));
        if let Some(advice) = habits::single_hyphen(&words.collect::<Vec<_>>(), ours) {
            return Err(Refusal::Mistake(advice));
        }
        let matches = reading::read(&command, arguments, habits::advice, BODIES)?;
        Options::from_arg_matches(&matches).map_err(|error| Refusal::Mistake(error.to_string()))
    }

    /// What they mean together. Reads the file with the expected body, if one is named.
    pub fn plan(self) -> Result<Plan, Refusal> {
        let vouched = Vouched::from_flag(self.run.i_may_load_this_host);
        let expected = bytes_of("--expect", self.good.expect.as_deref())?;
        let (asked, resources) = self.requested()?;
        let server = asked.server.loadable(vouched).map_err(Refusal::Mistake)?;
        let Options { good, strange, run, report, .. } = self;
        let clients = |clients: Option<usize>| Some(Wanted { clients: clients?, rate: None });
        let wanted = Kind::ALL.map(|kind| match kind {
            Kind::Get => Some(Wanted { clients: good.get.unwrap_or(0), rate: good.rate }),
            Kind::Post => good.post,
            Kind::ConnectClose => good.connect_close,
            Kind::HalfClose => good.half_close,
            Kind::Telnet => good.telnet,
            Kind::Idle => clients(strange.idle),
            Kind::Drip => clients(strange.drip),
            Kind::NeverRead => clients(strange.never_read),
            Kind::SlowRead => clients(strange.slow_read),
            Kind::Garbage => strange.garbage,
            Kind::Reset => strange.reset,
        });
        let mut plan = Plan {
            server,
            wanted: wanted.map(Option::unwrap_or_default),
            depth: good.pipeline,
            big_path: strange.big_path.unwrap_or_else(|| resources[0].path.clone()),
            resources,
            timeout: good.timeout.map(|timeout| *timeout),
            corrected: report.corrected,
            expected: expected.map(Into::into),
            expected_status: good.expect_status,
            drip_every: *strange.drip_every,
            type_every: *good.type_every,
            slow_read_bytes: strange.slow_read_bytes.0,
            crossings: good.crossings,
            proxy_protocol: run.proxy_protocol,
            afterwards: match strange.replace {
                true => Afterwards::Replace,
                false => Afterwards::Leave,
            },
            length: match (run.length, run.requests) {
                (Some(length), _) => *length,
                (None, None) => Duration::from_secs(10),
                (None, Some(_)) => Duration::from_secs(300),
            },
            requests: run.requests.map(|requests| requests as u64),
            calm: run.calm.map(|calm| *calm).unwrap_or_default(),
            connect_rate: run.connect_rate,
            patience: *run.patience,
            seed: run.seed,
            pid: report.pid,
            shown: if report.quiet { Shown::Nothing } else { Shown::Progress },
            csv: report.csv,
            hdr: report.hdr,
            json: report.json.map(Destination::from),
            plot: report.plot,
        };
        if plan.clients() == 0 {
            plan.wanted[Kind::Get as usize].clients = GET_CLIENTS;
        }
        checks::check(&plan)?;
        Ok(plan)
    }
}

impl Options {
    /// The server, and what its clients request: one resource at least.
    fn requested(&self) -> Result<(Asked, Vec<Resource>), Refusal> {
        let good = &self.good;
        let listed = good.urls.as_deref().map(resources::read).transpose()?;
        let wish = |url: &Asked| Wish { weight: 1, method: None, place: Wished::Url(url.clone()) };
        let (named, wishes) = match (listed, &self.servers[..]) {
            (Some(wishes), []) => (None, wishes),
            (Some(wishes), [server]) if server.is_server_alone() => (Some(server), wishes),
            (Some(_), _) => {
                return mistake("with --urls, SERVER says only where they are, as in herd 8888");
            }
            (None, urls) => (urls.first(), urls.iter().map(wish).collect()),
        };
        if wishes.len() > 1 && good.path.is_some() {
            return mistake("--path is for one URL; write the paths into the URLs");
        }
        let server = resources::server_of(named, &wishes)?;
        let body: Option<Rc<[u8]>> = bytes_of("--body", good.body.as_deref())?.map(Into::into);
        let resources = wishes.into_iter().map(|wish| {
            let url = wish.place.at(&server);
            // A line that says GET means it, whatever others have.
            let bare = matches!(wish.method.as_deref(), Some("GET" | "HEAD"));
            let body = body.clone().filter(|_| !bare);
            let method = wish.method.or_else(|| good.method.clone());
            Ok(Resource {
                weight: wish.weight,
                method: method.unwrap_or_else(|| usual_method(body.as_deref()).to_owned()),
                path: request::path_of(&url, good.path.as_deref())?,
                fields: request::fields_of(&url, &good.all_fields()),
                body,
            })
        });
        Ok((server.clone(), resources.collect::<Result<_, Refusal>>()?))
    }
}

impl GoodOptions {
    /// The fields that the user adds, by whichever option.
    fn all_fields(&self) -> Vec<String> {
        let named = [&self.host, &self.user, &self.cookie].into_iter().flatten();
        named.chain(&self.header).cloned().collect()
    }
}

/// As curl has it.
fn usual_method(body: Option<&[u8]>) -> &'static str {
    if body.is_some() { "POST" } else { "GET" }
}

fn mistake<T>(sentence: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Mistake(sentence.into()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn plan(arguments: &[&str]) -> Plan {
        let options = Options::from_arguments(["herd"].iter().chain(arguments));
        options.and_then(Options::plan).expect("good arguments")
    }

    fn refused(arguments: &[&str]) -> String {
        match Options::from_arguments(["herd"].iter().chain(arguments)).and_then(Options::plan) {
            Err(Refusal::Mistake(sentence)) => sentence,
            outcome => panic!("{arguments:?} gave {outcome:?}"),
        }
    }

    #[test]
    fn the_definition_contradicts_nothing() {
        Options::command().debug_assert();
    }

    #[test]
    fn each_kind_has_an_option_of_its_name_that_sets_it_and_no_other() {
        for kind in Kind::ALL {
            let option = format!("--{}", kind.name());
            let plan = plan(&["8888", &option, "7"]);
            assert_eq!(plan.wanted(kind), Wanted { clients: 7, rate: None }, "{option}");
            assert_eq!(plan.clients(), 7, "{option}");
        }
    }

    #[test]
    fn a_rate_stands_behind_an_at_sign_or_is_that_of_the_get_clients() {
        let rated = Wanted { clients: 5, rate: Some(2.5) };
        for kind in [Kind::Post, Kind::ConnectClose, Kind::HalfClose, Kind::Garbage, Kind::Reset] {
            let option = format!("--{}", kind.name());
            assert_eq!(plan(&["8888", &option, "5@2.5"]).wanted(kind), rated, "{option}");
        }
        assert_eq!(plan(&["8888", "--get", "5", "--rate", "2.5"]).wanted(Kind::Get), rated);
        for wrong in ["", "x", "5@", "@5", "5@0", "5@-1", "5@inf", "5@NaN", "1.5"] {
            assert!(refused(&["8888", "--garbage", wrong]).contains("50@500"), "{wrong}");
        }
    }

    #[test]
    fn a_server_is_an_address_or_a_port_of_the_loopback() {
        let server = |text: &str| plan(&[text, "--get", "1"]).server.to_string();
        assert_eq!(server("8888"), "127.0.0.1:8888");
        assert_eq!(server(":8888"), "127.0.0.1:8888");
        assert_eq!(server("127.9.9.9:80"), "127.9.9.9:80");
        assert_eq!(server("[::1]:80"), "[::1]:80");
        assert_eq!(server("[::ffff:127.0.0.1]:80"), "127.0.0.1:80");
        assert_eq!(server("unix:/run/a.sock"), "unix:/run/a.sock");
        assert_eq!(server("unix:@a"), "unix:@a");
    }

    #[test]
    fn another_host_is_refused_unless_the_user_answers_for_it() {
        for elsewhere in ["192.0.2.1:80", "0.0.0.0:80", "[2001:db8::1]:80", "[::ffff:192.0.2.1]:80"]
        {
            let sentence = refused(&[elsewhere, "--get", "1"]);
            assert!(sentence.contains("--i-may-load-this-host"), "{sentence}");
            let plan = plan(&[elsewhere, "--get", "1", "--i-may-load-this-host"]);
            assert!(plan.server.to_string().ends_with(":80") && !plan.server.is_local());
        }
    }

    #[test]
    fn without_options_a_run_is_ten_seconds_of_the_root() {
        assert_eq!(plan(&["8888"]).wanted(Kind::Get), Wanted { clients: 64, rate: None });
        let rated = Wanted { clients: 64, rate: Some(5.0) };
        assert_eq!(plan(&["8888", "-r", "5"]).wanted(Kind::Get), rated);
        let plan = plan(&["8888", "--get", "1"]);
        assert_eq!((plan.length, plan.requests), (Duration::from_secs(10), None));
        assert_eq!((&*plan.resource().path, &*plan.big_path, plan.depth), ("/", "/", 1));
        assert_eq!(plan.afterwards, Afterwards::Leave);
    }

    #[test]
    fn what_users_of_other_programs_type_means_the_same() {
        let typed =
            plan(&["http://localhost:8888/a?b", "-c", "9", "-z", "3s", "-n", "50", "-q", "7"]);
        assert_eq!(typed.wanted(Kind::Get), Wanted { clients: 9, rate: Some(7.0) });
        assert_eq!((typed.length, typed.requests), (Duration::from_secs(3), Some(50)));
        assert_eq!((&*typed.resource().path, &*typed.big_path), ("/a?b", "/a?b"));
        assert_eq!(typed.resource().fields, "Host: localhost:8888\r\n");
        assert_eq!(plan(&["8888", "-d", "2s"]).length, Duration::from_secs(2));
        assert_eq!(plan(&["http://[::1]:80", "--path", "/x"]).resource().path, "/x");
    }

    #[test]
    fn fields_are_added_to_those_of_herd_or_replace_host() {
        let fields =
            |arguments: &[&str]| plan(&[&["8888"], arguments].concat()).resources[0].fields.clone();
        assert_eq!(
            fields(&["-H", "A:b", "-H", "C: d e "]),
            "Host: 127.0.0.1:8888\r\nA: b\r\nC: d e\r\n"
        );
        assert_eq!(fields(&["-H", "host: example.org"]), "host: example.org\r\n");
        assert_eq!(
            fields(&["--cookie", "a=b", "--user", "me:secret", "--host", "example.org:81"]),
            "Host: example.org:81\r\nAuthorization: Basic bWU6c2VjcmV0\r\nCookie: a=b\r\n"
        );
    }

    #[test]
    fn a_request_has_the_method_and_content_that_the_user_says() {
        let request = |arguments: &[&str]| {
            let plan = plan(&[&["8888"], arguments].concat());
            String::from_utf8(plan.resource().request().bytes("")).expect("text")
        };
        assert_eq!(request(&[]), "GET / HTTP/1.1\r\n\r\n");
        assert_eq!(request(&["-m", "put"]), "PUT / HTTP/1.1\r\n\r\n");
        assert_eq!(request(&["-b", "a\nb"]), "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nb");
        assert!(request(&["-m", "PATCH", "-b", ""]).starts_with("PATCH / HTTP/1.1\r\nContent-L"));
        assert_eq!(plan(&["8888", "-t", "2s"]).timeout, Some(Duration::from_secs(2)));
    }

    #[test]
    fn what_cannot_be_meant_is_told_how_to_mend_it() {
        for (arguments, remedy) in [
            (&["8888", "--idle", "1", "--rate", "5"][..], "--get N"),
            (&["8888", "--idle", "1", "--pipeline", "2"], "--get N"),
            (&["8888", "--get", "1", "--pipeline", "0"], "above 0"),
            (&["8888", "--get", "1", "--for", "0s"], "some time"),
            (&["8888", "--get", "1", "--for", "5"], "with its unit"),
            (&["8888", "--get", "1", "--for", "5s", "--calm", "5s"], "shorter"),
            (&["8888", "--idle", "1", "--for", "5s", "--calm", "1s"], "--get or --post"),
            (&["8888", "--expect-status", "40"], "such as 404"),
            (&["8888/a", "--path", "/b"], "leave one"),
            (&["8888", "-H", "no field"], "a colon"),
            (&["8888", "-H", "Connection: close"], "kind of clients"),
            (&["8888", "--connections", "5"], "-c N"),
            (&["8888", "-t", "4"], "one thread"),
            (&["8888", "-t", "0s"], "some time"),
            (&["8888", "-m", "CONNECT"], "another method"),
            (&["8888", "-m", "HEAD", "-b", "x"], "leave out --body"),
            (&["8888", "-m", "HEAD", "--expect", "x"], "--expect-status"),
            (&["8888", "8889"], "herd compare 127.0.0.1:8888 127.0.0.1:8889"),
            (&["8888/a", "8888/b", "--path", "/c"], "one URL"),
            (&["8888", "--urls", "/no/such/file"], "name a file"),
            (&["8888", "exam"], "herd exam SERVER"),
            (&["8888", "--rate", "5", "--corrected"], "without a rate"),
            (&["8888", "--corrected=0s"], "such as 1ms"),
            (&["8888", "-m", "a b"], "a method"),
            (&["8888", "-b", "@no/such/file"], "name a file"),
            (&["8888", "--telnet", "1", "-b", "x"], "types a GET"),
            (&["8888", "--host", "a b"], "such as"),
            (&["8888", "--user", "name"], "NAME:PASSWORD"),
            (&["8888", "--host", "a", "-H", "Host: b"], "Host twice"),
            (&["8888", "--get", "1", "--path", "index"], "begins with /"),
            (&["8888", "--get", "1", "--path", "/a b"], "no spaces"),
            (&["8888", "--slow-read", "1", "--slow-read-bytes", "0"], "--never-read"),
            (&["0", "--get", "1"], "listens at"),
            (&["unix:/a", "--reset", "1"], "needs TCP"),
            (&["unix:/a,proxy", "--get", "1"], "--proxy-protocol"),
            (&["example.com:8888", "--get", "1"], "127.0.0.1:8888"),
            (&["8888", "--gett", "1"], "--get"),
            (&["--get", "1"], "--help"),
            (&["8888", "--get", "1", "--expect", "@no/such/file"], "name a file"),
        ] {
            let sentence = refused(arguments);
            assert!(sentence.contains(remedy) && !sentence.contains('\n'), "{sentence}");
        }
    }

    #[test]
    fn an_expected_body_is_a_text_or_a_files_bytes() {
        let expected = |text: &str| plan(&["8888", "--get", "1", "--expect", text]).expected;
        assert_eq!(expected("hello\n").as_deref(), Some(b"hello\n".as_slice()));
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let bytes = fs::read(manifest).expect("our own manifest");
        assert_eq!(expected(&format!("@{manifest}")).as_deref(), Some(bytes.as_slice()));
    }
}
