//! The timer lists: one for each timeout, in which the client that has waited longest stands first.
//! Which there are, and how long they last, is what the server has by default.

use std::time::Duration;

use oneloop::{TimeoutClass, Timeouts};

use crate::canvas::{Anchor, Canvas};

const LEFT: i32 = 12;
const FIRST: i32 = 168;
const CHIP: i32 = 34;
const STEP: i32 = 46;
const LINE: i32 = 44;
const TOP: i32 = 66;

/// The slots of the clients that wait in each list, in the order of the classes; and of those whose
/// sources pause, with when they are due.
const WAITING: [&[u32]; 7] = [&[9, 4], &[3, 12, 7, 0], &[], &[15], &[8], &[2, 11], &[6]];
const PAUSING: [(u32, &str); 3] = [(5, "0.2 s"), (14, "1 s"), (1, "30 s")];

fn length(length: Duration) -> String {
    match length.as_secs() {
        0 => format!("{} ms", length.as_millis()),
        seconds => format!("{seconds} s"),
    }
}

/// As words: `FirstByte` is `first byte`.
fn words(class: TimeoutClass) -> String {
    let name = format!("{class:?}");
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

pub fn draw() -> Canvas {
    let lists = i32::try_from(TimeoutClass::ALL.len()).unwrap();
    let bottom = TOP + lists * LINE;
    let mut canvas = Canvas::new(bottom + 166, "The timer lists, and the set of appointments");
    canvas.title((LEFT, 26), "One list for each timeout");
    canvas.text((FIRST, 50), "head: runs out first", Anchor::Start, "report");
    canvas.text((408, 50), "new: tail", Anchor::End, "ink");
    let timeouts = Timeouts::default();
    for ((class, waiting), line) in TimeoutClass::ALL.iter().zip(WAITING).zip(0..) {
        let y = TOP + line * LINE + LINE / 2;
        canvas.text((LEFT, y + 5), &words(*class), Anchor::Start, "ink");
        canvas.text((FIRST - 14, y + 5), &length(timeouts.of(*class)), Anchor::End, "soft");
        draw_list(&mut canvas, y, waiting);
    }
    let longest = TimeoutClass::ALL.iter().zip(WAITING).position(|(_, it)| it.len() == 4).unwrap();
    draw_renewal(&mut canvas, TOP + i32::try_from(longest).unwrap() * LINE + LINE / 2);
    canvas.title((LEFT, bottom + 30), "One set of appointments");
    canvas.text(
        (LEFT, bottom + 50),
        "for sources, each with a time of its own",
        Anchor::Start,
        "soft",
    );
    for ((slot, due), place) in PAUSING.into_iter().zip(0..) {
        let x = LEFT + place * 130;
        chip(&mut canvas, (x, bottom + 82), slot, "line");
        canvas.text((x + CHIP + 8, bottom + 87), due, Anchor::Start, "ink");
    }
    canvas.text((LEFT, bottom + 126), "A number is a client's slot.", Anchor::Start, "soft");
    canvas.text(
        (LEFT, bottom + 146),
        "A step in a list is O(1), in the set O(log n).",
        Anchor::Start,
        "soft",
    );
    canvas
}

fn chip(canvas: &mut Canvas, (x, y): (i32, i32), slot: u32, edge: &str) {
    canvas.card((x, y - 13, CHIP, 26), "client", edge);
    canvas.strong((x + CHIP / 2, y + 5), &slot.to_string(), Anchor::Middle, "ink");
}

fn draw_list(canvas: &mut Canvas, y: i32, waiting: &[u32]) {
    if waiting.is_empty() {
        canvas.text((FIRST, y + 5), "–", Anchor::Start, "soft");
    }
    for (slot, place) in waiting.iter().zip(0..) {
        let x = FIRST + place * STEP;
        if place > 0 {
            canvas.path(&format!("M{} {y}H{x}", x - STEP + CHIP), "soft");
        }
        let edge = if place == 0 { "report" } else { "line" };
        chip(canvas, (x, y), *slot, edge);
    }
}

/// A client of the longest list goes to the tail.
fn draw_renewal(canvas: &mut Canvas, y: i32) {
    let (from, to) = (FIRST + STEP + CHIP / 2, FIRST + 4 * STEP + CHIP / 2);
    canvas.dashes(&format!("M{from} {}V{}H{to}V{}", y + 13, y + 24, y + 18), "ink");
    canvas.tip((f64::from(to), f64::from(y + 12)), -std::f64::consts::FRAC_PI_2, "ink");
    canvas.card((FIRST + 4 * STEP, y - 13, CHIP, 26), "paper", "ink");
    canvas.text((from + 6, y + 40), "renewed: to the tail", Anchor::Start, "ink");
}
