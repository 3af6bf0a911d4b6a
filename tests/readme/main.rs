//! Holds the READMEs to what the programs say and do.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod patterns;
mod reading_paths;
mod words;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Every README of this repository.
const READMES: [&str; 17] = [
    "README.md",
    "benches/neighbours/README.md",
    "benches/peers/README.md",
    "benches/slots/README.md",
    "src/README.md",
    "src/admin/README.md",
    "src/answer/README.md",
    "src/cli/README.md",
    "src/handlers/routes/README.md",
    "src/handlers/site/README.md",
    "src/herd/README.md",
    "src/ladder/README.md",
    "src/system_calls/README.md",
    "src/watch/README.md",
    "tests/README.md",
    "tests/exercises/README.md",
    "tests/experiments/README.md",
];

/// Killed at the end of the test, whatever happens.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What this README says under this heading, up to the next one.
fn section(readme: &str, heading: &str) -> String {
    let readme = read(readme);
    let (_, behind) = readme.split_once(&format!("\n{heading}\n")).expect(heading);
    behind.split("\n#").next().unwrap().to_owned()
}

/// A told line without what differs from run to run: the time since the start, how long the loop
/// has slept, the rest of a deadline, and ports.
fn masked(line: &str) -> String {
    let said = line.split_once(" s  ").map_or(line, |(_, said)| said);
    let said = match said.split_once(" after ") {
        Some((poll, _)) if poll.starts_with("the loop     poll") => format!("{poll} after TIME"),
        _ => said.to_owned(),
    };
    let said = match said.split_once(" left (") {
        Some((before, class)) => {
            let (wait, _) = before.rsplit_once("; ").unwrap();
            format!("{wait}; TIME left ({class}")
        }
        None => said,
    };
    let Some((before, port_and_more)) = said.split_once("127.0.0.1:") else { return said };
    let after = port_and_more.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}127.0.0.1:PORT{after}")
}

#[test]
fn the_journey_in_the_readme_is_what_explain_tells() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
    command.args(["-l", "127.0.0.1:0", "--explain", "--typing-grace", "20s"]);
    command.args(["--head-timeout", "20s"]).env_remove("RUST_LOG");
    let mut server = Guard(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut told = BufReader::new(server.0.stderr.take().unwrap()).lines().map(Result::unwrap);

    let mut journey = Vec::new();
    let mut tell_until = |last: &str| {
        for line in told.by_ref() {
            journey.push(masked(&line));
            if line.contains(last) {
                return line;
            }
        }
        panic!("the telling ends before {last}");
    };
    let line = tell_until("http://");
    let address = line.split_once("http://").unwrap().1.trim_end_matches('/').to_owned();
    let mut client = TcpStream::connect(address).unwrap();
    // Nothing is sent before the first look has found nothing: whether it does would be a race.
    tell_until("register");
    client.write_all(b"GET /hello HTTP/1.1\r\n").unwrap();
    tell_until("typing grace");
    client.write_all(b"Host: localhost\r\n\r\n").unwrap();
    tell_until("idle timeout");
    client.shutdown(Shutdown::Write).unwrap();
    tell_until("is free");
    client.read_to_end(&mut Vec::new()).unwrap();

    let stages = stages_of_the_journey();
    let shown: Vec<String> = stages.iter().flat_map(|(told, _)| told.lines().map(masked)).collect();
    assert_eq!(journey, shown, "{journey:#?}");
}

/// The README has exactly two commands to begin with, and says how long the first one builds.
#[test]
fn the_readme_begins_with_two_commands_that_work_in_a_clean_clone() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 200, "it is read to its end");
    let (_, block) = readme.split_once("```sh\n").unwrap();
    let (commands, after) = block.split_once("```").unwrap();
    let commands = commands.lines().map(|line| line.split('#').next().unwrap().trim());
    assert_eq!(commands.collect::<Vec<_>>(), ["cargo run --release", "tests/run"]);
    assert!(
        after.contains("The first command builds the program, which takes"),
        "how long it takes"
    );
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run");
    let mode = run.metadata().unwrap().permissions().mode();
    assert!(run.is_file() && mode & 0o111 == 0o111, "tests/run can be run: {mode:o}");
}

/// Each line of the README that runs the server by cargo.
#[test]
fn the_servers_that_the_readme_starts_serve() {
    let readme = read("README.md");
    let commands = readme.lines().filter_map(|line| line.strip_prefix("cargo run --release"));
    let commands: Vec<&str> = commands.map(|line| line.split('#').next().unwrap()).collect();
    assert_eq!(commands.len(), 4, "{commands:?}");
    for arguments in commands {
        let is_listing = arguments.contains("--list");
        let expected = if is_listing { "README.md" } else { "This is the server respose! :)" };
        let arguments = arguments.trim_start().trim_start_matches("-- ").split_whitespace();
        let mut program = Command::new(env!("CARGO_BIN_EXE_oneloop"));
        program.args(arguments).args(["-l", "127.0.0.1:0"]).env_remove("RUST_LOG");
        program.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::piped());
        let mut server = Guard(program.spawn().unwrap());
        let stderr = BufReader::new(server.0.stderr.take().unwrap());
        let mut lines = stderr.lines().map(Result::unwrap);
        let line = lines.next().expect("it says where it listens");
        let (_, url) = line.split_once("http://").expect("a URL");
        let mut client = TcpStream::connect(url.split('/').next().unwrap()).unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(expected), "{answer}");
    }
}

/// The README's journey: what is told at each of its stages, and what is said of it.
fn stages_of_the_journey() -> Vec<(String, String)> {
    let journey = section("src/watch/README.md", "## One request's journey");
    let stages = journey.split("```text\n").skip(1);
    let stages = stages.map(|stage| stage.split_once("```\n").unwrap());
    stages.map(|(told, said)| (told.to_owned(), said.to_owned())).collect()
}

/// Of each line, by its verb, stands below it which function does that. Whether that function is
/// there, the test of links sees.
#[test]
fn each_line_of_the_journey_has_a_function_beside_it() {
    let stages = stages_of_the_journey();
    assert_eq!(stages.len(), 5);
    for (told, said) in stages {
        let verbs = told.lines().map(|line| {
            let (_, who_and_what) = line.split_once(" s  ").unwrap();
            let who = ["the loop", "client 0"].iter().find(|who| who_and_what.starts_with(**who));
            who_and_what[who.unwrap().len()..].split_whitespace().next().unwrap()
        });
        // As in: `recv` ([`Socket::receive`](../engine/socket.rs))
        let said = said.replace('\n', " ");
        let before_links = said.split("` ([`").map(|text| text.rsplit('`').next().unwrap());
        let explained: Vec<&str> = before_links.collect();
        let (_, explained) = explained.split_last().unwrap();
        assert_eq!(verbs.collect::<Vec<_>>(), explained, "{told}");
    }
}

/// What a README links to: the words of each link, and its target.
fn links(text: &str) -> Vec<(&str, &str)> {
    let ends = text.match_indices("](").map(|(end, _)| end);
    let links = ends.filter_map(|end| {
        let words = &text[text[..end].rfind('[')? + 1..end];
        Some((words, text[end + 2..].split(')').next()?))
    });
    links.collect()
}

/// Whether this Rust file defines `item`: a function, a type, a constant, or a variant; and if it has
/// an owner, within a block of it, as an `impl`.
fn defines(code: &str, owner: Option<&str>, item: &str) -> bool {
    let mut block = "";
    code.lines().any(|line| {
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            block = line;
        }
        let mut words = block.split(|c: char| !c.is_alphanumeric() && c != '_');
        is_definition(line.trim_start(), item)
            && owner.is_none_or(|owner| words.any(|word| word == owner))
    })
}

fn is_definition(line: &str, name: &str) -> bool {
    let is_defined = ["fn ", "struct ", "enum ", "trait ", "const ", "type "].iter().any(|kind| {
        let behind = line.split_once(kind).filter(|(before, _)| {
            before.is_empty() || before.starts_with("pub") || *before == "const "
        });
        behind.is_some_and(|(_, behind)| is_first_word(behind, name))
    });
    // A variant stands on a line of its own.
    is_defined || is_first_word(line, name) && line.ends_with([',', '{'])
}

fn is_first_word(text: &str, word: &str) -> bool {
    let behind = text.strip_prefix(word).map(|rest| rest.chars().next());
    behind.is_some_and(|next| next.is_none_or(|c| !c.is_alphanumeric() && c != '_'))
}

/// A name in a link, as `Socket::receive` or `parse::head`, is defined in the file that it links to,
/// for `Socket`, or is that of a function in `parse.rs`.
#[test]
fn each_name_that_links_to_code_is_defined_there() {
    let names: usize = READMES.into_iter().map(count_names_that_are_defined).sum();
    assert!(names > 60, "only {names} names");
}

/// The path of what a README links to, without `..`.
fn from_the_root(readme: &str, target: &str) -> String {
    if target.contains("://") {
        return target.to_owned();
    }
    let mut path = readme.split('/').collect::<Vec<_>>();
    path.pop();
    for part in target.split('#').next().unwrap().split('/') {
        match part {
            ".." => assert!(path.pop().is_some(), "{readme} links to {target}"),
            part => path.push(part),
        }
    }
    path.join("/")
}

/// How many names in this README link to code, which has to define them.
fn count_names_that_are_defined(readme: &str) -> usize {
    let text = read(readme);
    let mut names = 0;
    for (words, target) in links(&text) {
        let Some(name) = words.strip_prefix('`').and_then(|words| words.strip_suffix('`')) else {
            continue;
        };
        let target = from_the_root(readme, target);
        if name.contains(['.', '/']) {
            let is_map = name.ends_with('/')
                && ["mod.rs", "main.rs", "README.md"]
                    .iter()
                    .any(|map| target.ends_with(&format!("{name}{map}")));
            assert!(target.ends_with(name) || is_map, "{readme}: {words} links to {target}");
        } else if target.ends_with(".rs") {
            let (owner, item) = match name.rsplit_once("::") {
                // A function of the module that the file is.
                Some((module, item)) if target.ends_with(&format!("/{module}.rs")) => (None, item),
                Some((owner, item)) => (Some(owner), item),
                None => (None, name),
            };
            assert!(
                defines(&read(&target), owner, item),
                "{readme}: {target} does not define {name}"
            );
            names += 1;
        }
    }
    names
}

/// The heading's name in a link, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn what_the_readmes_link_to_is_there() {
    for readme in READMES {
        let text = read(readme);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(readme);
        for (_, target) in links(&text) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => folder.clone(),
                file => folder.parent().unwrap().join(file),
            };
            assert!(path.exists(), "{readme} links to {target}");
            if !heading.is_empty() {
                let there = std::fs::read_to_string(&path).unwrap();
                let mut headings = there.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(headings.any(|it| it == heading), "{readme} links to {target}");
            }
        }
    }
}

#[test]
fn every_option_stands_in_the_readme_of_the_command_line_or_of_the_site() {
    let options = options(env!("CARGO_BIN_EXE_oneloop"));
    assert!(options.len() > 25, "{options:?}");
    let readmes = ["src/cli/README.md", "src/handlers/site/README.md"];
    assert_are_in(&readmes, &options, &["--quiet", "--verbose"]);
}

#[cfg(feature = "herd")]
#[test]
fn every_option_of_the_herd_stands_in_its_readme() {
    let options = options(env!("CARGO_BIN_EXE_herd"));
    assert!(options.len() > 25, "{options:?}");
    assert_are_in(&["src/herd/README.md"], &options, &[]);
}

/// Every option that a program's help names.
fn options(program: &str) -> Vec<String> {
    let help = Command::new(program).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let options = words.filter(|word| word.starts_with("--") && word.len() > 3);
    options.map(str::to_owned).collect()
}

/// As a whole word, so that `--post` does not stand there because `--post-something` does.
fn assert_are_in(paths: &[&str], options: &[String], except: &[&str]) {
    let readme: String = paths.iter().map(|path| read(path)).collect();
    for option in options.iter().filter(|option| !except.contains(&option.as_str())) {
        let is_there = readme.match_indices(option.as_str()).any(|(at, _)| {
            let next = readme[at + option.len()..].chars().next();
            next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-')
        });
        assert!(is_there, "{paths:?} say nothing of {option}");
    }
}
