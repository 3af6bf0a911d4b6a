//! The colour of each kind of clients, on a light page and on a dark one.

use std::fmt::Write;

use crate::kind::Kind;

/// Can be told apart by most people: the good kinds after Okabe and Ito.
fn colours(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Get => ["#0072b2", "#4aa3df"],
        Kind::Post => ["#d98a00", "#e69f00"],
        Kind::ConnectClose => ["#009e73", "#1fb98e"],
        Kind::HalfClose => ["#cc79a7", "#cc79a7"],
        Kind::Telnet => ["#56b4e9", "#8fd0f5"],
        Kind::Idle => ["#8c959f", "#7d8590"],
        Kind::Drip => ["#9a6a3a", "#b5854f"],
        Kind::NeverRead => ["#d55e00", "#e2762a"],
        Kind::SlowRead => ["#b8a200", "#d6c22e"],
        Kind::Garbage => ["#8250df", "#a371f7"],
        Kind::Reset => ["#a40e6b", "#d64a9c"],
    }
}

/// What fails.
const BAD: [&str; 2] = ["#cf222e", "#f85149"];

/// How a style sheet names the colour of a kind.
pub fn of(kind: Kind) -> String {
    format!("var(--{})", kind.name())
}

/// The same of what fails.
pub const BAD_COLOUR: &str = "var(--bad)";

/// The colours of a light page (0) or a dark one (1), for a style sheet.
pub fn declared(page: usize) -> String {
    let mut text = format!("--bad: {};", BAD[page]);
    for kind in Kind::ALL {
        // Writing to a string cannot fail.
        let _ = write!(text, " --{}: {};", kind.name(), colours(kind)[page]);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_have_one_colour() {
        for (page, bad) in BAD.into_iter().enumerate() {
            let different: BTreeSet<&str> =
                Kind::ALL.map(|kind| colours(kind)[page]).into_iter().chain([bad]).collect();
            assert_eq!(different.len(), Kind::ALL.len() + 1);
            assert_eq!(declared(page).matches("--").count(), Kind::ALL.len() + 1);
        }
    }
}
