// What the player tells the platform while somebody watches: that it started, goes on, ran dry,
// switched quality, ended. Reports are numbered, so that one that arrives twice counts once.

const PROGRESS_MILLISECONDS = 10_000;
const RESEND_MILLISECONDS = 3_000;
const KEPT = 50;

const rounded = (number) => Math.round(number * 1000) / 1000;

// Our clock is not asked; how long ago something happened is what the platform wants to know.
const bodyOf = (reports) => {
  const now = performance.now();
  const events = reports.map(({ at, ...event }) => ({ ...event, ago: rounded((now - at) / 1000) }));
  return JSON.stringify({ events });
};

export class Beacons {
  #queue = [];
  #sending = false;
  #sequence = 0;
  #watched = 0;
  #lastAt = null;
  #started = false;
  #ended = false;

  constructor(video, { address, heightOf }) {
    this.video = video;
    this.address = address;
    this.heightOf = heightOf;
    this.askedAt = null;
    setInterval(() => this.#progress(), PROGRESS_MILLISECONDS);
    video.addEventListener("timeupdate", () => this.#count());
    video.addEventListener("play", () => (this.askedAt ??= performance.now()));
    video.addEventListener("playing", () => this.#start());
    video.addEventListener("ended", () => this.#end());
    addEventListener("pagehide", () => this.#end());
  }

  /** The player ran dry for this long. */
  stalled(seconds) {
    if (this.#started) this.#report({ kind: "stall", seconds: rounded(seconds) });
  }

  /** The picture now has this height. */
  switched(height) {
    if (this.#started && height) this.#report({ kind: "quality", height });
  }

  // Only time that was played counts: a seek is a jump, not something watched.
  #count() {
    const { currentTime, paused } = this.video;
    const step = currentTime - (this.#lastAt ?? currentTime);
    if (!paused && step > 0 && step < 2 * this.video.playbackRate) this.#watched += step;
    this.#lastAt = currentTime;
  }

  #takeWatched() {
    const watched = rounded(this.#watched);
    this.#watched = 0;
    return watched;
  }

  #start() {
    if (this.#started) return;
    this.#started = true;
    const startup = rounded((performance.now() - (this.askedAt ?? performance.now())) / 1000);
    this.#report({ kind: "start", startup, height: this.heightOf() });
  }

  #progress() {
    if (!this.#started || this.#ended || this.video.paused) return;
    this.#report({ kind: "progress", watched: this.#takeWatched(), height: this.heightOf() });
  }

  #end() {
    if (!this.#started || this.#ended) return;
    this.#ended = true;
    this.#queue.push(this.#numbered({ kind: "end", watched: this.#takeWatched() }));
    const body = new Blob([bodyOf(this.#queue)], { type: "application/json" });
    navigator.sendBeacon(this.address, body);
    this.#queue = [];
  }

  /** Somebody plays on after the end: that is the same playback, told further. */
  resumed() {
    this.#ended = false;
  }

  #numbered(event) {
    return { at: performance.now(), sequence: ++this.#sequence, position: rounded(this.video.currentTime), ...event };
  }

  #report(event) {
    this.#queue.push(this.#numbered(event));
    this.#queue = this.#queue.slice(-KEPT);
    this.#send();
  }

  async #send() {
    if (this.#sending || this.#queue.length === 0) return;
    this.#sending = true;
    const events = [...this.#queue];
    const sent = await this.#post(events);
    this.#sending = false;
    if (sent) this.#queue = this.#queue.filter((event) => !events.includes(event));
    if (this.#queue.length) setTimeout(() => this.#send(), sent ? 0 : RESEND_MILLISECONDS);
  }

  /** Whether the platform has taken them or never will; false is worth another try. */
  async #post(events) {
    const init = { method: "POST", body: bodyOf(events), keepalive: true, headers: { "Content-Type": "application/json" } };
    try {
      const { status } = await fetch(this.address, init);
      return status < 500 && status !== 429;
    } catch {
      return false;
    }
  }
}
