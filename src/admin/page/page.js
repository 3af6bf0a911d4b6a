// Shows what the server tells: /events is a stream of ten frames a second, and /state.json is one
// frame and what never changes. The page knows the server by these two, and by the orders that its
// buttons send.

import { follow, showClient } from "./client.js";
import { Diagram } from "./diagram.js";
import { counted, forget, remember, showBars, showTraffic, showTurn } from "./figures.js";
import { Grid } from "./grid.js";
import { find, inkOn, make, number, say, seconds, STATES, Times } from "./words.js";

const grid = new Grid(find("grid"), find("board"), placeRing);
// Those of the admin listener, in small squares.
const LARGEST_ADMIN = 4;
const admins = new Grid(find("admins"), find("admins-board"), () => {}, LARGEST_ADMIN);
const diagram = new Diagram(find("diagram"), find("arrows"));
let chosen = null; // The slot whose client is shown.
let pointed = null; // The slot under the mouse.

// ---- The stream.

// How long after the stream broke it is asked for again.
const RETRY_MS = 1000;
// After this long without a frame, from a server that sends ten a second, the stream has broken.
const SILENCE_MS_MAX = 5000;
const SILENCE_LOOK_MS = 1000;

let stream = null;
let hasOpened = false; // Whether the server has taken it up.
let retry = null;
let last = null; // The last frame.
let frames = 0; // How many have come.
let heard = performance.now(); // When the last came.
const shows = new Times();

function connect() {
  clearTimeout(retry);
  stream?.close();
  hasOpened = false;
  stream = new EventSource(chosen === null ? "/events" : `/events?slot=${chosen}`);
  stream.onopen = () => { hasOpened = true; };
  stream.onmessage = ({ data }) => {
    const began = performance.now();
    show(JSON.parse(data));
    shows.add(performance.now() - began);
  };
  stream.onerror = onBroken;
}

async function onBroken() {
  const broken = stream;
  broken.close();
  retry = setTimeout(connect, RETRY_MS);
  forget();
  const isGone = last?.stop_step || performance.now() - heard > SILENCE_MS_MAX;
  // One that answers, but not with a stream, has as many watchers as it wants.
  const isRefused = !hasOpened && await fetch("/healthz").then(({ ok }) => ok).catch(() => false);
  if (stream !== broken) return;
  document.body.dataset.stream = isRefused ? "refused" : isGone ? "gone" : "broken";
  showStatus();
}

setInterval(() => {
  const isLive = document.body.dataset.stream === "live";
  if (isLive && performance.now() - heard > SILENCE_MS_MAX) onBroken();
}, SILENCE_LOOK_MS);

function show(frame) {
  last = frame;
  frames += 1;
  heard = performance.now();
  remember(frame);
  Object.assign(document.body.dataset, { stream: "live", pace: frame.pace });
  grid.show(frame.grid, frame.served ?? "", frame.clients_max);
  admins.show(frame.admin.grid, frame.admin.served, 0);
  say(find("admins-count"), number(frame.admin.clients));
  say(find("clients"), number(frame.clients));
  say(find("clients-max"), number(frame.clients_max));
  for (const { name } of STATES) say(legend[name].count, number(frame.states[name] ?? 0));
  const ways = frame.arrows.map((_, index) => counted(({ arrows }) => arrows[index]));
  diagram.show(frame.states, counted(({ totals }) => totals.connections_accepted), ways);
  showTurn();
  showTraffic();
  showBars("closed", frame.totals.closed);
  showBars("timers", frame.timers);
  const due = frame.next_due_ms;
  say(find("next-due"), due === null ? "no deadline is next" : `the next in ${seconds(due)}`);
  const step = frame.last_step;
  say(find("last-step"), step === null ? "" : `Step ${number(step.number)}: ${step.says}.`);
  showClient(frame.client);
  showPointed();
  showStatus();
}

// ---- What the loop does, and the buttons that fit.

const PACES = {
  running: "Running at full speed.",
  paused: "Paused. Nothing is lost, and no client times out.",
  slow: "Slow motion: a pause after each step, in which no client times out.",
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
    live: STEPS[step] ?? PACES[pace],
    broken: "The stream broke. Reconnecting.",
    refused: "The server has no room for another watcher. Trying again each second.",
    gone: `The server ${step ? "has stopped" : "does not answer"}. Trying again each second.`,
  };
  say(find("status"), refusal ?? told[stream]);
  const isDeaf = stream !== "live" || step;
  find("pause").disabled = isDeaf || pace === "paused";
  find("resume").disabled = isDeaf || pace === "running";
  for (const id of ["step", "slow", "interval"]) find(id).disabled = isDeaf;
}

// How long the page says that an order was refused.
const REFUSAL_MS = 4000;
let refusal = null;

async function order(path) {
  const answer = await fetch(path, { method: "POST" }).catch(() => ({ status: "no answer" }));
  if (answer.status === 204) return;
  refusal = `The server refused ${path}: ${answer.status}.`;
  showStatus();
  setTimeout(() => {
    refusal = null;
    showStatus();
  }, REFUSAL_MS);
}

const orderSlow = () => order(`/slow?interval_ms=${find("interval").value}`);
for (const name of ["pause", "step", "resume"]) find(name).onclick = () => order(`/${name}`);
find("slow").onclick = orderSlow;
find("interval").onchange = () => document.body.dataset.pace === "slow" && orderSlow();

// ---- The choice of a slot, by mouse, keys or number.

function choose(slot) {
  chosen = slot;
  follow(slot);
  find("slot").value = slot;
  point(null);
  // For a screen reader. Not repeated when the state changes, which may be often.
  say(find("announced"), find("pointed").textContent);
  placeRing();
  find("ring").scrollIntoView({ block: "nearest" });
  // The stream tells of one client only, so that a watcher's cost is bounded.
  connect();
}

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

const legend = Object.fromEntries(STATES.map(({ name, letter, says }) => {
  const [item, swatch, count] = [make("li"), make("span", "swatch", letter), make("strong")];
  item.append(swatch, make("span", "", name), count, make("span", "says", says));
  find("legend").append(item);
  return [name, { swatch, count }];
}));

function showColours() {
  for (const it of [grid, admins]) {
    it.readColours();
    it.repaint();
  }
  for (const { name } of STATES) {
    const { style } = legend[name].swatch;
    style.background = grid.colours[name];
    style.color = inkOn(grid.colours[name]);
  }
}

matchMedia("(prefers-color-scheme: dark)").onchange = showColours;

// ---- The beginning.

async function begin() {
  const state = await fetch("/state.json").then((answer) => answer.json()).catch(() => null);
  if (state === null) return setTimeout(begin, RETRY_MS);
  diagram.build(state.diagram);
  say(find("listeners"), state.listeners.join(" and "));
  document.title = `oneloop at ${state.listeners[0]}`;
  connect();
}

/** What is shown, to be read by tests and by the curious. */
window.oneloop = Object.freeze({
  /** The last frame, as the server told it. */
  get frame() { return last; },
  /** How many frames have come. */
  get frames() { return frames; },
  /** How long the last frames took to be read and shown, but for the grid's painting. */
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
begin();
