//! Every way from one state to another, as a table.
//!
//! The methods of [`State`](super::state::State) make the transitions; the table is what they are
//! held to. Builds with debug assertions check each transition against it, a test the diagram in
//! `src/README.md`, and the admin page counts by it. `src/pictures/states.svg` is drawn from it.

use super::name::StateName;

/// A way from one state to another.
pub(crate) struct Arrow {
    pub(crate) from: StateName,
    /// The events that lead there.
    pub(crate) events: &'static str,
    pub(crate) to: StateName,
    /// The methods of `State` that walk it.
    pub(crate) by: &'static [&'static str],
}

const fn arrow(
    from: StateName,
    to: StateName,
    events: &'static str,
    by: &'static [&'static str],
) -> Arrow {
    Arrow { from, events, to, by }
}

/// Every way from one state to another.
pub(crate) const ARROWS: [Arrow; 26] = [
    arrow(StateName::ReadingProxyHeader, StateName::Fresh, "whole header", &["on_proxy_header"]),
    arrow(StateName::ReadingProxyHeader, StateName::Lingering, "drained", &["on_drained"]),
    arrow(
        StateName::ReadingProxyHeader,
        StateName::Closed,
        "no header, EOF, deadline or evicted",
        &["on_close"],
    ),
    arrow(StateName::Fresh, StateName::ReadingHead, "first bytes", &["on_partial_head"]),
    arrow(StateName::Fresh, StateName::ReadingBody, "whole head", &["on_partial_body"]),
    arrow(
        StateName::Fresh,
        StateName::Writing,
        "whole request or fault",
        &["on_answer", "on_continue"],
    ),
    arrow(StateName::Fresh, StateName::Lingering, "drained", &["on_drained"]),
    arrow(StateName::Fresh, StateName::Closed, "EOF, deadline or evicted", &["on_close"]),
    arrow(StateName::Idle, StateName::ReadingHead, "first bytes", &["on_partial_head"]),
    arrow(StateName::Idle, StateName::ReadingBody, "whole head", &["on_partial_body"]),
    arrow(
        StateName::Idle,
        StateName::Writing,
        "whole request or fault",
        &["on_answer", "on_continue"],
    ),
    arrow(StateName::Idle, StateName::Lingering, "drained", &["on_drained"]),
    arrow(StateName::Idle, StateName::Closed, "EOF, deadline or evicted", &["on_close"]),
    arrow(StateName::ReadingHead, StateName::ReadingBody, "whole head", &["on_partial_body"]),
    arrow(
        StateName::ReadingHead,
        StateName::Writing,
        "whole request, fault, stalled or EOF",
        &["on_answer", "on_continue"],
    ),
    arrow(StateName::ReadingHead, StateName::Closed, "reset", &["on_close"]),
    arrow(
        StateName::ReadingBody,
        StateName::Writing,
        "whole request, fault, stalled or EOF",
        &["on_answer"],
    ),
    arrow(StateName::ReadingBody, StateName::Closed, "reset", &["on_close"]),
    arrow(StateName::Writing, StateName::Idle, "written, connection kept", &["on_written"]),
    arrow(
        StateName::Writing,
        StateName::ReadingBody,
        "written, body still to come",
        &["on_written"],
    ),
    arrow(StateName::Writing, StateName::Pausing, "written, source to be asked", &["on_written"]),
    arrow(StateName::Writing, StateName::Lingering, "written, input unread", &["on_written"]),
    arrow(
        StateName::Writing,
        StateName::Closed,
        "written, last answer; or reset, deadline",
        &["on_written", "on_close"],
    ),
    arrow(
        StateName::Pausing,
        StateName::Writing,
        "more of the body, or its end, or the answer",
        &["on_piece", "on_last_piece", "on_source_broken", "on_answer"],
    ),
    arrow(StateName::Pausing, StateName::Closed, "reset or cut off", &["on_close"]),
    arrow(StateName::Lingering, StateName::Closed, "EOF, deadline or enough", &["on_close"]),
];

/// In builds with debug assertions: the table has this arrow, walked by the method `by`.
pub(super) fn check(from: StateName, by: &'static str, to: StateName) {
    let is_walked = |it: &Arrow| (it.from, it.to) == (from, to) && it.by.contains(&by);
    debug_assert!(
        from == to || ARROWS.iter().any(is_walked),
        "{by} walks no arrow from {from:?} to {to:?}"
    );
    #[cfg(test)]
    super::tests::note_arrow(from, by, to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tours_diagram_has_exactly_the_arrows_of_the_table() {
        let tour = include_str!("../README.md");
        let diagram = tour.split("stateDiagram-v2").nth(1).expect("a diagram");
        let drawn: Vec<&str> = diagram
            .lines()
            .take_while(|line| *line != "```")
            .map(str::trim)
            .filter(|line| line.contains("-->") && !line.contains("[*]"))
            .collect();
        let told: Vec<String> = ARROWS
            .iter()
            .map(|Arrow { from, events, to, .. }| format!("{from:?} --> {to:?}: {events}"))
            .collect();
        assert_eq!(drawn, told);
    }
}
