//! Several URLs: what is requested, how often, and what is told of each.

use std::collections::BTreeMap;
use std::fs;

use super::fake::{After, Fake, Script};
use super::needed::Folder;
use super::requests::recording;
use super::support::Server;
use super::{RIGHT, assert_all_right, ended, herd};

/// How often each request line came, without those of the first answers.
fn lines(requests: impl Iterator<Item = String>, first: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests.skip(first) {
        *counts.entry(request.lines().next().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn each_url_of_a_list_is_requested_as_often_as_its_weight_says() {
    let folder = Folder::new("herd-urls");
    let list = folder.path().join("urls");
    fs::write(&list, "# a site\n6 /a?b\n\n1 PUT /c\n3 post /d\n").unwrap();
    for kind in ["get", "connect-close", "half-close"] {
        let mut told_before = None;
        for _ in 0..2 {
            let (address, received) = recording();
            let kind = format!("--{kind}");
            let arguments = [
                &kind,
                "2",
                "-n",
                "400",
                "--body",
                "xyz",
                "--urls",
                list.to_str().unwrap(),
                "--seed",
                "7",
            ];
            let told = herd(address, &arguments);
            assert_all_right(&told);
            let requests: Vec<String> = received.try_iter().collect();
            assert!(
                requests.iter().all(|request| request.ends_with("\r\n\r\nxyz")),
                "{requests:?}"
            );
            let counts = lines(requests.into_iter(), 3);
            let of = |line: &str| counts[&format!("{line} HTTP/1.1")];
            let counted = [of("POST /a?b"), of("PUT /c"), of("POST /d")];
            assert_eq!(counted.iter().sum::<usize>(), 400, "{counts:?}");
            // Five standard deviations of 240, 40 and 120.
            let near = counted.iter().zip([240, 40, 120]).all(|(it, mean)| it.abs_diff(mean) < 50);
            assert!(near, "{counts:?}");
            let urls = told.json["urls"].as_array().unwrap();
            let right: Vec<usize> =
                urls.iter().map(|url| url["right"].as_u64().unwrap() as usize).collect();
            assert_eq!(right, counted, "{told:?}");
            assert_eq!(urls[1]["statuses"]["200"], counted[1], "{told:?}");
            assert_eq!((&urls[0]["path"], &urls[0]["weight"]), (&"/a?b".into(), &6.into()));
            assert!(urls[2]["latency_mean_us"].as_f64().unwrap() > 0.0, "{told:?}");
            assert!(told.table.lines().any(|line| line.starts_with("PUT /c ")), "{told:?}");
            let before = told_before.replace(counted);
            assert!(before.is_none_or(|before| before == counted), "a seed repeats its choices");
        }
    }
}

#[test]
fn several_urls_on_the_command_line_are_requested_equally_often() {
    let (address, received) = recording();
    let [one, two] =
        ["/one", "/two"].map(|path| format!("http://localhost:{}{path}", address.port()));
    let ended = ended(&[&one, &two, "--get", "2", "-n", "200", "--quiet"]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    let counts = lines(received.try_iter(), 2);
    assert!(counts.len() == 2 && counts.values().all(|count| *count > 65), "{counts:?}");
    let has = |start: &str| ended.output.lines().any(|line| line.starts_with(start));
    assert!(has("GET /one ") && has("GET /two "), "{}", ended.output);
}

#[test]
fn what_each_url_is_answered_wrongly_is_told_of_it() {
    // Both first answers are right, and some more.
    let rest = "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc";
    let fake = Fake::start(Script { first: (RIGHT, 60), rest, after: After::Keep });
    let address = fake.address().to_string();
    let second = format!("{address}/two");
    let told = super::herd_at(&format!("{address}/one"), &[&second, "--get", "2", "-n", "200"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    let urls = told.json["urls"].as_array().unwrap();
    let sum = |what: &str| urls.iter().map(|url| url[what].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("right"), told.count("get", "right"), "{told:?}");
    assert_eq!(sum("wrong"), told.count("get", "wrong"), "{told:?}");
    assert!(urls.iter().all(|url| url["statuses"]["404"].as_u64().unwrap() > 0), "{told:?}");
}

#[test]
fn a_list_that_cannot_be_used_is_refused_with_the_line_and_before_anything_is_sent() {
    let folder = Folder::new("herd-bad-urls");
    let list = folder.path().join("urls");
    let (address, received) = recording();
    let address = address.to_string();
    for (text, told) in [
        ("/a\n\nFETCH IT /b\n", "line 3: there are too many words"),
        ("/a\nhttp://127.0.0.1:9/b\n", "herd compare"),
        ("0 /a\n", "line 1: '0' is no weight"),
    ] {
        fs::write(&list, text).unwrap();
        let ended = ended(&[&address, "--urls", list.to_str().unwrap()]);
        assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
        assert!(ended.errors.contains(told), "{told}: {}", ended.errors);
        assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
    }
    assert_eq!(received.try_iter().count(), 0);
}

#[test]
fn a_head_is_answered_without_content_and_that_is_right() {
    let server = Server::start(&[]);
    for kind in ["get", "connect-close", "half-close"] {
        let told = herd(server.address(), &[&format!("--{kind}"), "2", "-n", "100", "-m", "HEAD"]);
        assert_all_right(&told);
        assert_eq!(told.count(kind, "right"), 100, "{told:?}");
        assert!(told.table.contains("HEAD /: expecting status 200 and 0 bytes"), "{told:?}");
    }
    // A server that sends the content of a GET breaks the next answer.
    let fake = Fake::start(Script { first: ("", 0), rest: RIGHT, after: After::Keep });
    let told = herd(fake.address(), &["--get", "1", "-n", "10", "-m", "HEAD"]);
    assert!(told.code == Some(1) && told.count("get", "wrong") > 0, "{told:?}");
}
