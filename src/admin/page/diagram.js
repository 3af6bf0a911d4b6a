// The state machine, laid out by hand. The server names the transitions; their lines are here.

import { draw, fraction, number, say, STATES } from "./words.js";

// The middle of each state's box.
const BOXES = {
  Fresh: [95, 60], ReadingHead: [330, 60], ReadingBody: [620, 60],
  Idle: [95, 220], Writing: [865, 220],
  ReadingProxyHeader: [95, 480],
  Closed: [330, 390], Lingering: [620, 390], Pausing: [865, 390],
};

// Each way's line, and how much of it lies before its number.
const LINES = {
  "ReadingProxyHeader Fresh": ["M20 480 C-45 400 -45 120 20 70", 0.5],
  "ReadingProxyHeader Closed": ["M171 480 C260 480 320 460 328 421", 0.4],
  "ReadingProxyHeader Lingering": ["M171 490 C400 490 560 470 600 421", 0.4],
  "Fresh ReadingHead": ["M171 60 H252", 0.45],
  "Fresh ReadingBody": ["M150 31 C250 3 460 3 566 30", 0.5],
  "Fresh Writing": ["M152 89 C250 180 600 150 788 208", 0.3],
  "Fresh Lingering": ["M140 89 C200 190 480 240 596 359", 0.4],
  "Fresh Closed": ["M34 89 C-8 180 -8 330 60 372 C110 402 180 402 251 400", 0.6],
  "Idle ReadingHead": ["M110 191 C130 130 180 88 264 84", 0.5],
  "Idle ReadingBody": ["M145 191 C230 135 430 140 556 92", 0.32],
  "Idle Writing": ["M171 206 H787", 0.38],
  "Idle Lingering": ["M126 249 C190 335 430 318 560 361", 0.5],
  "Idle Closed": ["M85 249 C90 340 160 388 251 391", 0.5],
  "ReadingHead ReadingBody": ["M406 60 H542", 0.45],
  "ReadingHead Writing": ["M392 89 C500 140 690 130 803 189", 0.68],
  "ReadingHead Closed": ["M315 89 V358", 0.84],
  "ReadingBody Writing": ["M696 55 C800 60 866 110 872 188", 0.45],
  "ReadingBody Closed": ["M600 89 C570 200 450 300 378 358", 0.66],
  "Writing Idle": ["M789 234 H173", 0.38],
  "Writing ReadingBody": ["M838 191 C826 145 770 105 692 88", 0.5],
  "Writing Pausing": ["M836 249 V358", 0.45],
  "Writing Lingering": ["M815 249 C795 320 750 360 698 377", 0.5],
  "Writing Closed": ["M790 244 C700 300 540 340 408 378", 0.5],
  "Pausing Writing": ["M898 361 V251", 0.45],
  "Pausing Closed": ["M840 419 C740 468 460 468 372 421", 0.5],
  "Lingering Closed": ["M544 396 H408", 0.5],
};
const ACCEPT = ["M95 2 V29", 0];

const BOX = { width: 150, height: 56 };
const SQUEEZED = { textLength: 132, lengthAdjust: "spacingAndGlyphs" };
// Of a number on a line, in the SVG's units.
const DIGIT_WIDTH = 9.5;

export class Diagram {
  /** `list` is a table's body, which says the same in words. */
  constructor(svg, list) {
    [this.svg, this.list] = [svg, list];
    const size = { viewBox: "0 0 8 8", markerWidth: 9, markerHeight: 9, refX: 7, refY: 4 };
    const kind = { id: "tip", orient: "auto", markerUnits: "userSpaceOnUse" };
    const tip = draw("marker", { ...kind, ...size });
    tip.append(draw("path", { d: "M0 0L8 4L0 8z", fill: "context-stroke" }));
    svg.append(tip);
    this.ways = [];
    this.counts = {};
  }

  /** Draws what the server says there is: lines first, and the boxes over their ends. */
  build(ways) {
    this.accept = this.addWay(ACCEPT, "A client is accepted");
    for (const { from, event, to } of ways) {
      const way = this.addWay(LINES[`${from} ${to}`] ?? ["", 0], `${from} to ${to}: ${event}`);
      way.group.classList.toggle("ends", to === "Closed");
      way.group.dataset.way = `${from} ${to}`;
      way.row = this.list.insertRow();
      for (const text of [from, to, event, "", ""]) way.row.insertCell().textContent = text;
      this.ways.push(way);
    }
    for (const [name, [x, y]] of Object.entries(BOXES)) this.addBox(name, x, y);
  }

  addBox(name, x, y) {
    const group = draw("g", { class: "state", "data-state": name });
    const corner = { x: x - BOX.width / 2, y: y - BOX.height / 2 };
    const stripe = draw("rect", { ...corner, width: 10, height: BOX.height });
    stripe.style.fill = stripe.style.stroke = `var(--${name})`;
    const count = draw("text", { class: "count", x: x + 5, y: y + 21 }, "0");
    const { says, letter } = STATES.find((state) => state.name === name);
    const label = draw("text", { class: "name", x: x + 5, y: y - 6 }, name);
    // The longest name is as wide as the box.
    if (name.length > 12) Object.entries(SQUEEZED).forEach((it) => label.setAttribute(...it));
    const sign = draw("text", { class: "letter", x: x - 36, y: y + 14 }, letter);
    const box = draw("rect", { ...corner, ...BOX });
    group.append(draw("title", {}, `${name}: ${says}`), box, stripe, label, sign, count);
    this.svg.append(group);
    this.counts[name] = count;
  }

  addWay([line, part], title) {
    const group = draw("g", { class: "way" });
    const path = draw("path", { d: line, "marker-end": "url(#tip)" });
    const [box, text] = [draw("rect", { height: 21, rx: 3 }), draw("text", {})];
    group.append(draw("title", {}, title), path, box, text);
    this.svg.append(group);
    const place = line ? path.getPointAtLength(path.getTotalLength() * part) : { x: 0, y: 0 };
    return { group, box, text, x: place.x, y: place.y };
  }

  /** Shows the clients in each state; for `accepted` and each of `ways` the sum and the rate. */
  show(states, accepted, ways) {
    for (const [name, count] of Object.entries(this.counts)) say(count, number(states[name] ?? 0));
    this.showWay(this.accept, accepted);
    ways.forEach((counted, index) => {
      const way = this.ways[index];
      this.showWay(way, counted);
      say(way.row.cells[3], fraction(counted.rate));
      say(way.row.cells[4], number(counted.all));
    });
  }

  showWay({ group, box, text, x, y }, { all, rate }) {
    const moves = rate > 0;
    const told = moves ? `${fraction(rate)}/s` : all > 0 ? number(all) : "";
    group.classList.toggle("moves", moves);
    if (text.textContent === told) return;
    text.textContent = told;
    const width = told.length * DIGIT_WIDTH + (told ? 8 : 0);
    const frame = { x: x - width / 2, y: y - 11, width };
    for (const [name, value] of Object.entries(frame)) box.setAttribute(name, value);
    text.setAttribute("x", x);
    text.setAttribute("y", y + 5);
  }
}
