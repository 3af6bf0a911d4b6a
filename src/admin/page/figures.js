// The figures: rates, the turn, the traffic of the last minute, and lists with bars.

import { bytes, draw, find, fraction, make, number, say } from "./words.js";

// ---- Rates: what counters gained in the last second, by the clock of this page, which goes on
// while the loop rests.

const WINDOW_MS = 1000;
const LATE_MS = 50;

let recent = []; // The frames of that second, and when each came.

export function remember(frame) {
  const now = performance.now();
  // Counters only grow, but for those of a server that was started again.
  if (frame.totals.turns < (recent.at(-1)?.frame.totals.turns ?? 0)) recent = [];
  recent.push({ now, frame });
  while (now - recent[0].now > WINDOW_MS + LATE_MS) recent.shift();
}

/** What was remembered says nothing of the time without a stream. */
export function forget() {
  recent = [];
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
  const sum = (name) => recent.reduce((sum, { frame }) => sum + frame.turn[name], 0);
  const [turns, worked, waited] = ["turns", "worked_us", "waited_us"].map(sum);
  const share = worked + waited > 0 ? (worked / (worked + waited)) * 100 : 0;
  find("turn-worked-bar").style.width = `${share}%`;
  say(find("turn-worked"), `working ${share.toFixed(1)} %`);
  say(find("turn-waited"), `waiting in poll ${(100 - share).toFixed(1)} %`);
  const { rate } = counted(({ totals }) => totals.turns);
  say(row("turn", "turns", "turns / s").value, number(rate));
  const work = turns > 0 ? `${number(worked / turns)} µs` : "–";
  say(row("turn", "worked", "work / turn").value, work);
  for (const [name, label] of Object.entries(IN_A_TURN)) {
    const average = turns > 0 ? (sum(name) / turns).toFixed(2) : "–";
    say(row("turn", name, `${label} / turn`).value, average);
  }
}

// ---- The traffic of the last minute, as lines.

const POINTS = 120;
const POINT_MS = 500;

class Sparkline {
  constructor(label, write, read) {
    [this.write, this.read] = [write, read];
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
  new Sparkline("Answers", fraction, ({ totals }) => totals.requests + totals.faults),
  new Sparkline("Received", bytes, ({ totals }) => totals.received_bytes),
  new Sparkline("Sent", bytes, ({ totals }) => totals.sent_bytes),
];
let pointed = 0; // When the last points were added.

export function showTraffic() {
  const now = performance.now();
  const isDue = now - pointed >= POINT_MS;
  if (isDue) pointed = now;
  for (const sparkline of sparklines) sparkline.show(isDue);
}
