//! What a file is in all of its states: its media type, and the codings in which it may exist.
//!
//! A type that the user gives wins over the file's name and content.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::content::Content;
use crate::handlers::media_type::{
    self, depends_on_content, is_compressible, is_media_type, media_type_of,
};

/// The types that the user says, by the ends of names.
#[derive(Debug, Default)]
pub(super) struct Types {
    /// An end with its dot, in small letters.
    by_end: Vec<(String, String)>,
}

impl Types {
    /// From now on files whose names end in a dot and `extension` are of this type.
    pub(super) fn set(&mut self, extension: &str, media_type: &str) -> Result<(), InvalidType> {
        check(extension, media_type)?;
        let extension = extension.strip_prefix('.').unwrap_or(extension);
        let end = format!(".{}", extension.to_ascii_lowercase());
        self.by_end.retain(|(other, _)| *other != end);
        self.by_end.push((end, media_type.to_owned()));
        Ok(())
    }

    /// The type for the longest end that this name has.
    fn of(&self, name: &[u8]) -> Option<&str> {
        let is_end = |end: &str| {
            let start = name.len().checked_sub(end.len());
            start.is_some_and(|start| name[start..].eq_ignore_ascii_case(end.as_bytes()))
        };
        let ends = self.by_end.iter().filter(|(end, _)| is_end(end));
        ends.max_by_key(|(end, _)| end.len()).map(|(_, media_type)| &**media_type)
    }
}

/// Whether this type can be said of files whose names end so. A dot before the extension may be
/// left out.
pub(crate) fn check(extension: &str, media_type: &str) -> Result<(), InvalidType> {
    let extension = extension.strip_prefix('.').unwrap_or(extension);
    // An asterisk is meant as a pattern, and there are none.
    let is_valid = |byte: u8| byte.is_ascii_graphic() && !b"/*".contains(&byte);
    if extension.starts_with('.') || extension.is_empty() || !extension.bytes().all(is_valid) {
        return Err(InvalidType::Extension);
    }
    match is_media_type(media_type) {
        true => Ok(()),
        false => Err(InvalidType::MediaType),
    }
}

/// Why a type cannot be said of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidType {
    /// No name ends so, or more than the end of a name is said.
    Extension,
    /// It is no media type.
    MediaType,
}

impl fmt::Display for InvalidType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidType::Extension => {
                "an extension is what follows a dot in a file's name, such as log or tar.gz"
            }
            InvalidType::MediaType => {
                "a media type is written as in 'text/plain' or 'text/plain; charset=utf-8'"
            }
        })
    }
}

impl std::error::Error for InvalidType {}

/// What is the same for all codings of a file, and nearly always for all its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Representation {
    pub(super) media_type: String,
    pub(super) negotiation: Negotiation,
    /// Whether this depends on the file's content, which is not read yet or may change.
    provisional: Provisional,
}

/// In which codings there may be a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Negotiation {
    /// In those that lie beside it: the answer depends on `Accept-Encoding`.
    Codings,
    /// In none.
    None,
    /// In gzip and nothing else: the file itself is the coded one. No client can have it in another
    /// way, so none is asked.
    Gzip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provisional {
    Yes,
    No,
}

impl Representation {
    /// What a file of this name is, as far as its name or the user says it.
    pub(super) fn of(name: &[u8], types: &Types) -> Representation {
        match types.of(name) {
            Some(media_type) => Representation::new(name, media_type.to_owned(), Provisional::No),
            None => Representation::by(name, media_type::Content::Beginning(b"")),
        }
    }

    /// What it is, now that its content is known, if that changes anything.
    pub(super) fn revised(
        &self,
        name: &[u8],
        content: &Content,
        bytes: u64,
    ) -> Option<Representation> {
        if self.provisional == Provisional::No {
            return None;
        }
        let beginning = content.beginning(bytes);
        let known = match &beginning {
            Some(beginning) => media_type::Content::Beginning(beginning),
            None => media_type::Content::Length(bytes),
        };
        let revised = Representation::by(name, known);
        (revised != *self).then_some(revised)
    }

    fn by(name: &[u8], content: media_type::Content<'_>) -> Representation {
        let path = path(name);
        let provisional = match depends_on_content(path) {
            true => Provisional::Yes,
            false => Provisional::No,
        };
        Representation::new(name, media_type_of(path, content), provisional)
    }

    fn new(name: &[u8], media_type: String, provisional: Provisional) -> Representation {
        let is_svgz = path(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("svgz"));
        let negotiation = match is_svgz && media_type.starts_with("image/svg+xml") {
            true => Negotiation::Gzip,
            false if is_compressible(&media_type) => Negotiation::Codings,
            false => Negotiation::None,
        };
        Representation { media_type, negotiation, provisional }
    }
}

fn path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_says_types_by_the_ends_of_names_and_the_longest_end_decides() {
        let mut types = Types::default();
        for (extension, media_type) in [
            ("log", "text/x-log; charset=latin1"),
            (".TS", "video/mp2t"),
            ("d.ts", "text/x-declaration"),
            ("svgz", "application/gzip"),
            ("gz", "application/x-first"),
            ("GZ", "application/x-second"),
        ] {
            assert_eq!(types.set(extension, media_type), Ok(()), "{extension}");
        }
        for (name, expected) in [
            ("a.log", "text/x-log; charset=latin1"),
            ("dir/A.LOG", "text/x-log; charset=latin1"),
            ("a.ts", "video/mp2t"),
            ("a.d.ts", "text/x-declaration"),
            ("a.gz", "application/x-second"),
            ("log", "application/octet-stream"),
            ("a.xlog", "application/octet-stream"),
            ("a.txt", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(Representation::of(name.as_bytes(), &types).media_type, expected, "{name}");
        }
        // What the user says is not asked of the content, nor of an old habit.
        let text = Content::Kept((*b"let a = 1;").into());
        assert_eq!(Representation::of(b"a.ts", &types).revised(b"a.ts", &text, 10), None);
        assert_eq!(Representation::of(b"a.svgz", &types).negotiation, Negotiation::None);
        assert_eq!(Representation::of(b"a.svgz", &Types::default()).negotiation, Negotiation::Gzip);
    }

    #[test]
    fn what_is_no_extension_or_no_type_is_refused() {
        let mut types = Types::default();
        for extension in ["", ".", "..", "a/b", "a b", "a\n", "..log", "*", "*.log"] {
            assert_eq!(types.set(extension, "text/plain"), Err(InvalidType::Extension));
        }
        for media_type in ["", "text", "text/", "/plain", "text/plain\n", "a b/c", "*/*", "text/*"]
        {
            assert_eq!(types.set("log", media_type), Err(InvalidType::MediaType), "{media_type}");
        }
    }
}
