// The run queue: who is ready, and who is next.

import { inkOn, make, number, say } from "./words.js";

export class RunQueue {
  /** `list` gets a square for each client, and `told` how many there are; `choose` takes a slot. */
  constructor(list, told, choose) {
    [this.list, this.told, this.choose] = [list, told, choose];
    this.squares = [];
  }

  /** `grid` knows the states; while the loop is held, the order is that of the next steps. */
  show({ count, slots, waiting }, grid, isHeld) {
    const ready = count === 0 ? "no client is ready" : `${number(count)} ready`;
    const more = waiting ? `${ready}, and a connection waits to be accepted` : ready;
    say(this.told, isHeld && count > 0 ? `${more}; the framed one is next` : more);
    while (this.squares.length < slots.length) this.add();
    this.squares.forEach((square, place) => {
      const slot = slots[place];
      square.hidden = slot === undefined;
      if (square.hidden) return;
      const { name, letter } = grid.stateOf(slot);
      say(square, `${letter} ${slot}`);
      square.title = `Slot ${slot}: ${name}`;
      const background = grid.colours[name];
      Object.assign(square.style, { background, color: inkOn(background) });
      square.classList.toggle("next", isHeld && place === 0);
      square.dataset.slot = slot;
    });
  }

  add() {
    const [item, square] = [make("li"), make("button")];
    square.onclick = () => this.choose(Number(square.dataset.slot));
    item.append(square);
    this.list.append(item);
    this.squares.push(square);
  }
}
