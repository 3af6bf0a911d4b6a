// The slab as a grid of squares on a canvas. A square is painted when its slot has changed, and
// while its flash fades; the whole grid only when its size or its colours change.

import { inkOn, STATES, Times } from "./words.js";

// A frame spells a slot as its state's letter, and as a dot if it is free.
const FREE = ".".charCodeAt(0);
const KINDS = new Map([[FREE, { name: "free", letter: "" }]]);
for (const { name, letter } of STATES) KINDS.set(letter.charCodeAt(0), { name, letter });

/** The colours of heat. A frame tells of up to 35 answers since the one before. */
const RATES = ["0", "1", "2 or 3", "4 to 7", "8 to 15", "16 to 31", "32 to 63", "64 or more"];
export const HEAT = RATES.map((rate, level) =>
  ({ name: `heat-${level}`, letter: "", says: `${rate} answers a second` }));
for (const [level, { name }] of HEAT.entries()) KINDS.set(level, { name, letter: "" });
const FRAMES_A_SECOND = 10;
const LETTERS = 36; // Of counts, as a frame spells them.

/** The count of a slot's answers, as a frame spells it: it leaves out the zeros at the end. */
const ZERO = "0".charCodeAt(0);
const countAt = (served, slot) => (slot < served.length ? served.charCodeAt(slot) : ZERO);

// A square's side with the gap behind it, in CSS pixels: the largest with which all slots fit, and
// if none does, the last, and the board scrolls.
const SIDES = [72, 56, 44, 34, 28, 22, 18, 14, 11, 9, 8, 7, 6, 5];
const LETTER_SIDE_MIN = 18;
const NUMBER_SIDE_MIN = 40;

// Letters stay legible.
const FLASH_STRENGTH = 0.35;
const FADE_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 700;
// When more squares than this change at once, flashes tell nothing any more, and cost most.
const FLASHES_MAX = 2000;

export class Grid {
  /** `laid` is called when squares have moved. None is larger than this one of `SIDES`. */
  constructor(canvas, board, laid, largest = 0) {
    [this.canvas, this.board, this.laid] = [canvas, board, laid];
    this.largest = largest;
    this.brush = canvas.getContext("2d", { alpha: false });
    this.text = ""; // As the last frame spelled the slots.
    this.served = "";
    this.slotsMax = 0;
    this.heat = null; // In heat mode the answers of each slot in about the last second.
    this.codes = new Uint8Array(0); // What each square shows: more than the slots, if they fit.
    this.changed = []; // The squares that are to be painted.
    this.changedAt = new Float64Array(0); // When each of them changed; of the others 0.
    this.level = largest; // Which of SIDES.
    this.paints = new Times();
    this.readColours();
    new ResizeObserver(() => this.lay()).observe(board);
  }

  /** The style sheet knows them, and whether it is light or dark. */
  readColours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = { free: read("free"), flash: read("flash"), panel: read("panel") };
    for (const { name } of [...STATES, ...HEAT]) this.colours[name] = read(name);
  }

  /** Shows a frame's slots; at most `slotsMax` can ever be in use. When a slot's character in
   * `served` changes, its client was answered: most are in other states for a moment only. */
  show(text, served, slotsMax) {
    const end = Math.max(text.length, this.text.length);
    const [isNew, servedBefore] = [slotsMax !== this.slotsMax, this.served];
    [this.text, this.served, this.slotsMax] = [text, served, slotsMax];
    if (this.heat !== null) this.warm(servedBefore, end);
    if (isNew || text.length > this.codes.length || this.couldBeLarger()) return this.lay();
    const now = performance.now();
    for (let slot = 0; slot < end; slot++) {
      const code = this.codeOf(slot);
      const isAnswered = this.heat === null && code !== FREE
        && countAt(served, slot) !== countAt(servedBefore, slot);
      if (code === this.codes[slot] && !isAnswered) continue;
      this.codes[slot] = code;
      if (this.changedAt[slot] === 0) this.changed.push(slot);
      this.changedAt[slot] = this.heat === null ? now : -FADE_MS; // Heat does not flash.
    }
    this.paintSoon();
  }

  /** What a square shows: the letter of a slot's state, or how hot it is. */
  codeOf(slot) {
    const letter = slot < this.text.length ? this.text.charCodeAt(slot) : FREE;
    if (this.heat === null || letter === FREE) return letter;
    const rate = this.heat[slot] ?? 0;
    return rate < 0.5 ? 0 : Math.min(HEAT.length - 1, 1 + Math.floor(Math.log2(Math.max(1, rate))));
  }

  /** What a square shows. */
  kind(slot) {
    return KINDS.get(this.codeOf(slot)) ?? { name: "free", letter: "?" };
  }

  /** In which state the client in a slot is. */
  stateOf(slot) {
    return KINDS.get(this.text.charCodeAt(slot)) ?? KINDS.get(FREE);
  }

  setHeat(isOn) {
    this.heat = isOn ? [] : null;
    this.lay();
  }

  /** Adds the answers since the last frame, of which a second's remain. */
  warm(servedBefore, end) {
    for (let slot = 0; slot < end; slot++) {
      const grown = countAt(this.served, slot) - countAt(servedBefore, slot);
      const more = (grown + LETTERS) % LETTERS;
      this.heat[slot] = (this.heat[slot] ?? 0) * (1 - 1 / FRAMES_A_SECOND) + more;
    }
  }

  /** Only when half the room would do: not to and fro with every client. */
  couldBeLarger() {
    return this.level > this.largest && this.text.length < this.shape(this.level - 1).fitting / 2;
  }

  /** How many squares of a size are in a row, and how many can be seen without scrolling. */
  shape(level) {
    const style = getComputedStyle(this.board);
    const width = this.board.clientWidth - 2 * parseFloat(style.padding);
    const columns = Math.max(1, Math.floor(width / SIDES[level]));
    const rows = Math.max(1, Math.floor(parseFloat(style.maxHeight) / (width / columns)));
    return { width, columns, fitting: columns * rows };
  }

  /** Chooses the size and paints everything. Squares are whole pixels of the screen, so sharp. */
  lay() {
    while (this.couldBeLarger()) this.level--;
    const slots = this.text.length;
    while (this.level < SIDES.length - 1 && slots > this.shape(this.level).fitting) this.level++;
    const { width, columns, fitting } = this.shape(this.level);
    this.scale = devicePixelRatio;
    this.columns = columns;
    this.side = Math.floor((width * this.scale) / columns);
    this.gap = Math.max(1, Math.round(this.side / 14));
    const squares = Math.max(slots, Math.min(fitting, this.slotsMax));
    this.canvas.width = columns * this.side;
    this.canvas.height = Math.ceil(squares / columns) * this.side;
    this.canvas.style.width = `${this.canvas.width / this.scale}px`;
    this.canvas.style.height = `${this.canvas.height / this.scale}px`;
    this.codes = Uint8Array.from({ length: squares }, (_, slot) => this.codeOf(slot));
    this.changedAt = new Float64Array(squares);
    this.repaint();
    this.laid();
  }

  repaint() {
    this.brush.fillStyle = this.colours.panel;
    this.brush.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.changed = Array.from(this.codes.keys());
    this.changedAt.fill(-FADE_MS); // Long ago: without a flash.
    this.paint();
  }

  paintSoon() {
    if (this.awaitsFrame || this.changed.length === 0) return;
    this.awaitsFrame = true;
    requestAnimationFrame(() => {
      this.awaitsFrame = false;
      this.paint();
      this.paintSoon();
    });
  }

  /** Paints what has changed, and keeps what still flashes. */
  paint() {
    const now = performance.now();
    if (this.changed.length > FLASHES_MAX) {
      this.paintMany();
    } else {
      this.changed = this.changed.filter((slot) => {
        const rest = 1 - (now - this.changedAt[slot]) / FADE_MS;
        this.paintSquare(slot, Math.max(0, rest));
        if (!(rest > 0)) this.changedAt[slot] = 0;
        return rest > 0;
      });
    }
    this.paints.add(performance.now() - now);
  }

  /** Colour by colour, because to change the brush's costs more than a square. */
  paintMany() {
    const { brush, side, columns } = this;
    const byCode = Map.groupBy(this.changed, (slot) => this.codes[slot]);
    for (const slots of byCode.values()) {
      brush.fillStyle = this.colours[this.kind(slots[0]).name];
      for (const slot of slots) {
        const [x, y] = [(slot % columns) * side, Math.floor(slot / columns) * side];
        brush.fillRect(x, y, side - this.gap, side - this.gap);
        this.changedAt[slot] = 0;
      }
      const isLegible = side >= LETTER_SIDE_MIN * this.scale;
      if (isLegible) for (const slot of slots) this.paintSquare(slot, 0);
    }
    this.changed = [];
  }

  paintSquare(slot, flash) {
    const { brush, colours, side } = this;
    const { name, letter } = this.kind(slot);
    const [x, y] = [(slot % this.columns) * side, Math.floor(slot / this.columns) * side];
    const width = side - this.gap;
    brush.fillStyle = colours[name];
    brush.fillRect(x, y, width, width);
    if (flash > 0) {
      brush.globalAlpha = flash * FLASH_STRENGTH;
      brush.fillStyle = colours.flash;
      brush.fillRect(x, y, width, width);
      brush.globalAlpha = 1;
    }
    if (side >= LETTER_SIDE_MIN * this.scale) this.write(slot, letter, x, y, width);
  }

  /** Writes the letter, and if there is room for it the slot's number, into a square. */
  write(slot, letter, x, y, width) {
    const { brush, scale } = this;
    brush.fillStyle = inkOn(this.colours[this.kind(slot).name]);
    brush.textAlign = "center";
    const hasNumber = this.side >= NUMBER_SIDE_MIN * scale;
    if (letter) {
      brush.font = `600 ${Math.round(width * 0.45)}px system-ui, sans-serif`;
      brush.textBaseline = "middle";
      brush.fillText(letter, x + width / 2, y + width * (hasNumber ? 0.6 : 0.54));
    }
    if (hasNumber) {
      brush.globalAlpha = letter ? 0.85 : 0.4;
      brush.font = `${Math.round(11 * scale)}px system-ui, sans-serif`;
      brush.textBaseline = "top";
      brush.fillText(slot, x + width / 2, y + width * 0.1);
      brush.globalAlpha = 1;
    }
  }

  /** Where the square of a slot is, in CSS pixels from the canvas' corner. */
  place(slot) {
    const side = this.side / this.scale;
    const [left, top] = [(slot % this.columns) * side, Math.floor(slot / this.columns) * side];
    return { left, top, width: (this.side - this.gap) / this.scale };
  }

  /** The slot whose square is at this place, or null. */
  slotAt(x, y) {
    const side = this.side / this.scale;
    const [column, row] = [Math.floor(x / side), Math.floor(y / side)];
    const slot = row * this.columns + column;
    const isIn = column >= 0 && column < this.columns && row >= 0 && slot < this.codes.length;
    return isIn ? slot : null;
  }
}
