//! The states: a card for each, a line for each way out of it, and a lane for each state that it
//! leads to. Made of the table in `arrows.rs`; how a client comes in is read from the tour.

use crate::canvas::{Anchor, Canvas};
use crate::read;

const CARD: (i32, i32) = (10, 312);
const LANES_LEFT: i32 = 326;
const LANE_WIDTH: i32 = 12;

/// The longest events that a card has room for, in characters.
const EVENTS_MAX: usize = 44;

const LINE: i32 = 18;
const HEAD: i32 = 24;
const GAP: i32 = 10;
const TOP: i32 = 12;

/// From the clients' coming to their end.
const ORDER: [&str; 9] = [
    "ReadingProxyHeader",
    "Fresh",
    "Idle",
    "ReadingHead",
    "ReadingBody",
    "Writing",
    "Pausing",
    "Lingering",
    "Closed",
];

struct Way {
    from: String,
    to: String,
    events: String,
}

/// The table `ARROWS`.
fn ways() -> Vec<Way> {
    let text = read("src/connection/arrows.rs");
    let (_, table) = text.split_once("ARROWS: [Arrow; ").unwrap();
    let (count, table) = table.split_once(']').unwrap();
    let (table, _) = table.split_once("\n];").unwrap();
    let ways = table.split("arrow(").skip(1).map(|row| {
        let mut names = row.split("StateName::").skip(1);
        let mut name = || names.next().unwrap().split(',').next().unwrap().to_owned();
        let (from, to) = (name(), name());
        Way { from, to, events: row.split('"').nth(1).unwrap().to_owned() }
    });
    let ways: Vec<Way> = ways.collect();
    assert_eq!(ways.len().to_string(), count, "each row of the table is read");
    ways
}

/// What the tour says of how a client comes into this state from outside.
fn coming(state: &str) -> Option<String> {
    let tour = read("src/README.md");
    let begin = format!("[*] --> {state}: ");
    tour.lines().find_map(|line| Some(line.trim().strip_prefix(&begin)?.to_owned()))
}

/// Where a card stands: its top, how many ways lead out of it, and how clients come into it from
/// outside.
struct Card {
    top: i32,
    ways: i32,
    coming: Option<String>,
}

impl Card {
    fn middle_of_head(&self) -> i32 {
        self.top + HEAD / 2
    }

    fn first_way(&self) -> i32 {
        self.top + HEAD + if self.coming.is_some() { LINE } else { 0 }
    }

    fn bottom(&self) -> i32 {
        self.first_way() + self.ways * LINE + if self.ways > 0 { 6 } else { 0 }
    }
}

fn cards(ways: &[Way]) -> Vec<Card> {
    let mut top = TOP;
    let cards = ORDER.map(|state| {
        let ways = i32::try_from(ways.iter().filter(|way| way.from == state).count()).unwrap();
        let card = Card { top, ways, coming: coming(state) };
        top = card.bottom() + GAP;
        card
    });
    cards.into()
}

pub fn draw() -> Canvas {
    let ways = ways();
    for way in &ways {
        for name in [&way.from, &way.to] {
            assert!(ORDER.contains(&name.as_str()), "{name} has no card");
        }
    }
    let cards = cards(&ways);
    let last = cards.last().unwrap();
    let mut canvas =
        Canvas::new(last.bottom() + TOP, "The states of a connection, and the ways between them");
    let targets: Vec<&str> =
        ORDER.into_iter().filter(|state| ways.iter().any(|way| way.to == *state)).collect();
    let lane_x = |state: &str| {
        let place = targets.iter().position(|target| *target == state).unwrap();
        LANES_LEFT + i32::try_from(place).unwrap() * LANE_WIDTH
    };
    // Where each way leaves its card.
    let line_y = |way: &Way| {
        let place = ORDER.iter().position(|state| *state == way.from).unwrap();
        let before = ways.iter().filter(|it| it.from == way.from);
        let line = before.take_while(|it| it.to != way.to).count();
        cards[place].first_way() + i32::try_from(line).unwrap() * LINE + LINE / 2
    };
    for target in &targets {
        let place = ORDER.iter().position(|state| state == target).unwrap();
        let entry = cards[place].middle_of_head();
        let joins = ways.iter().filter(|way| way.to == *target).map(line_y);
        let all: Vec<i32> = joins.chain([entry]).collect();
        let (top, bottom) = (all.iter().min().unwrap(), all.iter().max().unwrap());
        canvas.path(&format!("M{0} {top}V{bottom}", lane_x(target)), target);
    }
    for target in &targets {
        let place = ORDER.iter().position(|state| state == target).unwrap();
        let (x, entry) = (lane_x(target), cards[place].middle_of_head());
        canvas.bridge(&format!("M{} {entry}H{}", x - 1, CARD.1 + 8), target);
        canvas.path(&format!("M{x} {entry}H{}", x - 4), target);
        canvas.tip((f64::from(CARD.1), f64::from(entry)), std::f64::consts::PI, target);
    }
    for way in &ways {
        let (x, y) = (lane_x(&way.to), line_y(way));
        canvas.bridge(&format!("M{} {y}H{}", CARD.1, x - 4), &way.to);
        canvas.path(&format!("M{} {y}H{x}", x - 4), &way.to);
        canvas.dot((x, y), 4, &way.to);
    }
    for (card, state) in cards.iter().zip(ORDER) {
        draw_card(&mut canvas, card, state);
    }
    for way in &ways {
        assert!(way.events.chars().count() <= EVENTS_MAX, "{} leaves its card", way.events);
        canvas.text((CARD.0 + 16, line_y(way) + 4), &way.events, Anchor::Start, "ink");
    }
    canvas
}

fn draw_card(canvas: &mut Canvas, card: &Card, state: &str) {
    canvas.card((CARD.0, card.top, CARD.1 - CARD.0, card.bottom() - card.top), "card", "line");
    canvas.rect((CARD.0, card.top, 8, card.bottom() - card.top), state, 3);
    canvas.strong((CARD.0 + 16, card.top + 17), state, Anchor::Start, "ink");
    if let Some(coming) = &card.coming {
        let line = card.top + HEAD + LINE / 2 + 4;
        canvas.text((CARD.0 + 16, line), &format!("from outside: {coming}"), Anchor::Start, "soft");
    }
}
