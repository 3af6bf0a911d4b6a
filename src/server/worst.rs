//! The memory at worst: all that clients can make the server hold at once, as the log announces it.
//!
//! | what | how much |
//! |---|---|
//! | the program: its code, its stack, the loop's buffers | [`PROGRAM_BYTES`] |
//! | each client: its slot, what belongs to its state | [`CLIENT_BYTES`] |
//! | each client: requests that are not answered yet | a head, or requests that came behind it; with its content, if the handler is given that |
//! | each client: answers that it does not take | the high-water mark, and the answer that passes it |
//! | each client of the public, with an access log: what its lines tell of answers that it does not take | the requests, and [`AccessLog::ANSWER_BYTES`] for each answer |
//! | the handler: what it keeps, and is sending from there | [`Needs::memory_bytes`] |
//! | the admin listener's clients: the same, and a frame | [`admin::MEMORY_BYTES_MAX`] |
//!
//! Whole pages are counted where pages are taken. What the kernel holds for its sockets is not in it.

use crate::admin;
use crate::answer::handler::{ContentPlan, Needs};
use crate::config::{Limits, RECEIVE_BYTES, REQUESTS_BYTES};
use crate::watch::AccessLog;

/// What the program takes when it has clients, in bytes, apart from the clients: 3.5 MiB as it
/// starts, and the buffers of the loop once they have all been used.
const PROGRAM_BYTES: u128 = 8 * 1024 * 1024;

/// What a client takes beside the bytes that are kept for it, in bytes: its slot, where those bytes
/// are, how far its content or its answer has come, and its place among the timers and on the lists.
const CLIENT_BYTES: u128 = 768;

/// The size of a page of memory, in bytes.
const PAGE_BYTES: usize = 4096;

/// The shortest answer: 204 with a date, in bytes.
const ANSWER_BYTES_MIN: usize = 64;

/// How many clients there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clients {
    pub(super) public: usize,
    pub(super) admin: usize,
}

/// Whether answers are told of in an access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    Logged,
    Untold,
}

/// The memory at worst, in bytes.
pub(super) fn memory_bytes(
    limits: &Limits,
    needs: &Needs,
    clients: Clients,
    answers: Answers,
) -> u128 {
    let logged = match answers {
        Answers::Logged => logged_bytes(limits, needs.answer_bytes),
        Answers::Untold => 0,
    };
    let public = client_bytes(limits, needs.content, needs.answer_bytes).saturating_add(logged);
    let admin = client_bytes(limits, ContentPlan::Drop, admin::ANSWER_BYTES_MAX);
    let frames = if clients.admin > 0 { admin::MEMORY_BYTES_MAX as u128 } else { 0 };
    let clients = (clients.public as u128)
        .saturating_mul(public)
        .saturating_add((clients.admin as u128).saturating_mul(admin));
    clients.saturating_add(PROGRAM_BYTES + needs.memory_bytes as u128 + frames)
}

/// What one client can make the server hold, in bytes.
fn client_bytes(limits: &Limits, content: ContentPlan, answer_bytes: usize) -> u128 {
    let requests = match content {
        ContentPlan::Hold => {
            limits.head_bytes_max.saturating_add(limits.body_bytes_max).max(RECEIVE_BYTES)
        }
        ContentPlan::Drop | ContentPlan::Refuse => limits.head_bytes_max.max(REQUESTS_BYTES),
    };
    let answers = limits.output_bytes_high_water.saturating_add(answer_bytes);
    CLIENT_BYTES + in_pages(requests) + in_pages(answers)
}

/// What the access log keeps at most of one client's answers, in bytes.
fn logged_bytes(limits: &Limits, answer_bytes: usize) -> u128 {
    let answers = limits.output_bytes_high_water.saturating_add(answer_bytes) / ANSWER_BYTES_MIN;
    let entries = answers.saturating_mul(AccessLog::ANSWER_BYTES);
    in_pages(limits.head_bytes_max.max(REQUESTS_BYTES)) + in_pages(entries)
}

fn in_pages(bytes: usize) -> u128 {
    (bytes as u128).next_multiple_of(PAGE_BYTES as u128)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u128 = 1024 * 1024;

    fn of(needs: Needs, public: usize, admin: usize) -> u128 {
        memory_bytes(&Limits::default(), &needs, Clients { public, admin }, Answers::Untold) / MIB
    }

    #[test]
    fn without_content_20_000_descriptors_take_less_than_a_gigabyte_at_worst() {
        let dropping =
            Needs { content: ContentPlan::Drop, answer_bytes: 10_000, ..Needs::default() };
        assert!(of(dropping, 19_968, 0) < 950);
        let site = Needs { memory_bytes: 65 * 1024 * 1024, ..dropping };
        assert!(of(site, 17_468, 0) < 950);
        assert!(of(Needs::default(), 19_968, 0) > 20_000, "of bodies that are held");
    }

    #[test]
    fn everything_adds_to_it() {
        let least = of(Needs::default(), 0, 0);
        assert_eq!(least, PROGRAM_BYTES / MIB);
        assert_eq!(of(Needs { memory_bytes: 5 << 20, ..Needs::default() }, 0, 0), least + 5);
        assert!(of(Needs::default(), 0, 32) > least + 5, "frames of the admin page");
        let absurd = Limits { output_bytes_high_water: usize::MAX, ..Limits::default() };
        let clients = Clients { public: usize::MAX, admin: 32 };
        let most = memory_bytes(&absurd, &Needs::default(), clients, Answers::Logged);
        assert!(most > usize::MAX as u128);
    }
}
