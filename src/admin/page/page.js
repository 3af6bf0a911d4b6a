// Shows frames: what the server is doing at a moment, ten times a second. They come from the
// running server, or from a recording that is in the page.

import { follow, showClient } from "./client.js";
import { Diagram } from "./diagram.js";
import {
  counted, forget, recall, remember, showAnswers, showBars, showTraffic, showTurn,
} from "./figures.js";
import { Grid, HEAT } from "./grid.js";
import { Live } from "./live.js";
import { RunQueue } from "./queue.js";
import { Replay } from "./replay.js";
import { find, inkOn, make, number, say, seconds, STATES, Times } from "./words.js";

const grid = new Grid(find("grid"), find("board"), placeRing);
// Those of the admin listener, in small squares.
const LARGEST_ADMIN = 4;
const admins = new Grid(find("admins"), find("admins-board"), () => {}, LARGEST_ADMIN);
const diagram = new Diagram(find("diagram"), find("arrows"));
const queue = new RunQueue(find("queue"), find("queued"), choose);
const recording = find("recording");
const source = recording ? new Replay(recording.textContent) : new Live();
let chosen = null; // The slot whose client is shown.
let pointed = null; // The slot under the mouse.
let last = null; // The last frame.
let frames = 0; // How many have come.
const shows = new Times();

function show(frame) {
  const began = performance.now();
  last = frame;
  frames += 1;
  remember(frame);
  Object.assign(document.body.dataset, { stream: "live", pace: frame.pace });
  grid.show(frame.grid, frame.served ?? "", frame.clients_max);
  admins.show(frame.admin.grid, frame.admin.served, 0);
  queue.show(frame.queue, grid, frame.pace !== "running");
  say(find("admins-count"), number(frame.admin.clients));
  say(find("clients"), number(frame.clients));
  say(find("clients-max"), number(frame.clients_max));
  for (const { name } of STATES) say(legend[name].count, number(frame.states[name] ?? 0));
  const ways = frame.arrows.map((_, index) => counted(({ arrows }) => arrows[index]));
  diagram.show(frame.states, counted(({ totals }) => totals.connections_accepted), ways);
  showTurn();
  showTraffic();
  showAnswers(frame, choose);
  showBars("closed", frame.totals.closed);
  showBars("timers", frame.timers);
  const due = frame.next_due_ms;
  say(find("next-due"), due === null ? "no deadline is next" : `the next in ${seconds(due)}`);
  say(find("last-step"), lastStep(frame));
  showClient(frame.client);
  showPointed();
  showStatus();
  shows.add(performance.now() - began);
}

/** One line: what the loop has just done, and who is next; or that it sleeps. */
function lastStep({ public_at: at, pace, last, last_step: step, queue, next_due_ms: due }) {
  if (source.says) return `Step ${number(step.number)}, ${step.says}`;
  if (pace !== "running") {
    const next = queue.count > 0 ? `Next: the client in slot ${queue.slots[0]}.`
      : queue.waiting ? "Next: a connection is accepted."
      : "No client can run: the loop would sleep.";
    if (step === null) return next;
    const told = `Step ${number(step.number)}: ${step.says}.`;
    return step.says.startsWith("no client") ? told : `${told} ${next}`;
  }
  // A frame's time, and that of a step that was taken since the frame before.
  const isRecent = last !== null && at - last.at < 0.15;
  if (isRecent) return `Just now, client ${last.client} in slot ${last.slot}: ${last.text}`;
  const since = last === null ? "" : `, since ${last.at.toFixed(3)} s`;
  return `Asleep in poll${since}; ${due === null ? "no deadline is next" : `the next deadline in ${
    seconds(due)}`}.`;
}

// ---- What the loop does, and the buttons that fit.

const PACES = {
  running: () => "Running at full speed.",
  paused: (at) => `Paused at ${at} s. Nothing is lost, and no client times out.`,
  slow: (at) => `Slow motion, at ${at} s: no client times out.`,
};

const STEPS = {
  announcing: "Stopping: that is announced; new clients are accepted as before.",
  closing: "Stopping: clients that wait are accepted, and then no more.",
  draining: "Stopping: no new clients; the present ones may finish.",
  ended: "Stopping: all clients are done.",
};

function showStatus() {
  const { stream, pace } = document.body.dataset;
  const step = last?.stop_step;
  const told = {
    connecting: "Connecting.",
    live: source.says ?? STEPS[step] ?? PACES[pace](last?.public_at.toFixed(3)),
    broken: "The stream broke. Reconnecting.",
    refused: "The server has no room for another watcher. Trying again each second.",
    gone: `The server ${step ? "has stopped" : "does not answer"}. Trying again each second.`,
  };
  say(find("status"), refusal ?? told[stream]);
  const isDeaf = stream !== "live" || (step && !recording);
  find("pause").disabled = isDeaf || pace === "paused";
  find("resume").disabled = isDeaf || pace === "running";
  for (const id of ["step", "slow", "interval"]) find(id).disabled = isDeaf;
}

// How long the page says that an order was refused.
const REFUSAL_MS = 4000;
let refusal = null;

async function order(name) {
  const refused = await source.order(name, find("interval").value);
  if (refused === null) return;
  refusal = refused;
  showStatus();
  setTimeout(() => {
    refusal = null;
    showStatus();
  }, REFUSAL_MS);
}

const ORDERS = ["pause", "step", "resume", "slow", "back"];
for (const name of ORDERS) find(name).onclick = () => order(name);
find("interval").onchange = () => document.body.dataset.pace === "slow" && order("slow");

const KEYS = {
  " ": () => find(document.body.dataset.pace === "running" ? "pause" : "resume").click(),
  ".": () => find("step").click(),
  ",": () => find("back").click(),
  h: () => find("heat").click(),
  Escape: () => choose(null),
};

document.onkeydown = (event) => {
  const isTyping = event.target.matches("input[type=number], select, button, summary");
  const isPlain = !(event.ctrlKey || event.metaKey || event.altKey);
  const act = isPlain && (!isTyping || event.key === "Escape") && KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};

// ---- The choice of a slot, by mouse, keys or number.

function choose(slot) {
  chosen = slot;
  find("drawer").hidden = slot === null;
  follow(slot);
  find("slot").value = slot;
  say(find("pointed"), "Click a square, or move with the arrow keys.");
  point(null);
  // For a screen reader. Not repeated when the state changes, which may be often.
  say(find("announced"), slot === null ? "" : find("pointed").textContent);
  placeRing();
  if (slot !== null) find("ring").scrollIntoView({ block: "nearest" });
  source.choose(slot);
}

find("close").onclick = () => choose(null);

function placeRing() {
  const isSeen = chosen !== null && chosen < grid.codes.length;
  find("ring").hidden = !isSeen;
  if (!isSeen) return;
  const { left, top, width } = grid.place(chosen);
  const { offsetLeft, offsetTop } = find("grid");
  const { style } = find("ring");
  style.transform = `translate(${offsetLeft + left}px, ${offsetTop + top}px)`;
  style.width = style.height = `${width}px`;
}

/** Says what a square is that may be too small for a letter. */
function showPointed() {
  const slot = pointed ?? chosen;
  if (slot === null) return;
  say(find("pointed"), `Slot ${slot}: ${grid.kind(slot).name}`);
}

function point(slot) {
  pointed = slot;
  showPointed();
}

const slotUnder = ({ offsetX, offsetY }) => grid.slotAt(offsetX, offsetY);
find("grid").onpointermove = (event) => point(slotUnder(event));
find("grid").onpointerleave = () => point(null);
find("grid").onclick = (event) => slotUnder(event) !== null && choose(slotUnder(event));
find("grid").onkeydown = (event) => {
  const { columns, codes } = grid;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const slot = chosen === null ? 0 : chosen + step;
  if (slot >= 0 && slot < codes.length) choose(slot);
};
find("choose").onsubmit = (event) => {
  event.preventDefault();
  if (find("slot").value !== "") choose(find("slot").valueAsNumber);
};

// ---- The legend, and the colours.

const OTHERS = [
  { letter: "", name: "free", says: "a slot without a client" },
  { letter: "", name: "flash", says: "darker for a moment: a change, or an answer" },
  { letter: "", name: "ring", says: "the client that you have chosen" },
];

function addToLegend({ name, letter, says }, kind) {
  const [item, swatch, count] = [make("li", kind), make("span", "swatch", letter), make("strong")];
  swatch.dataset.name = name;
  item.append(swatch, make("span", "", name), count, make("span", "says", says));
  find("legend").append(item);
  return { swatch, count };
}

const legend = Object.fromEntries(STATES.map((it) => [it.name, addToLegend(it, "of-states")]));
for (const it of HEAT) legend[it.name] = addToLegend(it, "of-heat");
for (const it of OTHERS) addToLegend(it, "");

function showColours() {
  for (const it of [grid, admins]) {
    it.readColours();
    it.repaint();
  }
  for (const { name } of [...STATES, ...HEAT]) {
    const background = grid.colours[name];
    Object.assign(legend[name].swatch.style, { background, color: inkOn(background) });
  }
}

find("heat").onchange = ({ target }) => {
  document.body.dataset.heat = target.checked ? "on" : "";
  grid.setHeat(target.checked);
};

matchMedia("(prefers-color-scheme: dark)").onchange = showColours;

// ---- The beginning.

function begun(state) {
  diagram.build(state.diagram);
  recall(state);
  say(find("listeners"), state.listeners.join(" and "));
  document.title = `oneloop at ${state.listeners[0]}`;
}

function broken(how) {
  forget();
  document.body.dataset.stream = how;
  showStatus();
}

/** What the page knows of itself, for those who look at it from the console, and for its tests. */
window.oneloop = Object.freeze({
  /** The last frame, as the server told it. */
  get frame() { return last; },
  /** How many frames have come. */
  get frames() { return frames; },
  /** How long the last frames took to be shown, but for the grid's painting. */
  get shows() { return [...shows.kept]; },
  /** How long the last paintings of the grid took, in milliseconds as above. */
  get paints() { return [...grid.paints.kept]; },
  /** The colours of the style sheet: of the states, and `free`. */
  get colours() { return { ...grid.colours }; },
  /** Whether the square of a slot still flashes. */
  flashes: (slot) => grid.changedAt[slot] > 0,
  /** The square of a slot: left, top and width in CSS pixels from the canvas' corner. */
  place: (slot) => grid.place(slot),
});

showColours();
showStatus();
source.start(begun, show, broken);
