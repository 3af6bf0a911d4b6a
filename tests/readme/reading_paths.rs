//! Holds the tour's reading paths to the length of the code.
//!
//! ```text
//! cargo test --test readme reading -- --nocapture    # also says how long the code is
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{from_the_root, links, section};

const TOUR: &str = "src/README.md";

/// Careful reading of code that is new to the reader.
const LINES_PER_MINUTE: usize = 12;

/// The most code that the spine may have, in lines. It is to shrink; this never grows.
const SPINE_CODE_MAX: usize = 2300;

/// The most minutes that an afternoon may take. Likewise.
const SPINE_MINUTES_MAX: usize = 240;

/// Lines of code and of comment, without blank ones and without tests.
#[derive(Clone, Copy, Default)]
struct Lines {
    code: usize,
    comment: usize,
}

impl Lines {
    fn of(path: &Path) -> Lines {
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            return Lines::default();
        }
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (comment, code): (Vec<&str>, _) = lines.partition(|line| line.starts_with("//"));
        Lines { code: code.len(), comment: comment.len() }
    }

    fn of_all<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Lines {
        paths.into_iter().map(|path| Lines::of(path)).fold(Lines::default(), |sum, one| Lines {
            code: sum.code + one.code,
            comment: sum.comment + one.comment,
        })
    }

    fn minutes(self) -> usize {
        (self.code + self.comment).div_ceil(LINES_PER_MINUTE)
    }
}

/// Every Rust file at or under this path, without folders of tests.
fn files(path: &Path) -> BTreeSet<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return entries.filter(|path| !path.ends_with("tests")).flat_map(|it| files(&it)).collect();
    }
    let is_code = path.extension().is_some_and(|kind| kind == "rs");
    is_code.then(|| path.to_owned()).into_iter().collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files that a row links to. A link to a folder's map is one to the folder.
fn files_of(row: &str) -> BTreeSet<PathBuf> {
    let is_folder = |words: &str| words.ends_with("/`");
    let paths = links(row).into_iter().map(|(words, target)| {
        let path = root().join(from_the_root(TOUR, target));
        if is_folder(words) { path.parent().unwrap().to_owned() } else { path }
    });
    paths.flat_map(|path| files(&path)).collect()
}

/// The files of the core: what a server is without its handlers and its programs.
fn core() -> BTreeSet<PathBuf> {
    let rooms = ["engine", "connection", "http", "server"];
    rooms.iter().flat_map(|room| files(&root().join("src").join(room))).collect()
}

/// A reading path as the tour has it.
struct Route {
    files: BTreeSet<PathBuf>,
    /// The sum that the tour says, in minutes.
    said: usize,
}

/// Reads the path under this heading. Files in `known` have been read before. Code changes: what the
/// tour says of a row may be a fifth and two minutes off, but its sum is that of its rows.
fn route(heading: &str, known: &BTreeSet<PathBuf>) -> Route {
    let text = section(TOUR, &format!("### {heading}"));
    let mut route = Route { files: BTreeSet::new(), said: 0 };
    for row in text.lines().filter(|line| line.starts_with("| ") && line.contains("](")) {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let said: usize = last.trim().parse().expect(row);
        let files: BTreeSet<PathBuf> = files_of(row).difference(known).cloned().collect();
        let minutes = Lines::of_all(&files).minutes();
        assert!(said.abs_diff(minutes) <= minutes / 5 + 2, "it takes {minutes} minutes: {row}");
        assert!(route.files.is_disjoint(&files), "{heading} has a file twice: {row}");
        route.files.extend(files);
        route.said += said;
    }
    let sum = format!("{} minutes in all", route.said);
    assert!(text.contains(&sum), "{heading} does not say: {sum}");
    route
}

#[test]
fn the_sums_of_the_reading_paths_are_those_of_the_code() {
    let tour = super::read(TOUR);
    assert!(tour.contains(&format!("{LINES_PER_MINUTE} lines a minute")));
    let none = BTreeSet::new();
    let hour = route("An hour", &none);
    let afternoon = route("An afternoon", &none);
    let galleries = route("The galleries", &afternoon.files);
    let known = route("You know mio: two hours", &none);
    assert!(known.said <= 135, "two hours of {} minutes", known.said);
    assert!(hour.said <= 75, "an hour of {} minutes", hour.said);
    assert!(hour.files.is_subset(&afternoon.files), "an hour begins the afternoon");
    let read: BTreeSet<PathBuf> = afternoon.files.union(&galleries.files).cloned().collect();
    let left_out: Vec<_> = files(&root().join("src")).difference(&read).cloned().collect();
    assert!(left_out.is_empty(), "on no path: {left_out:?}");
}

/// Says how long the code is, in lines of code and in minutes with its comments.
#[test]
fn the_length_of_the_code_is_known_for_each_reading_path() {
    let afternoon = route("An afternoon", &BTreeSet::new());
    let core = core();
    let all = files(&root().join("src"));
    for (name, files) in [("spine", &afternoon.files), ("core", &core), ("src", &all)] {
        let lines = Lines::of_all(files);
        println!("{name}: {} lines of code, {} minutes", lines.code, lines.minutes());
    }
    let spine = Lines::of_all(&afternoon.files);
    assert!(spine.code <= SPINE_CODE_MAX, "{} lines", spine.code);
    assert!(spine.minutes() <= SPINE_MINUTES_MAX, "{} minutes", spine.minutes());
}

/// What the table says of a row may be a fifth and ten lines off, but its sum is that of its rows.
#[test]
fn what_the_core_pays_for_is_counted_from_the_code() {
    let text = section(TOUR, "## What the core pays for");
    let (mut rest, mut sum) = (core(), 0);
    let rows = text.lines().filter(|line| line.starts_with("| "));
    for row in rows.skip_while(|row| !row.contains("](")) {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let said: usize = last.trim().parse().expect(row);
        let files = if row.starts_with("| the rest ") { rest.clone() } else { files_of(row) };
        assert!(!files.is_empty() && files.is_subset(&rest), "not of the core, or twice: {row}");
        let code = Lines::of_all(&files).code;
        assert!(said.abs_diff(code) <= code / 5 + 10, "it has {code} lines: {row}");
        rest = rest.difference(&files).cloned().collect();
        sum += said;
    }
    assert!(rest.is_empty(), "no row has the rest");
    assert!(text.contains(&format!("\n{sum} lines in all.\n")), "the sum is {sum}");
}

/// A glossary that is too long is not read.
#[test]
fn the_glossary_has_at_most_25_words_in_order() {
    let glossary = section(TOUR, "## Glossary");
    let rows =
        glossary.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| word"));
    let words: Vec<String> = rows
        .map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_lowercase())
        .collect();
    assert!((15..=25).contains(&words.len()), "{} words", words.len());
    assert!(words.is_sorted(), "{words:?}");
}
