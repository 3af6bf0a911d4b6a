//! The report for programs. Times are in the unit that their names end in.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::event_loop::Stopped;
use crate::kind::Kind;
use crate::record::Point;
use crate::report::{Course, Report};
use crate::speed::{self, PERCENTILES, Rates};
use crate::tally::{Part, Tally};
use crate::times::Times;
use crate::units::escaped;

/// All of it, in one object.
pub fn text(report: &Report<'_>) -> String {
    let plan = report.plan;
    let failures = report.failures();
    let document = json!({
        "server": plan.server.to_string(),
        "seconds": report.outcome.took.as_secs_f64(),
        "ended_by_signal": report.outcome.stopped == Stopped::BySignal,
        "ok": failures.is_empty(),
        "failures": failures,
        "expected": report.learned,
        "pipeline": plan.depth,
        "seed": plan.seed,
        "requests_unmade": report.outcome.unmade,
        "lateness_us": percentiles(&report.outcome.lateness),
        "kinds": report.kinds().map(|(kind, tally)| of_kind(report, kind, tally))
            .collect::<Vec<_>>(),
        "urls": urls(report),
        "parts": report.parts().into_iter().map(|sums| json!({
            "part": sums.part.name(),
            "seconds": sums.took.as_secs_f64(),
            "right": sums.right,
            "cpu_ns_per_right": sums.cpu_ns_per_right,
        })).collect::<Vec<_>>(),
        "process": plan.pid.map(|pid| json!({
            "pid": pid,
            "resident_bytes": report.resident_bytes().map(course),
            "descriptors": report.descriptors().map(course),
        })),
        "latency_over_time_of": plan.main_kind().map(Kind::name),
        "over_time": over_time(report),
    });
    format!("{document:#}\n")
}

fn of_kind(report: &Report<'_>, kind: Kind, tally: &Tally) -> Value {
    let group = report.plan.wanted(kind);
    let rates = Rates::of(report, tally);
    let ended: Map<String, Value> =
        tally.ended.iter().map(|(why, count)| (why.to_string(), json!(count))).collect();
    json!({
        "kind": kind.name(),
        "clients": group.clients,
        "rate": group.rate,
        "connected": tally.connected,
        "right": tally.right,
        "wrong": tally.wrong,
        "lost": kind.is_good().then_some(tally.lost),
        "timed_out": kind.is_good().then_some(tally.timed_out),
        "crossed": kind.is_good().then_some(tally.crossed),
        "refused": tally.refused,
        "open_at_end": report.outcome.open[kind as usize],
        "ended_by_us": tally.hung_up,
        "ended_by_server": ended,
        "ended_after_ms": spans(&tally.lifetimes),
        "right_per_second": kind.is_good().then_some(rates.right),
        "received_bytes": tally.received_bytes,
        "received_bytes_per_second": rates.bytes,
        "statuses": kind.is_good().then(|| statuses(&tally.statuses)),
        "latency_us": percentiles(&tally.latency.total()),
        "latency_corrected_us": report.corrected(kind).map(|(times, _)| percentiles(&times)),
        "corrected_by_us": report.corrected(kind).map(|(_, usual)| microseconds(usual)),
        "latency_buckets_us": kind.is_good().then(|| buckets(&tally.latency.total())),
        "latency_us_by_part": Part::ALL.into_iter().map(|part| {
            (part.name().to_owned(), json!(percentiles(tally.latency.of(part))))
        }).collect::<Map<_, _>>(),
        "longest_silence_ms": kind.is_good().then_some(tally.longest_silence.as_secs_f64() * 1e3),
        "first_wrong": tally.first_wrong.as_ref().map(|wrong| json!({
            "reason": wrong.reason,
            "shown": escaped(&wrong.shown),
        })),
    })
}

/// What was requested, where that was several things.
fn urls(report: &Report<'_>) -> Vec<Value> {
    let all = report.plan.resources.iter().zip(&report.outcome.resources);
    let told = all.map(|(resource, tally)| {
        json!({
            "method": resource.method,
            "path": resource.path,
            "weight": resource.weight,
            "right": tally.right,
            "wrong": tally.troubles.wrong,
            "lost": tally.troubles.lost,
            "refused": tally.troubles.refused,
            "statuses": statuses(&tally.statuses),
            "latency_mean_us": tally.latency_mean().map(microseconds),
            "latency_max_us": tally.latency_mean().map(|_| microseconds(tally.latency_max)),
        })
    });
    told.collect()
}

fn percentiles(times: &Times) -> Option<Value> {
    (times.count() > 0).then(|| {
        let mut told = json!({ "count": times.count(), "mean": microseconds(times.mean()) });
        for (name, share) in PERCENTILES.into_iter().chain([("p99.99", 0.9999)]) {
            told[name] = json!(microseconds(times.quantile(share)));
        }
        told["max"] = json!(microseconds(times.max()));
        told
    })
}

fn statuses(statuses: &BTreeMap<u16, u64>) -> Map<String, Value> {
    let statuses = statuses.iter();
    statuses.map(|(status, count)| (status.to_string(), json!(count))).collect()
}

/// How many took up to each of these bounds, and longer than the one before.
fn buckets(times: &Times) -> Vec<Value> {
    let buckets = speed::buckets(times).into_iter();
    buckets.map(|(bound, count)| json!({ "up_to": microseconds(bound), "count": count })).collect()
}

fn spans(times: &Times) -> Option<Value> {
    let milliseconds = |time: Duration| microseconds(time) / 1e3;
    (times.count() > 0).then(|| {
        json!({
            "min": milliseconds(times.min()),
            "p50": milliseconds(times.quantile(0.5)),
            "max": milliseconds(times.max()),
        })
    })
}

fn course(course: Course) -> Value {
    json!({ "start": course.start, "max": course.max, "end": course.end })
}

/// Counts are sums since the beginning; latencies are those since the point before.
fn over_time(report: &Report<'_>) -> Vec<Value> {
    let points = report.outcome.record.points.iter();
    points
        .map(|Point { mark, p50, p99, p999, max }| {
            json!({
                "seconds": mark.at.since(Default::default()).as_secs_f64(),
                "connected": mark.counts.connected,
                "open": mark.counts.open,
                "open_by_kind": of_each(report, |kind| mark.counts.by_kind[kind as usize].open),
                "right": mark.counts.right,
                "wrong": mark.counts.wrong,
                "lost": mark.counts.lost,
                "refused": mark.counts.refused,
                "ended_by_server": mark.counts.ended,
                "p50_us": microseconds(*p50),
                "p99_us": microseconds(*p99),
                "p99.9_us": microseconds(*p999),
                "max_us": microseconds(*max),
                "cpu_ns": mark.process.map(|process| process.cpu_ns),
                "resident_bytes": mark.process.map(|process| process.resident_bytes),
                "descriptors": mark.process.and_then(|process| process.descriptors),
            })
        })
        .collect()
}

/// A number of each kind that was sent.
fn of_each(report: &Report<'_>, number: impl Fn(Kind) -> u64) -> Map<String, Value> {
    report.kinds().map(|(kind, _)| (kind.name().to_owned(), json!(number(kind)))).collect()
}

fn microseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
