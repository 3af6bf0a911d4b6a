//! The page and what belongs to it, as they are built into the program: without the comments and
//! the indentation of their files, which are a seventh of them.
//!
//! They need nothing from other sites, and the policy that is sent with them allows nothing from
//! there.

/// A part of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) text: &'static [u8],
}

impl Part {
    /// The part at this path.
    pub(super) fn at(path: &str) -> Option<Part> {
        PARTS.into_iter().find(|part| part.path == path)
    }

    /// Whether it is what others may lead to: the page itself.
    pub(super) fn is_page(self) -> bool {
        self.path == "/"
    }
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The part that is in this file.
macro_rules! part {
    ($path:literal, $content_type:ident, $file:literal) => {
        Part {
            path: $path,
            content_type: $content_type,
            text: {
                const FILE: &str = include_str!(concat!("page/", $file));
                const TEXT: [u8; bare::<0>(FILE).1] = bare(FILE).0;
                &TEXT
            },
        }
    };
}

/// All of them: the page, how it looks, and what it does.
const PARTS: [Part; 12] = [
    part!("/", HTML, "page.html"),
    part!("/figures.css", STYLE, "figures.css"),
    part!("/page.css", STYLE, "page.css"),
    part!("/client.js", SCRIPT, "client.js"),
    part!("/diagram.js", SCRIPT, "diagram.js"),
    part!("/figures.js", SCRIPT, "figures.js"),
    part!("/grid.js", SCRIPT, "grid.js"),
    part!("/live.js", SCRIPT, "live.js"),
    part!("/page.js", SCRIPT, "page.js"),
    part!("/queue.js", SCRIPT, "queue.js"),
    part!("/replay.js", SCRIPT, "replay.js"),
    part!("/words.js", SCRIPT, "words.js"),
];

/// The scripts in an order in which each finds what it needs before it.
#[cfg(feature = "cli")]
const SCRIPTS: [&str; 9] = [
    "/words.js",
    "/queue.js",
    "/live.js",
    "/replay.js",
    "/grid.js",
    "/diagram.js",
    "/figures.js",
    "/client.js",
    "/page.js",
];

/// The page as one file that needs no server: with its style, its scripts and a recording, whose
/// first line is `facts` and whose others are steps.
#[cfg(feature = "cli")]
pub(super) fn whole(facts: &str, recording: &str) -> String {
    let text = |path: &str| {
        let part = Part::at(path).map_or(&[][..], |part| part.text);
        String::from_utf8_lossy(part)
    };
    let mut page = String::new();
    for line in text("/").lines() {
        let style = line.strip_prefix("<link rel=\"stylesheet\" href=\"");
        if let Some(path) = style.and_then(|rest| rest.strip_suffix("\">")) {
            page.extend(["<style>\n", &text(path), "</style>\n"]);
        } else if line.starts_with("<script") {
            // A step's text may have what ends a script.
            let recording = recording.replace('<', "\\u003c");
            page.extend(["<script id=\"recording\" type=\"application/json\">\n", facts, "\n"]);
            page.extend([&recording, "</script>\n<script type=\"module\">\n"]);
            SCRIPTS.iter().for_each(|path| append_script(&mut page, &text(path)));
            page.push_str("</script>\n");
        } else {
            page.extend([line, "\n"]);
        }
    }
    page
}

/// Appends a script, which imports nothing: all others are in the same text.
#[cfg(feature = "cli")]
fn append_script(page: &mut String, script: &str) {
    let mut is_import = false;
    for line in script.lines() {
        is_import |= line.starts_with("import ");
        if !is_import {
            page.extend([line.strip_prefix("export ").unwrap_or(line), "\n"]);
        }
        is_import &= !line.ends_with(';');
    }
}

/// The lines of a file without their indentation, and without lines that are a comment: the first
/// `N` bytes of them, and how many there are.
const fn bare<const N: usize>(file: &str) -> ([u8; N], usize) {
    let file = file.as_bytes();
    let (mut text, mut length, mut at) = ([0; N], 0, 0);
    let mut is_comment = false;
    while at < file.len() {
        while at < file.len() && (file[at] == b' ' || file[at] == b'\n') {
            at += 1;
        }
        let is_slash = at + 1 < file.len() && file[at] == b'/';
        let is_line = is_slash && file[at + 1] == b'/';
        is_comment |= is_slash && file[at + 1] == b'*';
        let is_left_out = is_line || is_comment;
        while at < file.len() {
            is_comment &= !(at > 0 && file[at] == b'/' && file[at - 1] == b'*');
            if !is_left_out {
                if length < N {
                    text[length] = file[at];
                }
                length += 1;
            }
            at += 1;
            if file[at - 1] == b'\n' {
                break;
            }
        }
    }
    (text, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_are_left_out_and_nothing_else() {
        let file = "// one\n\nlet a = \"// no\"; // kept\n  /** two\n   * three */\n  b / c;\n\
                    /* d */\n";
        let kept = "let a = \"// no\"; // kept\nb / c;\n";
        assert_eq!(bare::<0>(file).1, kept.len());
        assert_eq!(bare::<31>(file).0, kept.as_bytes()[..31]);
    }

    #[test]
    fn every_part_begins_and_ends_as_its_file_does() {
        let begins =
            ["<!doctype html>", ":root {", ".turn-bar {", "import ", "export ", "const ", "let "];
        for Part { path, content_type, text } in PARTS {
            let text = std::str::from_utf8(text).expect("files of text");
            assert!(begins.iter().any(|begin| text.starts_with(begin)), "{path}: {text:.40}");
            assert!(
                text.ends_with('\n') && !text.contains("\n ") && !text.contains("\n\n"),
                "{path}"
            );
            assert_eq!(content_type == SCRIPT, path.ends_with(".js"));
        }
    }
}
