//! The report for programs: every slice, and what follows.

use serde_json::{Value, json};

use super::ratio::Spread;
use super::report::{Measure, Report};
use crate::event_loop::Stopped;

/// All of it, in one object.
pub fn text(report: &Report<'_>) -> String {
    let failures = report.failures();
    let servers = report.contenders.iter().enumerate().map(|(index, contender)| {
        let of = |value: &dyn Fn(Measure) -> Value| -> Value {
            let all = Measure::ALL.map(|measure| (measure.key().to_owned(), value(measure)));
            Value::Object(all.into_iter().collect())
        };
        let slices = report.rounds.samples[index].iter().map(|sample| {
            let mut slice = of(&|measure| json!(measure.of(sample)));
            slice["right"] = json!(sample.right);
            slice
        });
        json!({
            "letter": contender.letter.to_string(),
            "name": contender.name,
            "server": contender.plan.server.to_string(),
            "path": contender.plan.resource().path,
            "expected": contender.expectations.said,
            "slices": slices.collect::<Vec<_>>(),
            "median": of(&|measure| json!(report.values(index, measure).map(|it| it.median))),
            "over_first": of(&|measure| json!(report.ratios(index, measure).map(spread))),
        })
    });
    let document = json!({
        "crowd": report.crowd,
        "slice_seconds": report.contenders.first().map(|it| it.plan.length.as_secs_f64()),
        "rounds": report.rounds.samples.first().map(Vec::len),
        "ended_by_signal": report.rounds.stopped == Stopped::BySignal,
        "ok": failures.is_empty(),
        "failures": failures,
        "servers": servers.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn spread(Spread { median, least, most }: Spread) -> Value {
    json!({ "median": median, "least": least, "most": most })
}
