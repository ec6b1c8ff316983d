// Captions drawn by the page: above the controls, never below them. The text comes from the
// browser's own text tracks.

export class Captions {
  constructor(element, video) {
    this.element = element;
    this.video = video;
    this.shown = false;
    video.addEventListener("timeupdate", () => this.#draw());
    video.addEventListener("seeked", () => this.#draw());
    // What arrives while the film rests is drawn as well.
    video.textTracks.addEventListener("change", () => this.#follow());
  }

  /** Draw the captions that are switched on, or none. */
  show(shown) {
    this.shown = shown;
    this.#follow();
  }

  #follow() {
    for (const track of this.video.textTracks) track.oncuechange = () => this.#draw();
    this.#draw();
  }

  #draw() {
    const tracks = this.shown ? [...this.video.textTracks].filter(({ mode }) => mode !== "disabled") : [];
    const texts = tracks.flatMap((track) => [...(track.activeCues ?? [])]).map((cue) => cue.getCueAsHTML().textContent);
    if (texts.join("\n") === this.drawn) return;
    this.drawn = texts.join("\n");
    this.element.replaceChildren(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  }
}
