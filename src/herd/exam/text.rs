//! The report for people, a stage at a time.

use super::examiner::Examiner;
use super::report::{Marked, counts};
use super::settings::{Detail, Settings};
use super::stages::{STAGES, Stage};
use crate::units;

/// The longest title, so that what follows stands in columns.
const TITLE_WIDTH: usize = 74;

/// Who is examined.
pub fn heading(settings: &Settings, examiner: &Examiner) -> String {
    format!("herd exam of {}: {}\n\n", settings.server, examiner.told().join("; "))
}

/// The beginning of a stage's line, before it runs: a stage may take a minute.
pub fn beginning(number: usize, stage: &Stage) -> String {
    format!("{number:2}  {:TITLE_WIDTH$}  ", stage.title)
}

/// The rest of a stage's line, and what follows it.
pub fn stage(marked: &Marked, detail: Detail) -> String {
    let outcome = match marked.has_failed() {
        true => "FAILED".to_owned(),
        false => marked.outcome().replace('_', " "),
    };
    let mut text = format!("{outcome:9}  {:>7}", units::time(marked.took));
    if !marked.told().is_empty() {
        text += &format!("  {}", marked.told());
    }
    text.push('\n');
    if marked.has_failed() || detail == Detail::Everything {
        text += &format!("    sent: {}\n", marked.transcript.sent.told());
        text += &format!("    came: {}\n", marked.transcript.told_came());
        text += &format!("    {} ({})\n", marked.stage.why, marked.stage.rule);
    }
    text
}

/// The last line.
pub fn sum(all: &[Marked]) -> String {
    let [passed, failed, not_tried] = counts(all);
    format!("\n{passed} passed, {failed} failed, {not_tried} not tried.\n")
}

/// What each stage does.
pub fn list() -> String {
    let lines = STAGES.iter().enumerate().map(|(index, stage)| {
        format!(
            "{:2}  {:11}  {}\n    {} ({}; at most {})\n",
            index + 1,
            stage.name,
            stage.title,
            stage.why,
            stage.rule,
            units::time(stage.limit)
        )
    });
    lines.collect()
}
