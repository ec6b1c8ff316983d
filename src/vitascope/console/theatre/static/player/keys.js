// The keyboard, as people know it from other players. Keys work wherever the focus is on the page,
// except where they mean something else.

const STEP_SECONDS = 5;
const LEAP_SECONDS = 10;
const LOUDER = 0.05;

const isTyping = (target) => target instanceof Element && target.matches("input:not([type=range]), textarea, select");
const isPressing = (target) => target instanceof Element && target.matches("button, a, summary, [role^=menuitem]");

/** Let keys play, seek, mute, switch captions and go full screen. */
export const bindKeys = (element, video, { controls, toggleCaptions }) => {
  const keys = {
    k: () => controls.toggle(),
    " ": () => controls.toggle(),
    j: () => controls.seekBy(-LEAP_SECONDS),
    l: () => controls.seekBy(LEAP_SECONDS),
    ArrowLeft: () => controls.seekBy(-STEP_SECONDS),
    ArrowRight: () => controls.seekBy(STEP_SECONDS),
    ArrowUp: () => controls.louder(LOUDER),
    ArrowDown: () => controls.louder(-LOUDER),
    m: () => controls.mute(),
    f: () => controls.fullscreen(),
    c: () => toggleCaptions(),
    Home: () => controls.seekTo(0),
    End: () => controls.seekTo(video.duration),
  };
  for (let digit = 0; digit <= 9; digit += 1) keys[digit] = () => controls.seekTo((video.duration * digit) / 10);

  const needsFocus = new Set([" ", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const action = keys[key.length === 1 ? key.toLowerCase() : key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
    if (key === " " && isPressing(target)) return;
    if (needsFocus.has(key) && !element.contains(target)) return;
    if (target instanceof Element && target.matches(".volume") && key.startsWith("Arrow")) return;
    event.preventDefault();
    action();
    controls.wake();
  });
};
