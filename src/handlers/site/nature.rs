//! What a file is, whatever its state: its media type, and in which codings there may be one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::content::Content;
use crate::handlers::media_type::{self, depends_on_content, is_compressible, media_type_of};

/// What is the same for all codings of a file, and nearly always for all its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nature {
    pub(super) media_type: String,
    pub(super) negotiation: Negotiation,
    /// Whether the file's content has a say in it, which is not read yet or may change.
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

impl Nature {
    /// What a file of this name is, as far as its name says it.
    pub(super) fn of(name: &[u8]) -> Nature {
        Nature::by(name, media_type::Content::Beginning(b""))
    }

    /// What it is, now that its content is known, if that changes anything.
    pub(super) fn revised(&self, name: &[u8], content: &Content, bytes: u64) -> Option<Nature> {
        if self.provisional == Provisional::No {
            return None;
        }
        let beginning = content.beginning(bytes);
        let known = match &beginning {
            Some(beginning) => media_type::Content::Beginning(beginning),
            None => media_type::Content::Length(bytes),
        };
        let revised = Nature::by(name, known);
        (revised != *self).then_some(revised)
    }

    fn by(name: &[u8], content: media_type::Content<'_>) -> Nature {
        let path = Path::new(OsStr::from_bytes(name));
        let media_type = media_type_of(path, content);
        let is_svgz = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("svgz"));
        let negotiation = match is_svgz && media_type.starts_with("image/svg+xml") {
            true => Negotiation::Gzip,
            false if is_compressible(&media_type) => Negotiation::Codings,
            false => Negotiation::None,
        };
        let provisional = match depends_on_content(path) {
            true => Provisional::Yes,
            false => Provisional::No,
        };
        Nature { media_type, negotiation, provisional }
    }
}
