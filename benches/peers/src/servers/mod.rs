//! The table of who is measured. A new peer is a row here and a function that says how to start it.
//!
//! `ours` starts what comes from a build of ours; `nginx`, `h2o`, `lighttpd` and `static_web_server`
//! write the configurations of these.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::failure::Failure;
use crate::load::Connections;
use crate::running::{Announcement, Start};
use crate::scenario::{Scenario, Shape};

mod by_hand;
mod h2o;
mod lighttpd;
mod nginx;
mod ours;
mod static_web_server;

/// A server under comparison.
#[derive(Clone, Copy)]
pub struct Server {
    /// What `--only` and the report call it.
    pub name: &'static str,
    /// Where its program is.
    program: Program,
    /// How its program is started for a scenario.
    prepare: Prepare,
    /// What it can serve at all.
    content: Content,
    /// Why it cannot take part in a scenario of that, if it cannot.
    unable: fn(&Scenario) -> Option<&'static str>,
    /// How many clients it can hold, and how fast they may come.
    pub crowd: Crowd,
    /// How many clients it has that only stay, beside those that are measured.
    pub idle_clients: usize,
    /// Whether it is measured only if it is named: what writes an access log, or has a crowd.
    pub is_extra: bool,
}

/// What a server can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// One page.
    Page,
    /// A site of files.
    Files,
    /// Either.
    Both,
}

/// How many clients a server can hold, and how fast they may come.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// So many connect before the first of them must have been accepted. None of these is lost in a
    /// listen queue of 128, which is the shortest here.
    pub at_once: usize,
    /// So many fit under a limit of 20,000 descriptors.
    pub most: usize,
}

/// A descriptor for each client.
const CROWD: Crowd = Crowd { at_once: 100, most: 19_000 };

/// What the others are compared with.
pub const FLOOR: &str = "floor";
/// This project's.
pub const ONELOOP: &str = "oneloop";

/// Everyone, in the report's order. The floor stands there twice: what differs between the two is
/// noise. So do those that are measured with an access log or a crowd as well.
pub const SERVERS: [Server; 21] = [
    Server { content: Content::Both, ..sibling(FLOOR, "floor", ours::prepare_floor) },
    Server { content: Content::Both, ..sibling("floor-again", "floor", ours::prepare_floor) },
    oneloop(ONELOOP, ours::prepare_oneloop),
    Server { is_extra: true, ..oneloop("oneloop-combined", ours::prepare_oneloop_combined) },
    Server { is_extra: true, ..oneloop("oneloop-json", ours::prepare_oneloop_json) },
    Server {
        is_extra: true,
        idle_clients: 15_000,
        ..oneloop("oneloop-crowded", ours::prepare_oneloop)
    },
    Server {
        unable: without_chunks,
        // A thread each, of which a machine of two cores should not have more.
        crowd: Crowd { most: 15_000, ..CROWD },
        ..sibling("threads", "peer-threads", ours::prepare_peer)
    },
    Server {
        unable: without_close,
        ..sibling("io_uring", "peer-io-uring", ours::prepare_by_length)
    },
    sibling("hyper", "peer-hyper", ours::prepare_peer),
    sibling("actix-web", "peer-actix-web", ours::prepare_peer),
    sibling("xitca-web", "peer-xitca-web", ours::prepare_peer),
    Server {
        unable: without_close_and_chunks,
        ..sibling("may_minihttp", "peer-may-minihttp", ours::prepare_peer)
    },
    // It has two descriptors for each client. And when several clients come at once, it may queue
    // one of them behind another that stays: it sees an idle thread before that thread has woken.
    Server {
        crowd: Crowd { at_once: 1, most: 9_000 },
        ..sibling("tiny_http", "peer-tiny-http", ours::prepare_peer)
    },
    Server { unable: without_close_and_lengths, ..by_hand("libreactor", "peer-libreactor") },
    Server { unable: without_lengths, ..by_hand("uwebsockets", "peer-uwebsockets") },
    package("nginx", "nginx", nginx::prepare),
    Server { is_extra: true, ..package("nginx-combined", "nginx", nginx::prepare_combined) },
    package("h2o", "h2o", h2o::prepare),
    lighttpd("lighttpd", lighttpd::prepare),
    Server { is_extra: true, ..lighttpd("lighttpd-combined", lighttpd::prepare_combined) },
    Server {
        content: Content::Files,
        ..package("static-web-server", "static-web-server", static_web_server::prepare)
    },
];

/// Where a server's program is.
#[derive(Clone, Copy)]
enum Program {
    /// Where an option says.
    Oneloop,
    /// Beside this very program, which it is built together with.
    Sibling(&'static str),
    /// Installed on this machine.
    Installed(&'static str),
}

/// A command, and how the address becomes known.
type Prepared = (Command, Announcement);

/// What says how a program is started for a scenario.
type Prepare = fn(&Path, &Scenario, &Path) -> io::Result<Prepared>;

const fn oneloop(name: &'static str, prepare: Prepare) -> Server {
    server(name, Program::Oneloop, Content::Both, prepare)
}

const fn sibling(name: &'static str, file: &'static str, prepare: Prepare) -> Server {
    server(name, Program::Sibling(file), Content::Page, prepare)
}

const fn package(name: &'static str, file: &'static str, prepare: Prepare) -> Server {
    server(name, Program::Installed(file), Content::Both, prepare)
}

/// A program of ours in C or C++, built by hand, which knows only the text.
const fn by_hand(name: &'static str, file: &'static str) -> Server {
    Server { content: Content::Page, ..package(name, file, by_hand::prepare) }
}

/// It keeps every second descriptor free.
const fn lighttpd(name: &'static str, prepare: Prepare) -> Server {
    let unable = without_keeping_posts;
    let crowd = Crowd { most: 9_000, ..CROWD };
    Server { unable, crowd, ..package(name, "lighttpd", prepare) }
}

const fn server(
    name: &'static str,
    program: Program,
    content: Content,
    prepare: Prepare,
) -> Server {
    let (crowd, idle_clients, is_extra) = (CROWD, 0, false);
    Server { name, program, prepare, content, unable: able, crowd, idle_clients, is_extra }
}

/// Where programs are that the machine does not know.
#[derive(Debug)]
pub struct Paths {
    /// The server of this project.
    pub oneloop: PathBuf,
}

impl Server {
    /// Its program; none when it is not on this machine.
    pub fn program(&self, paths: &Paths) -> Option<PathBuf> {
        match self.program {
            Program::Oneloop => existing(paths.oneloop.clone()),
            Program::Sibling(file) => existing(env::current_exe().ok()?.with_file_name(file)),
            // Debian keeps some in a folder that only root's path names.
            Program::Installed(file) => env::split_paths(&env::var_os("PATH")?)
                .chain([PathBuf::from("/usr/sbin")])
                .find_map(|folder| existing(folder.join(file))),
        }
    }

    /// Why it cannot take part in `scenario`, if it cannot.
    pub fn unable(&self, scenario: &Scenario) -> Option<&'static str> {
        match (self.content, scenario.answer.site()) {
            (Content::Page, Some(_)) => Some("serves no files"),
            (Content::Files, None) => Some("serves only files"),
            (Content::Page | Content::Both, None) | (Content::Files | Content::Both, Some(_)) => {
                (self.unable)(scenario)
            }
        }
    }

    /// How to start `program` for `scenario`.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn start(&self, program: &Path, scenario: &Scenario) -> Result<Start, Failure> {
        let attempt = || {
            let directory = TempDir::with_prefix("peers-")?;
            let (command, announcement) = (self.prepare)(program, scenario, directory.path())?;
            Ok::<_, io::Error>(Start { command, announcement, directory })
        };
        attempt().map_err(Failure::machine(format!("prepare {}", self.name)))
    }
}

/// What is to be served: the site, or the body as a file of that name.
fn write_content(scenario: &Scenario, at: &Path) -> io::Result<()> {
    match scenario.answer.site() {
        Some(site) => site.write(at),
        None => fs::write(at.join("body"), scenario.body()),
    }
}

fn able(_: &Scenario) -> Option<&'static str> {
    None
}

/// What may_minihttp lacks; the crate gives its service no way to add it.
fn without_close_and_chunks(scenario: &Scenario) -> Option<&'static str> {
    match (scenario.connections, scenario.shape) {
        (Connections::PerRequest, _) => Some("does not know `Connection: close`"),
        (Connections::Kept, Shape::PostChunked { .. }) => Some("does not know chunked requests"),
        (Connections::Kept, Shape::Get | Shape::LongHead(_) | Shape::Post(_)) => None,
    }
}

/// What the server of threads lacks: it is to be read, and lengths are enough for that.
fn without_chunks(scenario: &Scenario) -> Option<&'static str> {
    match scenario.shape {
        Shape::PostChunked { .. } => Some("does not know chunked requests"),
        Shape::Get | Shape::LongHead(_) | Shape::Post(_) => None,
    }
}

/// What the server of rings lacks: it is a floor for clients who stay.
fn without_close(scenario: &Scenario) -> Option<&'static str> {
    match scenario.connections {
        Connections::PerRequest => Some("closes no connection of its own accord"),
        Connections::Kept => None,
    }
}

/// What the programs in `c` lack: each says one short text.
fn without_lengths(scenario: &Scenario) -> Option<&'static str> {
    scenario.answer.body_bytes().is_some().then_some("is built for the short text")
}

/// What libreactor lacks as well: its server leaves it to the program to read `Connection`.
fn without_close_and_lengths(scenario: &Scenario) -> Option<&'static str> {
    without_close(scenario).or_else(|| without_lengths(scenario))
}

/// What lighttpd lacks without a module that would run a program.
fn without_keeping_posts(scenario: &Scenario) -> Option<&'static str> {
    scenario.shape.is_post().then_some("closes the connection after a POST to a file")
}

fn existing(program: PathBuf) -> Option<PathBuf> {
    program.is_file().then_some(program)
}
