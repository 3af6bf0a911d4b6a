//! Draws the pictures of the tour, and holds them to the code.
//!
//! Each is an SVG of one column, 420 units wide, for light and dark, which a phone can show. What a
//! table of the code says is read from there: the states and their arrows, the stages of a turn, the
//! timeouts. What the poll reports is computed, and compared with what the kernel reports.
//!
//! ```text
//! ONELOOP_WRITE=1 cargo test --test pictures    # draws them again
//! ```
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod bytes;
mod canvas;
mod edges;
mod ends;
mod kernel;
mod states;
mod timers;
mod turn;

use std::fs;
use std::path::{Path, PathBuf};

use canvas::Canvas;

/// A picture's name, and what draws it.
type Picture = (&'static str, fn() -> Canvas);

const PICTURES: [Picture; 8] = [
    ("states", states::draw),
    ("turn", turn::draw),
    ("kernel-and-program", kernel::draw),
    ("level-and-edge", edges::draw),
    ("who-owns-the-bytes", bytes::draw),
    ("half-close", ends::draw_half_close),
    ("lingering", ends::draw_lingering),
    ("timers", timers::draw),
];

/// The READMEs that show them.
const SHOWN_IN: [&str; 3] =
    ["src/README.md", "src/ladder/README.md", "tests/experiments/README.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of this repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn path_of(name: &str) -> PathBuf {
    root().join("src/pictures").join(format!("{name}.svg"))
}

#[test]
fn the_pictures_are_those_that_the_code_draws() {
    let mut stale = Vec::new();
    for (name, draw) in PICTURES {
        let drawn = draw().into_svg();
        if std::env::var_os("ONELOOP_WRITE").is_some() {
            fs::write(path_of(name), &drawn).unwrap();
        }
        if fs::read_to_string(path_of(name)).unwrap_or_default() != drawn {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "draw {stale:?} again: ONELOOP_WRITE=1 cargo test --test pictures");
    let files = fs::read_dir(root().join("src/pictures")).unwrap().count();
    assert_eq!(files, PICTURES.len(), "a picture that is not drawn here");
}

#[test]
fn no_text_lies_on_another_or_outside() {
    let mut wrong = Vec::new();
    for (name, draw) in PICTURES {
        let canvas = draw();
        let texts = canvas.texts();
        assert!(texts.len() > 4, "{name} says something");
        for (at, one) in texts.iter().enumerate() {
            if !canvas.holds(one) {
                wrong.push(format!("{name}: {one:?} is cut off"));
            }
            let others = texts[at + 1..].iter().filter(|other| one.overlaps(other));
            wrong.extend(others.map(|other| format!("{name}: {one:?} lies on {other:?}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_picture_is_shown_and_says_in_words_what_it_shows() {
    let texts: String = SHOWN_IN.into_iter().map(read).collect();
    let shown = texts.split("![").skip(1).map(|image| image.split_once("](").unwrap());
    let shown: Vec<(&str, &str)> = shown.collect();
    for (name, _) in PICTURES {
        let target = format!("pictures/{name}.svg)");
        let is_it = |(_, behind): &&(&str, &str)| {
            let end = behind.find(')').map_or(0, |end| end + 1);
            behind[..end].ends_with(&target)
        };
        let (words, _) = shown.iter().find(is_it).unwrap_or_else(|| panic!("{name} is not shown"));
        assert!(words.split_whitespace().count() > 8, "{name}: its words are {words:?}");
    }
}
