//! What a million clients cost the engine: `taskset -c 1 cargo bench --bench slots`.
//!
//! No process under a limit of 20,000 descriptors holds a million connections, so what is measured
//! here is what would be ours of them: a million slots with their deadlines, the program's limits
//! and its handler, over streams in memory. `-- 10000` has it fill so many slots instead, and
//! `cargo test --benches` does that in seconds.
//!
//! 1. **Memory**: what a slot takes, before and after its client's first request, and what is left
//!    when all have gone. The bench's own, eight bytes to name each client, is there before.
//! 2. **Time per event**: everybody asks once, in a random order, and again in another. A crowd of
//!    a thousand does the same in between: its slots stay in the cache, and the difference is what
//!    it costs that a million do not.
//! 3. **The longest turn** of everything that can happen to a whole crowd at once.
//!
//! A table shows the median of its rounds, and in brackets the least and the most. All times are
//! processor time of this one thread: whatever else wants the core does not count, but what it
//! does to the caches does.
//!
//! What the engine would ask of a kernel is not in it: a `recv`, a `send` or a `close` is only a
//! call of a function that returns. `benches/peers/` measures with a kernel.

#[path = "slots/clock.rs"]
mod clock;
#[path = "slots/crowd.rs"]
mod crowd;
#[path = "slots/memory.rs"]
mod memory;
#[path = "../tests/support/random.rs"]
mod random;
mod support;

use std::time::Duration;

use clock::{Looks, Spread, Turns};
use crowd::{Crowd, EVENTS_PER_TURN_MAX, STREAM_BYTES};
use memory::Held;
use random::Random;

/// How many slots are the question, and how many show that the bench still runs.
const MANY: usize = 1_000_000;
const MANY_IN_SHORT: usize = 10_000;

/// How many stay in the cache.
const FEW: usize = 1_000;

/// At how many memory is read, besides.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// How many clients are heard of in one turn: one, some, and as many as the server can be told of.
const EVENTS_PER_TURN: [usize; 3] = [1, 64, EVENTS_PER_TURN_MAX];

/// An odd number of rounds has a middle one; more of them would take minutes.
const ROUNDS_OF_EVENTS: usize = 7;
const ROUNDS_OF_CROWDS: usize = 5;

/// How often a client asks, where time goes on. A renewal of its deadline that comes within a
/// second of the last is skipped, and after a minute of silence it would be closed: this lies
/// between the two, so nearly every request moves its client to the end of a timer list.
const PERIOD: Duration = Duration::from_secs(10);

/// Something that happens to a whole crowd.
struct Happening {
    name: &'static str,
    /// What has happened before.
    before: fn(&mut Crowd, &mut Random),
    happen: fn(&mut Crowd) -> Turns,
}

const HAPPENINGS: [Happening; 11] = [
    Happening { name: "all connect", before: |_, _| (), happen: Crowd::connect },
    Happening {
        name: "all ask, for the first time",
        before: come,
        happen: |crowd| crowd.ask(EVENTS_PER_TURN_MAX, PERIOD),
    },
    Happening {
        name: "all ask again, in a random order, 1 a turn",
        before: come_ask_and_mix,
        happen: |crowd| crowd.ask(1, PERIOD),
    },
    Happening {
        name: "the same, 64 a turn",
        before: come_ask_and_mix,
        happen: |crowd| crowd.ask(64, PERIOD),
    },
    Happening {
        name: "the same, 256 a turn",
        before: come_ask_and_mix,
        happen: |crowd| crowd.ask(EVENTS_PER_TURN_MAX, PERIOD),
    },
    Happening { name: "all have been silent too long", before: come, happen: Crowd::expire },
    Happening { name: "all leave, first come, first gone", before: come, happen: Crowd::leave },
    Happening {
        name: "all leave, last come, first gone",
        before: |crowd, random| {
            come(crowd, random);
            crowd.reverse();
        },
        happen: Crowd::leave,
    },
    Happening {
        name: "all leave, in a random order",
        before: |crowd, random| {
            come(crowd, random);
            crowd.shuffle(random);
        },
        happen: Crowd::leave,
    },
    Happening { name: "the server is told to stop", before: come, happen: Crowd::stop },
    Happening { name: "the server is told to end at once", before: come, happen: Crowd::cut_off },
];

fn come(crowd: &mut Crowd, _: &mut Random) {
    crowd.connect();
}

fn come_ask_and_mix(crowd: &mut Crowd, random: &mut Random) {
    crowd.connect();
    crowd.ask(EVENTS_PER_TURN_MAX, PERIOD);
    crowd.shuffle(random);
}

fn main() {
    let count = slots_wanted();
    let mut random = Random::new(1);
    // What a first few clients make resident, code above all, is no slot's memory.
    for happening in HAPPENINGS {
        round_of(&happening, FEW, &mut random);
    }
    memory(count);
    events(count, &mut random);
    crowds(count, &mut random);
}

/// As many as the command line says. Without a number, cargo says which of two it is to be: it
/// adds `--bench` to what `cargo bench` runs, and not to what `cargo test` does.
fn slots_wanted() -> usize {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = arguments.iter().find_map(|argument| argument.parse().ok());
    let in_full = arguments.iter().any(|argument| argument == "--bench");
    number.unwrap_or(if in_full { MANY } else { MANY_IN_SHORT }).max(FEW)
}

/// The first table.
fn memory(count: usize) {
    println!("Memory. Of a slot's bytes, {STREAM_BYTES} are its stream.\n");
    println!(
        "| slots | resident bytes each, silent | each answered once | allocated in all, MiB \
         | resident when all have left, KiB |"
    );
    println!("|---:|---:|---:|---:|---:|");
    for size in SIZES.into_iter().filter(|size| *size < count).chain([count]) {
        let names = crowd::names(size);
        let nothing = Held::now();
        let mut crowd = Crowd::new(names);
        let empty = Held::now();
        crowd.connect();
        let silent = Held::now();
        crowd.ask(EVENTS_PER_TURN_MAX, Duration::ZERO);
        let answered = Held::now();
        crowd.leave();
        let left = Held::now();
        let each = |held: Held| held.above(empty).resident as f64 / size as f64;
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {} |",
            grouped(size),
            each(silent),
            each(answered),
            answered.above(nothing).allocated as f64 / (1024.0 * 1024.0),
            left.above(empty).resident / 1024,
        );
    }
}

/// The second table.
fn events(count: usize, random: &mut Random) {
    println!("\nTime per request, in nanoseconds, of clients in random order.\n");
    println!(
        "| requests a turn | deadlines | {} slots | {} slots | of the first |",
        grouped(FEW),
        grouped(count)
    );
    println!("|---:|---|---:|---:|---:|");
    let mut crowds = [Crowd::connected(FEW), Crowd::connected(count)];
    for per_turn in EVENTS_PER_TURN {
        for (deadlines, period) in [("stay", Duration::ZERO), ("renewed", PERIOD)] {
            let mut rounds = [Vec::new(), Vec::new()];
            for crowd in &mut crowds {
                crowd.looks = Looks::Once;
                // Time that went by before is still to be made up for in every deadline.
                crowd.ask(per_turn, period);
            }
            // They take turns, so that what else the machine does happens to both.
            for _ in 0..ROUNDS_OF_EVENTS {
                for (crowd, rounds) in crowds.iter_mut().zip(&mut rounds) {
                    rounds.push(round_of_events(crowd, count, per_turn, period, random));
                }
            }
            let [few, many] = &rounds;
            let ratios = Spread::of(few.iter().zip(many).map(|(few, many)| many / few));
            let [few, many] = rounds.map(Spread::of);
            println!("| {} | {deadlines} | {few} | {many} | {ratios:.2} |", grouped(per_turn));
        }
    }
    assert_eq!(crowds.map(|crowd| crowd.len()), [FEW, count], "nobody's time has run out");
}

/// How many nanoseconds a request takes, of `requests` or a few less, for which everybody asks as
/// often as everybody else, once in each `period`.
fn round_of_events(
    crowd: &mut Crowd,
    requests: usize,
    per_turn: usize,
    period: Duration,
    random: &mut Random,
) -> f64 {
    let passes = requests / crowd.len();
    let mut total = Duration::ZERO;
    for _ in 0..passes {
        crowd.shuffle(random);
        total += crowd.ask(per_turn, period).total;
    }
    total.as_nanos() as f64 / (passes * crowd.len()) as f64
}

/// The third table.
fn crowds(count: usize, random: &mut Random) {
    println!("\nWhat happens to {} slots, in milliseconds.\n", grouped(count));
    println!("| | turns | longest turn | all turns | still allocated, MiB |");
    println!("|---|---:|---:|---:|---:|");
    for happening in HAPPENINGS {
        let rounds: Vec<(Turns, Held)> =
            (0..ROUNDS_OF_CROWDS).map(|_| round_of(&happening, count, random)).collect();
        let mib = |held: &Held| held.allocated as f64 / (1024.0 * 1024.0);
        println!(
            "| {} | {} | {:.2} | {:.0} | {:.1} |",
            happening.name,
            grouped(rounds[0].0.count as usize),
            Spread::of(rounds.iter().map(|(turns, _)| millis(turns.longest))),
            Spread::of(rounds.iter().map(|(turns, _)| millis(turns.total))),
            Spread::of(rounds.iter().map(|(_, held)| mib(held))).median(),
        );
    }
}

/// How long it takes, and what the engine holds afterwards more than without a client.
fn round_of(happening: &Happening, count: usize, random: &mut Random) -> (Turns, Held) {
    let mut crowd = Crowd::new(crowd::names(count));
    let empty = Held::now();
    (happening.before)(&mut crowd, random);
    let turns = (happening.happen)(&mut crowd);
    (turns, Held::now().above(empty))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A number that can be read: 1,000,000.
fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}
