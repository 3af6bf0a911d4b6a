//! Lines are read, refused and written again; each line of the README does what is said of it.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::grammar::{self, LINE_BYTES_MAX};
use super::{RouteLine, RouteSources, Routes};
use crate::testing::{Answer, ask};

const README: &str = include_str!("README.md");

/// The cells of the table's rows under this heading, as they are written between backquotes or not.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| {
        let line = line.trim_matches('|').replace("\\|", "\0");
        line.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    assert!(rows.len() > 2, "{heading}");
    rows
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn load(lines: &[&str]) -> Result<Routes, String> {
    let mut sources = RouteSources::default();
    let placed = lines.iter().enumerate();
    sources.lines =
        placed.map(|(at, line)| RouteLine::new(format!("--route {}", at + 1), *line)).collect();
    sources.seed = 1;
    Routes::load(sources)
}

/// Asks for what is written as `GET /path` or `GET host/path`.
fn ask_for(routes: &mut Routes, request: &str) -> Answer {
    let (method, place) = request.split_once(' ').expect("a method and a place");
    let (host, path) = place.split_at(place.find('/').expect("a path"));
    let host = if host.is_empty() { "localhost" } else { host };
    ask(routes, format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"))
}

#[test]
fn each_matcher_of_the_readme_takes_what_is_said() {
    for row in rows("Whose requests") {
        let mut routes = load(&quoted(&row[0])).expect("a route");
        for request in quoted(&row[1]) {
            assert_eq!(ask_for(&mut routes, request).status(), 200, "{row:?}");
        }
        for request in ["GET /other", "GET /hello/", "GET /files", "GET /form"] {
            assert!(ask_for(&mut routes, request).status() >= 404, "{row:?}, {request}");
        }
    }
}

#[test]
fn each_answer_of_the_readme_is_the_one_that_is_given() {
    for row in rows("What they get") {
        let mut routes = load(&quoted(&row[0])).expect("a route");
        let answer = ask_for(&mut routes, quoted(&row[1])[0]);
        let (status, rest) = row[2].split_once(": ").expect("a status and a text");
        assert_eq!(answer.status().to_string(), status.trim_matches('`'), "{row:?}");
        assert!(answer.is_whole(), "{row:?}");
        match rest.starts_with("nothing") {
            true => assert_eq!(answer.text(), ""),
            false => {
                let begins = quoted(rest)[0];
                assert!(answer.text().starts_with(begins), "{row:?}: {}", answer.text());
            }
        }
        for told in quoted(rest).into_iter().filter(|told| told.starts_with("Location: ")) {
            assert_eq!(answer.field("Location"), told.strip_prefix("Location: "));
        }
    }
}

#[test]
fn the_choices_of_the_readme_are_those_of_the_first_seed() {
    for row in rows("Choices") {
        let mut routes = load(&quoted(&row[0])).expect("a route");
        let path = quoted(&row[0])[0].split(' ').next().expect("a path").to_owned();
        let one = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        // One connection, as only that has a second request.
        let all = ask(&mut routes, one.repeat(3));
        let statuses: Vec<String> = statuses(all.raw());
        assert_eq!(statuses, quoted(&row[1]), "{row:?}");
    }
}

fn statuses(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.match_indices("HTTP/1.1 ")
        .map(|(at, found)| text[at + found.len()..][..3].into())
        .collect()
}

#[test]
fn each_mistake_of_the_readme_is_told_as_it_is_written_there() {
    for row in rows("Mistakes") {
        let told = load(&quoted(&row[0])).expect_err("a mistake");
        assert!(told.starts_with(quoted(&row[1])[0]), "{row:?}: {told}");
    }
}

#[test]
fn a_mistake_has_its_column_and_an_example() {
    let long = format!("/ text=\"{}\"", "a".repeat(LINE_BYTES_MAX));
    for (line, column, says) in [
        ("", 1, "/hello"),
        ("GET", 4, "/hello"),
        ("TRACE / text=a", 1, "405"),
        ("get / text=a", 1, "/hello"),
        ("/", 2, "text="),
        ("/?a text=b", 2, "query"),
        ("é/ text=a", 1, "a.example"),
        ("x=\"\t/\"", 1, "\\t"),
        ("/é later", 4, "text="),
        ("/ text", 7, "text=\"hello\""),
        ("/ text=\"a\"b", 11, "\\\""),
        ("/ text=\"\\x\"", 9, "\\\\"),
        ("/ text=a text=b", 10, "twice"),
        ("/ text=a bytes=3", 10, "too many"),
        ("/ bytes=3GiBs", 9, "10KiB"),
        ("/ bytes=1025GiB", 9, "1024GiB"),
        ("/ bytes=3..2", 9, "backwards"),
        ("/ text=a over=2h", 15, "1h"),
        ("/ text=a every=2s", 10, "events"),
        ("/ events every=1us", 16, "every=1ms"),
        ("/ events count=0", 16, "such as 10"),
        ("/ events over=1s", 10, "goes with"),
        ("/ text=a count=+1", 16, "such as 10"),
        ("/ text=a chunked=1", 17, "alone"),
        ("/ echo=xml", 8, "json"),
        ("/ text=a after=3s..1s", 16, "backwards"),
        ("/ text=a reset", 3, "instead of"),
        ("/ reset close", 9, "a fault already"),
        ("/ reset=1", 8, "alone"),
        ("/ fail=nothing", 8, "never-read"),
        ("/ garbage=65KiB", 11, "64KiB"),
        ("/ text=a interim=101", 18, "at most 100"),
        ("/ text=a break-at=101%", 19, "50%"),
        ("/ text=a break-at=5 by=rst", 24, "by=reset"),
        ("/ text=a by=reset", 10, "break-at"),
        ("/ text=a length=5", 17, "+5"),
        ("/ text=a chunked length=+5", 3, "no length"),
        ("/ events two-lengths", 3, "goes with"),
        ("/ break-at=5", 13, "text="),
        ("/ text=a after=1s..", 16, "2s"),
        ("/a/* dir=a after=1s", 12, "at once"),
        ("/ redirect=", 12, "/new"),
        ("/ redirect=\"a\\nb\"", 12, "/new"),
        ("/ status=199", 10, "503"),
        ("/ status=200 field=a", 20, "X-Name"),
        ("/ status=200 field=\"Date: x\"", 20, "server writes"),
        ("/ status=200 field=\"a: b\\r\\nc: d\"", 20, "control"),
        ("/ dir=a status=200", 9, "goes with"),
        ("/ p=0 text=a | text=b", 5, "0.1"),
        ("/ p=0.1 text=a", 3, "rest"),
        ("/ text=a | text=b", 3, "p=0.1"),
        ("/ p=0.6 text=a | p=0.4 text=b | text=c", 18, "less than 1"),
        ("/ p=0.5 text=a |", 17, "text="),
        ("/ first=2 text=a", 3, "then"),
        ("/ text=a then text=b", 10, "first=2"),
        ("/ text=a first=0 then text=b", 16, "such as 2"),
        ("/ text=a first=1 then", 22, "text="),
        ("/ text=\"a\u{7}\"", 10, "control"),
        (long.as_str(), 1, "file="),
    ] {
        let mistake = grammar::route(line).expect_err(line);
        assert_eq!(mistake.column, column, "{line}: {}", mistake.sentence);
        assert!(mistake.sentence.contains(says), "{line}: {}", mistake.sentence);
        assert!(!mistake.sentence.contains(char::is_control), "{line}");
    }
}

#[test]
fn a_route_that_another_one_hides_is_refused() {
    let hidden = |earlier: &str, later: &str| {
        let told = load(&[&format!("{earlier} text=a"), &format!("{later} text=b")]);
        told.err().is_some_and(|told| told.starts_with("--route 2, column 1: no request can come"))
    };
    for (earlier, later) in [
        ("/a", "/a"),
        ("/a", "GET /a"),
        ("GET /a", "HEAD /a"),
        ("/*", "/a/*"),
        ("/a/*", "/a/b"),
        ("/a", "b.example/a"),
        ("B.example/*", "b.EXAMPLE/c"),
    ] {
        assert!(hidden(earlier, later), "{earlier} and {later}");
        assert!(earlier == later || !hidden(later, earlier), "{later} and {earlier}");
    }
    for (earlier, later) in [("HEAD /a", "GET /a"), ("/a", "/a/"), ("b.example/a", "/a")] {
        assert!(!hidden(earlier, later), "{earlier} and {later}");
    }
}

#[test]
fn what_is_not_taken_says_so() {
    let mut routes = load(&["POST /a text=a", "GET /a/* text=b"]).expect("routes");
    let answer = ask_for(&mut routes, "GET /a");
    assert_eq!((answer.status(), answer.field("Allow")), (405, Some("POST")));
    assert_eq!(ask_for(&mut routes, "GET /b").status(), 404);
    assert_eq!(ask_for(&mut routes, "HEAD /a/").status(), 200);
}

#[test]
fn an_echo_has_all_that_came() {
    let request = "POST /e?q=1 HTTP/1.1\r\nHost: A.b:80\r\nX-a:  \"1\"\r\nx-A: 2\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3\r\na\"\n\r\n0\r\n\r\n";
    let mut routes = load(&["/e echo=json", "/r echo=raw"]).expect("routes");
    let json: serde_json::Value =
        serde_json::from_str(ask(&mut routes, request).text()).expect("valid JSON");
    assert_eq!((&json["method"], &json["target"]), (&"POST".into(), &"/e?q=1".into()));
    let fields = serde_json::json!([
        ["Host", "A.b:80"],
        ["X-a", "\"1\""],
        ["x-A", "2"],
        ["Transfer-Encoding", "chunked"]
    ]);
    assert_eq!(json["fields"], fields);
    assert_eq!((&json["body"], &json["body_bytes"]), (&"a\"\n".into(), &3.into()));
    assert_eq!((&json["connection"], &json["request"]), (&0.into(), &1.into()));
    assert_eq!(json["client"], "192.0.2.1");
    let request = "PUT /r HTTP/1.1\r\nhost: a\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(ask(&mut routes, request).text(), request);
}

#[test]
fn every_part_of_the_pattern_says_where_it_is_from() {
    let whole: String = (0..100).map(|line| format!("{:015}\n", line * 16)).collect();
    for (from, to) in [(0, 0), (0, 1), (15, 17), (16, 32), (1, 1600), (1599, 1600)] {
        for more in ["", " chunked", " over=3s", " over=3s chunked", " over=1us"] {
            let mut routes = load(&[&format!("/ bytes={from}..{to}{more}")]).expect("a route");
            let answer = ask_for(&mut routes, "GET /");
            assert!(answer.is_whole() && answer.text() == &whole[from..to], "{from}..{to}{more}");
            assert_eq!(answer.field("Content-Length").is_none(), more.contains("chunked"));
        }
    }
}

#[test]
fn chances_are_what_they_say_and_follow_from_the_seed() {
    let line = "/ p=0.1 status=500 | p=0.3 status=404 | text=ok";
    let count = |seed: u64| {
        let lines = vec![RouteLine::new("1", line)];
        let sources = RouteSources { lines, seed, ..RouteSources::default() };
        let mut routes = Routes::load(sources).expect("a route");
        let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3000);
        statuses(ask(&mut routes, requests).raw())
    };
    let one = count(7);
    assert_eq!(one, count(7), "the same seed");
    assert_ne!(one, count(8), "another one");
    let share = |status: &str| one.iter().filter(|it| *it == status).count();
    assert_eq!(one.len(), 3000);
    assert!((240..360).contains(&share("500")), "{}", share("500"));
    assert!((800..1000).contains(&share("404")), "{}", share("404"));
}

#[test]
fn the_field_of_a_route_outweighs_that_of_all_routes() {
    let lines = vec![
        RouteLine::new("1", "/a text=a field=\"x-b: own\""),
        RouteLine::new("2", "/b text=b field=\"content-type: text/html\""),
    ];
    let fields = vec![("X-B".into(), "all".into()), ("X-B".into(), "more".into())];
    let sources = RouteSources { lines, fields, ..RouteSources::default() };
    let mut routes = Routes::load(sources).expect("routes");
    let own = ask_for(&mut routes, "GET /a");
    assert_eq!(own.values("X-B").collect::<Vec<_>>(), ["own"]);
    let all = ask_for(&mut routes, "GET /b");
    assert_eq!(all.values("X-B").collect::<Vec<_>>(), ["all", "more"]);
    assert_eq!(all.values("Content-Type").collect::<Vec<_>>(), ["text/html"]);
}

/// Words of routes, some of them wrong, and noise.
fn word() -> impl Strategy<Value = String> {
    const WORDS: &str = "GET POST / /a /a/* b.c/ text=a text=\"a\\n\\\"b\\\\\" file=a bytes=1KiB \
        bytes=1..1.5KiB bytes=7 echo=raw echo=json redirect=/b dir=. events every=1s every=90s \
        count=2 status=404 field=\"A: b\" over=1500us over=2min over=0s chunked after=1s after=1ms..2s reset close silence silence=2s garbage garbage=7 never-read \
        break-at=5 break-at=12.5% by=fin by=reset length=+5 length=-2 two-lengths bad-chunk \
        head-over=1s interim=3 fail=reset fail=silence first=2 then | p=0.5 \
        p=0.000001 p=.1 over= text= bytes=.. = \" \\ text=\"";
    let words: Vec<&'static str> = WORDS.split(' ').filter(|word| !word.is_empty()).collect();
    prop_oneof![
        9 => prop::sample::select(words).prop_map(str::to_owned),
        1 => ".{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000,
        failure_persistence: None::<Box<FileFailurePersistence>>.map(|it| it as _),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_line_is_refused_or_means_the_same_when_it_is_written_again(
        words in prop::collection::vec(word(), 0..8),
        begins in prop::sample::select(vec!["", "/ ", "GET /a/* ", "/ text=a ", "/ events "]),
    ) {
        let line = format!("{begins}{}", words.join(" "));
        match grammar::route(&line) {
            Ok(route) => {
                let again = route.to_string();
                prop_assert_eq!(grammar::route(&again), Ok(route), "{} and {}", line, again);
            }
            Err(mistake) => {
                prop_assert!((1..=line.chars().count() + 1).contains(&mistake.column), "{}", line);
                prop_assert!(!mistake.sentence.contains(char::is_control), "{:?}", mistake.sentence);
            }
        }
    }
}
