// The upload page: films go up in pieces (tus), several at a time, and go on after whatever happens.

import { keepFresh } from "../session.js";
import { say } from "../theatre.js";

const AT_ONCE = 2;
const RETRY_MILLISECONDS = [0, 1000, 3000, 5000, 10_000, 20_000];
const SPEED_SECONDS = 5;

const form = document.querySelector(".drop");
const input = document.querySelector("#files");
const queue = document.querySelector("#queue");
const template = document.querySelector("#upload-row");
const said = document.querySelector("#upload-said");
const endpoint = form.dataset.endpoint;
const rows = new Set();

const sizeText = (bytes) => {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power > 1 ? 1 : 0)} ${units[power]}`;
};
const nameOf = (file) => file.name.replace(/\.[^.]+$/, "").replaceAll(/[_.]+/g, " ").trim() || "Untitled";
const waitText = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s left` : `${Math.ceil(seconds / 60)} min left`);

const problemOf = (error) => {
  const response = error.originalResponse;
  if (!response) return "The connection is lost. It goes on by itself as soon as it is back.";
  try {
    return JSON.parse(response.getBody()).detail;
  } catch {
    return `The server answered ${response.getStatus()}.`;
  }
};

class Row {
  state = "new";
  #samples = [];

  constructor(file) {
    this.file = file;
    this.element = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => this.element.querySelector(selector);
    this.find = find;
    find(".upload__file").textContent = file.name;
    find(".upload__size").textContent = sizeText(file.size);
    find("[name=title]").value = nameOf(file);
    find("progress").ariaLabel = `Upload of ${file.name}`;
    const actions = { start: () => this.enqueue(), pause: () => this.pause(), resume: () => this.enqueue(), remove: () => this.remove() };
    for (const [name, act] of Object.entries(actions)) find(`[data-do=${name}]`).addEventListener("click", act);
    this.#show("Say how it should be called, then start.");
    queue.append(this.element);
    this.#findPrevious();
  }

  // A file that was begun before goes on where it stopped: the browser remembers its upload.
  async #findPrevious() {
    const [previous] = await new tus.Upload(this.file, this.#options()).findPreviousUploads();
    if (!previous || this.state !== "new") return;
    this.previous = previous;
    const { title } = previous.metadata ?? {};
    if (title) this.find("[name=title]").value = title;
    this.#show("This upload was begun before. It goes on where it stopped.");
    this.find("[data-do=start]").textContent = "Go on";
  }

  #options() {
    return {
      endpoint,
      retryDelays: RETRY_MILLISECONDS,
      removeFingerprintOnSuccess: true,
      metadata: {
        filename: this.file.name,
        filetype: this.file.type || "application/octet-stream",
        title: this.find("[name=title]").value.trim() || nameOf(this.file),
        publish: String(this.find("[name=publish]").checked),
      },
      onBeforeRequest: keepFresh,
      onProgress: (sent, whole) => this.#progress(sent, whole),
      onSuccess: () => this.#finish(),
      onError: (error) => this.#fail(error),
    };
  }

  enqueue() {
    this.state = "waiting";
    this.#fix();
    this.#show("Waiting for its turn");
    next();
  }

  start() {
    this.state = "running";
    this.#samples = [];
    if (!this.upload) {
      this.upload = new tus.Upload(this.file, this.#options());
      if (this.previous) this.upload.resumeFromPreviousUpload(this.previous);
    }
    this.#show("Starting");
    this.upload.start();
  }

  async pause() {
    this.state = "paused";
    await this.upload?.abort();
    this.#show("Paused");
    next();
  }

  async remove() {
    const begun = this.upload;
    this.state = "removed";
    rows.delete(this);
    this.element.remove();
    if (begun) await begun.abort(true).catch(() => undefined);
    next();
    input.focus();
  }

  #fix() {
    for (const field of this.element.querySelectorAll(".upload__fields input")) field.disabled = true;
  }

  #progress(sent, whole) {
    if (this.state !== "running") return;
    const now = performance.now() / 1000;
    this.#samples = [...this.#samples.filter(([at]) => now - at < SPEED_SECONDS), [now, sent]];
    const [[firstAt, firstSent]] = this.#samples;
    const speed = now > firstAt ? (sent - firstSent) / (now - firstAt) : 0;
    this.find("progress").value = whole ? sent / whole : 1;
    const rest = speed > 0 ? ` · ${sizeText(speed)}/s · ${waitText((whole - sent) / speed)}` : "";
    this.#show(`${Math.floor((sent / whole) * 100)} %${rest}`);
  }

  #finish() {
    this.state = "done";
    this.find("progress").value = 1;
    this.#show("Uploaded. It is being made ready for the screen now.");
    const link = Object.assign(document.createElement("a"), { href: "/uploads", className: "button button--small", textContent: "See how it goes" });
    this.find(".row").replaceChildren(link);
    said.textContent = `${this.file.name} is uploaded.`;
    next();
  }

  #fail(error) {
    const lost = !error.originalResponse;
    this.state = lost ? "offline" : "failed";
    this.#show(problemOf(error));
    this.find(".upload__state").classList.add("upload__state--bad");
    said.textContent = `${this.file.name}: ${problemOf(error)}`;
    next();
  }

  #show(text) {
    const line = this.find(".upload__state");
    line.textContent = text;
    line.classList.remove("upload__state--bad");
    const shown = {
      start: this.state === "new",
      pause: this.state === "running" || this.state === "waiting",
      resume: ["paused", "offline", "failed"].includes(this.state),
      remove: this.state !== "done",
    };
    for (const [name, isShown] of Object.entries(shown)) this.find(`[data-do=${name}]`)?.toggleAttribute("hidden", !isShown);
  }
}

const next = () => {
  const running = [...rows].filter(({ state }) => state === "running").length;
  const waiting = [...rows].filter(({ state }) => state === "waiting");
  for (const row of waiting.slice(0, Math.max(0, AT_ONCE - running))) row.start();
};

const add = (files) => {
  const films = [...files].filter(({ size }) => size > 0);
  if (films.length < files.length) say("A file without any content was left out.");
  const fresh = films.map((file) => new Row(file));
  for (const row of fresh) rows.add(row);
  fresh[0]?.find("[name=title]").focus();
};

const take = () => {
  add(input.files);
  input.value = "";
};

input.addEventListener("change", take);
take(); // who was quicker than this script has chosen already
for (const name of ["dragenter", "dragover"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.add("drop--over");
  });
}
for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("drop--over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  add(event.dataTransfer.files);
});
addEventListener("online", () => {
  for (const row of rows) if (row.state === "offline") row.enqueue();
});
addEventListener("beforeunload", (event) => {
  if ([...rows].some(({ state }) => state === "running" || state === "waiting")) event.preventDefault();
});
