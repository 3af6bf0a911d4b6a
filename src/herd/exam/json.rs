//! The report for programs.

use serde_json::{Value, json};

use super::examiner::Examiner;
use super::report::{Marked, counts};
use super::settings::Settings;

/// All of it, in one object.
pub fn text(settings: &Settings, examiner: &Examiner, all: &[Marked]) -> String {
    let [passed, failed, not_tried] = counts(all);
    let document = json!({
        "server": settings.server.to_string(),
        "path": settings.path,
        "answers": examiner.told(),
        "passed": passed,
        "failed": failed,
        "not_tried": not_tried,
        "stages": all.iter().map(stage).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn stage(marked: &Marked) -> Value {
    let Marked { number, stage, transcript, took, .. } = marked;
    json!({
        "number": number,
        "stage": stage.name,
        "title": stage.title,
        "outcome": marked.outcome(),
        "told": marked.told(),
        "sent": transcript.sent.told(),
        "sent_bytes": transcript.sent.bytes,
        "came": transcript.told_came(),
        "came_bytes": transcript.came.bytes,
        "milliseconds": took.as_secs_f64() * 1e3,
        "why": stage.why,
        "rule": stage.rule,
    })
}
