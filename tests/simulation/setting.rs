//! What kind of a run it is: how many peers, how little room, what happens to the whole server.

use std::time::Duration;

use oneloop::{Config, Limits, Timeouts};

use crate::random::Random;

#[derive(Clone, Debug)]
pub struct Setting {
    pub peers: usize,
    /// The longest time between two arrivals, in milliseconds.
    pub gap_max: usize,
    pub clients_max: usize,
    /// In which turn the server is told to stop, if at all.
    pub drains_at: Option<usize>,
    /// Whether the clock sometimes leaps over deadlines, as after a machine's sleep.
    pub leaps: bool,
}

impl Setting {
    pub fn draw(random: &mut Random) -> Setting {
        let peers = random.between(1, 12);
        Setting {
            peers,
            gap_max: random.pick(&[1, 100, 5000]),
            clients_max: if random.once_in(3) { random.between(1, 5) } else { usize::MAX },
            drains_at: random.once_in(5).then(|| random.below(600)),
            leaps: random.once_in(6),
        }
    }

    /// Limits so small that they are met, and timeouts that differ in their order.
    pub fn config(&self, random: &mut Random) -> Config {
        let mut seconds = || Duration::from_secs(random.between(3, 20) as u64);
        let mut timeouts = Timeouts {
            first_byte: seconds(),
            head: seconds(),
            typing_grace: None,
            body: seconds(),
            write: seconds(),
            idle: seconds(),
            linger: Duration::from_secs(2),
            drain: seconds(),
        };
        if random.once_in(5) {
            timeouts.typing_grace = Some(Duration::from_secs(random.between(1, 5) as u64));
        }
        let limits = Limits {
            body_bytes_max: 64 * 1024,
            output_bytes_high_water: random.pick(&[1024, 64 * 1024]),
            turn_bytes_max: random.pick(&[1024, 4096, 1024 * 1024]),
            accepts_per_turn_max: random.pick(&[1, 4, 256]),
            deadlines_per_turn_max: random.pick(&[1, 256]),
            progress_bytes_per_second_min: 1,
            ..Limits::default()
        };
        let config = Config { limits, timeouts, ..Config::default() };
        config.check().expect("a setting that contradicts nothing");
        config
    }
}
