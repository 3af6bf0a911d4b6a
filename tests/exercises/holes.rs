//! The exercises, from the easiest on.

use crate::hole::Hole;

pub const HOLES: [Hole; 4] = [
    Hole {
        name: "append",
        about: "a deadline goes to the tail of its list",
        file: "src/engine/timers.rs",
        function: "fn append<T: Timed>(",
        task: &[
            "The client at `key` begins to wait, since `since`. It is in no list now.",
            "Put it at the tail of the list of `class`, in O(1). The list must stay in order of",
            "time: refuse by an assertion what would break that (\"in order of time\").",
        ],
        parameters: "(slab, key, class, since)",
        tests: &[("lib", "engine::timers::tests"), ("simulation", "every_seed_ends_well")],
        mistakes: &[
            ("self.occupied |= 1 << class as u8;", ""),
            ("list.tail == NONE || ", "list.tail != NONE - 1 || "),
            ("list.tail = this;", ""),
            ("slab[tail as usize].link_mut().behind = this", "_ = tail"),
        ],
        hints: &[
            "The list is threaded through the slab: each client's `Link` has the slots `before` \
             and `behind` it, and the `List` has `head` and `tail`. `NONE` stands for no slot. \
             `short(key)` is the slot's number as a `u32`.",
            "Four places say who stands where: the client's own `Link`, the `behind` of the \
             former tail, the list's `tail`, and, if the list was empty, its `head`.",
            "`occupied` has a bit for each list that is not empty: `1 << class as u8`. Look at \
             what `unlink` does at each of these places, and do the opposite.",
            "For the assertion: the tail's `time` must not be later than `since`. It is packed: \
             `Time::from(link.time)`.",
        ],
    },
    Hole {
        name: "park",
        about: "what the kernel did not take moves into memory of the client's own",
        file: "src/connection/machine.rs",
        function: "pub(crate) fn park(&mut self, output: &mut Output)",
        task: &[
            "The client's turn is over. `output` belongs to the engine: the next client's answer",
            "is made there. If bytes for this client are left in it, take them away.",
            "A client to which nothing is owed must not own memory afterwards.",
        ],
        parameters: "output",
        tests: &[("lib", "connection::tests::answering"), ("simulation", "every_seed_ends_well")],
        mistakes: &[
            ("if !output.is_empty()", "if true"),
            ("self.parked.get_or_insert_default().keep_output(output);", "output.clear();"),
        ],
        hints: &[
            "`self.parked` is an `Option<Box<Parked>>`. `None` is the usual case, and costs \
             nothing.",
            "`Output::is_empty` says whether there is anything to do.",
            "`src/buffer/output.rs` has what moves the bytes: `Parked::keep_output`. \
             `get_or_insert_default` makes a `Parked` if there is none.",
        ],
    },
    Hole {
        name: "on_eof",
        about: "the client has ended its direction: what that means in each state",
        file: "src/connection/machine.rs",
        function: "pub(crate) fn on_eof<H: Handler>(&mut self, context: &mut Context<'_, H>)",
        task: &[
            "The client has ended its direction. It may still read: so what is missing of a",
            "request is told to it. Decide for each state of `src/connection/state.rs`. At last,",
            "say what the connection has done: `self.note_waiting(before, 0, context)`.",
        ],
        parameters: "context",
        tests: &[
            ("lib", "connection::tests::answering"),
            ("lib", "connection::tests"),
            ("simulation", "every_seed_ends_well"),
        ],
        mistakes: &[
            (
                "self.refuse_kept(FaultKind::HeadUnfinished, context)",
                "self.state.on_close(CloseReason::PeerClosed)",
            ),
            ("FaultKind::BodyUnfinished", "FaultKind::HeadUnfinished"),
            ("self.note_waiting(before, 0, context);", "_ = before;"),
        ],
        hints: &[
            "The arrows in the table of `src/connection/arrows.rs` whose events have `EOF` say \
             what may happen. `before` is `self.state.name()`, taken first.",
            "In two states nothing has begun: then the reason of the end is `PeerClosed`, and \
             `self.state.on_close` ends it. `on_eof_of_proxy_header` is there for a third.",
            "Half a head or half a body is refused: `self.refuse_kept`, with the fault \
             `HeadUnfinished` or `BodyUnfinished`. That answers, so the client learns what is \
             missing.",
            "Who lingers has had its last answer: it closes for the reason that the state has \
             kept. In the other three states nothing is received, so no end can come: \
             `unreachable!`.",
        ],
    },
    Hole {
        name: "settle",
        about: "a client's turn is over: does it wait, go on, linger or end?",
        file: "src/engine/run.rs",
        function: "pub(super) fn settle(&mut self, key: usize, run: Run)",
        task: &[
            "The turn of the client at `key` is over, and `run` says why. What is left of its",
            "answers must leave the engine's output. Then: a client that waits must have a",
            "deadline, and the poll must know what for. One that could go on without an event must",
            "stand on the run queue, or nothing will ever wake it.",
        ],
        parameters: "(key, run)",
        tests: &[("regressions", ""), ("simulation", "every_seed_ends_well")],
        mistakes: &[
            ("self.await_peer(key);\n                self.enqueue(key);", "self.await_peer(key);"),
            ("Run::Waits if self.is_to_leave(key) => self.leave(key),", ""),
            ("self.slab[key].reset_on_drop();", ""),
            ("self.common.output.clear();", ""),
        ],
        hints: &[
            "`Run` (in `src/engine/client.rs`) has five variants, and each wants something else. \
             Begin with what is common: one that has ended leaves nothing to anyone \
             (`self.common.output.clear()`); each other one parks \
             (`self.slab[key].connection.park(&mut self.common.output)`) and is told of by \
             `self.tell_turn(key)`.",
            "`Ended(reason)`: `self.end(key, reason)`; before that, if the reason is \
             `CloseReason::Reset`, `self.slab[key].reset_on_drop()`.",
            "`Waits`: `self.await_peer(key)`, and `self.tell(key, Clients::waits)`. But if the \
             server stops, the client may have to go: `self.is_to_leave(key)`, `self.leave(key)`.",
            "`Spent` has used up its budget, and no edge will come for what it left: it is told \
             of by `ClientEvent::Yields`, its deadline is renewed by `await_peer`, and it is \
             `enqueue`d. This is the lost wake-up of `src/pictures/level-and-edge.svg`.",
            "`Lingers`: `await_peer` and `queue_lingering`. `Stepped` (a server that is held): \
             `ClientEvent::Held`, `renew_deadline` and `enqueue`; the poll is asked nothing.",
        ],
    },
];
