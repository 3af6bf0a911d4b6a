//! How a connection ends: half-close, and what lingering saves, as sequences.

use crate::canvas::{Anchor, Canvas};

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Client,
    Server,
    /// What happens at one side only.
    AtClient,
    AtServer,
}

/// What is sent, or happens, and the colour of what becomes of it.
type Step = (From, &'static str, &'static str);

const CLIENT: i32 = 60;
const SERVER: i32 = 360;
const LINE: i32 = 38;

const HALF_CLOSE: [Step; 6] = [
    (From::Client, "GET / HTTP/1.1 …", "ink"),
    (From::Client, "end of its direction (FIN)", "ink"),
    (From::AtServer, "read returns 0", "ink"),
    (From::Server, "the answer, all the same", "good"),
    (From::Server, "end of our direction (FIN)", "ink"),
    (From::AtClient, "has the answer", "good"),
];

const CLOSED_AT_ONCE: [Step; 5] = [
    (From::Client, "a body that is too long", "ink"),
    (From::Server, "413, and close", "ink"),
    (From::Client, "more of the body", "ink"),
    (From::Server, "reset: nothing reads this", "lost"),
    (From::AtClient, "the answer is lost", "lost"),
];

const LINGERING: [Step; 6] = [
    (From::Client, "a body that is too long", "ink"),
    (From::Server, "413, and shutdown (FIN)", "ink"),
    (From::Client, "more of the body", "ink"),
    (From::AtServer, "thrown away", "ink"),
    (From::AtClient, "has the answer", "good"),
    (From::Client, "end; now close", "good"),
];

pub fn draw_half_close() -> Canvas {
    let mut canvas = Canvas::new(72 + height(&HALF_CLOSE), "A half-closed client gets its answer");
    draw_sequence(&mut canvas, 10, "Half-close: one direction ends", &HALF_CLOSE);
    canvas
}

pub fn draw_lingering() -> Canvas {
    let second = 70 + height(&CLOSED_AT_ONCE);
    let all = second + 62 + height(&LINGERING);
    let mut canvas = Canvas::new(all, "What closing at once loses, and lingering saves");
    draw_sequence(&mut canvas, 10, "Closed at once", &CLOSED_AT_ONCE);
    draw_sequence(&mut canvas, second, "Lingering", &LINGERING);
    canvas
}

fn height(steps: &[Step]) -> i32 {
    i32::try_from(steps.len()).unwrap() * LINE
}

fn draw_sequence(canvas: &mut Canvas, top: i32, title: &str, steps: &[Step]) {
    canvas.title((14, top + 18), title);
    let first = top + 48;
    canvas.path(&format!("M{CLIENT} {first}V{}", first + height(steps)), "soft");
    canvas.path(&format!("M{SERVER} {first}V{}", first + height(steps)), "soft");
    canvas.strong((CLIENT, first - 6), "client", Anchor::Middle, "ink");
    canvas.strong((SERVER, first - 6), "server", Anchor::Middle, "ink");
    for (at, (from, says, colour)) in steps.iter().enumerate() {
        let y = first + i32::try_from(at).unwrap() * LINE + 26;
        let middle = (CLIENT + SERVER) / 2;
        match from {
            From::Client => canvas.arrow(&[(CLIENT, y), (SERVER - 2, y)], colour),
            From::Server => canvas.arrow(&[(SERVER, y), (CLIENT + 2, y)], colour),
            From::AtClient => {
                canvas.dot((CLIENT, y), 5, colour);
                canvas.strong((CLIENT + 12, y + 5), says, Anchor::Start, colour);
                continue;
            }
            From::AtServer => {
                canvas.dot((SERVER, y), 5, colour);
                canvas.strong((SERVER - 12, y + 5), says, Anchor::End, colour);
                continue;
            }
        }
        canvas.text((middle, y - 6), says, Anchor::Middle, colour);
    }
}
