// What the parts of the page share: the states, how numbers are written, and how elements are made.

export const STATES = [
  { letter: "F", name: "Fresh", says: "accepted; nothing has come yet" },
  { letter: "R", name: "ReadingProxyHeader", says: "its PROXY header has to come first" },
  { letter: "I", name: "Idle", says: "between two requests" },
  { letter: "H", name: "ReadingHead", says: "part of a head has arrived" },
  { letter: "B", name: "ReadingBody", says: "part of a request is still to come" },
  { letter: "W", name: "Writing", says: "the server owes it bytes" },
  { letter: "P", name: "Pausing", says: "its answer continues later" },
  { letter: "L", name: "Lingering", says: "answered; waiting for its end" },
  { letter: "C", name: "Closed", says: "ended; its slot is being freed" },
];

/** What the kinds of deadlines are called in a recording, and what frames call them. */
export const KINDS_OF_DEADLINES = {
  FirstByte: "first byte", Idle: "idle", TypingGrace: "typing grace", Head: "head", Body: "body",
  Write: "write", Linger: "linger", Source: "source",
};

export const find = (id) => document.getElementById(id);

export const number = (value) => Math.round(value).toLocaleString("en");

/** A number, with one decimal if it is small. */
export const fraction = (value) =>
  value > 0 && value < 9.95 && !Number.isInteger(value) ? value.toFixed(1) : number(value);

export function bytes(value) {
  if (value < 1024) return `${number(value)} B`;
  if (value < 1024 ** 2) return `${fraction(value / 1024)} KiB`;
  return `${fraction(value / 1024 ** 2)} MiB`;
}

export const seconds = (millis) => `${(millis / 1000).toFixed(1)} s`;

/** Changes the page only if the text is new, so that nothing is laid out or read out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** An element of an SVG. */
export function draw(tag, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** How long something took the last hundred times, in milliseconds. */
export class Times {
  kept = [];

  add(time) {
    this.kept.push(time);
    if (this.kept.length > 100) this.kept.shift();
  }
}

/** Black or white, whichever has the greater contrast to `colour`, which is written #rrggbb. */
export function inkOn(colour) {
  const light = (at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2;
  const luminance = 0.2126 * light(1) + 0.7152 * light(3) + 0.0722 * light(5);
  return luminance > 0.18 ? "#000000" : "#ffffff";
}
