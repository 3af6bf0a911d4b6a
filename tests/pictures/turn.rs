//! The turn as a wheel. Its order is that of the table in `turn.rs`, which is compared with the code
//! below it.

use std::f64::consts::TAU;

use crate::canvas::{Anchor, Canvas};
use crate::read;

/// What each stage calls, if it has something to do. The names are those of Linux.
const CALLS: [(&str, &str); 10] = [
    ("poll", "epoll_wait"),
    ("note", ""),
    ("drive", "recv, send"),
    ("linger", "recv"),
    ("expire", "recv, send"),
    ("end idle", "shutdown"),
    ("free", "close"),
    ("accept", "accept4"),
    ("register", "epoll_ctl"),
    ("progress", "close"),
];

const MIDDLE: (f64, f64) = (210.0, 232.0);
const RADIUS: (f64, f64) = (158.0, 186.0);
const PILL: (i32, i32) = (86, 42);

/// The stages as the table above `Engine::turn` has them.
fn stages() -> Vec<String> {
    let text = read("src/engine/turn.rs");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let names = rows.map(|row| row.split(" |").next().unwrap().to_owned());
    let names: Vec<String> = names.filter(|name| name != "stage").collect();
    let called = text.split("host.begin(Stage::").skip(1).map(|call| {
        let name = call.split(')').next().unwrap().to_lowercase();
        name.replace("endidle", "end idle")
    });
    let in_table: Vec<&String> = names.iter().filter(|name| !name.starts_with('*')).collect();
    assert_eq!(in_table, called.collect::<Vec<_>>().iter().collect::<Vec<_>>());
    names.iter().map(|name| name.trim_matches('*').to_owned()).collect()
}

fn on_ring(turns: f64) -> (f64, f64) {
    let angle = turns * TAU - TAU / 4.0;
    (MIDDLE.0 + RADIUS.0 * angle.cos(), MIDDLE.1 + RADIUS.1 * angle.sin())
}

pub fn draw() -> Canvas {
    let mut stages = stages();
    stages.insert(0, "poll".to_owned());
    let mut canvas = Canvas::new(464, "One turn of the loop, from poll to poll");
    let ((x, y), (rx, ry)) = (MIDDLE, RADIUS);
    canvas.path(
        &format!("M{x} {0}A{rx} {ry} 0 1 1 {x} {1}A{rx} {ry} 0 1 1 {x} {0}z", y - ry, y + ry),
        "soft",
    );
    let step = 1.0 / stages.len() as f64;
    for (at, name) in stages.iter().enumerate() {
        let middle = (at as f64 + 0.52) * step;
        let (before, behind) = (on_ring(middle - 0.005), on_ring(middle + 0.005));
        let direction = (behind.1 - before.1).atan2(behind.0 - before.0);
        canvas.tip(behind, direction, "soft");
        let (_, calls) = CALLS.iter().find(|(it, _)| it == name).expect(name);
        let (x, y) = on_ring(at as f64 * step);
        draw_stage(&mut canvas, (x.round() as i32, y.round() as i32), name, calls);
    }
    let lines = ["Only the poll sleeps:", "until a client is ready,", "or a deadline is due."];
    for (line, y) in lines.into_iter().zip([186, 204, 222]) {
        canvas.text((210, y), line, Anchor::Middle, "ink");
    }
    canvas.rect((150, 240, 14, 14), "kernel", 3);
    canvas.text((170, 252), "makes these calls", Anchor::Start, "ink");
    canvas.rect((150, 264, 14, 14), "engine", 3);
    canvas.text((170, 276), "calls nothing", Anchor::Start, "ink");
    canvas
}

fn draw_stage(canvas: &mut Canvas, (x, y): (i32, i32), name: &str, calls: &str) {
    let (width, height) = PILL;
    let fill = if calls.is_empty() { "engine" } else { "kernel" };
    let edge = if name == "poll" { "ink" } else { "line" };
    canvas.card((x - width / 2, y - height / 2, width, height), fill, edge);
    let line = if calls.is_empty() { y + 5 } else { y - 2 };
    canvas.strong((x, line), name, Anchor::Middle, "ink");
    if !calls.is_empty() {
        canvas.text((x, y + 15), calls, Anchor::Middle, "ink");
    }
}
