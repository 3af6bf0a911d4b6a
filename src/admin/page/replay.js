// A recording as a source of frames. Its lines are the steps that --record has written; from them
// this works out what the server would have told the page at each of them.

import { find, KINDS_OF_DEADLINES, STATES } from "./words.js";

const TICK_MS = 100;
const STEPS_KEPT = 16;
const ANSWERS_KEPT = 12;
// After this number of steps all is copied, so that a step back needs few steps forward.
const COPIED_EVERY = 1000;

const LETTER_OF = Object.fromEntries(STATES.map(({ name, letter }) => [name, letter]));
const SERVED_LETTERS = 36;

/** What is so before the first step. */
const nothing = () => ({
  at: 0, slots: [], queue: [], answers: [], last: null, arrows: {}, stop: null,
  totals: {
    turns: 0, connections_accepted: 0, requests: 0, faults: 0, received_bytes: 0, sent_bytes: 0,
    events: 0, receives: 0, sends: 0, closed: {}, answers: {}, durations: [0],
  },
});

const joins = (now, { slot }) => {
  if (!now.queue.includes(slot)) now.queue = [...now.queue, slot];
};
const leaves = (now, { slot }) => {
  now.queue = now.queue.filter((other) => other !== slot);
};
const goesBehind = (now, step) => {
  leaves(now, step);
  joins(now, step);
};
const count = (counts, name) => { counts[name] = (counts[name] ?? 0) + 1; };

/** What each kind of step changes, besides that it was taken. */
const CHANGES = {
  accept: joins,
  told: joins,
  due: joins,
  yield: goesBehind,
  held: goesBehind,
  recv({ totals }, { returned, bytes = 0 }) {
    if (returned !== "Nothing") totals.receives += 1;
    totals.received_bytes += bytes;
  },
  send({ totals }, { bytes = 0 }) {
    totals.sends += 1;
    totals.sent_bytes += bytes;
  },
  answer(now, { at, slot, client, status, says }) {
    now.totals.requests += 1;
    count(now.totals.answers, `${String(status)[0]}xx`);
    const answer = { at, slot, client, text: `answer ${says}` };
    now.answers = [...now.answers, answer].slice(-ANSWERS_KEPT);
  },
  state(now, { before, after, answers, kept, owed }, client) {
    if (before !== after || answers > 0) count(now.arrows, `${before} ${after}`);
    Object.assign(client, { state: after, kept_bytes: kept, owed_bytes: owed });
    client.served += answers;
  },
  wait(now, step, client) {
    leaves(now, step);
    const { at, deadline: kind = "Source", rest } = step;
    client.deadline = rest === undefined ? null : { kind, due: at + rest };
  },
  close: ({ totals }, { reason }) => count(totals.closed, reason),
  free(now, step) {
    leaves(now, step);
    now.slots[step.slot] = null;
  },
};

/** Changes what is so `now` as a step of the server did. */
function take(now, step) {
  const { at, slot, client: number, step: verb, says } = step;
  now.at = at;
  if (verb === "poll") now.totals.turns += 1;
  if (verb === "stop") now.stop = "draining";
  if (number === undefined) return;
  now.last = { at, slot, client: number, text: `${verb} ${says}` };
  if (verb === "accept") {
    now.totals.connections_accepted += 1;
    now.slots[slot] = {
      slot, generation: number, peer: step.peer, state: step.state, served: 0,
      kept_bytes: 0, owed_bytes: 0, deadline: null, steps: [],
    };
  }
  const client = now.slots[slot];
  if (!client) return; // It came before the recording began.
  client.steps = [...client.steps, now.last].slice(-STEPS_KEPT);
  CHANGES[verb]?.(now, step, client);
}

export class Replay {
  now = nothing();
  position = 0; // How many steps have been taken.
  clock = 0; // How far it has been played, in seconds of the recording.
  isPlaying = true;
  slot = null;
  copies = new Map(); // What was so after that number of steps.

  /** `text` has a line of what never changes, and one for each step. */
  constructor(text) {
    const lines = text.split("\n").filter((line) => line.startsWith("{"));
    const [facts, ...steps] = lines.map((line) => JSON.parse(line));
    this.facts = facts;
    this.steps = steps.filter(({ admin }) => admin === undefined);
    this.clock = this.steps[0]?.at ?? 0;
    this.end = this.steps.at(-1)?.at ?? 0;
  }

  start(begun, show) {
    this.show = show;
    document.body.dataset.source = "recording";
    find("resume").textContent = "Play";
    find("position").max = this.steps.length;
    find("position").oninput = () => this.order("seek");
    begun({ ...this.facts, ...this.frame(), listeners: ["a recording"], minute: [] });
    this.tell();
    setInterval(() => this.isPlaying && this.tick(), TICK_MS);
  }

  tick() {
    this.clock = Math.min(this.end, this.clock + (TICK_MS / 1000) * find("speed").value);
    while (this.steps[this.position]?.at <= this.clock) this.forward();
    this.isPlaying = this.position < this.steps.length;
    this.tell();
  }

  forward() {
    const { position } = this;
    if (position % COPIED_EVERY === 0) this.copies.set(position, structuredClone(this.now));
    take(this.now, this.steps[position]);
    this.position += 1;
  }

  seek(wanted) {
    const position = Math.max(0, Math.min(wanted, this.steps.length));
    if (position < this.position) {
      this.position = position - (position % COPIED_EVERY);
      this.now = structuredClone(this.copies.get(this.position) ?? nothing());
    }
    while (this.position < position) this.forward();
    this.clock = this.now.at;
  }

  async order(name) {
    this.isPlaying = name === "resume";
    if (name === "resume" && this.position === this.steps.length) this.seek(0);
    if (name === "step") this.seek(this.position + 1);
    if (name === "back") this.seek(this.position - 1);
    if (name === "seek") this.seek(find("position").valueAsNumber);
    this.tell();
    return null;
  }

  choose(slot) {
    this.slot = slot;
    this.tell();
  }

  tell() {
    find("position").value = this.position;
    this.show(this.frame());
  }

  get says() {
    const [at, end] = [this.now.at, this.end].map((time) => time.toFixed(3));
    const how = this.isPlaying ? "Playing" : "Paused";
    return `${how} at ${at} of ${end} s, step ${this.position} of ${this.steps.length}.`;
  }

  /** What the server's frame would have said. */
  frame() {
    const { at, slots, queue, answers, last, arrows, totals, stop } = this.now;
    const clock = this.isPlaying ? Math.max(at, this.clock) : at;
    const clients = slots.filter((client) => client);
    const deadlines = clients.flatMap(({ deadline }) => deadline ?? []);
    const [states, timers] = [{}, {}];
    for (const { state } of clients) count(states, state);
    for (const name of Object.values(KINDS_OF_DEADLINES)) timers[name] = 0;
    for (const { kind } of deadlines) count(timers, KINDS_OF_DEADLINES[kind]);
    const next = Math.min(...deadlines.map(({ due }) => due));
    const told = last && `client ${last.client} in slot ${last.slot}: ${last.text}`;
    const letters = (of) => Array.from(slots, (client) => (client ? of(client) : "."));
    return {
      at: clock, public_at: clock, pace: this.isPlaying ? "running" : "paused", stop_step: stop,
      clients: clients.length, clients_max: Math.max(24, slots.length),
      grid: letters(({ state }) => LETTER_OF[state]).join(""),
      served: letters(({ served }) => String.fromCharCode(48 + (served % SERVED_LETTERS))).join(""),
      states, timers, answers, last, totals: { ...totals }, turn: null,
      arrows: this.facts.diagram.map(({ from, to }) => arrows[`${from} ${to}`] ?? 0),
      queue: { count: queue.length, slots: queue, waiting: false },
      last_step: { number: this.position, says: told ?? "before the first client came" },
      next_due_ms: deadlines.length > 0 ? (next - clock) * 1000 : null,
      admin: { clients: 0, grid: "", served: "" },
      client: this.view(slots[this.slot], clock),
    };
  }

  view(client, clock) {
    if (!client) return null;
    const { deadline } = client;
    const rest = deadline && {
      class: KINDS_OF_DEADLINES[deadline.kind], rest_ms: (deadline.due - clock) * 1000,
    };
    return { ...client, kept: "", owed: "", deadline: rest };
  }
}
