//! What all pages of a site's own have in common: their style, and how text is put into HTML. They
//! need no script, and their policy allows none.

use std::sync::LazyLock;

use crate::http::encode::FieldBlock;

/// One style for listings and errors: the system's font, few colours, light or dark as the reader
/// prefers.
const STYLE: &str = include_str!("style.css");

/// Behind these a name may be continued in the next line.
const BREAK_BEHIND: [char; 6] = ['_', ',', '+', '=', '~', '@'];

/// Names up to this many bytes stay in one line on any screen.
const UNBROKEN_BYTES_MAX: usize = 24;

/// The fields of a page of ours.
static FIELDS: LazyLock<FieldBlock> = LazyLock::new(|| {
    // Nothing is loaded or run, whatever a name has in it.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                  base-uri 'none'";
    FieldBlock::new()
        .with("Content-Type", "text/html; charset=utf-8")
        .and_then(|fields| fields.with("Content-Security-Policy", policy))
        .expect("these are valid fields")
});

/// The fields of a page of ours: its type, and a policy that allows nothing but its style.
pub(super) fn fields() -> &'static FieldBlock {
    &FIELDS
}

/// The start of a page with this title, up to where its content begins.
pub(super) fn begin(title: &[u8], out: &mut String) {
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    escape(title, out);
    out.push_str("</title>\n<style>");
    out.push_str(STYLE);
    out.push_str("</style>\n</head>\n<body>\n");
}

/// What ends a page.
pub(super) const END: &str = "</body>\n</html>\n";

/// Appends `text` so that it is text in HTML, in an attribute's quotation marks as well. What is no
/// UTF-8 or not visible becomes the replacement character.
pub(super) fn escape(text: &[u8], out: &mut String) {
    for chunk in text.utf8_chunks() {
        for (before, character) in with_one_before(chunk.valid()) {
            match is_visible(before, character) {
                true => push(character, out),
                false => out.push(char::REPLACEMENT_CHARACTER),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Appends `text` as the value of an attribute, unchanged.
pub(super) fn escape_value(text: &str, out: &mut String) {
    for (before, character) in with_one_before(text) {
        match is_visible(before, character) {
            true => push(character, out),
            false => out.push_str(&format!("&#x{:x};", u32::from(character))),
        }
    }
}

/// Appends a name so that all of it is seen: what is not visible, turns the text round or is no
/// UTF-8 is spelt out. A long one may be broken between its words, but not within one.
pub(super) fn show(name: &[u8], out: &mut String) {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" .-_".contains(byte);
    if name.len() <= UNBROKEN_BYTES_MAX && name.iter().all(is_plain) {
        // The usual case.
        out.push_str(str::from_utf8(name).expect("these bytes are ASCII"));
        return;
    }
    let breaks = name.len() > UNBROKEN_BYTES_MAX;
    for chunk in name.utf8_chunks() {
        for (before, character) in with_one_before(chunk.valid()) {
            if !is_visible(before, character) {
                out.push_str(&format!("<i>U+{:04X}</i>", u32::from(character)));
                continue;
            }
            if breaks && character == '.' && before.is_some() {
                out.push_str("<wbr>");
            }
            push(character, out);
            if breaks && BREAK_BEHIND.contains(&character) {
                out.push_str("<wbr>");
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("<i>\\x{byte:02X}</i>"));
        }
    }
}

/// Whether a name has a word in it that a narrow screen may have no room for.
pub(super) fn is_wide(name: &[u8]) -> bool {
    let is_end =
        |byte: &u8| matches!(byte, b'.' | b'-' | b' ') || BREAK_BEHIND.contains(&char::from(*byte));
    name.len() > UNBROKEN_BYTES_MAX
        && name.split(is_end).any(|word| word.len() > UNBROKEN_BYTES_MAX)
}

fn push(character: char, out: &mut String) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        other => out.push(other),
    }
}

/// Each character, behind the one before it.
fn with_one_before(text: &str) -> impl Iterator<Item = (Option<char>, char)> {
    let before = std::iter::once(None).chain(text.chars().map(Some));
    before.zip(text.chars())
}

/// Whether a character shows where it stands, and leaves what is around it alone.
fn is_visible(before: Option<char>, character: char) -> bool {
    match character {
        ' '..='~' => true,
        // These join or part letters of scripts that need it, and parts of emoji.
        '\u{200c}' | '\u{200d}' => before.is_some_and(|before| !before.is_ascii()),
        // Soft hyphen, joiner of marks, letter mark, vowels and their separator, spaces and marks without width, separators of
        // lines and paragraphs, embeddings, overrides, isolates, operators, annotations, tags.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        other => !other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &[u8]) -> String {
        let mut out = String::new();
        show(name, &mut out);
        out
    }

    #[test]
    fn names_cannot_break_out_of_html() {
        let escaped = |name: &[u8]| {
            let mut text = String::new();
            escape(name, &mut text);
            text
        };
        let name = b"<img src='x' onerror=\"a&b\">";
        let expected = "&lt;img src=&#39;x&#39; onerror=&quot;a&amp;b&quot;&gt;";
        assert_eq!(escaped(name), expected);
        assert_eq!(shown(name).replace("<wbr>", ""), expected);
        assert_eq!(escaped(b"a\n\xff"), "a\u{fffd}\u{fffd}");
    }

    #[test]
    fn what_cannot_be_seen_is_spelt_out() {
        for (name, expected) in [
            ("annexe\u{202e}txt.exe", "annexe<i>U+202E</i>txt.exe"),
            ("a\u{200f}b\u{61c}c", "a<i>U+200F</i>b<i>U+061C</i>c"),
            ("a\u{34f}b\u{17b5}", "a<i>U+034F</i>b<i>U+17B5</i>"),
            ("\u{2066}x\u{2069}", "<i>U+2066</i>x<i>U+2069</i>"),
            ("a\nb\tc\u{7f}\u{85}", "a<i>U+000A</i>b<i>U+0009</i>c<i>U+007F</i><i>U+0085</i>"),
            ("a\u{200d}b", "a<i>U+200D</i>b"),
            ("\u{feff}a\u{200b}", "<i>U+FEFF</i>a<i>U+200B</i>"),
            // Persian is written with it, and so are families.
            ("\u{645}\u{6cc}\u{200c}\u{62e}", "\u{645}\u{6cc}\u{200c}\u{62e}"),
            ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{200d}\u{1f469}"),
            ("caf\u{e9} \u{5d0}", "caf\u{e9} \u{5d0}"),
        ] {
            assert_eq!(shown(name.as_bytes()), expected);
        }
        assert_eq!(shown(b"\xff-\xc3"), "<i>\\xFF</i>-<i>\\xC3</i>");
    }

    #[test]
    fn long_names_may_be_broken_between_words() {
        let long = b"holidays_in_the_mountains_2024.tar.gz";
        let expected = "holidays_<wbr>in_<wbr>the_<wbr>mountains_<wbr>2024<wbr>.tar<wbr>.gz";
        assert_eq!(shown(long), expected);
        assert_eq!(shown(b"in_the_mountains.txt"), "in_the_mountains.txt");
    }

    #[test]
    fn a_value_stays_what_it_is() {
        let mut value = String::new();
        escape_value("a\"b\u{202e}\n&", &mut value);
        assert_eq!(value, "a&quot;b&#x202e;&#xa;&amp;");
    }
}
