//! A crowd on the page: every square is painted, and in time.

use super::*;

/// How many clients the grid has to be legible and smooth with.
const CROWD: usize = 15_000;

/// How long a painting of the grid may take: half of what a screen gives a frame, in milliseconds.
const PAINT_MILLIS_MAX: f64 = 8.0;

#[test]
fn a_crowd_is_painted_in_time() {
    let test = a_crowd_is_painted_in_time;
    let folder = Folder::new("page-answer");
    let file = folder.path().join("answer");
    // More than the kernel takes for somebody who does not read.
    fs::write(&file, vec![b'x'; 8 * 1024 * 1024]).unwrap();
    if !may_have_descriptors(test, CROWD as u64 + 200) {
        return;
    }
    let Some(mut watched) = Watched::start(test, &["--file", file.to_str().unwrap()]) else {
        return;
    };
    let address = watched.server.address();
    let few: Vec<TcpStream> = MANNERS.iter().map(|text| speaker(address, text)).collect();
    watched.browser.await_true(&format!("{PUBLIC_SLOTS}.length === {}", few.len()));
    watched.click_on_square(4);
    watched.take_pictures("few");
    let crowd: Vec<TcpStream> =
        (few.len()..CROWD).map(|number| speaker(address, manner(number))).collect();
    watched.browser.await_true(&format!("{PUBLIC_SLOTS}.length === {CROWD}"));
    watched.take_pictures("crowd");
    // A hundred of them begin a request, and then end it, over and over.
    let busy: Vec<&TcpStream> = crowd.iter().skip(1).step_by(CROWD / 100).collect();
    for round in 0..30 {
        for stream in &busy {
            say(stream, if round % 2 == 0 { "HEAD" } else { " / HTTP/1.1\r\nHost: test\r\n\r\n" });
        }
        watched.await_frames();
    }
    // Of the last hundred frames, which have come since they began.
    for what in ["shows", "paints"] {
        let times = watched.browser.evaluate(&format!("window.oneloop.{what}"));
        let mut times: Vec<f64> = serde_json::from_value(times).unwrap();
        times.sort_by(f64::total_cmp);
        let [median, most] = [times[times.len() / 2], times[times.len() - 1]];
        println!("{what}: {}, half up to {median} ms, all up to {most} ms", times.len());
        assert!(median < PAINT_MILLIS_MAX, "{what}: {times:?}");
    }
    // All squares at once, as when the colours change. Of some times the shortest: this machine may
    // have other work.
    let mut all = f64::INFINITY;
    for scheme in ["dark", "light"].into_iter().cycle().take(10) {
        let panel = watched.browser.evaluate("window.oneloop.colours.panel");
        watched.browser.prefer(scheme);
        watched.browser.await_true(&format!("window.oneloop.colours.panel !== {panel}"));
        let last = watched.browser.evaluate("Math.max(...window.oneloop.paints.slice(-3))");
        all = all.min(last.as_f64().unwrap());
    }
    println!("all squares: {all} ms");
    assert!(all < PAINT_MILLIS_MAX, "{all}");
    watched.assert_content();
}

/// What clients say who then wait, or do not read their answer.
const MANNERS: [&str; 10] = [
    "",
    "",
    "GET / HTTP/1.1\r\nHost: te",
    "",
    "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf of it",
    "",
    "GET /half",
    "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
];

/// In a crowd most say nothing. Those who do not read cost the kernel megabytes.
fn manner(number: usize) -> &'static str {
    match number {
        number if number % 500 == 0 => MANNERS[4],
        number if number % 50 == 25 => MANNERS[2],
        number if number % 70 == 35 => MANNERS[5],
        _ => "",
    }
}

fn speaker(address: SocketAddr, text: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    say(&stream, text);
    stream
}
