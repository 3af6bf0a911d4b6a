//! What kind of a run it is: how many peers, how little room, what happens to the whole server.

use std::sync::Arc;
use std::time::Duration;

use oneloop::{Config, Limits, Timeouts};

use crate::answers::{Faults, Manner, Text};
use crate::hub::Hub;
use crate::random::Random;
use crate::script::Length;
use crate::streams::Stream;
use crate::trouble::Trouble;

#[derive(Clone, Debug)]
pub struct Setting {
    pub peers: usize,
    pub length: Length,
    /// The longest time between two arrivals.
    pub gap_max: Duration,
    pub listeners: usize,
    pub clients_max: usize,
    pub descriptors_max: usize,
    /// When the server is told to stop, if at all, and after how long once more.
    pub stops_at: Option<Duration>,
    pub stops_again_after: Option<Duration>,
    /// How often an event is reported late: once in so many.
    pub late_events_once_in: usize,
    /// Whether the clock sometimes leaps over deadlines, as after a machine's sleep.
    pub leaps: bool,
    pub manner: Manner,
    pub config: Config,
    /// Whether the handler panics now and then.
    pub panics: bool,
    /// Whether the poll that tells a server to stop, and the next ones, report nothing else: they
    /// return a bounded number of events.
    pub stops_unseen: bool,
    /// Whether a server that is told to stop is told twice at once.
    pub stops_twice_at_once: bool,
    /// Whether it is told again while it looks at its clients for the last time.
    pub stops_in_last_check: bool,
    /// Some answers are dear, and the handler says so.
    pub has_dear_answers: bool,
    /// The server is held now and then, and its clients take single steps.
    pub holds: bool,
    /// Peers that think ask about when the server ends idle clients.
    pub crosses: bool,
    /// Another process takes over when the server would be told to stop, and gets so many of the
    /// listeners, the first ones.
    pub hands_over: Option<usize>,
    /// The server writes an access log. In other runs its memory is held to less.
    pub has_log: bool,
}

impl Setting {
    /// The setting of the run of this seed, without the troubles that `hub` is spared.
    pub fn draw(seed: u64, hub: &Hub) -> Setting {
        let random = &mut Stream::Setting.of_seed(seed);
        // Now and then more than the engine takes into one batch, or gives slots back for.
        let (length, peers) = match random.below(400) {
            0 => (Length::Brief, random.between(260, 320)),
            1..12 => (Length::Brief, random.between(66, 120)),
            _ => (Length::Long, random.between(1, 12)),
        };
        let most = if length == Length::Brief { peers } else { 4 };
        let millis = |millis| Duration::from_millis(millis as u64);
        let gap_max = match length {
            Length::Brief => random.pick(&[0, 0, 1, 10]),
            Length::Long => random.pick(&[1, 100, 5000]),
        };
        let clients_max = random.between(1, most);
        let descriptors_max = random.between(1, most);
        let stop_max = random.pick(&[100, 3000, 20_000]);
        let stops_at = millis(random.below(stop_max));
        let stop_max = random.pick(&[10, 5000]);
        let stops_again_after = millis(random.below(stop_max));
        let unless_spared = |trouble, drawn: bool| drawn && hub.has(trouble);
        let is_capped = unless_spared(Trouble::Cap, random.once_in(3));
        let is_short = unless_spared(Trouble::Shortage, random.once_in(5));
        let is_stopped = unless_spared(Trouble::Drain, random.once_in(5));
        let mut setting = Setting {
            peers,
            length,
            gap_max: millis(gap_max),
            listeners: random.between(1, 2),
            clients_max: if is_capped { clients_max } else { usize::MAX },
            descriptors_max: if is_short { descriptors_max } else { usize::MAX },
            stops_at: is_stopped.then_some(stops_at),
            stops_again_after: random.once_in(3).then_some(stops_again_after),
            late_events_once_in: random.pick(&[10, 10, 4, 2]),
            leaps: unless_spared(Trouble::Leaps, random.once_in(6)),
            manner: manner(random),
            config: config(random),
            // Drawn last, so that all else is drawn as it was before there were panics.
            panics: unless_spared(Trouble::Panics, random.once_in(16)),
            stops_unseen: random.once_in(2),
            stops_twice_at_once: random.once_in(10),
            stops_in_last_check: random.once_in(2),
            // And this behind it.
            has_dear_answers: random.once_in(4),
            holds: unless_spared(Trouble::Holds, random.once_in(5)),
            crosses: false,
            hands_over: None,
            has_log: seed.is_multiple_of(2),
        };
        // And this behind that.
        let timeouts = &mut setting.config.timeouts;
        timeouts.drain_announce = millis(random.pick(&[0, 0, 1, 300, 5000]));
        timeouts.drain_idle = millis(random.pick(&[0, 1, 50, 500, 2000, 20_000]));
        setting.crosses = random.once_in(2);
        let listeners = random.between(0, setting.listeners);
        setting.hands_over = random.once_in(3).then_some(listeners);
        setting
    }
}

fn manner(random: &mut Random) -> Manner {
    let text = |body: &[u8], status, field, faults| {
        Manner::Text(Text { body: Arc::from(body), status, field, faults })
    };
    let small: &[u8] = b"This is the server respose! :)\n";
    match random.below(8) {
        0 => text(small, 200, None, Faults::Text),
        1 => text(small, 200, None, Faults::Error),
        2 => text(&[b'x'; 40_000], 200, Some(("Cache-Control", "no-store")), Faults::Text),
        3 => text(&[b'y'; 100_000], 503, Some(("Retry-After", "5")), Faults::Error),
        _ => Manner::Echo,
    }
}

/// Limits so small that they are met, and timeouts that differ in their order.
fn config(random: &mut Random) -> Config {
    let mut seconds = |least, most| Duration::from_secs(random.between(least, most) as u64);
    let mut timeouts = Timeouts::default();
    timeouts.first_byte = seconds(3, 20);
    timeouts.head = seconds(3, 20);
    timeouts.body = seconds(3, 20);
    timeouts.write = seconds(3, 20);
    timeouts.idle = seconds(3, 20);
    timeouts.linger = Duration::from_secs(2);
    timeouts.drain = seconds(3, 20);
    let grace = seconds(1, 5);
    timeouts.typing_grace = random.once_in(5).then_some(grace);
    let mut or = |usual, rare| if random.once_in(6) { rare } else { usual };
    let mut limits = Limits::default();
    limits.head_bytes_max = or(16 * 1024, 300);
    limits.target_bytes_max = or(8 * 1024, 60);
    limits.fields_max = or(100, 5);
    limits.body_bytes_max = or(64 * 1024, 2000);
    limits.linger_bytes_max = or(1024 * 1024, 2000);
    limits.target_bytes_max = limits.target_bytes_max.min(limits.head_bytes_max / 2);
    limits.output_bytes_high_water = random.pick(&[1024, 64 * 1024]);
    limits.turn_bytes_max = random.pick(&[1024, 4096, 1024 * 1024]);
    limits.accepts_per_turn_max = random.pick(&[1, 4, 256, 256]);
    limits.deadlines_per_turn_max = random.pick(&[1, 256]);
    limits.progress_bytes_per_second_min = random.pick(&[1, 20, 500]) as u32;
    let mut config = Config::default();
    config.limits = limits;
    config.timeouts = timeouts;
    config.check().expect("a setting that contradicts nothing");
    config
}
