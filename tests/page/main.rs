//! The page that `--admin` serves, in a real browser: what it shows of real clients, and what its
//! buttons do.
//!
//! Where there is no Chromium these tests say `NOT RUN`. What the page shows is read from its
//! elements, from two attributes of its body, from the colours of its canvas, and from
//! `window.oneloop`.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/needed.rs"]
mod needed;
#[path = "../support/sockets.rs"]
mod sockets;
#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod replaying;
mod telling;
mod watchers;

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use browser::Browser;
use needed::{CHROMIUM, Folder, may_have_descriptors};
use sockets::{Client, get};
use support::Server;

/// Nobody's time runs out in these tests: who waits, waits for what the test does next.
const PATIENT: [&str; 14] = [
    "--first-byte-timeout",
    "1h",
    "--idle-timeout",
    "1h",
    "--head-timeout",
    "1h",
    "--typing-grace",
    "1h",
    "--body-timeout",
    "1h",
    "--write-timeout",
    "1h",
    "--linger-timeout",
    "1h",
];

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 900;

/// A server, and a browser that shows its page.
struct Watched {
    server: Server,
    browser: Browser,
}

impl Watched {
    /// Unless there is no browser: then says so in the name of `test`.
    fn start(test: impl Fn(), arguments: &[&str]) -> Option<Watched> {
        let program = CHROMIUM.find(test)?;
        let mut server = start_at("127.0.0.1:0", arguments);
        let mut browser = Browser::start(&program, WIDTH, HEIGHT);
        browser.open(&format!("http://{}/", server.admin()));
        browser.await_true("document.body.dataset.stream === 'live'");
        Some(Watched { server, browser })
    }

    /// A client, as soon as the page shows it, and its slot.
    fn connect(&mut self) -> (TcpStream, usize) {
        let known = self.public_slots();
        let stream = TcpStream::connect(self.server.address()).unwrap();
        self.browser.await_true(&format!("{PUBLIC_SLOTS}.length === {}", known.len() + 1));
        let slots = self.public_slots();
        (stream, *slots.iter().find(|slot| !known.contains(slot)).unwrap())
    }

    /// The slots that the last frame says the public has.
    fn public_slots(&mut self) -> Vec<usize> {
        serde_json::from_value(self.browser.evaluate(PUBLIC_SLOTS)).unwrap()
    }

    /// Waits until the frames spell a slot so, and its square has the colour that belongs to that.
    fn await_square(&mut self, slot: usize, letter: char, colour: &str) {
        let spelled = format!("(window.oneloop.frame.grid[{slot}] ?? '.') === '{letter}'");
        let painted = format!("({PAINTED})({slot}) === window.oneloop.colours['{colour}']");
        self.browser.await_true(&format!("{spelled} && {painted}"));
    }

    fn click_on_square(&mut self, slot: usize) {
        let place = self.browser.evaluate(&format!(
            "(() => {{
                const corner = document.getElementById('grid').getBoundingClientRect();
                const {{ left, top, width }} = window.oneloop.place({slot});
                return [corner.x + left + width / 2, corner.y + top + width / 2];
            }})()"
        ));
        self.browser.click(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    }

    /// Waits for two frames that the server has made after now.
    fn await_frames(&mut self) {
        let seen = self.browser.evaluate("window.oneloop.frames").as_u64().unwrap();
        self.browser.await_true(&format!("window.oneloop.frames >= {}", seen + 3));
    }

    fn await_text(&mut self, id: &str, text: &str) {
        let shown = format!("document.getElementById('{id}').textContent");
        self.browser.await_true(&format!("{shown}.includes('{text}')"));
    }

    /// Takes pictures of the whole page for people to look at, in the target folder.
    fn take_pictures(&mut self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        fs::create_dir_all(&folder).unwrap();
        for (kind, width, scheme) in
            [("light", 1440, "light"), ("dark", 1440, "dark"), ("phone", 390, "dark")]
        {
            self.browser.prefer(scheme);
            self.browser.resize(width, HEIGHT, 1.0);
            // The board of squares grows with the window, to a bound.
            for _ in 0..3 {
                self.await_frames();
                let height = self.browser.evaluate("document.documentElement.scrollHeight");
                let height = u32::try_from(height.as_u64().unwrap()).unwrap();
                self.browser.resize(width, height, 1.0);
            }
            self.await_frames();
            let file = folder.join(format!("{name}-{kind}.png"));
            fs::write(&file, self.browser.screenshot()).unwrap();
            println!("see {}", file.display());
        }
        self.browser.prefer("light");
        self.browser.resize(WIDTH, HEIGHT, 1.0);
    }

    /// The browser itself says of which requests there came no answer.
    fn assert_content_but_for_the_network(&mut self) {
        let complaints = self.browser.complaints();
        let own = complaints.iter().find(|complaint| complaint.source != "network");
        assert!(own.is_none(), "{own:?}");
    }

    /// Neither its scripts nor its policy, its console or its network had anything to complain of.
    fn assert_content(&mut self) {
        let complaints = self.browser.complaints();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}

/// The slots of clients that do not watch.
const PUBLIC_SLOTS: &str =
    "[...window.oneloop.frame.grid].flatMap((code, slot) => /[A-Z]/.test(code) ? [slot] : [])";

/// The colour of a slot's square near its lower right corner, where nothing is written. It is read
/// from a copy: a canvas that is read from is painted in another way.
const PAINTED: &str = "(slot) => {
    const { left, top, width } = window.oneloop.place(slot);
    const [x, y] = [left + width - 3, top + width - 3].map((at) => at * devicePixelRatio);
    const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    copy.drawImage(document.getElementById('grid'), x, y, 1, 1, 0, 0, 1, 1);
    const [red, green, blue] = copy.getImageData(0, 0, 1, 1).data;
    return '#' + [red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('');
}";

fn start_at(admin: &str, arguments: &[&str]) -> Server {
    Server::start(&[&["--admin", admin][..], &PATIENT, arguments].concat())
}

fn say(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_square_for_each_client_for_as_long_as_it_is_there() {
    let Some(mut watched) =
        Watched::start(a_square_for_each_client_for_as_long_as_it_is_there, &[])
    else {
        return;
    };
    assert_eq!(watched.public_slots(), [0_usize; 0], "only the page itself is there");
    let (first, slot) = watched.connect();
    watched.await_square(slot, 'F', "Fresh");
    let (_second, other) = watched.connect();
    watched.await_square(other, 'F', "Fresh");
    assert_ne!(slot, other);
    drop(first);
    watched.await_square(slot, '.', "free");
    watched.await_square(other, 'F', "Fresh");
    // The page is a client, too, and has a square in a row of its own.
    watched.browser.await_true("/P/.test(window.oneloop.frame.admin.grid)");
    watched.assert_content();
}

#[test]
fn half_a_request_changes_its_square_and_the_rest_changes_it_back() {
    let Some(mut watched) =
        Watched::start(half_a_request_changes_its_square_and_the_rest_changes_it_back, &[])
    else {
        return;
    };
    let (stream, slot) = watched.connect();
    say(&stream, "GET /hello HT");
    watched.await_square(slot, 'H', "ReadingHead");
    watched.browser.await_true(&format!("{} === '1'", count_in_diagram("ReadingHead")));
    watched.browser.await_true(&format!("{} === '1'", count_on_way("Fresh ReadingHead")));
    say(&stream, "TP/1.1\r\nHost: test\r\n\r\n");
    watched.await_square(slot, 'I', "Idle");
    watched.browser.await_true(&format!("{} === '1'", count_on_way("Writing Idle")));
    say(&stream, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf");
    watched.await_square(slot, 'B', "ReadingBody");
    watched.assert_content();
}

#[test]
fn a_square_flashes_when_its_client_is_answered() {
    let Some(mut watched) = Watched::start(a_square_flashes_when_its_client_is_answered, &[])
    else {
        return;
    };
    let (stream, slot) = watched.connect();
    watched.await_square(slot, 'F', "Fresh");
    watched.browser.await_true(&format!("!window.oneloop.flashes({slot})"));
    let mut client = Client::new(stream);
    // Between two frames it is Idle again.
    client.get("/");
    watched.browser.await_true(&format!("window.oneloop.flashes({slot})"));
    watched.await_square(slot, 'I', "Idle");
    watched.browser.await_true(&format!("!window.oneloop.flashes({slot})"));
    watched.assert_content();
}

/// What the diagram says of a state, and of a way at rest.
fn count_in_diagram(state: &str) -> String {
    format!("document.querySelector('#diagram [data-state=\"{state}\"] .count').textContent")
}

fn count_on_way(way: &str) -> String {
    format!("document.querySelector('#diagram [data-way=\"{way}\"] text').textContent")
}

#[test]
fn every_way_of_the_state_machine_is_drawn() {
    let Some(mut watched) = Watched::start(every_way_of_the_state_machine_is_drawn, &[]) else {
        return;
    };
    let drawn = watched.browser.evaluate(
        "[...document.querySelectorAll('#diagram [data-way]')]
            .map((way) => [way.dataset.way, way.querySelector('path').getTotalLength() > 50])",
    );
    let told = watched.browser.evaluate(
        "fetch('/state.json').then((answer) => answer.json()).then(({ diagram }) =>
            diagram.map(({ from, to }) => [`${from} ${to}`, true]))",
    );
    assert!(told.as_array().unwrap().len() >= 17);
    assert_eq!(drawn, told);
    watched.assert_content();
}

#[test]
fn a_click_shows_the_client_whose_square_it_is() {
    let Some(mut watched) = Watched::start(a_click_shows_the_client_whose_square_it_is, &[]) else {
        return;
    };
    let clients = [0, 1, 2].map(|_| watched.connect());
    let (chosen, slot) = &clients[1];
    say(chosen, "GET /half");
    watched.await_square(*slot, 'H', "ReadingHead");
    watched.click_on_square(*slot);
    watched.await_text("client-peer", &chosen.local_addr().unwrap().to_string());
    watched.await_text("client-state", "ReadingHead");
    watched.await_text("client-token", &format!("slot {slot}, "));
    assert_eq!(watched.browser.text("client-kept"), "9 B");
    assert_eq!(watched.browser.text("client-kept-text"), "GET /half");
    assert!(watched.browser.text("client-deadline").contains("s left ("));
    say(chosen, " HTTP/1.1\r\nHost: test\r\n\r\n");
    watched.await_text("client-state", "Idle");
    watched.await_text("client-served", "1 answer");
    watched.await_text("steps", "bytes taken");
    // The next one, by the keyboard alone.
    let (next, slot) = &clients[2];
    watched.browser.evaluate("document.getElementById('grid').focus()");
    while watched.browser.evaluate("Number(document.getElementById('slot').value)") != *slot {
        watched.browser.press("ArrowRight");
    }
    watched.await_text("client-peer", &next.local_addr().unwrap().to_string());
    watched.await_text("announced", &format!("Slot {slot}: Fresh"));
    let [_, _, (gone, slot)] = clients;
    drop(gone);
    watched.await_text("client-says", &format!("The client in slot {slot} has gone."));
    watched.assert_content();
}

#[test]
fn its_buttons_pause_the_loop_step_it_and_let_it_go_on() {
    let Some(mut watched) =
        Watched::start(its_buttons_pause_the_loop_step_it_and_let_it_go_on, &[])
    else {
        return;
    };
    let (stream, slot) = watched.connect();
    watched.browser.click_on("pause");
    watched.browser.await_true("document.body.dataset.pace === 'paused'");
    assert!(watched.browser.text("status").starts_with("Paused"));
    let mut client = Client::new(stream);
    client.send(get("/"));
    watched.await_frames();
    assert!(!client.hears_now(), "it is answered although the loop is paused");
    watched.await_square(slot, 'F', "Fresh");
    // As many steps as it takes: each press makes one, and the last one sends the answer.
    let mut steps = 0;
    assert_eq!(watched.browser.text("last-step"), format!("Next: the client in slot {slot}."));
    while !client.hears_now() {
        watched.browser.click_on("step");
        watched.await_frames();
        steps += 1;
        assert!(steps < 20, "stepping does not answer it");
    }
    assert_eq!(watched.browser.evaluate("document.body.dataset.pace"), "paused");
    client.answer();
    watched.await_text("last-step", "Writing to Idle.");
    for _ in 0..3 {
        watched.browser.click_on("step");
        watched.await_frames();
    }
    watched.await_text("last-step", "no client can run");
    client.send(get("/"));
    watched.browser.click_on("resume");
    watched.browser.await_true("document.body.dataset.pace === 'running'");
    client.answer();
    watched.browser.click_on("slow");
    watched.browser.await_true("document.body.dataset.pace === 'slow'");
    client.send(get("/"));
    client.answer();
    watched.browser.click_on("resume");
    watched.browser.await_true("document.body.dataset.pace === 'running'");
    watched.assert_content();
}

#[test]
fn a_stream_that_breaks_is_taken_up_again() {
    let Some(program) = CHROMIUM.find(a_stream_that_breaks_is_taken_up_again) else { return };
    // An address that nobody else is given a port of while there is no server.
    let mut server = start_at("127.9.8.7:0", &[]);
    let admin = server.admin();
    let browser = Browser::start(&program, WIDTH, HEIGHT);
    let mut watched = Watched { server, browser };
    watched.browser.open(&format!("http://{admin}/"));
    watched.browser.await_true("document.body.dataset.stream === 'live'");
    // Killed in the midst of it.
    watched.server = {
        drop(watched.server);
        watched.browser.await_true("document.body.dataset.stream === 'broken'");
        watched.browser.await_true("document.body.dataset.stream === 'gone'");
        assert!(watched.browser.text("status").starts_with("The server does not answer."));
        start_at(&admin.to_string(), &[])
    };
    watched.browser.await_true("document.body.dataset.stream === 'live'");
    watched.await_frames();
    let (_client, slot) = watched.connect();
    watched.await_square(slot, 'F', "Fresh");
    watched.assert_content_but_for_the_network();
}

#[test]
fn a_page_that_gets_no_stream_says_so_and_asks_again() {
    let test = a_page_that_gets_no_stream_says_so_and_asks_again;
    let Some(program) = CHROMIUM.find(test) else { return };
    let mut server = start_at("127.0.0.1:0", &[]);
    let admin = server.admin();
    let events = format!("GET /events HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    let mut watchers = Vec::new();
    loop {
        let mut watcher = Client::connect(admin);
        watcher.send(&events);
        if watcher.answer_head().status != 200 {
            break;
        }
        watchers.push(watcher);
    }
    let mut browser = Browser::start(&program, WIDTH, HEIGHT);
    browser.open(&format!("http://{admin}/"));
    browser.await_true("document.body.dataset.stream === 'refused'");
    assert!(browser.text("status").starts_with("The server has no room for another watcher."));
    watchers.pop();
    browser.await_true("document.body.dataset.stream === 'live'");
    Watched { server, browser }.assert_content_but_for_the_network();
}

#[test]
fn a_server_that_stops_is_seen_to_stop() {
    let Some(mut watched) = Watched::start(a_server_that_stops_is_seen_to_stop, &[]) else {
        return;
    };
    let (stream, slot) = watched.connect();
    say(&stream, "GET / HTTP/1.1\r\n");
    watched.await_square(slot, 'H', "ReadingHead");
    let Watched { server, mut browser } = watched;
    server.tell_to_stop();
    browser.await_true("document.getElementById('status').textContent.startsWith('Stopping')");
    say(&stream, "Host: test\r\n\r\n");
    browser.await_true("document.body.dataset.stream === 'gone'");
    assert!(browser.text("status").starts_with("The server has stopped."));
    assert!(server.await_end().success());
}
