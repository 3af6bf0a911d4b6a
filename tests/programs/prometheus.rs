//! Prometheus itself: its judge of metrics, and whether it finds what the dashboard asks for.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use oneloop::config::{AdminListener, Reach};
use oneloop::testing::Answer;
use oneloop::{Reply, Request};

use super::needed::{Folder, Needed};
use super::sockets::{self, Background};
use super::support::{PATIENCE, Program, Server};

const PROMTOOL: Needed = Needed { names: &["promtool"], package: "prometheus" };
const PROMETHEUS: Needed = Needed { names: &["prometheus"], package: "prometheus" };

#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    let Some(promtool) = PROMTOOL.find(promtool_finds_nothing_to_say_about_the_metrics) else {
        return;
    };
    let address: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut config = sockets::config();
    config.admin = Some(AdminListener::new(address, Reach::ThisMachine));
    let server = Background::start(&config, |_: &Request<'_>, reply: Reply<'_>| reply.send("hi"));
    // The requests of the admin listener's clients are not counted among the public's.
    assert_eq!(server.connect().get("/").text(), "hi");
    let metrics = metrics_at(server.admin());
    assert!(metrics.contains("oneloop_requests_total 1\n"), "{metrics}");
    let mut promtool = Program::start(Command::new(promtool).args(["check", "metrics"]));
    promtool.say(&metrics);
    promtool.hang_up();
    let ended = promtool.finish();
    let said = format!("{}{}", ended.output, ended.errors);
    assert!(ended.status.success() && said.is_empty(), "{said}\n{metrics}");
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0"]);
    let metrics = metrics_at(server.admin());
    let queries = queries();
    assert!(queries.len() > 20, "{queries:?}");
    for query in queries {
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names =
            words.filter(|word| word.starts_with("oneloop_") || word.starts_with("process_"));
        let missing: Vec<&str> = names
            .filter(|name| {
                let begins = [format!("\n{name} "), format!("\n{name}{{")];
                !begins.iter().any(|begin| metrics.contains(begin))
            })
            .collect();
        assert_eq!(missing, [""; 0], "{query}\n{metrics}");
    }
}

/// The configuration is that of the README, but for the address and for how often it looks.
#[test]
fn prometheus_has_an_answer_to_each_query_of_the_dashboard() {
    let test = prometheus_has_an_answer_to_each_query_of_the_dashboard;
    let (Some(promtool), Some(prometheus)) = (PROMTOOL.find(test), PROMETHEUS.find(test)) else {
        return;
    };
    let folder = Folder::new("prometheus");
    let log = folder.path().join("access.log");
    let mut server =
        Server::start(&["--admin", "127.0.0.1:0", "--access-log", log.to_str().unwrap()]);
    let admin = server.admin();
    let config = folder.path().join("prometheus.yml");
    let readme = read("src/admin/README.md");
    let blocks = readme.split("```yaml\n").skip(1).map(|from| from.split("```").next().unwrap());
    let is_it = |block: &&str| block.contains("scrape_configs");
    let said = blocks.into_iter().find(is_it).expect("a configuration of Prometheus");
    fs::write(&config, said).unwrap();
    let checked = Command::new(&promtool).args(["check", "config"]).arg(&config).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let here = said.replace("127.0.0.1:9000", &admin.to_string());
    assert_ne!(here, said);
    fs::write(&config, format!("global:\n  scrape_interval: 1s\n{here}")).unwrap();
    let mut prometheus = Program::start(
        Command::new(prometheus)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0"),
    );
    prometheus.hear_error("Server is ready to receive web requests");
    // Another of its threads says this, perhaps later.
    prometheus.hear_error("\"Listening on\"");
    let errors = prometheus.errors();
    let listens = errors.lines().find(|line| line.contains("\"Listening on\"")).expect("where");
    let address = listens.split_whitespace().find_map(|word| word.strip_prefix("address="));
    let url = format!("http://{}", address.unwrap());
    for query in queries() {
        let query = query.replace("$job", ".+").replace("$__rate_interval", "20s");
        let began = Instant::now();
        loop {
            // Something goes on between two looks of Prometheus.
            for text in ["GET / HTTP/1.0\r\n\r\n", "noise\r\n\r\n"] {
                say(server.address(), text);
            }
            let command = &mut Command::new(&promtool);
            let answer = command.args(["query", "instant", &url, &query]).output().unwrap();
            let answer = String::from_utf8(answer.stdout).unwrap();
            let has_number = |line: &str| {
                let value = line.split_once(" => ").and_then(|(_, value)| value.split(' ').next());
                value.and_then(|value| value.parse::<f64>().ok()).is_some_and(f64::is_finite)
            };
            let answer = answer.trim();
            if !answer.is_empty() && answer.lines().all(has_number) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{query}: {answer}");
        }
    }
}

/// The queries of all panels.
fn queries() -> Vec<String> {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("src/admin/grafana.json")).expect("it is JSON");
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// What `/metrics` says to a client of the admin listener.
fn metrics_at(admin: SocketAddr) -> String {
    let answer = say(admin, &format!("GET /metrics HTTP/1.0\r\nHost: {admin}\r\n\r\n"));
    assert_eq!(answer.status(), 200);
    answer.text().to_owned()
}

/// What comes in answer to this on a connection of its own, which the server ends.
fn say(address: SocketAddr, text: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let mut answer = Answer::read_all(&bytes, ["GET"]).0.pop().unwrap();
    answer.end();
    answer
}
