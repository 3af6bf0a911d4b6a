//! Counts the words of a riddle: a sentence that says *whoever*, *somebody* or *nobody* hides who
//! acts, and one that says *so many* or *so long* hides a number that has a name.

use std::fs;
use std::path::{Path, PathBuf};

use super::{READMES, read};

const RIDDLES: [&str; 7] =
    ["whoever", "somebody", "nobody", "everybody", "anybody", "so many", "so long"];

/// What readers and users see: code, comments, help, log, pages, and the texts beside the code.
const READ: [&str; 5] = ["rs", "js", "html", "css", "md"];

/// How often this text has a riddle, as words of their own. Names in capitals are not prose.
fn riddles(text: &str) -> Vec<&'static str> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let is_word = |word: &str, part: &str| {
        word.eq_ignore_ascii_case(part) && word.contains(char::is_lowercase)
    };
    let begins = |rest: &[&str], riddle: &str| {
        let parts = riddle.split(' ').enumerate();
        parts.into_iter().all(|(at, part)| rest.get(at).is_some_and(|word| is_word(word, part)))
    };
    let mut found = Vec::new();
    for at in 0..words.len() {
        found.extend(RIDDLES.into_iter().filter(|riddle| begins(&words[at..], riddle)));
    }
    found
}

/// A comment's text without the signs before its lines, so that a phrase is found across them.
fn prose(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!', '*', '#']));
    lines.collect::<Vec<_>>().join(" ")
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return entries.flat_map(|entry| files(&entry)).collect();
    }
    let kind = path.extension().and_then(|kind| kind.to_str());
    if kind.is_some_and(|kind| READ.contains(&kind)) { vec![path.to_owned()] } else { Vec::new() }
}

#[test]
fn the_actor_and_the_number_are_named() {
    let sources = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 100, "{} files", sources.len());
    let sources = sources.iter().map(|path| {
        (path.to_string_lossy().into_owned(), prose(&fs::read_to_string(path).unwrap()))
    });
    let readmes = READMES.map(|path| (path.to_owned(), prose(&read(path))));
    for (path, text) in sources.chain(readmes) {
        let found = riddles(&text);
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}

#[test]
fn a_riddle_is_found_in_any_line_and_only_as_a_word() {
    let text =
        "/// Whoever waits for so\n/// many bytes waits so long. NOBODY, so_many, whoevers\n";
    assert_eq!(riddles(&prose(text)), ["whoever", "so many", "so long"]);
}
