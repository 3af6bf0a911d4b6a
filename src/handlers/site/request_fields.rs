//! The fields by which a client says what it already has and how it wants the rest: found in one
//! pass here, judged elsewhere.

/// What one request asks.
#[derive(Debug, Default)]
pub(super) struct RequestFields<'b> {
    pub(super) if_match: Lines<'b>,
    pub(super) if_none_match: Lines<'b>,
    pub(super) if_modified_since: Single<'b>,
    pub(super) if_unmodified_since: Single<'b>,
    pub(super) if_range: Single<'b>,
    pub(super) range: Single<'b>,
    pub(super) accept_encoding: Lines<'b>,
}

impl<'b> RequestFields<'b> {
    /// Finds them among a request's fields.
    pub(super) fn of(fields: impl Iterator<Item = (&'b str, &'b [u8])>) -> RequestFields<'b> {
        let mut asked = RequestFields::default();
        for (name, value) in fields {
            asked.note(name, value);
        }
        asked
    }

    /// Names are told apart by their length first: most fields are none of these.
    fn note(&mut self, name: &str, value: &'b [u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            5 if is("Range") => self.range.note(value),
            8 if is("If-Match") => self.if_match.note(value),
            8 if is("If-Range") => self.if_range.note(value),
            13 if is("If-None-Match") => self.if_none_match.note(value),
            15 if is("Accept-Encoding") => self.accept_encoding.note(value),
            17 if is("If-Modified-Since") => self.if_modified_since.note(value),
            19 if is("If-Unmodified-Since") => self.if_unmodified_since.note(value),
            _ => {}
        }
    }
}

/// A field that is a list, and so may stand on several lines (RFC 9110 §5.3).
#[derive(Debug, Default)]
pub(super) struct Lines<'b> {
    first: Option<&'b [u8]>,
    /// Hardly ever any, so that no request has to allocate.
    more: Vec<&'b [u8]>,
}

impl<'b> Lines<'b> {
    fn note(&mut self, value: &'b [u8]) {
        match self.first {
            None => self.first = Some(value),
            Some(_) => self.more.push(value),
        }
    }

    /// Whether there is such a field.
    pub(super) fn is_there(&self) -> bool {
        self.first.is_some()
    }

    /// The values, in the order in which they came.
    pub(super) fn values(&self) -> impl Iterator<Item = &'b [u8]> {
        self.first.into_iter().chain(self.more.iter().copied())
    }
}

/// A field that is no list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Single<'b> {
    /// It is not there.
    #[default]
    Absent,
    /// Its value.
    Once(&'b [u8]),
    /// It is there several times, so it has no value on which all readers would agree.
    Repeated,
}

impl<'b> Single<'b> {
    fn note(&mut self, value: &'b [u8]) {
        *self = match self {
            Single::Absent => Single::Once(value),
            Single::Once(_) | Single::Repeated => Single::Repeated,
        };
    }

    /// Its value, if it has one.
    pub(super) fn value(self) -> Option<&'b [u8]> {
        match self {
            Single::Once(value) => Some(value),
            Single::Absent | Single::Repeated => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_found_whatever_its_letters_and_others_are_not() {
        let names = [
            "if-match",
            "IF-NONE-MATCH",
            "If-Modified-Since",
            "If-Unmodified-Since",
            "If-Range",
            "Range",
            "Accept-Encoding",
        ];
        let values: Vec<[u8; 1]> = (0..7).map(|number| [number]).collect();
        let others = ["Ranges", "If-Rang", "Accept-Language", "Host", "X-Match1"];
        let fields = others.iter().map(|name| (*name, &b"x"[..]));
        let fields = fields.chain(names.iter().copied().zip(values.iter().map(|value| &value[..])));
        let asked = RequestFields::of(fields);
        assert_eq!(asked.if_match.values().collect::<Vec<_>>(), [[0]]);
        assert_eq!(asked.if_none_match.values().collect::<Vec<_>>(), [[1]]);
        assert_eq!(asked.if_modified_since.value(), Some(&[2][..]));
        assert_eq!(asked.if_unmodified_since.value(), Some(&[3][..]));
        assert_eq!(asked.if_range.value(), Some(&[4][..]));
        assert_eq!(asked.range.value(), Some(&[5][..]));
        assert_eq!(asked.accept_encoding.values().collect::<Vec<_>>(), [[6]]);
    }

    #[test]
    fn a_list_may_go_on_in_another_line_and_anything_else_has_no_value_then() {
        let twice = [("If-Match", &b"a"[..]), ("Range", b"a"), ("if-match", b"b"), ("range", b"a")];
        let asked = RequestFields::of(twice.into_iter());
        assert_eq!(asked.if_match.values().collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(asked.range, Single::Repeated);
        assert_eq!(asked.range.value(), None);
        assert!(asked.if_match.is_there() && !asked.if_none_match.is_there());
    }
}
