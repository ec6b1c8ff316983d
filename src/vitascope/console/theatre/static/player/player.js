// The player of a title's page: puts engine, controls, menus, keys and reports together.

import { Beacons } from "./beacons.js";
import { Captions } from "./captions.js";
import { chapterAt, loadChapters } from "./chapters.js";
import { Controls } from "./controls.js";
import { chooseEngine } from "./engines.js";
import { bindKeys } from "./keys.js";
import { Menu } from "./menus.js";
import { Messages } from "./messages.js";
import { loadThumbnails } from "./thumbnails.js";
import { clockTime } from "./time.js";
import { forcedFor, nameOf } from "./tracks.js";
import { keepFresh } from "../session.js";

const AUTO = -1;
const OFF = -1;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const RENEW_MILLISECONDS = 15_000;

const element = document.querySelector(".player");
const video = element.querySelector("video.player__video");
const data = element.dataset;
let playback = {
  hls: data.hls,
  dash: data.dash,
  thumbnails: data.thumbnails,
  chapters: data.chapters,
  licence: data.licence,
};
let renewedAt = 0;

const engine = await chooseEngine(video, { wanted: data.engine, hlsWorker: data.hlsWorker });
const messages = new Messages(element, video, { onRetry: () => restart() });
const controls = new Controls(element, video, { duration: Number(data.duration) });
const captions = new Captions(element.querySelector(".player__captions"), video);
const beacons = new Beacons(video, { address: data.beacon, heightOf: () => engine.shownHeight() });
const menu = (name, onChoose) => new Menu(element.querySelector(`[data-menu=${name}]`), onChoose);

const qualityMenu = menu("quality", (index) => {
  engine.choose(index);
  offerQualities(index);
  messages.note(index === AUTO ? "Quality: automatic" : `Quality: ${labelOf(index)}`);
});
const speedMenu = menu("speed", (speed) => (video.playbackRate = speed));
const captionsMenu = menu("captions", (index) => {
  showCaptions(index);
  messages.note(`Captions: ${index === OFF ? "off" : captionName(index)}`);
});
const soundMenu = menu("sound", (index) => {
  engine.chooseSound(index);
  offerSounds(index);
  messages.note(`Sound: ${soundName(index)}`);
});
const chaptersMenu = menu("chapters", (index) => {
  controls.seekTo(chapters[index].start);
  messages.note(`Chapter: ${chapters[index].title}`);
});

const labelOf = (index) => `${engine.qualities().find((one) => one.index === index)?.height ?? "?"}p`;

const offerQualities = (chosen = engine.quality()) => {
  const shown = engine.shownHeight();
  const auto = { value: AUTO, label: chosen === AUTO && shown ? `Auto (${shown}p)` : "Auto" };
  const rest = engine.qualities().map(({ index, height }) => ({ value: index, label: `${height}p` }));
  qualityMenu.offer([auto, ...rest], chosen);
};

const captionName = (index) => nameOf(engine.captions()[index], "Captions");
const soundName = (index) => nameOf(engine.sounds()[index], "Sound");

let chosenCaptions = OFF;
let shownCaptions = OFF;
const showCaptions = (index) => {
  chosenCaptions = index;
  // Who has switched captions off still sees those that translate what is foreign in the sound.
  const wanted = index === OFF ? forcedFor(engine.captions(), engine.sounds()[engine.sound()]?.language) : index;
  if (wanted !== shownCaptions) engine.showCaptions(wanted);
  shownCaptions = wanted;
  captions.show(wanted !== OFF);
  offerCaptions();
};

const offerCaptions = () => {
  const tracks = engine.captions().filter(({ forced }) => !forced);
  captionsMenu.element.hidden = tracks.length === 0;
  const choices = tracks.map(({ index }) => ({ value: index, label: captionName(index) }));
  captionsMenu.offer([{ value: OFF, label: "Off" }, ...choices], chosenCaptions);
};

const toggleCaptions = () => {
  if (captionsMenu.element.hidden) return;
  const first = engine.captions().find(({ forced }) => !forced).index;
  showCaptions(chosenCaptions === OFF ? first : OFF);
};

const offerSounds = (chosen = engine.sound()) => {
  const choices = engine.sounds().map(({ index }) => ({ value: index, label: soundName(index) }));
  soundMenu.element.hidden = choices.length < 2;
  soundMenu.offer(choices, chosen);
};

let chapters = [];
const offerChapters = () => {
  chaptersMenu.element.hidden = chapters.length < 2;
  const choices = chapters.map(({ start, title }, index) => ({ value: index, label: `${clockTime(start)} ${title}` }));
  chaptersMenu.offer(choices, chapterAt(chapters, video.currentTime));
};

const offerSpeeds = () => {
  const choices = SPEEDS.map((speed) => ({ value: speed, label: speed === 1 ? "Normal" : `${speed}×` }));
  speedMenu.offer(choices, video.playbackRate);
};

const restart = async () => {
  messages.clear();
  await engine.load(playback, video.currentTime);
  if (controls.wantsToPlay) controls.play();
};

// The addresses of a playback expire, say over night: a new one takes its place where it was.
const renew = async () => {
  if (Date.now() - renewedAt < RENEW_MILLISECONDS) return;
  renewedAt = Date.now();
  await keepFresh();
  const answer = await fetch(data.renew, { method: "POST" }).catch(() => null);
  if (!answer?.ok) {
    messages.stop("This film cannot be played just now.");
    return;
  }
  playback = await answer.json();
  beacons.address = playback.beacon;
  await restart();
};

// A new playback may have the right that this one has lost; if that is refused too, there is none.
const askAgain = () => {
  if (Date.now() - renewedAt >= RENEW_MILLISECONDS) return renew();
  return messages.stop("This film is protected, and no key was given for it. Open its page again, or sign in as somebody who may watch it.");
};

let shownHeight = null;
engine.addEventListener("qualities", () => offerQualities());
engine.addEventListener("captions", () => {
  shownCaptions = OFF; // which is how an engine begins
  showCaptions(chosenCaptions < engine.captions().length ? chosenCaptions : OFF);
});
engine.addEventListener("sounds", () => {
  offerSounds();
  showCaptions(chosenCaptions);
});
engine.addEventListener("quality", () => {
  offerQualities();
  const height = engine.shownHeight();
  if (shownHeight !== null && height !== shownHeight) beacons.switched(height);
  shownHeight = height;
});
engine.addEventListener("expired", renew);
engine.addEventListener("refused", askAgain);
engine.addEventListener("trouble", () => messages.stop("The connection is lost. Check it, then try again."));
engine.addEventListener("broken", () => messages.stop("Your browser cannot show this film."));
video.addEventListener("ratechange", offerSpeeds);
let shownChapter = null;
video.addEventListener("timeupdate", () => {
  const chapter = chapterAt(chapters, video.currentTime);
  if (chapter === shownChapter) return;
  shownChapter = chapter;
  offerChapters();
});
video.addEventListener("play", () => beacons.resumed());
messages.addEventListener("stalled", ({ detail }) => beacons.stalled(detail));
addEventListener("online", () => messages.stopped && restart());

bindKeys(element, video, { controls, toggleCaptions });
offerSpeeds();
await engine.load(playback, 0);
[controls.pictures, chapters] = await Promise.all([loadThumbnails(playback.thumbnails), loadChapters(playback.chapters)]);
controls.chapters = chapters;
offerChapters();
