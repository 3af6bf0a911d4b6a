//! What each step changes stands in `src/ladder/DIFFERENCES.md`, as `diff` says it.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::{STEPS, file_of};

const HEAD: &str = "# What each step changes\n\n\
    Made of the programs by a test, so that it cannot differ from them. A line with `+` is new, \
    one with `-` has gone.\n\n\
    To make it again: `ONELOOP_WRITE=1 cargo test --test ladder differences`.\n";

#[test]
fn the_differences_are_those_of_the_programs() {
    let mut text = HEAD.to_owned();
    for step in 2..STEPS {
        let (before, after) = (file_of(step - 1), file_of(step));
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let difference = Command::new("diff")
            .args(["-U", "1", "--label", &name(&before), "--label", &name(&after)])
            .args([&before, &after])
            .output()
            .expect("diff is installed (the Debian package diffutils)");
        let lines = String::from_utf8(difference.stdout).unwrap();
        write!(text, "\n## Step {step}: [{0}]({0})\n\n```diff\n{lines}```\n", name(&after))
            .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ladder/DIFFERENCES.md");
    if std::env::var_os("ONELOOP_WRITE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "write it again: ONELOOP_WRITE=1 cargo test --test ladder differences"
    );
}
