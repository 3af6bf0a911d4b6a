//! The picture of a run: what stands in it, and that no words stand on others.

use super::fake::{After, Fake, Script};
use super::needed::Folder;
use super::support::Server;
use super::{RIGHT, assert_is_well_formed, ended};

/// Some words of a picture, and the box that they fill.
#[derive(Debug)]
struct Words {
    text: String,
    left: f64,
    right: f64,
    /// Where they stand, and how high they are.
    y: f64,
    size: f64,
}

/// A picture of a run with these options.
fn picture(address: &str, name: &str, options: &[&str]) -> String {
    let folder = Folder::new(name);
    let file = folder.path().join("plot.svg");
    let arguments = [&[address, "--quiet", "--plot", file.to_str().unwrap()], options].concat();
    let ended = ended(&arguments);
    assert!(ended.errors.is_empty(), "{}", ended.errors);
    let svg = std::fs::read_to_string(file).unwrap();
    assert_is_well_formed(&svg);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert!(svg.contains("prefers-color-scheme: dark"));
    svg
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

fn number(tag: &str, name: &str) -> f64 {
    attribute(tag, name).unwrap_or_else(|| panic!("no {name} in {tag}")).parse().unwrap()
}

fn words(svg: &str) -> Vec<Words> {
    let all = svg.split("<text").skip(1).map(|part| {
        let (tag, rest) = part.split_once('>').unwrap();
        let text = rest.split("</text>").next().unwrap().replace("&lt;", "<").replace("&amp;", "&");
        let size = match attribute(tag, "class") {
            Some("title") => 15.0,
            Some("small") => 11.0,
            _ => 12.0,
        };
        // A letter of a usual font without serifs is this wide on average, or less.
        let width = text.chars().count() as f64 * size * 0.56;
        let (x, y) = (number(tag, "x"), number(tag, "y"));
        let left = match attribute(tag, "text-anchor").unwrap() {
            "start" => x,
            "middle" => x - width / 2.0,
            "end" => x - width,
            other => panic!("{other}"),
        };
        Words { text, left, right: left + width, y, size }
    });
    all.collect()
}

/// No two words share a place, and all are on the page.
fn assert_can_be_read(svg: &str) {
    let (words, size) = (words(svg), attribute(svg, "viewBox").unwrap());
    let size: Vec<f64> = size.split(' ').map(|number| number.parse().unwrap()).collect();
    assert!(words.len() > 10, "{svg}");
    for (index, one) in words.iter().enumerate() {
        assert!(one.left >= 0.0 && one.right <= size[2] && one.y <= size[3], "{one:?}");
        for other in &words[..index] {
            let beside = one.left >= other.right || other.left >= one.right;
            let above = one.y - one.size * 0.8 >= other.y || other.y - other.size * 0.8 >= one.y;
            assert!(beside || above, "{one:?} and {other:?}");
        }
    }
}

fn has(svg: &str, text: &str) -> bool {
    words(svg).iter().any(|words| words.text == text)
}

#[test]
fn a_short_run_has_three_panels_over_time_and_one_by_percentile() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let svg = picture(&address, "plot-short", &["--get", "4", "--rate", "2000", "--for", "1s"]);
    assert_can_be_read(&svg);
    for title in [
        "right answers/s",
        "how long answers to get clients took",
        "open connections, one kind above the other",
        "how long answers took, by percentile",
    ] {
        assert!(has(&svg, title), "{title}: {svg}");
    }
    for mark in ["50 %", "90 %", "99 %", "99.9 %", "p50", "p99", "p99.9", "0", "200 ms", "get"] {
        assert!(has(&svg, mark), "{mark}: {svg}");
    }
    // A value at each of the four percentiles: one in a thousand is known of 2,000 answers.
    assert_eq!(svg.matches("<circle").count(), 4, "{svg}");
    assert!(words(&svg).iter().any(|words| words.text.starts_with("herd 127.0.0.1:")), "{svg}");
    let caption = words(&svg).into_iter().nth(2).unwrap();
    assert!(caption.text.contains(", ") && caption.size == 11.0, "the machine: {caption:?}");
    assert!(!has(&svg, "calm ends"), "{svg}");
}

#[test]
fn a_calm_beginning_and_the_arrival_of_the_others_are_marked_through_all_panels() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let options = [
        "--get",
        "4",
        "--rate",
        "500",
        "--post",
        "2@50",
        "--connect-close",
        "2@50",
        "--half-close",
        "2@50",
        "--telnet",
        "2",
        "--idle",
        "100",
        "--drip",
        "5",
        "--never-read",
        "2",
        "--slow-read",
        "2",
        "--garbage",
        "5@50",
        "--reset",
        "5@50",
        "--calm",
        "1s",
        "--for",
        "3s",
        "--connect-rate",
        "200",
        "--user",
        "me:secret",
    ];
    let svg = picture(&address, "plot-calm", &options);
    assert_can_be_read(&svg);
    for name in
        ["calm ends", "all are connected", "idle", "never-read", "dashed: while it was calm"]
    {
        assert!(has(&svg, name), "{name}: {svg}");
    }
    assert!(!svg.contains("secret"), "{svg}");
    // Both lines go down to the numbers of time; the first stands at a third of it.
    let moments = svg.split("<line class=\"moment\"").skip(1);
    let places: Vec<(f64, f64)> =
        moments.map(|tag| (number(tag, "x1"), number(tag, "y2"))).collect();
    let seconds = |name: &str| {
        let all = words(&svg);
        let found = all.iter().find(|words| words.text == name).unwrap();
        (f64::midpoint(found.left, found.right), found.y)
    };
    let (second, numbers) = seconds("1 s");
    assert_eq!(places.len(), 2, "{svg}");
    assert!((places[0].0 - second).abs() < 15.0 && places[1].0 > places[0].0, "{places:?}");
    assert!(places.iter().all(|(_, bottom)| (numbers - bottom - 16.0).abs() < 0.2), "{places:?}");
    // The values of the calm part and of the rest.
    assert!((6..=8).contains(&svg.matches("<circle").count()), "{svg}");
}

/// The lowest number is 0, and stands at the bottom of the panel.
#[test]
fn rates_and_connections_have_scales_from_zero_and_failures_a_line_of_their_own() {
    let rest = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd";
    let fake = Fake::start(Script { first: (RIGHT, 100), rest, after: After::Keep });
    let options = ["--get", "2", "--rate", "200", "--for", "1s"];
    let svg = picture(&fake.address().to_string(), "plot-wrong", &options);
    assert_can_be_read(&svg);
    assert!(has(&svg, "right answers/s, and failures/s in red"), "{svg}");
    let bad = svg.split("<polyline").find(|tag| tag.contains("stroke: var(--bad)")).unwrap();
    let zeros: Vec<f64> = words(&svg)
        .iter()
        .filter(|words| words.text == "0" && words.right < 76.0)
        .map(|it| it.y)
        .collect();
    assert_eq!(zeros.len(), 2, "{svg}");
    let lowest = attribute(bad, "points").unwrap().split(' ').map(|point| {
        let (_, y) = point.split_once(',').unwrap();
        y.parse::<f64>().unwrap()
    });
    // It begins without failures: at 0.
    let lowest = lowest.fold(0.0, f64::max);
    assert!((zeros[0] - 4.0 - lowest).abs() < 0.2, "{zeros:?} and {lowest}");
}

#[test]
fn a_run_without_good_clients_or_of_a_moment_has_a_picture_too() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    let idle = picture(&address, "plot-idle", &["--idle", "5", "--for", "500ms"]);
    assert_can_be_read(&idle);
    assert!(!has(&idle, "50 %") && idle.contains("<polygon"), "{idle}");
    let short = picture(&address, "plot-moment", &["--get", "1", "-n", "3"]);
    assert_can_be_read(&short);
    assert!(has(&short, "50 %"), "{short}");
}
