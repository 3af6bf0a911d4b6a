//! What pipelining clients cost another client: `cargo bench --bench neighbours`, three minutes.
//!
//! 16 clients send requests of one kind without waiting for the answers, as many as the kernel
//! takes. Another client, the neighbour, asks for something small every 2 ms. For each kind the
//! table shows how long the neighbour waits beside these clients and alone, and how much processor
//! time the longest turn of the server took. A wait counts from the moment at which the neighbour
//! meant to ask, so that one long turn counts for every request that it delays.
//!
//! The server's thread has the first core, the clients' thread the second, where there are two.
//! What is called work is the processor time of the server's thread in one [`Server::turn`]: the
//! poll's sleep costs none, and other processes on the core do not count, except for the caches. They
//! do delay the neighbour: waits are to be measured on a quiet machine.
//! All kinds are measured once before any is measured again. A wait is the median of the rounds.
//!
//! `-- listing` measures only the kinds that have this word in their names.

#[path = "neighbours/cores.rs"]
mod cores;
#[path = "neighbours/folder.rs"]
mod folder;
#[path = "neighbours/kinds.rs"]
mod kinds;
#[path = "neighbours/load.rs"]
mod load;
#[path = "neighbours/serving.rs"]
mod serving;

use std::path::{Path, PathBuf};
use std::time::Duration;

use folder::Changing;
use kinds::{Kind, Served};
use load::Waits;
use oneloop::handlers::{FixedText, Site};
use serving::{Serving, Work};

/// An odd number of rounds has a middle one.
const ROUNDS: usize = 3;

/// How long the neighbour asks, alone and beside the others: 500 times.
const MEASURED: Duration = Duration::from_secs(1);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this, too, and means no more than that it starts.
    if !words.iter().any(|word| word == "--bench") {
        return println!("not measured: cargo bench --bench neighbours does that");
    }
    let is_wanted = |name: &str| {
        let mut words = words.iter().filter(|word| !word.starts_with("--")).peekable();
        words.peek().is_none() || words.any(|word| name.contains(word.as_str()))
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("neighbours");
    folder::make(&folder).expect("there is room for 200 MiB beside the build");
    let site = Site::open(&folder).expect("it was just made").listing();
    let servers = Servers {
        folder,
        text: Serving::start(FixedText::new(*b"hello\n")),
        site: Serving::start(site),
    };
    cores::stay_on(cores::CLIENTS);
    let mut rows: Vec<Row> =
        kinds::all().into_iter().filter(|kind| is_wanted(kind.name)).map(Row::of).collect();
    for _ in 0..ROUNDS {
        for row in &mut rows {
            row.measure(&servers);
        }
    }
    println!(
        "| 16 clients pipeline | requests a second | neighbour's p99 alone | beside them \
         | longer by | work of the longest turn | in all rounds |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for row in &rows {
        row.print();
    }
}

struct Servers {
    folder: PathBuf,
    text: Serving,
    site: Serving,
}

/// One kind, and what each round came to.
struct Row {
    kind: Kind,
    rounds: Vec<Round>,
}

struct Round {
    alone: Duration,
    beside: Duration,
    work: Work,
}

impl Row {
    fn of(kind: Kind) -> Row {
        Row { kind, rounds: Vec::new() }
    }

    fn measure(&mut self, servers: &Servers) {
        let (server, small) = match self.kind.served {
            Served::ByText => (&servers.text, "/"),
            Served::BySite => (&servers.site, "/small.txt"),
        };
        let p99 = |waits: Waits| waits.at(0.99);
        let alone = p99(load::measure(server.address, small, None, MEASURED));
        server.await_rest();
        let _changing =
            self.kind.changes.then(|| Changing::start(servers.folder.join(folder::CHANGING)));
        server.begin();
        let beside = p99(load::measure(server.address, small, Some(&self.kind), MEASURED));
        let work = server.end();
        server.await_rest();
        self.rounds.push(Round { alone, beside, work });
    }

    fn print(&self) {
        let median = |of: fn(&Round) -> Duration| {
            let mut all: Vec<Duration> = self.rounds.iter().map(of).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        let (alone, beside) = (median(|round| round.alone), median(|round| round.beside));
        let longest = self.rounds.iter().map(|round| round.work.longest_turn).max();
        let requests: u64 = self.rounds.iter().map(|round| round.work.requests).sum();
        let took: Duration = self.rounds.iter().map(|round| round.work.measured).sum();
        println!(
            "| {} | {:.0} | {} | {} | {:.2} ms | {} | {} |",
            self.kind.name,
            requests as f64 / took.as_secs_f64(),
            millis(alone),
            millis(beside),
            (beside.as_secs_f64() - alone.as_secs_f64()) * 1e3,
            millis(median(|round| round.work.longest_turn)),
            millis(longest.unwrap_or_default()),
        );
    }
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
