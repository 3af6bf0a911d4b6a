//! Who owns the bytes: in each case, from where to where they move.

use crate::canvas::{Anchor, Canvas};
use crate::read;

#[derive(Clone, Copy)]
enum Owner {
    Kernel,
    Engine,
    Client,
}

struct Move {
    from: Owner,
    to: Owner,
    /// What moves them.
    by: &'static str,
    /// The file that has a function of this name; none for a system call.
    file: &'static str,
}

const fn by(from: Owner, to: Owner, by: &'static str, file: &'static str) -> Move {
    Move { from, to, by, file }
}

const MACHINE: &str = "src/connection/machine.rs";

const CASES: [(&str, &[Move]); 4] = [
    (
        "a whole request, answered at once",
        &[
            by(Owner::Kernel, Owner::Engine, "recv", ""),
            by(Owner::Engine, Owner::Kernel, "send", ""),
        ],
    ),
    (
        "half a request",
        &[
            by(Owner::Kernel, Owner::Engine, "recv", ""),
            by(Owner::Engine, Owner::Client, "on_bytes", MACHINE),
        ],
    ),
    (
        "requests, and no budget left",
        &[
            by(Owner::Kernel, Owner::Engine, "recv", ""),
            by(Owner::Engine, Owner::Client, "put_off", "src/connection/backlog.rs"),
        ],
    ),
    (
        "an answer that the kernel takes in part",
        &[
            by(Owner::Engine, Owner::Kernel, "send", ""),
            by(Owner::Engine, Owner::Client, "park", MACHINE),
            by(Owner::Client, Owner::Kernel, "send, later", ""),
        ],
    ),
];

const OWNERS: [(&str, &str, &str, i32); 3] = [
    ("kernel", "buffers of", "the socket", 8),
    ("engine", "two buffers,", "one output", 146),
    ("client", "a Parked", "of its own", 284),
];
const WIDTH: i32 = 128;
const LINE: i32 = 36;

pub fn draw() -> Canvas {
    let lines: usize = CASES.iter().map(|(_, moves)| moves.len()).sum();
    let lines = i32::try_from(lines).unwrap();
    let height = 76 + lines * LINE + 4 * 34 + 6;
    let mut canvas = Canvas::new(height, "Who owns the bytes, and what moves them");
    for (name, first, second, x) in OWNERS {
        canvas.rect((x, 8, WIDTH, height - 16), name, 8);
        let middle = x + WIDTH / 2;
        canvas.strong((middle, 28), name, Anchor::Middle, "ink");
        canvas.text((middle, 46), first, Anchor::Middle, "ink");
        canvas.text((middle, 62), second, Anchor::Middle, "ink");
    }
    let mut y = 76;
    for (case, moves) in CASES {
        canvas.rect((8, y, 404, 24), "card", 4);
        canvas.strong((16, y + 17), case, Anchor::Start, "ink");
        y += 34;
        for step in moves {
            draw_move(&mut canvas, y + 20, step);
            y += LINE;
        }
    }
    canvas
}

fn draw_move(canvas: &mut Canvas, y: i32, Move { from, to, by, file }: &Move) {
    if !file.is_empty() {
        assert!(read(file).contains(&format!(" fn {by}")), "{file} has no {by}");
    }
    let middle = |owner: &Owner| OWNERS[*owner as usize].3 + WIDTH / 2;
    let (start, end) = (middle(from), middle(to));
    let (shift, side) = if end > start { (14, 1) } else { (-14, -1) };
    for place in [-12, -4, 4] {
        canvas.rect((start + place, y - 5, 6, 10), "ink", 1);
    }
    canvas.arrow(&[(start + shift, y), (end - 16 * side, y)], "ink");
    for place in [-12, -4, 4] {
        canvas.card((end + place, y - 5, 6, 10), "card", "ink");
    }
    canvas.text(((start + end) / 2, y - 6), by, Anchor::Middle, "ink");
}
