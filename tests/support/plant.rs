//! A bug that is planted on purpose: a sentence on what it breaks, an empty line, a file, lines that
//! stand in it exactly once (`-`), and what they become (`+`). It is planted in a copy of this
//! repository, never in the repository itself.
#![allow(dead_code, reason = "each crate uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "the files are those of this repository")]

use std::fs;
use std::path::Path;

/// What a build needs of this repository.
const TREE: [&str; 6] = ["Cargo.toml", "Cargo.lock", "README.md", "src", "tests", "benches"];

/// A bug to be planted.
pub struct Plant {
    /// Its file's name.
    pub name: String,
    /// What it breaks.
    pub breaks: String,
    /// The file that it changes.
    pub file: String,
    /// What stands there.
    pub before: String,
    /// What stands there with the bug.
    pub behind: String,
}

/// Where this repository is.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Plant {
    /// Every plant of this folder, in the order of their names.
    pub fn all_in(folder: &str) -> Vec<Plant> {
        let paths = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let paths = paths.filter(|path| path.extension().is_some_and(|kind| kind == "plant"));
        let mut plants: Vec<Plant> = paths.map(|path| Plant::read(&path)).collect();
        plants.sort_by(|one, other| one.name.cmp(&other.name));
        plants
    }

    /// The one in this file.
    pub fn read(path: &Path) -> Plant {
        let text = fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (breaks, rest) = text.split_once("\n\n").expect("a sentence, and an empty line");
        let (file, change) = rest.split_once('\n').expect("a file, and what changes in it");
        let lines = |sign: char| {
            let signed = change.lines().filter_map(|line| line.strip_prefix(sign));
            signed.collect::<Vec<_>>().join("\n")
        };
        let (before, behind) = (lines('-'), lines('+'));
        assert!(!before.is_empty() && before != behind, "{name} changes nothing");
        Plant { name, breaks: breaks.to_owned(), file: file.to_owned(), before, behind }
    }

    /// Fails if it does not apply any more; `how` says how to see that its successor is found.
    pub fn assert_applies(&self, how: &str) {
        let Plant { name, file, before, .. } = self;
        let text = fs::read_to_string(root().join(file)).unwrap();
        let count = text.matches(before.as_str()).count();
        assert_eq!(
            count, 1,
            "the plant {name} does not apply any more: {before:?} stands {count} times in {file}. \
             Plant the same bug in what stands there now, and see that it is found: {how}"
        );
    }

    /// Plants it in the copy at `tree`.
    pub fn plant_in(&self, tree: &Path) {
        let file = tree.join(&self.file);
        let original = fs::read_to_string(&file).unwrap();
        fs::write(&file, original.replace(&self.before, &self.behind)).unwrap();
    }
}

/// Copies what a build needs to `tree`.
pub fn copy_tree(tree: &Path) {
    fs::create_dir_all(tree).unwrap();
    for name in TREE {
        copy(&root().join(name), &tree.join(name));
    }
}

/// Copies a file, or a folder with all that is in it, but for what builds leave behind.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "target" {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}
