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
const PARTS: [Part; 11] = [
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
    part!("/words.js", SCRIPT, "words.js"),
];

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
