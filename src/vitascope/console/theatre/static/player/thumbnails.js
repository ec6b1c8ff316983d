// The small pictures above the seek bar: a WebVTT index of places in sprite sheets
// (`sprite.jpg#xywh=0,0,160,90`), as most players read it.

import { loadCues } from "./cues.js";

const placed = ({ start, end, text }, base) => {
  const [file, place] = text.split("#xywh=");
  const [x, y, width, height] = (place ?? "").split(",").map(Number);
  return { start, end, address: new URL(file, base).href, x, y, width, height };
};

/** The pictures of the index at this address. */
export const loadThumbnails = async (address) => {
  const cues = await loadCues(address);
  return cues.map((cue) => placed(cue, new URL(address, location.href)));
};

const SHOWN_WIDTH = 176;

/** Show the picture for this second in the element. */
export const showThumbnail = (element, pictures, second) => {
  const picture = pictures.find(({ start, end }) => second >= start && second < end) ?? pictures.at(-1);
  element.toggleAttribute("data-shown", Boolean(picture));
  if (!picture) return;
  const { style } = element;
  style.width = `${picture.width}px`;
  style.height = `${picture.height}px`;
  style.zoom = SHOWN_WIDTH / picture.width;
  style.backgroundImage = `url("${picture.address}")`;
  style.backgroundPosition = `-${picture.x}px -${picture.y}px`;
};
