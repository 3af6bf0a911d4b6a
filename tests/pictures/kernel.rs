//! What the kernel keeps, what the program keeps, and the way of one byte through both.

use crate::canvas::{Anchor, Canvas};

const COLUMNS: [i32; 3] = [22, 160, 292];
const WIDTH: i32 = 112;
const HEIGHT: i32 = 40;

/// The middles of the rows: two of the kernel, two of the program.
const ROWS: [i32; 4] = [72, 156, 276, 366];

/// What each number means.
const STEPS: [&str; 8] = [
    "the byte arrives",
    "its socket is ready",
    "the poll reports it",
    "its client is queued",
    "recv takes the byte",
    "the handler answers",
    "send gives the answer",
    "the answer leaves",
];

pub fn draw() -> Canvas {
    let mut canvas = Canvas::new(540, "One byte's way through the kernel and the program");
    canvas.rect((8, 8, 404, 190), "kernel", 8);
    canvas.rect((8, 214, 404, 192), "engine", 8);
    canvas.strong((18, 28), "kernel", Anchor::Start, "ink");
    canvas.strong((402, 398), "program", Anchor::End, "ink");
    draw_boxes(&mut canvas);
    draw_ways(&mut canvas);
    for (at, step) in STEPS.into_iter().enumerate() {
        let place = i32::try_from(at).unwrap();
        let (x, y) = (26 + place / 4 * 200, 430 + place % 4 * 28);
        canvas.number((x, y), &(at + 1).to_string());
        canvas.text((x + 18, y + 5), step, Anchor::Start, "ink");
    }
    canvas
}

fn draw_boxes(canvas: &mut Canvas) {
    let boxes = [
        (0, 0, "accept", "queue"),
        (1, 0, "receive", "buffer"),
        (2, 0, "send", "buffer"),
        (0, 1, "ready list", "of the poll"),
        (0, 2, "slab: a slot", "for each client"),
        (1, 2, "receive", "buffer"),
        (2, 2, "output", ""),
        (0, 3, "run queue", ""),
        (1, 3, "parse, then", "handler"),
    ];
    for (column, row, first, second) in boxes {
        let (x, y) = (COLUMNS[column], ROWS[row]);
        canvas.card((x, y - HEIGHT / 2, WIDTH, HEIGHT), "card", "line");
        let middle = x + WIDTH / 2;
        let line = if second.is_empty() { y + 5 } else { y - 3 };
        canvas.text((middle, line), first, Anchor::Middle, "ink");
        if !second.is_empty() {
            canvas.text((middle, y + 14), second, Anchor::Middle, "ink");
        }
    }
}

fn draw_ways(canvas: &mut Canvas) {
    let middle = |column: usize| COLUMNS[column] + WIDTH / 2;
    let (top, bottom) = (|row: usize| ROWS[row] - HEIGHT / 2, |row: usize| ROWS[row] + HEIGHT / 2);
    let (left, right) = (|column: usize| COLUMNS[column], |column: usize| COLUMNS[column] + WIDTH);
    let mut way = |points: &[(i32, i32)]| canvas.arrow(points, "ink");
    way(&[(middle(1), 10), (middle(1), top(0))]);
    way(&[(left(1) + 14, bottom(0)), (left(1) + 14, ROWS[1]), (right(0), ROWS[1])]);
    way(&[(middle(0), bottom(1)), (middle(0), top(2))]);
    way(&[(middle(0), bottom(2)), (middle(0), top(3))]);
    way(&[(middle(1), bottom(0)), (middle(1), top(2))]);
    way(&[(middle(1), bottom(2)), (middle(1), top(3))]);
    way(&[(right(1), ROWS[3]), (middle(2), ROWS[3]), (middle(2), bottom(2))]);
    way(&[(middle(2), top(2)), (middle(2), bottom(0))]);
    way(&[(middle(2), top(0)), (middle(2), 10)]);
    // A new client.
    way(&[(left(0), ROWS[0]), (14, ROWS[0]), (14, ROWS[2]), (left(0), ROWS[2])]);
    // The run queue says from whom to receive.
    canvas.dashes(&format!("M{} {}H{}V{}H{}", right(0), ROWS[3], 147, ROWS[2], left(1)), "ink");
    let places = [
        (middle(1), 34),
        (right(0) + 26, ROWS[1]),
        (middle(0), 226),
        (middle(0), 320),
        (middle(1), 226),
        (middle(2) - 18, ROWS[3]),
        (middle(2), 206),
        (middle(2), 34),
    ];
    for (at, place) in places.into_iter().enumerate() {
        canvas.number(place, &(at + 1).to_string());
    }
    canvas.text((19, 210), "accept4", Anchor::Start, "ink");
    canvas.text((middle(0) + 6, 210), "epoll_wait", Anchor::Start, "ink");
    canvas.text((middle(1) + 8, 210), "recv", Anchor::Start, "ink");
    canvas.text((middle(2) + 16, 210), "send", Anchor::Start, "ink");
}
