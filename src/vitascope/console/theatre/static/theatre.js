// What every page does: the session, short messages, and pieces of pages that change by themselves.

import { keepAlive, keepFresh } from "./session.js";

const TOAST_MILLISECONDS = 6000;

/** Say something for a moment, where screen readers hear it too. */
export const say = (text) => {
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.textContent = text;
  document.querySelector(".toasts").append(toast);
  setTimeout(() => toast.remove(), TOAST_MILLISECONDS);
};

const detailOf = (text) => {
  try {
    return JSON.parse(text).detail;
  } catch {
    return undefined;
  }
};

const sameText = (element, text) => element.innerHTML.trim() === text.trim();

if ("signedIn" in document.body.dataset) keepAlive();

// A picture that is not there yet leaves its place to the initials behind it.
const dropBroken = (event) => {
  if (event.target instanceof HTMLImageElement && event.target.closest(".picture")) event.target.remove();
};
document.addEventListener("error", dropBroken, true);
for (const image of document.querySelectorAll(".picture img")) {
  if (image.complete && image.naturalWidth === 0) image.remove();
}

// A piece that says the same again stays as it is, and keeps the focus if that is within it.
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (sameText(event.target, event.detail.data)) event.preventDefault();
});

document.addEventListener("htmx:responseError", async (event) => {
  const { xhr } = event.detail;
  if (xhr.status === 401) {
    await keepFresh();
    location.reload();
  } else {
    say(detailOf(xhr.responseText) ?? "That did not work. Try again in a moment.");
  }
});
document.addEventListener("htmx:sendError", () => say("The connection is lost. Try again in a moment."));
