//! No two files of `src` need each other, not even through others.
//!
//! Reads `use` declarations and paths as text: those from `crate` and those from `super`, through
//! what the rooms' maps hand on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// A module's or an item's path, from the crate on.
type Path = Vec<String>;

/// What the maps hand on, by the name that others use, and where it is defined.
type HandedOn = BTreeMap<Path, Path>;

fn is_in_path(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The module that a file is.
fn module(file: &str) -> Path {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("lib");
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Every path in the tree at the start of `text`, as in `a::{b, c::d}`, and how long the tree is.
fn paths(text: &str) -> (Vec<Path>, usize) {
    let mut path = Path::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let name: String = rest.chars().take_while(|c| is_in_path(*c)).collect();
        if let Some(inside) = rest.strip_prefix('{') {
            let (list, bytes) = list(inside);
            let joined = list.into_iter().map(|tail| [path.clone(), tail].concat());
            return (joined.collect(), at + 1 + bytes);
        }
        at += name.len();
        // `self` in a list is the path before it; so is everything, as far as a file is meant.
        if !name.is_empty() && name != "self" {
            path.push(name);
        }
        match text[at..].strip_prefix("::") {
            Some(_) => at += 2,
            None => return (vec![path], at),
        }
    }
}

/// Every path in a list up to its brace, and how long that is with it.
fn list(text: &str) -> (Vec<Path>, usize) {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(next) = text[at..].find(|c| is_in_path(c) || c == '}') {
        at += next;
        if text[at..].starts_with('}') {
            return (all, at + 1);
        }
        let (some, bytes) = paths(&text[at..]);
        all.extend(some);
        at += bytes.max(1);
        // What a name is called here does not matter.
        if let Some(renamed) = text[at..].strip_prefix(" as ") {
            at += 4 + renamed.find(|c| !is_in_path(c)).unwrap_or(renamed.len());
        }
    }
    (all, text.len())
}

/// Every path that this file names, from the crate on.
fn named(source: &Source) -> Vec<Path> {
    let code = &source.code;
    let mut all = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = &code[..at];
            if before.ends_with(|c| is_in_path(c) || c == ':') {
                continue;
            }
            let mut rest = &code[at..];
            let mut base = module(&source.path);
            // In a module within the file, the first step up leads to the file.
            let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
            if root == "super::" && line.starts_with(' ') && line.trim() == "use" {
                rest = &rest["super::".len()..];
            }
            while let Some(above) = rest.strip_prefix("super::") {
                base.pop();
                rest = above;
            }
            if let Some(inside) = rest.strip_prefix("crate::") {
                (base, rest) = (Path::new(), inside);
            }
            let tails = paths(rest).0.into_iter();
            all.extend(tails.map(|tail| [base.clone(), tail].concat()));
        }
    }
    all
}

/// What the maps hand on.
fn handed_on(sources: &[Source]) -> HandedOn {
    let mut all = HandedOn::new();
    for source in sources.iter().filter(|it| it.path.ends_with("mod.rs") || it.path == "lib.rs") {
        let base = module(&source.path);
        for line in source.code.split("pub").skip(1) {
            let line = line.strip_prefix("(crate)").unwrap_or(line);
            let Some(tree) = line.strip_prefix(" use ") else { continue };
            for path in paths(tree).0 {
                let name = [base.clone(), path.last().cloned().into_iter().collect()].concat();
                let path = match path.first().map(String::as_str) {
                    Some("crate") => path[1..].to_vec(),
                    _ => [base.clone(), path].concat(),
                };
                all.insert(name, path);
            }
        }
    }
    all
}

/// The file in which this path ends.
fn file<'f>(
    mut path: Path,
    files: &'f BTreeMap<Path, String>,
    handed_on: &HandedOn,
) -> Option<&'f str> {
    // A name can be handed on by a map that has it from another.
    for _ in 0..4 {
        let known = (0..=path.len()).rev().find(|len| files.contains_key(&path[..*len]))?;
        let item = path.get(..known + 1).and_then(|item| handed_on.get(item));
        match item {
            Some(defined) => path = [defined.clone(), path[known + 1..].to_vec()].concat(),
            None => return files.get(&path[..known]).map(String::as_str),
        }
    }
    None
}

/// Whether `from` needs `to`, if only through others.
fn reaches(from: &str, to: &str, needs: &BTreeMap<&str, BTreeSet<&str>>) -> bool {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(file) = left.pop() {
        if file == to {
            return true;
        }
        if seen.insert(file) {
            left.extend(needs.get(file).into_iter().flatten());
        }
    }
    false
}

#[test]
fn no_two_files_need_each_other() {
    let programs = ["main.rs", "cli/", "herd/", "arguments/"];
    let sources: Vec<Source> = sources()
        .into_iter()
        .filter(|source| !programs.iter().any(|program| source.path.starts_with(program)))
        .collect();
    let files: BTreeMap<Path, String> =
        sources.iter().map(|source| (module(&source.path), source.path.clone())).collect();
    let handed_on = handed_on(&sources);
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in &sources {
        let needed = named(source).into_iter().filter_map(|path| file(path, &files, &handed_on));
        let needed = needed.filter(|file| *file != source.path && *file != "lib.rs");
        needs.insert(&source.path, needed.collect());
    }
    let arrows: usize = needs.values().map(BTreeSet::len).sum();
    assert!(arrows > 200, "only {arrows} imports have been found");
    let circles: Vec<String> = needs
        .iter()
        .flat_map(|(file, needed)| needed.iter().map(move |other| (*file, *other)))
        .filter(|(file, other)| reaches(other, file, &needs))
        .map(|(file, other)| format!("{file} needs {other}"))
        .collect();
    assert!(circles.is_empty(), "in circles:\n{}", circles.join("\n"));
}
