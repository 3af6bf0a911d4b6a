// The running server as a source of frames: /events is a stream of ten a second, and /state.json is
// one frame and what never changes. The page knows the server by these two, and by its orders.

// How long after the stream broke it is asked for again.
const RETRY_MS = 1000;
// After this long without a frame, from a server that sends ten a second, the stream has broken.
const SILENCE_MS_MAX = 5000;
const SILENCE_LOOK_MS = 1000;

export class Live {
  last = null; // The last frame.
  heard = performance.now(); // When it came.
  stream = null;
  hasOpened = false; // Whether the server has taken the stream up.
  retry = null;
  slot = null; // Whose client the frames show.

  /** `begun` is given what never changes, `show` each frame, and `broken` how the stream is. */
  start(begun, show, broken) {
    [this.begun, this.show, this.broken] = [begun, show, broken];
    setInterval(() => {
      const isLive = document.body.dataset.stream === "live";
      if (isLive && performance.now() - this.heard > SILENCE_MS_MAX) this.onBroken();
    }, SILENCE_LOOK_MS);
    this.begin();
  }

  async begin() {
    const state = await fetch("/state.json").then((answer) => answer.json()).catch(() => null);
    if (state === null) return setTimeout(() => this.begin(), RETRY_MS);
    this.begun(state);
    this.connect();
  }

  connect() {
    clearTimeout(this.retry);
    this.stream?.close();
    this.hasOpened = false;
    const { slot } = this;
    this.stream = new EventSource(slot === null ? "/events" : `/events?slot=${slot}`);
    this.stream.onopen = () => { this.hasOpened = true; };
    this.stream.onmessage = ({ data }) => {
      this.last = JSON.parse(data);
      this.heard = performance.now();
      this.show(this.last);
    };
    this.stream.onerror = () => this.onBroken();
  }

  async onBroken() {
    const broken = this.stream;
    broken.close();
    this.retry = setTimeout(() => this.connect(), RETRY_MS);
    const isGone = this.last?.stop_step || performance.now() - this.heard > SILENCE_MS_MAX;
    // One that answers, but not with a stream, has as many watchers as it wants.
    const isRefused = !this.hasOpened
      && await fetch("/healthz").then(({ ok }) => ok).catch(() => false);
    if (this.stream === broken) this.broken(isRefused ? "refused" : isGone ? "gone" : "broken");
  }

  /** The stream tells of one client only, so that a watcher's cost is bounded. */
  choose(slot) {
    this.slot = slot;
    this.connect();
  }

  /** Pause, resume, step or slow. Says why it was refused, if it was. */
  async order(name, interval) {
    const path = name === "slow" ? `/slow?interval_ms=${interval}` : `/${name}`;
    const answer = await fetch(path, { method: "POST" }).catch(() => ({ status: "no answer" }));
    return answer.status === 204 ? null : `The server refused ${path}: ${answer.status}.`;
  }
}
