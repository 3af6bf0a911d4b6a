//! The ratios as bars of text, for a README, and the rows that a picture draws as well.

use std::fmt::Write;

use crate::idle::IdleReport;
use crate::report::Report;
use crate::scenario::Compared;
use crate::servers::FLOOR;

/// The longest bar, in characters; every bar of a group is relative to it.
const BAR_LEN_MAX: f64 = 40.0;

/// The bars of one scenario.
#[derive(Debug)]
pub struct Group {
    /// The scenario, and what is compared.
    pub title: String,
    /// One a server, in the report's order.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
pub struct Bar {
    /// The server.
    pub name: &'static str,
    /// Its length.
    pub value: f64,
    /// What stands at its end.
    pub label: String,
}

/// Everything that was compared: costs, idle memory, tails. The floor itself, which is 1
/// everywhere, has no bar.
pub fn groups(report: &Report) -> Vec<Group> {
    let mut groups = ratios(report, Compared::Cpu, "CPU per request, floor = 1");
    groups.extend(idle("silent", report, |idle| idle.silent.slope()));
    groups.extend(idle("answered once", report, |idle| idle.answered.slope()));
    groups.extend(ratios(report, Compared::Tail, "p99.9 latency, floor = 1"));
    groups.retain(|group| !group.bars.is_empty());
    groups
}

fn ratios(report: &Report, compared: Compared, what: &str) -> Vec<Group> {
    let scenarios = report.scenarios.iter().filter(|scenario| scenario.compared == compared);
    scenarios
        .map(|scenario| {
            let others = scenario.servers.iter().filter(|server| server.name != FLOOR);
            let bars = others.filter_map(|server| {
                let value = server.ratio?.median;
                Some(Bar { name: server.name, value, label: format!("{value:.2}") })
            });
            Group { title: format!("{} ({what})", scenario.name), bars: bars.collect() }
        })
        .collect()
}

fn idle(which: &str, report: &Report, slope: impl Fn(&IdleReport) -> Option<f64>) -> Option<Group> {
    let bars: Vec<Bar> = report
        .idle
        .iter()
        .filter_map(|idle| {
            let value = slope(idle)?;
            Some(Bar { name: idle.name, value: value.max(0.0), label: format!("{value:.0}") })
        })
        .collect();
    let title = format!("idle, {which} (resident bytes a connection)");
    (!bars.is_empty()).then_some(Group { title, bars })
}

/// All of it as text.
pub fn text(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        let longest = longest(group);
        text.push_str(&group.title);
        text.push('\n');
        for bar in &group.bars {
            let len = (bar.value / longest * BAR_LEN_MAX).round().max(1.0) as usize;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {:<17} {} {}", bar.name, "█".repeat(len), bar.label);
        }
    }
    text
}

/// The greatest value of a group; never 0, so that one may divide by it.
pub fn longest(group: &Group) -> f64 {
    group.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_has_all_the_room_and_none_has_none() {
        let bar = |name, value| Bar { name, value, label: String::new() };
        let bars = vec![bar("a", 2.0), bar("b", 1.0), bar("c", 0.0)];
        let text = text(&[Group { title: "t".to_owned(), bars }]);
        let lens: Vec<usize> = text.lines().map(|line| line.matches('█').count()).collect();
        assert_eq!(lens, [0, 40, 20, 1]);
    }
}
