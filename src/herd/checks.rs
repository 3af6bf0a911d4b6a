//! What options may not say together.

use std::time::Duration;

use crate::arguments::Refusal;
use crate::kind::Kind;
use crate::plan::{Corrected, Plan};
use crate::resources::Resource;

/// Refuses a plan that contradicts itself.
///
/// # Errors
/// In a sentence that says how to mend it.
pub fn check(plan: &Plan) -> Result<(), Refusal> {
    let get = plan.wanted(Kind::Get);
    let first = plan.resource();
    for (is_wrong, sentence) in [
        (get.rate.is_some() && get.clients == 0, "--rate is for --get clients; add --get N"),
        (plan.depth > 1 && get.clients == 0, "--pipeline is for --get clients; add --get N"),
        (
            plan.timeout.is_some_and(|timeout| timeout.is_zero()),
            "--timeout cannot be 0s; give it some time, such as 2s",
        ),
        (
            plan.wanted(Kind::Telnet).clients > 0
                && (first.method != "GET" || first.body.is_some()),
            "--telnet types a GET; leave out --method and --body",
        ),
        (plan.length.is_zero(), "--for cannot be 0s; give it some time, such as 10s"),
        (plan.calm >= plan.length, "--calm must be shorter than --for"),
        (plan.type_every.is_zero(), "--type-every cannot be 0s; give it some time, such as 50ms"),
        (plan.drip_every.is_zero(), "--drip-every cannot be 0s; give it some time, such as 1s"),
        (
            plan.slow_read_bytes == 0,
            "--slow-read-bytes cannot be 0; read at least 1, or use --never-read",
        ),
        (has_two_hosts(first), "there is Host twice; give --host or -H 'Host: …', not both"),
        (
            plan.resources.iter().any(|it| it.is_head() && it.body.is_some()),
            "a HEAD has no content; leave out --body, or name another --method",
        ),
        (
            plan.resources.iter().any(Resource::is_head) && plan.expected.is_some(),
            "answers to HEAD have no content; leave out --expect, and use --expect-status",
        ),
        (
            plan.corrected.is_some() && !has_closed_loop(plan),
            "--corrected is for clients without a rate; those with --rate or @RATE need no \
             correction",
        ),
        (
            plan.corrected == Some(Corrected::By(Duration::ZERO)),
            "--corrected cannot be 0s; leave out the time, or give the usual one, such as 1ms",
        ),
        (
            plan.server.is_unix() && plan.wanted(Kind::Reset).clients > 0,
            "--reset needs TCP, as no Unix socket can be reset; leave it out",
        ),
        (
            !plan.calm.is_zero() && get.clients + plan.wanted(Kind::Post).clients == 0,
            "--calm compares the latency of --get or --post clients; add some",
        ),
    ] {
        if is_wrong {
            return Err(Refusal::Mistake(sentence.to_owned()));
        }
    }
    Ok(())
}

fn has_two_hosts(resource: &Resource) -> bool {
    let fields = resource.fields.to_ascii_lowercase();
    fields.split("\r\n").filter(|field| field.starts_with("host:")).count() > 1
}

/// Whether there is a kind whose percentiles can be corrected.
fn has_closed_loop(plan: &Plan) -> bool {
    Kind::ALL.into_iter().any(|kind| plan.is_closed_loop(kind))
}
