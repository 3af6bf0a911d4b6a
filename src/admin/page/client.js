// The client in the chosen slot: what the loop knows of it, and its last steps.

import { showSteps } from "./figures.js";
import { bytes, find, number, say, seconds } from "./words.js";

let slot = null; // The chosen one.
let followed = null; // The generation of the client that is shown.

export function follow(chosen) {
  [slot, followed] = [chosen, null];
}

/** Shows what a frame says of the chosen slot. A client that has gone stays as it was last. */
export function showClient(client) {
  if (slot === null) return;
  const isGone = client === null && followed !== null;
  find("client").hidden = client === null && !isGone;
  find("client").classList.toggle("gone", isGone);
  const free = isGone ? `The client in slot ${slot} has gone. This is the last that is known of it.`
    : `Slot ${slot} is free.`;
  say(find("client-says"), client === null ? free
    : "The client in this slot.");
  if (client === null) return;
  followed = client.generation;
  showFields(client);
  showSteps(find("steps"), client.steps, "None since you chose it: its slot is a high one.");
}

function showFields(client) {
  const { generation, peer, state, deadline, served, kept, owed, kept_bytes, owed_bytes } = client;
  const fields = {
    token: `slot ${slot}, client ${generation}`,
    peer: client.client ? `${peer}, for ${client.client}` : peer,
    state,
    deadline: deadline ? `${seconds(deadline.rest_ms)} left (${deadline.class})` : "none",
    served: `${number(served)} ${served === 1 ? "answer" : "answers"}`,
    kept: bytes(kept_bytes),
    owed: bytes(owed_bytes),
    "kept-text": kept,
    "owed-text": owed,
  };
  for (const [name, text] of Object.entries(fields)) say(find(`client-${name}`), text);
  find("client-swatch").style.background = `var(--${state})`;
  find("client-kept-bar").style.width = `${fullness(kept_bytes)}%`;
  find("client-owed-bar").style.width = `${fullness(owed_bytes)}%`;
}

/** Percent of a bar: one byte is visible, and a mebibyte fills it. */
function fullness(count) {
  return count > 0 ? Math.min(100, 2 + (Math.log2(count) / 20) * 98) : 0;
}
