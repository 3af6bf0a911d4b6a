//! Level against edge: what each poll reports, and the wake-up that is lost. What is drawn is
//! computed here, and a test compares it with what the kernel reports.

use crate::canvas::{Anchor, Canvas};

/// How many parts have come at once. The server reads one part a turn.
const PARTS: u32 = 2;

/// How many turns are drawn. The last one finds nothing left, or never comes.
const TURNS: u32 = 4;

/// What wakes the loop for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Level,
    Edge,
    /// Edges, and a queue of the clients that can go on without one.
    EdgeAndRunQueue,
}

/// One turn, as far as the one client is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    is_reported: bool,
    is_queued: bool,
    unread_before: u32,
    unread_after: u32,
}

fn turns(kind: Kind) -> Vec<Turn> {
    let (mut unread, mut has_come, mut is_queued) = (PARTS, true, false);
    let turns = (0..TURNS).map(|_| {
        let is_reported = match kind {
            Kind::Level => unread > 0,
            Kind::Edge | Kind::EdgeAndRunQueue => std::mem::take(&mut has_come),
        };
        let (before, was_queued) = (unread, is_queued);
        if is_reported || is_queued {
            // It stops after its share, and knows of nothing left only by `WouldBlock`.
            is_queued = kind == Kind::EdgeAndRunQueue && unread > 0;
            unread = unread.saturating_sub(1);
        }
        Turn { is_reported, is_queued: was_queued, unread_before: before, unread_after: unread }
    });
    turns.collect()
}

const LEFT: i32 = 20;
const TURN_WIDTH: i32 = 95;

pub fn draw() -> Canvas {
    let mut canvas = Canvas::new(506, "Level against edge, and the lost wake-up");
    canvas.text((LEFT, 24), "Two parts come at once. A turn reads one part.", Anchor::Start, "ink");
    let panels = [
        (Kind::Level, "Level: something is there"),
        (Kind::Edge, "Edge: something has come"),
        (Kind::EdgeAndRunQueue, "Edge, and the run queue"),
    ];
    for ((kind, title), top) in panels.into_iter().zip([40, 180, 320]) {
        draw_panel(&mut canvas, top, kind, title);
    }
    canvas.rect((LEFT, 472, 14, 14), "unread", 2);
    canvas.text((LEFT + 19, 484), "unread", Anchor::Start, "ink");
    canvas.dot((LEFT + 94, 479), 7, "report");
    canvas.text((LEFT + 106, 484), "poll reports", Anchor::Start, "ink");
    canvas.dot((LEFT + 212, 479), 7, "queue");
    canvas.text((LEFT + 224, 484), "run queue: goes on", Anchor::Start, "ink");
    canvas
}

fn draw_panel(canvas: &mut Canvas, top: i32, kind: Kind, title: &str) {
    canvas.title((LEFT, top + 18), title);
    let floor = top + 100;
    let turns = turns(kind);
    for (at, turn) in turns.iter().enumerate() {
        let x = LEFT + i32::try_from(at).unwrap() * TURN_WIDTH;
        let bar = |canvas: &mut Canvas, x: i32, width: i32, parts: u32| {
            let height = i32::try_from(parts).unwrap() * 18;
            canvas.rect((x, floor - height, width, height), "unread", 0);
        };
        bar(canvas, x, TURN_WIDTH / 2, turn.unread_before);
        bar(canvas, x + TURN_WIDTH / 2, TURN_WIDTH - TURN_WIDTH / 2, turn.unread_after);
        let middle = x + TURN_WIDTH / 2;
        let (is_served, colour) = match (turn.is_reported, turn.is_queued) {
            (true, _) => (true, "report"),
            (false, true) => (true, "queue"),
            (false, false) => (false, "soft"),
        };
        if is_served {
            canvas.dot((middle, top + 44), 7, colour);
            canvas.arrow(&[(middle, top + 52), (middle, floor - 2)], colour);
            let read = turn.unread_before > turn.unread_after;
            let says = if read { "read" } else { "WouldBlock" };
            canvas.text((middle + 10, top + 48), says, Anchor::Start, colour);
        } else if turn.unread_before > 0 {
            canvas.strong((middle - 6, top + 48), "sleeps", Anchor::Start, "lost");
        } else {
            canvas.text((middle - 6, top + 48), "sleeps", Anchor::Start, "good");
        }
    }
    canvas.path(&format!("M{LEFT} {floor}H{}", LEFT + 4 * TURN_WIDTH), "soft");
    let (end, colour) = match turns.last().unwrap().unread_after {
        0 => ("all is read", "good"),
        _ => ("one part lies there until the client sends more", "lost"),
    };
    canvas.strong((LEFT, floor + 18), end, Anchor::Start, colour);
}

/// A socket pair and an epoll of the kernel, read from as in the picture.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_reports_what_is_drawn() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use rustix::event::{Timespec, epoll};

    let wait = Timespec { tv_sec: 0, tv_nsec: 0 };
    for kind in [Kind::Level, Kind::Edge] {
        let (mut client, mut server) = UnixStream::pair().unwrap();
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let asked = match kind {
            Kind::Level => epoll::EventFlags::IN,
            Kind::Edge | Kind::EdgeAndRunQueue => epoll::EventFlags::IN | epoll::EventFlags::ET,
        };
        epoll::add(&poll, &server, epoll::EventData::new_u64(0), asked).unwrap();
        client.write_all(&[b'x'; PARTS as usize]).unwrap();
        for turn in turns(kind) {
            let mut events = Vec::with_capacity(4);
            epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait)).unwrap();
            assert_eq!(!events.is_empty(), turn.is_reported, "{kind:?}: {turn:?}");
            if turn.is_reported {
                server.read_exact(&mut [0]).unwrap();
            }
        }
    }
}

#[test]
fn the_run_queue_mends_what_the_edge_loses() {
    let unread = |kind| turns(kind).last().unwrap().unread_after;
    assert_eq!((unread(Kind::Level), unread(Kind::Edge), unread(Kind::EdgeAndRunQueue)), (0, 1, 0));
    let queued = turns(Kind::EdgeAndRunQueue);
    assert_eq!(queued.iter().filter(|turn| turn.is_reported).count(), 1, "one edge is enough");
}
