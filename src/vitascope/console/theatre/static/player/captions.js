// Captions drawn by the page: above the controls, never below them. The text comes from the
// browser's own text tracks.

export class Captions {
  constructor(element, video) {
    this.element = element;
    this.video = video;
    this.label = null;
    video.addEventListener("timeupdate", () => this.#draw());
    video.addEventListener("seeked", () => this.#draw());
  }

  get isOn() {
    return this.label !== null;
  }

  /** Draw the captions that are switched on; null draws none. */
  follow(label) {
    this.label = label;
    this.#draw();
  }

  #draw() {
    const tracks = this.label === null ? [] : [...this.video.textTracks].filter(({ mode }) => mode !== "disabled");
    const texts = tracks.flatMap((track) => [...(track.activeCues ?? [])]).map((cue) => cue.getCueAsHTML().textContent);
    if (texts.join("\n") === this.drawn) return;
    this.drawn = texts.join("\n");
    this.element.replaceChildren(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  }
}
