//! Which coding of a file a client prefers (RFC 9110 §12.5.3).
//!
//! Nothing is compressed here: a coding exists if a file with its ending lies beside the requested
//! one.

use super::request_fields::Lines;
use crate::http::chars::list_elements;

/// A content coding that a file may be stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Coding {
    /// None: the file itself.
    Identity,
    Brotli,
    Zstandard,
    Gzip,
}

impl Coding {
    /// How many there are.
    pub(super) const COUNT: usize = 4;

    /// All of them.
    pub(super) const ALL: [Coding; Coding::COUNT] =
        [Coding::Identity, Coding::Brotli, Coding::Zstandard, Coding::Gzip];

    /// Those with a name, the smallest results first: in this order they are tried when a client
    /// likes several equally.
    const CODED: [Coding; 3] = [Coding::Brotli, Coding::Zstandard, Coding::Gzip];

    /// What a file's name has behind it if it is stored so.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Coding::Identity => "",
            Coding::Brotli => ".br",
            Coding::Zstandard => ".zst",
            Coding::Gzip => ".gz",
        }
    }

    /// The coding of this name, in letters of either case. Which one it can be is known by its length.
    fn named(name: &[u8]) -> Option<Coding> {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is(b"br") => Some(Coding::Brotli),
            4 if is(b"gzip") => Some(Coding::Gzip),
            4 if is(b"zstd") => Some(Coding::Zstandard),
            6 if is(b"x-gzip") => Some(Coding::Gzip),
            8 if is(b"identity") => Some(Coding::Identity),
            _ => None,
        }
    }

    /// Its name in `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Brotli => "br",
            Coding::Zstandard => "zstd",
            Coding::Gzip => "gzip",
        }
    }
}

/// The codings that a client takes, the best first. Few enough to be copied around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preference {
    codings: [Coding; Coding::COUNT],
    len: usize,
}

impl Preference {
    /// The file itself and nothing else: what every client understands.
    pub(super) const IDENTITY: Preference =
        Preference { codings: [Coding::Identity; Coding::COUNT], len: 1 };

    /// What `Accept-Encoding` says. Without it a client may take anything, but what it has not
    /// named it may not understand.
    ///
    /// Identity comes last unless the client gives it a weight: it is acceptable by default, and
    /// larger.
    pub(super) fn of(accept_encoding: &Lines<'_>) -> Preference {
        if !accept_encoding.is_there() {
            return Preference::IDENTITY;
        }
        let mut weights = Weights::default();
        for element in accept_encoding.values().flat_map(list_elements) {
            weights.note(element);
        }
        weights.preference()
    }

    /// In this order they are looked for. Empty if the client takes nothing that there could be.
    pub(super) fn codings(&self) -> &[Coding] {
        &self.codings[..self.len]
    }
}

/// Thousandths, as the grammar has three digits; `None` where nothing is said.
#[derive(Clone, Copy, Debug, Default)]
struct Weights {
    named: [Option<u16>; Coding::COUNT],
    others: Option<u16>,
}

impl Weights {
    /// One element: a coding, and perhaps its weight. What cannot be read says nothing.
    fn note(&mut self, element: &[u8]) {
        let (name, weight) = match element.iter().position(|byte| *byte == b';') {
            None => (element, Some(1000)),
            Some(at) => {
                let parameter = element[at + 1..].split(|byte| *byte == b';').next();
                (element[..at].trim_ascii(), weight(parameter.unwrap_or_default().trim_ascii()))
            }
        };
        let Some(weight) = weight else { return };
        match Coding::named(name) {
            Some(coding) => self.named[coding as usize] = Some(weight),
            None if name == b"*" => self.others = Some(weight),
            None => {}
        }
    }

    fn preference(self) -> Preference {
        let mut preference = Preference { len: 0, ..Preference::IDENTITY };
        let mut weights = [0; Coding::COUNT];
        let mut add = |coding, weight| {
            if weight == 0 {
                return;
            }
            // Behind those of the same weight.
            let at = weights[..preference.len].iter().position(|other| *other < weight);
            let at = at.unwrap_or(preference.len);
            weights.copy_within(at..Coding::COUNT - 1, at + 1);
            preference.codings.copy_within(at..Coding::COUNT - 1, at + 1);
            weights[at] = weight;
            preference.codings[at] = coding;
            preference.len += 1;
        };
        for coding in Coding::CODED {
            add(coding, self.named[coding as usize].or(self.others).unwrap_or(0));
        }
        // The least weight there is: acceptable, and behind everything that is asked for.
        let unsaid = self.others.map_or(1, |weight| weight.min(1));
        add(Coding::Identity, self.named[Coding::Identity as usize].unwrap_or(unsaid));
        preference
    }
}

/// `q=0.5` as 500.
pub(super) fn weight(parameter: &[u8]) -> Option<u16> {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, fraction) = match value {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] => (whole, fraction),
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(3);
    let thousandths = digits.fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    match (whole, thousandths) {
        (b'0', _) => Some(thousandths),
        (b'1', 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::request_fields::RequestFields;
    use super::*;

    fn names(values: &[&'static str]) -> String {
        let fields = values.iter().map(|value| ("Accept-Encoding", value.as_bytes()));
        let preference = Preference::of(&RequestFields::of(fields).accept_encoding);
        let names: Vec<_> = preference.codings().iter().map(|coding| coding.name()).collect();
        names.join(" ")
    }

    #[test]
    fn the_best_coding_comes_first_and_what_is_refused_not_at_all() {
        for (value, expected) in [
            ("gzip", "gzip identity"),
            ("gzip, deflate, br, zstd", "br zstd gzip identity"),
            ("GZIP, Br", "br gzip identity"),
            ("x-gzip", "gzip identity"),
            ("gzip;q=1.0, br;q=0.5", "gzip br identity"),
            ("gzip;q=0.001", "gzip identity"),
            ("gzip; q=0.2 , br ;q=0.3", "br gzip identity"),
            ("gzip;Q=0.2, br;q=0.1", "gzip br identity"),
            ("gzip;q=0", "identity"),
            ("gzip;q=0.000, br", "br identity"),
            ("*", "br zstd gzip identity"),
            ("*;q=0.5, gzip", "gzip br zstd identity"),
            ("*;q=0", ""),
            ("*;q=0, gzip", "gzip"),
            ("*;q=0, identity", "identity"),
            ("identity;q=0", ""),
            ("identity;q=0, br", "br"),
            ("identity", "identity"),
            ("identity, gzip;q=0.5", "identity gzip"),
            ("identity;q=0.5, gzip", "gzip identity"),
            ("identity;q=0.5, gzip;q=0.5", "gzip identity"),
            ("", "identity"),
            ("deflate", "identity"),
            ("compress, exi", "identity"),
            // No weights at all: these elements say nothing.
            ("gzip;q=2", "identity"),
            ("gzip;q=1.001", "identity"),
            ("gzip;q=0.0001", "identity"),
            ("gzip;q=.5", "identity"),
            ("gzip;q=", "identity"),
            ("gzip;level=9", "identity"),
            ("gzip;q=0.x", "identity"),
            ("gzip;q=-1, br", "br identity"),
            (",,br,,", "br identity"),
        ] {
            assert_eq!(names(&[value]), expected, "{value}");
        }
    }

    #[test]
    fn without_the_field_there_is_only_the_file_itself_and_several_lines_are_one_list() {
        assert_eq!(names(&[]), "identity");
        assert_eq!(names(&["gzip", "br"]), "br gzip identity");
        assert_eq!(names(&["gzip", "*;q=0"]), "gzip");
    }
}
