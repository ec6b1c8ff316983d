// Keeps the session alive while pages are open. The tokens themselves are out of a script's reach;
// the cookie read here holds no secret, only the second at which the access token runs out.

const COOKIE = "vitascope_returning=";
const EARLY_SECONDS = 60;

const endsAt = () => {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith(COOKIE));
  return cookie ? Number(cookie.slice(COOKIE.length)) : null;
};

const secondsLeft = () => {
  const end = endsAt();
  return end === null ? null : end - Date.now() / 1000;
};

const renewUnderLock = async () => {
  const left = secondsLeft();
  if (left === null || left > EARLY_SECONDS) return; // another tab was quicker
  await fetch("/session/renew", { method: "POST" }).catch(() => undefined);
};

/** Renew the session if it soon runs out; one tab does it for all. */
export const keepFresh = async () => {
  const left = secondsLeft();
  if (left === null || left > EARLY_SECONDS) return;
  if (navigator.locks) await navigator.locks.request("vitascope-session", renewUnderLock);
  else await renewUnderLock();
};

/** Keep the session alive as long as the page is looked at. */
export const keepAlive = () => {
  setInterval(keepFresh, 20_000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) keepFresh();
  });
  keepFresh();
};
