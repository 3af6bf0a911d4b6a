//! What a file's name says about its bytes; where a name is ambiguous, its first bytes decide.
//!
//! Most types come from a list that another crate keeps. This file adds what that list lacks or has
//! in an outdated form (IANA), and one rule of our own: source files are plain text, because
//! browsers show plain text, but download unknown types.

use std::path::Path;

use mime_guess::mime;

use crate::http::chars::is_field_value_byte;

/// How a text is labelled: unlabelled, its encoding would be left to the browser's guess.
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// RFC 3555: a stream of packets, of which HLS makes videos.
const TRANSPORT_STREAM: &str = "video/mp2t";

/// How long a packet of a transport stream is, in bytes, and where in it the sync byte stands. Discs
/// and camcorders put four bytes of time before each.
const PACKETS: [(usize, usize); 2] = [(188, 0), (192, 4)];

/// What each packet has at that place. It is the letter G, too.
const SYNC: u8 = 0x47;

/// How many of a file's first bytes tell what it is: two packets.
pub(crate) const BEGINNING_BYTES: usize = 2 * 192;

/// Types of which everything that is worth compressing is compressed already, by their beginnings.
const COMPRESSED: [&str; 29] = [
    "audio/",
    "font/woff",
    "image/avif",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jp2",
    "image/jpeg",
    "image/jxl",
    "image/png",
    "image/webp",
    "video/",
    "application/epub+zip",
    "application/gzip",
    "application/java-archive",
    "application/vnd.android.package-archive",
    "application/vnd.comicbook",
    "application/vnd.debian.binary-package",
    "application/vnd.oasis.opendocument",
    "application/vnd.openxmlformats",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-compress",
    "application/x-lzma",
    "application/x-rpm",
    "application/x-xz",
    "application/zip",
    "application/zstd",
];

/// Extensions of what people write who write programs.
const SOURCES: &str = "\
    adb adoc ads ahk applescript asax asciidoc asm aspx astro au3 awk bas bash bat bats bazel \
    bib bsh bzl c cabal cc cfg cfm changes cjsx clj cljc cljs cmake cmd cob coffee conf cpp cr \
    cs csh cshtml csproj csx cts cu cuh cxx d dart diff dockerfile dpr dsc ebuild eex ejs el \
    elm env erb erl es6 ex exs f f03 f90 f95 fish fnl fpp frag fs fsx ftl gd gemspec \
    gitattributes gitignore glsl go gperf gql gradle graphql groff groovy gsp gvy h haml hcl \
    heex hh hlsl hpp hrl hs hx hxx hy idr ini iss j2 jade java jinja jinja2 jl jsp jspf just \
    ksh kt kts less lhs liquid lisp litcoffee ll lock lua m m4 mak make mako mdx meson mjml mk \
    ml mli mm mod mustache nasm nim ninja nix njk nut org pas patch pde pegjs php php3 php4 \
    php5 php7 phtml pl pm po pp prisma properties proto ps1 pug purs pxd py pyi pyw pyx qml r \
    rake razor rb rbw re rego rkt rmd robot ron rs rst s sass sc scala scm scss sed service sh \
    slim sln sls smali sol spec ss star sty styl sum sv svelte svh swift tac tcl tcsh templ \
    tex textile tf thrift tmpl tpl tsx twig typ v vala vb vbs vert vhd vhdl vim vsh vtl vue \
    wat webidl yang zig zsh";

/// What files without an extension are called that are texts.
const TEXT_NAMES: &str = "\
    acknowledgements acknowledgments appfile appraisals authors babelrc bashrc berksfile \
    brewfile bsdmakefile bugs build buildfile caddyfile capfile changelog changes codeowners \
    configure containerfile contributing contributors copying copyright credits dangerfile \
    dockerfile dockerignore doxyfile dune earthfile editorconfig env eslintrc eula faq \
    fastfile gemfile gitattributes gitconfig gitignore gitmodules gnumakefile gradlew \
    guardfile history htaccess inputrc inrelease install jenkinsfile justfile kbuild kconfig \
    licence license mailmap maintainers makefile manifest matchfile md5sums mvnw news notice \
    npmrc nvmrc packages patents pkgbuild podfile prettierrc procfile profile puppetfile \
    pylintrc rakefile readme release relnotes sconscript sconstruct security sha1sums \
    sha256sums sha512sums snakefile sources steepfile thanks tiltfile todo translators \
    unlicense vagrantfile version vimrc workspace wscript zshrc";

/// What is known of a file's content when its type is to be said.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'b> {
    /// Its first bytes: all of them, or [`BEGINNING_BYTES`] at the least.
    Beginning(&'b [u8]),
    /// Only how many bytes there are.
    Length(u64),
}

/// The media type of a file of this name that begins with these bytes (all of them, or some
/// hundred); `application/octet-stream` if neither tells. The bytes decide only what a name leaves
/// open: `.ts` ends the names of transport streams and of TypeScript's sources.
///
/// A text is taken for UTF-8: unlabelled, it would be left to the browser's guess.
pub fn media_type(file: &Path, beginning: &[u8]) -> String {
    media_type_of(file, Content::Beginning(beginning))
}

/// The same, if less is known.
pub(crate) fn media_type_of(file: &Path, content: Content<'_>) -> String {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    if depends_on_content(file) {
        let media_type = if is_text(content) { PLAIN_TEXT } else { TRANSPORT_STREAM };
        return media_type.into();
    }
    let known = match &extension {
        Some(extension) => of_extension(extension),
        None => of_whole_name(file),
    };
    if let Some(media_type) = known {
        return media_type.into();
    }
    let guess = mime_guess::from_path(file).first_or_octet_stream();
    match guess.type_() == mime::TEXT && guess.get_param(mime::CHARSET).is_none() {
        true => format!("{guess}; charset=utf-8"),
        false => guess.to_string(),
    }
}

/// Whether files of this name may be of one type or another.
pub(crate) fn depends_on_content(file: &Path) -> bool {
    let is = |end: &str| {
        let name = file.as_os_str().as_encoded_bytes();
        let start = name.len().saturating_sub(end.len());
        name[start..].eq_ignore_ascii_case(end.as_bytes())
    };
    // Declarations of TypeScript are never streams.
    (is(".ts") && !is(".d.ts")) || (is(".mts") && !is(".d.mts"))
}

/// Whether files of this type may have become smaller by a content coding.
pub(crate) fn is_compressible(media_type: &str) -> bool {
    !COMPRESSED.iter().any(|beginning| media_type.starts_with(beginning))
}

/// Whether this is a media type, and no range of them (RFC 9110 §8.3.1).
pub(crate) fn is_media_type(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part != "*";
    let is_one = |it: mime::Mime| is_part(it.type_().as_str()) && is_part(it.subtype().as_str());
    text.bytes().all(is_field_value_byte) && text.parse().is_ok_and(is_one)
}

/// What is registered, or common, for an extension of small letters.
fn of_extension(extension: &str) -> Option<&'static str> {
    Some(match extension {
        // Declarations of TypeScript; for others see `depends_on_content`.
        "ts" | "mts" => PLAIN_TEXT,
        // RFC 9239.
        "js" | "mjs" | "cjs" => "text/javascript; charset=utf-8",
        "importmap" => "application/importmap+json",
        "map" => "application/json",
        "wgsl" => "text/wgsl; charset=utf-8",
        // RFC 9512, RFC 6922, and the registry.
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "sql" => "application/sql",
        "vcf" | "vcard" => "text/vcard; charset=utf-8",
        // Its first line says its encoding, and a parameter would overrule that (RFC 7303).
        "xml" | "xsl" | "xsd" | "dtd" => "application/xml",
        "xslt" => "application/xslt+xml",
        "owl" => "application/rdf+xml",
        "ndjson" | "jsonl" => "application/x-ndjson",
        "ipynb" => "application/x-ipynb+json",
        "cbor" => "application/cbor",
        // RFC 8081.
        "woff" => "font/woff",
        "otf" => "font/otf",
        // RFC 8216, RFC 9559, and the registry.
        "m3u8" => "application/vnd.apple.mpegurl",
        "m3u" => "audio/mpegurl",
        "m2ts" => TRANSPORT_STREAM,
        "mkv" => "video/matroska",
        "mka" => "audio/matroska",
        // ISO/IEC 23009-1.
        "m4s" => "video/iso.segment",
        "m4a" => "audio/mp4",
        "mid" | "midi" => "audio/midi",
        "amr" => "audio/amr",
        "ico" => "image/vnd.microsoft.icon",
        "psd" => "image/vnd.adobe.photoshop",
        "wmf" => "image/wmf",
        "emf" => "image/emf",
        "ktx2" => "image/ktx2",
        "obj" => "model/obj",
        "mtl" => "model/mtl",
        "stl" => "model/stl",
        "3mf" => "model/3mf",
        "usdz" => "model/vnd.usdz+zip",
        "gz" | "tgz" | "taz" => "application/gzip",
        "zst" | "tzst" => "application/zstd",
        "xz" | "txz" => "application/x-xz",
        "bz2" | "tbz" | "tbz2" => "application/x-bzip2",
        "lzma" | "tlz" => "application/x-lzma",
        "rar" => "application/vnd.rar",
        "cbz" => "application/vnd.comicbook+zip",
        "cbr" => "application/vnd.comicbook-rar",
        "deb" | "udeb" => "application/vnd.debian.binary-package",
        "rpm" => "application/x-rpm",
        "sqlite" | "sqlite3" => "application/vnd.sqlite3",
        _ if is_one_of(SOURCES, extension) => PLAIN_TEXT,
        _ => return None,
    })
}

/// The type of a file without an extension: some names are as good as one, in small letters or
/// capitals, with a dot before them or a dash and more behind them.
fn of_whole_name(file: &Path) -> Option<&'static str> {
    let name = file.file_name()?.to_string_lossy().to_lowercase();
    let word = name.strip_prefix('.').unwrap_or(&name).split(['-', '_']).next()?;
    is_one_of(TEXT_NAMES, word).then_some(PLAIN_TEXT)
}

fn is_one_of(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|other| other == word)
}

/// Whether this is the source of a program, and not a transport stream.
fn is_text(content: Content<'_>) -> bool {
    let beginning = match content {
        Content::Beginning(beginning) => beginning,
        // A stream is whole packets. By chance, one text in a hundred is as long as some of them.
        Content::Length(bytes) => {
            return bytes == 0 || PACKETS.iter().all(|(packet, _)| bytes % *packet as u64 != 0);
        }
    };
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let is_stream = |(packet, sync): (usize, usize)| {
        beginning.get(sync) == Some(&SYNC)
            && beginning.get(packet + sync).is_none_or(|byte| *byte == SYNC)
            && beginning.iter().take(packet).any(is_control)
    };
    // A lone word is no program; there is nothing against the registered type then.
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let is_lone_word = !beginning.is_empty() && beginning.iter().all(is_word);
    !is_lone_word && !PACKETS.into_iter().any(is_stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> String {
        media_type(Path::new(name), b"")
    }

    #[test]
    fn a_files_name_decides_its_type() {
        for (name, expected) in [
            ("a/page.html", "text/html; charset=utf-8"),
            ("NOTES.TXT", "text/plain; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("picture.png", "image/png"),
            ("picture.svg", "image/svg+xml"),
            ("picture.svgz", "image/svg+xml"),
            ("picture.avif", "image/avif"),
            ("data.json", "application/json"),
            ("app.wasm", "application/wasm"),
            ("site.webmanifest", "application/manifest+json"),
            ("a.tar.gz", "application/gzip"),
            ("no-extension", "application/octet-stream"),
            ("a.bin", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }

    #[test]
    fn types_are_what_is_registered_today() {
        for (name, expected) in [
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("APP.CJS", "text/javascript; charset=utf-8"),
            ("app.js.map", "application/json"),
            ("shader.wgsl", "text/wgsl; charset=utf-8"),
            ("a.woff", "font/woff"),
            ("a.woff2", "font/woff2"),
            ("a.otf", "font/otf"),
            ("a.ttf", "font/ttf"),
            ("a.ttc", "font/collection"),
            ("list.m3u8", "application/vnd.apple.mpegurl"),
            ("a.xml", "application/xml"),
            ("feed.atom", "application/atom+xml"),
            ("a.yaml", "application/yaml"),
            ("1.m4s", "video/iso.segment"),
            ("a.tgz", "application/gzip"),
            ("a.tar.zst", "application/zstd"),
            ("favicon.ico", "image/vnd.microsoft.icon"),
            ("a.rpm", "application/x-rpm"),
            ("a.deb", "application/vnd.debian.binary-package"),
            ("a.stl", "model/stl"),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }

    #[test]
    fn source_files_are_plain_text() {
        for name in [
            "main.rs",
            "a.m",
            "a.mm",
            "a.ejs",
            "page.html.j2",
            "a.tmpl",
            "a.wat",
            "a.vb",
            "BUILD",
            "WORKSPACE",
            "Caddyfile",
            "configure",
            "a.py",
            "a.GO",
            "a.c",
            "a.h",
            "a.cpp",
            "a.java",
            "a.kt",
            "a.sh",
            "a.php",
            "a.pl",
            "a.rb",
            "a.lua",
            "a.tsx",
            "a.cts",
            "a.vue",
            "a.scss",
            "a.ini",
            "a.conf",
            "a.diff",
            "a.tex",
            "Cargo.lock",
            "go.mod",
            "a.ps1",
            "a.bat",
            "a.log",
            "LICENSE",
            "license",
            "LICENSE-MIT.txt",
            "Makefile",
            "README",
            "dir/Dockerfile",
            "COPYING",
            "LICENSE-MIT",
            ".gitignore",
            "dists/Release",
            "Packages",
            "SHA256SUMS",
        ] {
            assert_eq!(of(name), PLAIN_TEXT, "{name}");
        }
    }

    #[test]
    fn a_ts_file_is_a_stream_if_it_begins_as_one() {
        let stream = |packet: usize, sync: usize, packets: usize| -> Vec<u8> {
            let at = |at: usize| if at % packet == sync { SYNC } else { (at % 7) as u8 };
            (0..packet * packets).map(at).collect()
        };
        let not_quite = [stream(188, 0, 1), vec![b'x'; 188]].concat();
        let letters = "G".repeat(400);
        for (content, expected) in [
            (&b""[..], PLAIN_TEXT),
            (b"export const x: number = 1;\n", PLAIN_TEXT),
            (b"Good: string = '';", PLAIN_TEXT),
            (b"<!DOCTYPE TS>\n<TS version=\"2.1\">", PLAIN_TEXT),
            ("// caf\u{e9}\n".as_bytes(), PLAIN_TEXT),
            (&not_quite, PLAIN_TEXT),
            (&stream(188, 0, 1), TRANSPORT_STREAM),
            (&stream(188, 0, 5), TRANSPORT_STREAM),
            (&stream(192, 4, 3), TRANSPORT_STREAM),
            // Neither one nor the other.
            (b"x", TRANSPORT_STREAM),
            (letters.as_bytes(), TRANSPORT_STREAM),
        ] {
            for name in ["a.ts", "A.TS", "a.mts"] {
                let media_type = media_type(Path::new(name), content);
                assert_eq!(media_type, expected, "{name}: {content:?}");
            }
        }
        let bytes = stream(188, 0, 5);
        assert_eq!(media_type(Path::new("a.d.ts"), &bytes), "text/plain; charset=utf-8");
        assert_eq!(media_type(Path::new("a.m2ts"), b"x y"), TRANSPORT_STREAM);
    }

    #[test]
    fn an_unread_ts_file_is_a_stream_if_it_may_be_whole_packets() {
        for (bytes, expected) in [
            (0, PLAIN_TEXT),
            (187, PLAIN_TEXT),
            (188, TRANSPORT_STREAM),
            (189, PLAIN_TEXT),
            (192 * 1000, TRANSPORT_STREAM),
        ] {
            assert_eq!(media_type_of(Path::new("a.ts"), Content::Length(bytes)), expected);
        }
    }

    #[test]
    fn pictures_and_archives_are_compressed_already_and_texts_are_not() {
        for name in [
            "a.png", "a.jpg", "a.woff", "a.woff2", "a.mp4", "a.gz", "a.zip", "a.webp", "a.tgz",
            "a.xz", "a.zst", "a.docx", "a.jar", "a.deb", "a.m2ts",
        ] {
            assert!(!is_compressible(&of(name)), "{name}");
        }
        for name in ["a.html", "a.js", "a.css", "a.json", "a.svg", "a.wasm", "a.ttf", "a", "a.pdf"]
        {
            assert!(is_compressible(&of(name)), "{name}");
        }
    }
}
