//! What people type at a telnet, key by key or line by line, and what their client sends besides.
//!
//! Two of five type a request, which must be answered as any other. The others say hello, correct
//! themselves, negotiate or press Ctrl-C: no request comes of that, so any answer is right, and so is
//! the end of the connection. All end with an empty line: a server that waits for a whole head has one.

use std::rc::Rc;

/// Return, in a client that sends lines.
const LINE: &[u8] = b"\r\n";

/// Return, in one that sends characters (RFC 854).
const RETURN: &[u8] = b"\r\0";

/// The key that takes back the last character, in a client that sends characters.
const BACKSPACE: &[u8] = b"\x7f";

/// What clients begin with: do suppress go-ahead; will say the terminal's type, the window's size and
/// the speed; do say the status.
const NEGOTIATION: &[u8] = &[255, 253, 3, 255, 251, 24, 255, 251, 31, 255, 251, 32, 255, 253, 5];

/// Ctrl-C: interrupt the process, and the data mark.
const INTERRUPT: &[u8] = &[255, 244, 255, 242];

/// For how many turns a person thinks.
const THINKING_TURNS: usize = 5;

/// What one person types.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub bytes: Rc<[u8]>,
    /// How much is typed after each turn; as much as after the turn before, if the person thinks.
    pub turns: Rc<[usize]>,
    /// Whether it is a request, which must be answered.
    pub is_request: bool,
}

/// What a person does.
enum Act<'a> {
    /// Types this at once, as a line or a key.
    Types(&'a [u8]),
    /// Types each of these by itself.
    TypesKeys(&'a [u8]),
    Thinks,
}

use Act::{Thinks, Types, TypesKeys};

/// All scripts. People take them in turn.
pub fn scripts(path: &str, fields: &str) -> [Script; 5] {
    let request = format!("GET {path} HTTP/1.1\r\n{fields}\r\n");
    let by_line: Vec<Act<'_>> =
        request.split_inclusive("\r\n").flat_map(|line| [Thinks, Types(line.as_bytes())]).collect();
    let hello = [Thinks, Types(b"hello\r\n"), Thinks, Types(LINE)];
    let corrected = [
        Types(NEGOTIATION),
        Thinks,
        TypesKeys(b"GEX"),
        Types(BACKSPACE),
        TypesKeys(b"T /"),
        Types(RETURN),
        Thinks,
        Types(LINE),
        Types(LINE),
    ];
    let interrupted =
        [TypesKeys(b"GET /hel"), Thinks, Types(INTERRUPT), Thinks, Types(LINE), Types(LINE)];
    [
        script(true, &by_line),
        script(true, &[TypesKeys(request.as_bytes())]),
        script(false, &hello),
        script(false, &corrected),
        script(false, &interrupted),
    ]
}

fn script(is_request: bool, acts: &[Act<'_>]) -> Script {
    let (mut bytes, mut turns) = (Vec::new(), Vec::new());
    for act in acts {
        match act {
            Types(some) => {
                bytes.extend_from_slice(some);
                turns.push(bytes.len());
            }
            TypesKeys(keys) => {
                turns.extend(bytes.len() + 1..=bytes.len() + keys.len());
                bytes.extend_from_slice(keys);
            }
            Thinks => turns.extend([bytes.len(); THINKING_TURNS]),
        }
    }
    Script { bytes: bytes.into(), turns: turns.into(), is_request }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

    /// What is typed in each turn.
    fn typed(script: &Script) -> Vec<&[u8]> {
        let from = std::iter::once(0).chain(script.turns.iter().copied());
        from.zip(script.turns.iter()).map(|(from, to)| &script.bytes[from..*to]).collect()
    }

    #[test]
    fn a_request_is_typed_by_line_with_pauses_and_by_key() {
        let [by_line, by_key, ..] = scripts("/a", "Host: h\r\n");
        assert!(by_line.is_request && by_key.is_request);
        assert_eq!((&*by_line.bytes, &*by_key.bytes), (REQUEST.as_bytes(), REQUEST.as_bytes()));
        let lines = typed(&by_line);
        assert_eq!(lines.len(), 3 * (THINKING_TURNS + 1));
        assert_eq!(lines[THINKING_TURNS], b"GET /a HTTP/1.1\r\n");
        assert!(lines[..THINKING_TURNS].iter().all(|line| line.is_empty()));
        assert!(typed(&by_key).iter().all(|key| key.len() == 1));
    }

    #[test]
    fn what_is_no_request_has_what_telnet_clients_send_and_ends_with_an_empty_line() {
        let [_, _, strange @ ..] = scripts("/a", "Host: h\r\n");
        for script in &strange {
            assert!(!script.is_request && script.bytes.ends_with(b"\r\n\r\n"), "{script:?}");
            assert_eq!(script.turns.last(), Some(&script.bytes.len()));
        }
        let all = strange.map(|script| script.bytes.to_vec()).concat();
        for part in [NEGOTIATION, INTERRUPT, BACKSPACE, RETURN] {
            assert!(all.windows(part.len()).any(|bytes| bytes == part), "{part:?}");
        }
    }
}
