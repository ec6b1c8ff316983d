// What the player says: that it waits, that something is wrong and what to do, and short notes.

const PATIENCE_MILLISECONDS = 350;
const LONG_MILLISECONDS = 8_000;
const NOTE_MILLISECONDS = 3_000;

export class Messages extends EventTarget {
  #stalledAt = null;
  #timers = [];

  constructor(element, video, { onRetry }) {
    super();
    this.video = video;
    this.busy = element.querySelector(".player__busy");
    this.box = element.querySelector(".player__message");
    this.said = element.querySelector(".player__said");
    this.box.querySelector("button").addEventListener("click", onRetry);
    video.addEventListener("waiting", () => this.#wait());
    for (const name of ["playing", "pause", "ended"]) video.addEventListener(name, () => this.#go());
    video.addEventListener("timeupdate", () => video.paused || video.seeking || this.#go());
  }

  get stopped() {
    return !this.box.hidden;
  }

  /** Say what is wrong, with a way to try again. */
  stop(text) {
    this.#go();
    this.box.hidden = false;
    this.box.querySelector("p").textContent = text;
  }

  /** Take the message away. */
  clear() {
    this.box.hidden = true;
  }

  /** Say something short to a screen reader. */
  note(text) {
    this.said.textContent = text;
    setTimeout(() => this.said.textContent === text && (this.said.textContent = ""), NOTE_MILLISECONDS);
  }

  #wait() {
    if (this.#timers.length) return;
    // Waiting after a seek or before the first frame is no stall: nothing ran dry.
    if (!this.video.seeking && this.video.currentTime > 0) this.#stalledAt = performance.now();
    this.#timers = [
      setTimeout(() => (this.busy.hidden = false), PATIENCE_MILLISECONDS),
      setTimeout(() => this.note("The connection is slow. The film goes on as soon as enough has arrived."), LONG_MILLISECONDS),
    ];
  }

  #go() {
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    this.busy.hidden = true;
    if (this.#stalledAt === null) return;
    const seconds = (performance.now() - this.#stalledAt) / 1000;
    this.#stalledAt = null;
    if (seconds * 1000 > PATIENCE_MILLISECONDS) this.dispatchEvent(new CustomEvent("stalled", { detail: seconds }));
  }
}
