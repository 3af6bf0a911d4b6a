//! The clients by hand: puts a bounded load on any server on this machine, and says how it went.
//!
//! ```text
//! load 127.0.0.1:8888 --clients 10000 --requests 1000000
//! ```

use std::net::SocketAddrV4;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use peers::failure::Failure;
use peers::herd::answer::Expected;
use peers::load::{Connections, Load, Outcome, Plan, Until};
use peers::placement;
use peers::scenario::Shape;
use peers::text;

/// Sends requests over many connections and checks every byte of every answer.
#[derive(Parser)]
struct Options {
    /// The server, on the loopback.
    server: SocketAddrV4,
    /// How many clients.
    #[arg(short, long, default_value_t = 64)]
    clients: usize,
    /// How many requests each sends in one batch.
    #[arg(short, long, default_value_t = 1)]
    depth: usize,
    /// Stop after so many requests.
    #[arg(short = 'n', long, default_value_t = 100_000)]
    requests: u64,
    /// Connect for every request.
    #[arg(long, conflicts_with = "depth")]
    close: bool,
    /// So many connect at once and are answered before the next.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_once)]
    at_once: usize,
    /// Stay connected, silent, for so many seconds at the end.
    #[arg(long, default_value_t = 0)]
    linger: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.server.ip().is_loopback() || options.clients == 0 || options.depth == 0 {
        eprintln!("load: give a server on 127.0.0.0/8, and at least one client at depth one");
        return ExitCode::from(2);
    }
    match run(&options) {
        Ok(outcome) => {
            print(&outcome);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Outcome, Failure> {
    placement::raise_descriptor_limit();
    let connections = if options.close { Connections::PerRequest } else { Connections::Kept };
    let mut load = Load::open(Plan {
        server: options.server,
        clients: options.clients,
        depth: options.depth,
        requests: vec![Shape::Get.request("/", "", connections)],
        expected: Expected::Exactly { status: 200, body: text::BODY.as_bytes().into() },
        connections,
        at_once: options.at_once,
    })?;
    let outcome = load.run(Until::Answered(options.requests))?;
    std::thread::sleep(Duration::from_secs(options.linger));
    Ok(outcome)
}

/// None at once would be none ever.
fn at_once(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        Ok(_) | Err(_) => Err("give a number above 0".to_owned()),
    }
}

fn print(outcome: &Outcome) {
    let seconds = outcome.elapsed.as_secs_f64();
    println!(
        "{} answers, every byte checked, in {seconds:.2} s: {:.0}/s; the clients' own CPU {:.0} %",
        outcome.answered,
        outcome.answered as f64 / seconds,
        outcome.load_cpu.as_secs_f64() / seconds * 100.0,
    );
    let microseconds = |quantile| outcome.latency.value_at_quantile(quantile) as f64 / 1e3;
    println!(
        "p50 {:.1} µs, p99 {:.1} µs, p99.9 {:.1} µs",
        microseconds(0.5),
        microseconds(0.99),
        microseconds(0.999),
    );
}
