//! Fields of an answer whose value is a list that the server and a handler may both add to.
//!
//! RFC 9110 §5.3 allows several lines of such a field. Many readers only look at one of them, so all
//! members go into one line, each once. A head remembers by a [`Lists`] which of these fields it has:
//! an answer without them pays for one comparison.

/// A field whose lines are merged into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum List {
    /// The server lists methods with a 405, a site with the answer to OPTIONS.
    Allow = 1,
    /// Only a handler says it. `Connection` has to name it then (RFC 9110 §7.8).
    Upgrade = 2,
    /// A site says by which fields it has chosen.
    Vary = 4,
}

impl List {
    /// The list with this name, if it is one.
    #[inline]
    pub(crate) fn named(name: &str) -> Option<List> {
        let (known, list) = match name.len() {
            4 => ("Vary", List::Vary),
            5 => ("Allow", List::Allow),
            7 => ("Upgrade", List::Upgrade),
            _ => return None,
        };
        known.eq_ignore_ascii_case(name).then_some(list)
    }

    /// Whether two members say the same: methods differ by case, the others do not.
    fn is_same(self, one: &[u8], other: &[u8]) -> bool {
        match self {
            List::Allow => one == other,
            List::Upgrade | List::Vary => one.eq_ignore_ascii_case(other),
        }
    }
}

/// Which of these fields a head has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists(u8);

impl Lists {
    pub(crate) fn has(self, list: List) -> bool {
        self.0 & list as u8 != 0
    }

    /// Whether both have the same field.
    pub(crate) fn overlap(self, others: Lists) -> bool {
        self.0 & others.0 != 0
    }

    pub(crate) fn extend(&mut self, others: Lists) {
        self.0 |= others.0;
    }

    pub(crate) fn insert(&mut self, list: List) {
        self.0 |= list as u8;
    }
}

/// Appends a field line with this `name`, a list's, to those in `out` from `start` on; or adds its
/// members to the line of that list which is there already.
#[cold]
pub(crate) fn add(out: &mut Vec<u8>, start: usize, lists: &mut Lists, name: &str, value: &[u8]) {
    let Some(list) = List::named(name) else { return field(out, name, value) };
    let line = if lists.has(list) { line_of(out, start, name.as_bytes()) } else { None };
    let Some((from, to)) = line else {
        lists.insert(list);
        return field(out, name, value);
    };
    let mut members = out[from..to].trim_ascii().to_vec();
    for member in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        let mut known = members.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        if member.is_empty() || known.any(|known| list.is_same(known, member)) {
            continue;
        }
        if !members.is_empty() {
            members.extend_from_slice(b", ");
        }
        members.extend_from_slice(member);
    }
    out.splice(from..to, [b" ", members.as_slice()].concat());
}

/// Adds each of `lines` to the field lines in `out` from `start` on.
#[cold]
pub(crate) fn add_lines(out: &mut Vec<u8>, start: usize, lists: &mut Lists, lines: &[u8]) {
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        match str::from_utf8(name) {
            Ok(name) if List::named(name).is_some() => {
                add(out, start, lists, name, value[1..].trim_ascii());
            }
            Ok(_) | Err(_) => out.extend_from_slice(line),
        }
    }
}

/// Adds those of `lines` whose fields are not among those in `out` from `start` on.
#[cfg(feature = "site")]
pub(crate) fn add_absent(out: &mut Vec<u8>, start: usize, lists: &mut Lists, lines: &[u8]) {
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if line_of(out, start, name).is_none() {
            add_lines(out, start, lists, line);
        }
    }
}

/// Where in `out` the value of this field lies.
fn line_of(out: &[u8], start: usize, name: &[u8]) -> Option<(usize, usize)> {
    let mut at = start;
    for line in out[start..].split_inclusive(|byte| *byte == b'\n') {
        let named = line.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name));
        if named && line.get(name.len()) == Some(&b':') {
            let end = line.strip_suffix(b"\r\n").unwrap_or(line).len();
            return Some((at + name.len() + 1, at + end));
        }
        at += line.len();
    }
    None
}

/// One field line.
pub(crate) fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(fields: &[(&str, &str)]) -> String {
        let mut out = b"Vary: not part of this head\r\n".to_vec();
        let (start, mut lists) = (out.len(), Lists::default());
        for (name, value) in fields {
            add(&mut out, start, &mut lists, name, value.as_bytes());
        }
        String::from_utf8(out.split_off(start)).expect("text")
    }

    #[test]
    fn members_come_once_and_in_one_line() {
        let vary = [("Vary", "Accept-Encoding"), ("vary", " Origin,accept-encoding , ")];
        assert_eq!(added(&vary), "Vary: Accept-Encoding, Origin\r\n");
        let allow = [("Allow", "GET, HEAD"), ("Vary", "*"), ("Allow", "HEAD, PUT")];
        assert_eq!(added(&allow), "Allow: GET, HEAD, PUT\r\nVary: *\r\n");
    }

    #[test]
    fn an_empty_list_takes_members() {
        assert_eq!(added(&[("Allow", ""), ("Allow", "GET")]), "Allow: GET\r\n");
        assert_eq!(added(&[("Allow", ""), ("Allow", "")]), "Allow: \r\n");
    }

    #[test]
    fn methods_differ_by_case() {
        assert_eq!(added(&[("Allow", "GET"), ("Allow", "get")]), "Allow: GET, get\r\n");
    }

    #[test]
    fn of_several_lines_those_of_lists_are_merged() {
        let mut out = b"A: b\r\nVary: Origin\r\n".to_vec();
        let mut lists = Lists::default();
        lists.insert(List::Vary);
        add_lines(&mut out, 0, &mut lists, b"vary: Accept\r\nC: d:e\r\nUpgrade: x\r\n");
        let lines = "A: b\r\nVary: Origin, Accept\r\nC: d:e\r\nUpgrade: x\r\n";
        assert_eq!(String::from_utf8_lossy(&out), lines);
        assert!(lists.has(List::Upgrade) && !lists.has(List::Allow));
    }
}
