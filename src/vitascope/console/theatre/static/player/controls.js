// The buttons and the seek bar.

import { chapterAt, drawMarks } from "./chapters.js";
import { showThumbnail } from "./thumbnails.js";
import { clockTime, spokenTime } from "./time.js";

const IDLE_MILLISECONDS = 2_800;
const VOLUME_KEY = "vitascope-volume";

const setIcon = (button, name) => (button.querySelector(".icon").className = `icon icon--${name}`);

export class Controls {
  pictures = [];
  #chapters = [];
  #marked = 0;
  wantsToPlay = false;
  #dragging = false;
  #idle;

  constructor(element, video, { duration }) {
    this.element = element;
    this.video = video;
    this.known = duration;
    const find = (selector) => element.querySelector(selector);
    this.find = find;
    this.seek = find(".seek__input");
    this.buttons = Object.fromEntries([...element.querySelectorAll("[data-action]")].map((one) => [one.dataset.action, one]));
    video.hidden = false;
    find(".player__controls").hidden = false;
    find(".player__big").hidden = false;
    this.#bindButtons();
    this.#bindSeek();
    this.#bindVideo();
    this.#restoreVolume();
    this.#drawTime();
  }

  /** The chapters of the film, marked on the bar. */
  set chapters(chapters) {
    this.#chapters = chapters;
    this.#mark();
  }

  get duration() {
    return Number.isFinite(this.video.duration) && this.video.duration > 0 ? this.video.duration : this.known;
  }

  play() {
    this.wantsToPlay = true;
    this.video.play().catch(() => undefined); // the browser may want a click first; the button is there
  }

  toggle() {
    if (this.video.paused) this.play();
    else {
      this.wantsToPlay = false;
      this.video.pause();
    }
  }

  seekTo(second) {
    this.video.currentTime = Math.min(Math.max(0, second), Math.max(0, this.duration - 0.05));
    this.#drawTime();
  }

  seekBy(seconds) {
    this.seekTo(this.video.currentTime + seconds);
  }

  mute() {
    this.video.muted = !this.video.muted;
  }

  louder(step) {
    this.video.muted = false;
    this.video.volume = Math.min(1, Math.max(0, this.video.volume + step));
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.element.requestFullscreen) this.element.requestFullscreen().catch(() => undefined);
    else this.video.webkitEnterFullscreen?.(); // an iPhone has it on the video only
  }

  /** Show the controls, and hide them again when nothing happens while the film plays. */
  wake() {
    this.element.classList.remove("player--idle");
    clearTimeout(this.#idle);
    const mayHide = () => !this.video.paused && !this.element.querySelector(".menu__list:not([hidden])");
    this.#idle = setTimeout(() => this.element.classList.toggle("player--idle", mayHide()), IDLE_MILLISECONDS);
  }

  #bindButtons() {
    const { play, mute, fullscreen } = this.buttons;
    play.addEventListener("click", () => this.toggle());
    mute.addEventListener("click", () => this.mute());
    fullscreen.addEventListener("click", () => this.fullscreen());
    this.find(".player__big").addEventListener("click", () => {
      this.play();
      this.element.focus({ preventScroll: true });
    });
    this.video.addEventListener("click", () => this.toggle());
    this.video.addEventListener("dblclick", () => this.fullscreen());
    this.find(".volume").addEventListener("input", ({ target }) => {
      this.video.muted = false;
      this.video.volume = Number(target.value);
    });
    for (const name of ["pointermove", "pointerdown", "focusin"]) this.element.addEventListener(name, () => this.wake());
    document.addEventListener("fullscreenchange", () => {
      const full = Boolean(document.fullscreenElement);
      setIcon(fullscreen, full ? "small" : "full");
      fullscreen.ariaLabel = full ? "Leave full screen (f)" : "Full screen (f)";
    });
  }

  #bindSeek() {
    const bar = this.find(".seek");
    this.seek.addEventListener("input", () => {
      this.#dragging = true;
      this.#drawTime(Number(this.seek.value));
    });
    this.seek.addEventListener("change", () => {
      this.#dragging = false;
      this.seekTo(Number(this.seek.value));
    });
    bar.addEventListener("pointermove", (event) => this.#preview(bar, event.clientX));
    bar.addEventListener("pointerleave", () => (this.find(".seek__preview").hidden = true));
  }

  #mark() {
    this.#marked = this.duration;
    drawMarks(this.find(".seek__marks"), this.#chapters, this.duration);
  }

  #chapterAt(second) {
    return this.#chapters[chapterAt(this.#chapters, second)]?.title ?? "";
  }

  #preview(bar, x) {
    const { left, width } = bar.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (x - left) / width));
    const preview = this.find(".seek__preview");
    preview.hidden = false;
    this.find(".seek__at").textContent = clockTime(part * this.duration);
    this.find(".seek__chapter").textContent = this.#chapterAt(part * this.duration);
    showThumbnail(this.find(".seek__picture"), this.pictures, part * this.duration);
    const reach = width - preview.offsetWidth;
    preview.style.translate = `${Math.min(Math.max(0, part * width - preview.offsetWidth / 2), Math.max(0, reach))}px 0`;
  }

  #bindVideo() {
    const { video } = this;
    for (const name of ["timeupdate", "durationchange", "seeked", "progress"]) video.addEventListener(name, () => this.#drawTime());
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => this.#drawState());
    video.addEventListener("volumechange", () => this.#drawVolume());
    video.addEventListener("ended", () => (this.wantsToPlay = false));
  }

  #drawTime(at = this.video.currentTime) {
    if (this.#dragging && at === this.video.currentTime) return;
    const whole = this.duration || 1;
    this.seek.max = whole;
    if (!this.#dragging) this.seek.value = at;
    if (this.duration !== this.#marked) this.#mark();
    const chapter = this.#chapterAt(at);
    this.seek.setAttribute("aria-valuetext", `${spokenTime(at)} of ${spokenTime(this.duration)}${chapter && `, ${chapter}`}`);
    this.find(".player__now").textContent = clockTime(at);
    this.find(".player__length").textContent = clockTime(this.duration);
    this.find(".seek__played").style.setProperty("--part", at / whole);
    this.find(".seek__loaded").style.setProperty("--part", this.#loadedUntil(at) / whole);
  }

  #loadedUntil(at) {
    const { buffered } = this.video;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) <= at + 0.5 && at <= buffered.end(index)) return buffered.end(index);
    }
    return 0;
  }

  #drawState() {
    const { paused, ended } = this.video;
    setIcon(this.buttons.play, ended ? "again" : paused ? "play" : "pause");
    this.buttons.play.ariaLabel = ended ? "Play again (k)" : paused ? "Play (k)" : "Pause (k)";
    this.find(".player__big").hidden = !paused || ended || this.video.currentTime > 0;
    this.wake();
  }

  #drawVolume() {
    const { muted, volume } = this.video;
    const silent = muted || volume === 0;
    setIcon(this.buttons.mute, silent ? "mute" : "sound");
    this.buttons.mute.ariaLabel = silent ? "Sound on (m)" : "Mute (m)";
    this.find(".volume").value = silent ? 0 : volume;
    if (!muted) localStorage.setItem(VOLUME_KEY, volume);
  }

  #restoreVolume() {
    const kept = Number(localStorage.getItem(VOLUME_KEY) ?? 1);
    this.video.volume = Number.isFinite(kept) ? Math.min(1, Math.max(0, kept)) : 1;
    this.#drawVolume();
  }
}
