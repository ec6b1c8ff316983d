// The chapters of a film: marks on the seek bar, and the title of each.

import { loadCues } from "./cues.js";

/** The chapters at this address: `{ start, end, title }`, in order. */
export const loadChapters = async (address) => {
  const cues = await loadCues(address);
  return cues.map(({ start, end, text }) => ({ start, end, title: text }));
};

/** The index of the chapter in which a second is, -1 if there is none. */
export const chapterAt = (chapters, second) => chapters.findLastIndex(({ start }) => start <= second);

/** Mark where chapters begin; the first begins with the film, which needs no mark. */
export const drawMarks = (element, chapters, duration) => {
  const marks = chapters.filter(({ start }) => start > 0 && start < duration);
  element.replaceChildren(
    ...marks.map(({ start }) => {
      const mark = document.createElement("span");
      mark.style.left = `${(100 * start) / duration}%`;
      return mark;
    }),
  );
};
