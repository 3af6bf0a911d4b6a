//! What a file's name says about its bytes.

use std::path::Path;

use mime_guess::mime;

/// Types of which everything that is worth compressing is compressed already, by their beginnings.
const COMPRESSED: [&str; 13] = [
    "audio/",
    "font/woff",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/",
    "application/gzip",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/zip",
    "application/zstd",
];

/// The media type of a file of this name; `application/octet-stream` if the name does not tell.
///
/// A text is taken for UTF-8: unlabelled, it would be left to the browser's guess.
pub fn media_type(file: &Path) -> String {
    let guess = mime_guess::from_path(file).first_or_octet_stream();
    let is_text = guess.type_() == mime::TEXT || guess.subtype() == mime::JAVASCRIPT;
    match is_text && guess.get_param(mime::CHARSET).is_none() {
        true => format!("{guess}; charset=utf-8"),
        false => guess.to_string(),
    }
}

/// Whether files of this type may have become smaller by a content coding.
pub(crate) fn is_compressible(media_type: &str) -> bool {
    !COMPRESSED.iter().any(|beginning| media_type.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_decides_its_type() {
        for (name, expected) in [
            ("a/page.html", "text/html; charset=utf-8"),
            ("NOTES.TXT", "text/plain; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "application/javascript; charset=utf-8"),
            ("picture.png", "image/png"),
            ("picture.svg", "image/svg+xml"),
            ("picture.avif", "image/avif"),
            ("data.json", "application/json"),
            ("app.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("site.webmanifest", "application/manifest+json"),
            ("a.tar.gz", "application/gzip"),
            ("no-extension", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(media_type(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn pictures_and_archives_are_compressed_already_and_texts_are_not() {
        for name in ["a.png", "a.jpg", "a.woff2", "a.mp4", "a.gz", "a.zip", "a.webp"] {
            assert!(!is_compressible(&media_type(Path::new(name))), "{name}");
        }
        for name in ["a.html", "a.js", "a.css", "a.json", "a.svg", "a.wasm", "a.ttf", "a", "a.pdf"]
        {
            assert!(is_compressible(&media_type(Path::new(name))), "{name}");
        }
    }
}
