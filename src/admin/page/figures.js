// The figures: rates, the turn, how long requests took, the traffic of the last minute, the last
// answers, and lists with bars.

import { bytes, draw, find, fraction, make, number, say, seconds } from "./words.js";

// ---- Rates: what counters gained in the last second, by the clock of this page, which goes on
// while the loop rests.

const WINDOW_MS = 1000;
const LATE_MS = 50;

let recent = []; // The frames of that second, and when each came.

export function remember(frame) {
  const now = performance.now();
  // Counters only grow, but for those of a server that was started again.
  if (frame.totals.turns < (recent.at(-1)?.frame.totals.turns ?? 0)) forget();
  recent.push({ now, frame });
  while (now - recent[0].now > WINDOW_MS + LATE_MS) recent.shift();
}

/** What was remembered says nothing of the time without a stream. */
export function forget() {
  [recent, durations] = [[], []];
}

/** Of a counter that `read` takes from a frame: how many in all, and the rate a second. */
export function counted(read) {
  const [first, last] = [recent[0], recent.at(-1)];
  // Rates of the first moments would be wild.
  const seconds = Math.max(last.now - first.now, WINDOW_MS / 2) / 1000;
  return { all: read(last.frame), rate: (read(last.frame) - read(first.frame)) / seconds };
}

// ---- Lists of names and numbers.

const rows = new Map();

/** The row of `name` in the list of this id. It stays once it is made. */
function row(list, name, label = name) {
  const key = `${list} ${name}`;
  if (!rows.has(key)) {
    const [line, bar, value] = [make("div"), make("span"), make("dd")];
    const frame = make("dd", "bar");
    frame.append(bar);
    line.append(make("dt", "", label), frame, value);
    line.dataset.name = name;
    find(list).append(line);
    rows.set(key, { bar, value });
  }
  return rows.get(key);
}

/** Numbers with their bars. A name appears once it counts something. */
export function showBars(list, counts) {
  const most = Math.max(1, ...Object.values(counts));
  for (const [name, count] of Object.entries(counts)) {
    if (count === 0 && !rows.has(`${list} ${name}`)) continue;
    const { bar, value } = row(list, name);
    bar.style.width = `${(count / most) * 100}%`;
    say(value, number(count));
  }
}

// ---- The turns of the last second.

const IN_A_TURN = { events: "events", receives: "recv", sends: "send", accepts: "accepts" };

export function showTurn() {
  // A recording knows nothing of the time between its steps.
  if (recent.at(-1).frame.turn === null) return;
  const sum = (name) => recent.reduce((sum, { frame }) => sum + frame.turn[name], 0);
  const [turns, worked] = ["busy", "busy_worked_us"].map(sum);
  const [all, waited] = ["worked_us", "waited_us"].map(sum);
  const share = all + waited > 0 ? (worked / (all + waited)) * 100 : 0;
  find("turn-worked-bar").style.width = `${share}%`;
  say(find("turn-worked"), `working ${share.toFixed(1)} %`);
  say(find("turn-waited"), `waiting in poll ${(100 - share).toFixed(1)} %`);
  const span = recent.at(-1).now - recent[0].now;
  say(row("turn", "turns", "turns / s").value, number(span > 0 ? (turns / span) * 1000 : 0));
  const work = turns > 0 ? `${number(worked / turns)} µs` : "–";
  say(row("turn", "worked", "work / turn").value, work);
  for (const [name, label] of Object.entries(IN_A_TURN)) {
    const average = turns > 0 ? (sum(name) / turns).toFixed(2) : "–";
    say(row("turn", name, `${label} / turn`).value, average);
  }
  showLatency();
}

// ---- How long requests took: of the last ten seconds, how many took at most 1 ms, 2 ms, 4 ms …

const LATENCY_MS = 10_000;
const PARTS = { "half of them": 0.5, "99 of 100": 0.99, all: 1 };

let durations = []; // These counts, a second apart, and when they came.

function showLatency() {
  const { now, frame: { totals } } = recent.at(-1);
  const isDue = durations.length === 0 || now - durations.at(-1).now >= WINDOW_MS;
  if (isDue) durations.push({ now, counts: totals.durations });
  while (now - durations[0].now > LATENCY_MS + LATE_MS) durations.shift();
  const counts = totals.durations.map((count, at) => count - durations[0].counts[at]);
  for (const [name, part] of Object.entries(PARTS)) {
    const bound = counts.findIndex((count) => count >= counts.at(-1) * part);
    const isLast = bound === counts.length - 1;
    const told = isLast ? "longer" : `≤ ${bound < 10 ? `${2 ** bound} ms` : seconds(2 ** bound)}`;
    say(row("latency", name).value, counts.at(-1) > 0 ? told : "–");
  }
}

// ---- The last answers.

export function showAnswers({ answers, totals }, choose) {
  const given = Object.entries(totals.answers).filter(([, count]) => count > 0);
  const told = given.map(([name, count]) => `${name}: ${number(count)}`).join(", ");
  say(find("statuses"), told || "None yet.");
  showSteps(find("answers"), answers, "None since the page was opened.", choose);
}

/** Steps as `--explain` tells them, the last one below; with a button to `choose` each client. */
export function showSteps(list, steps, none, choose = null) {
  const key = steps.map(({ at, client, text }) => `${at} ${client} ${text}`).join("\n");
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...steps.map(({ at, slot, text }) => {
    // A verb, a gap, a sentence.
    const [, verb, sentence] = text.match(/^(\S*)\s*(.*)$/);
    const step = make("li");
    const who = choose ? make("button", "", `slot ${slot}`) : make("b", "", verb);
    if (choose) who.onclick = () => choose(slot);
    step.append(make("time", "", `${at.toFixed(3)} s`), who, ` ${sentence}`);
    return step;
  }));
  if (steps.length === 0) list.append(make("li", "note", none));
  list.scrollTop = list.scrollHeight;
}

// ---- The traffic of the last minute, as lines.

const POINTS = 120;
const POINT_MS = 500;

class Sparkline {
  /** `past` says where a note of the last minute has it. */
  constructor(label, past, write, read) {
    [this.past, this.write, this.read] = [past, write, read];
    this.points = [];
    this.line = draw("polyline", {});
    const svg = draw("svg", { viewBox: `0 0 ${POINTS - 1} 40`, preserveAspectRatio: "none" });
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.line);
    [this.now, this.most] = [make("strong"), make("span")];
    const [told, name] = [make("p"), make("span", "", `${label} `)];
    name.append(this.now);
    told.append(name, this.most);
    const part = make("div");
    part.append(told, svg);
    find("traffic").append(part);
  }

  /** Fills in the minute before the page was opened. */
  recall(notes, now) {
    const sumAt = (time) => {
      const after = notes.findIndex(([at]) => at >= time);
      if (after < 1) return notes.at(after)?.[this.past] ?? 0;
      const [one, other] = [notes[after - 1], notes[after]];
      const part = (time - one[0]) / (other[0] - one[0]);
      return one[this.past] + part * (other[this.past] - one[this.past]);
    };
    const ago = (point) => ((POINTS - point) * POINT_MS) / 1000;
    const sums = Array.from({ length: POINTS + 1 }, (_, point) => sumAt(now - ago(point)));
    this.points = sums.slice(1).map((sum, at) => ((sum - sums[at]) / POINT_MS) * 1000);
  }

  show(isDue) {
    const { rate } = counted(this.read);
    say(this.now, `${this.write(rate)}/s`);
    if (!isDue) return;
    this.points.push(rate);
    if (this.points.length > POINTS) this.points.shift();
    const most = Math.max(...this.points);
    say(this.most, `at most ${this.write(most)}/s`);
    const left = POINTS - this.points.length;
    const top = (point) => 39 - (most > 0 ? (point / most) * 38 : 0);
    const points = this.points.map((point, index) => `${left + index},${top(point).toFixed(1)}`);
    this.line.setAttribute("points", points.join(" "));
  }
}

const sparklines = [
  new Sparkline("Answers", 1, fraction, ({ totals }) => totals.requests + totals.faults),
  new Sparkline("Received", 2, bytes, ({ totals }) => totals.received_bytes),
  new Sparkline("Sent", 3, bytes, ({ totals }) => totals.sent_bytes),
];
let drawn = 0; // When the last points were added.

/** What the server has kept of the last minute. */
export function recall({ minute, at, totals }) {
  const { requests, faults, received_bytes: received, sent_bytes: sent } = totals;
  const notes = [...minute, [at, requests + faults, received, sent]];
  for (const sparkline of sparklines) sparkline.recall(notes, at);
}

export function showTraffic() {
  const now = performance.now();
  const isDue = now - drawn >= POINT_MS;
  if (isDue) drawn = now;
  for (const sparkline of sparklines) sparkline.show(isDue);
}
