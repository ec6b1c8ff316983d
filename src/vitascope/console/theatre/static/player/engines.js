// Three ways to play the same film behind one small face:
//   load(playback, at) · qualities() · quality() · choose(index) · shownHeight() · stop()
//   captions() · showCaptions(index) · sounds() · sound() · chooseSound(index)
// Tracks are `{ index, name, language }`, captions have `forced` too. They tell what happens by events on
// themselves: "qualities", "quality", "captions", "sounds", "expired", "trouble", "broken", and "refused" when
// the licence server gives no key for a protected film.

const EXPIRED = new Set([401, 403, 404, 410]);
const CLEAR_KEY = "org.w3.clearkey";
const shortSide = ({ width, height }) => (width ? Math.min(width, height) : height);
// A picture may be listed once for each group of sound that it can be played with.
const distinct = (qualities) => {
  const sorted = qualities.sort((a, b) => b.height - a.height);
  return sorted.filter(({ height }, at) => height !== sorted[at - 1]?.height);
};
const isApple = () => navigator.vendor.startsWith("Apple");

class Engine extends EventTarget {
  constructor(video) {
    super();
    this.video = video;
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // Captions are read from the video's own text tracks, which every engine fills.
  textTracks() {
    return [...this.video.textTracks].filter(({ kind }) => ["subtitles", "captions", "forced"].includes(kind));
  }

  captions() {
    return this.textTracks().map(({ label, language, kind }, index) => ({ index, name: label, language, forced: kind === "forced" }));
  }

  showCaptions(index) {
    for (const [at, track] of this.textTracks().entries()) track.mode = at === index ? "hidden" : "disabled";
  }
}

class HlsEngine extends Engine {
  constructor(video, Hls, workerPath) {
    super(video);
    this.Hls = Hls;
    this.workerPath = workerPath;
    this.recoveries = 0;
  }

  load({ hls: address, licence }, at) {
    this.stop();
    const { Hls } = this;
    const keys = licence ? { emeEnabled: true, drmSystems: { [CLEAR_KEY]: { licenseUrl: licence } } } : {};
    const common = { workerPath: this.workerPath, capLevelToPlayerSize: true, backBufferLength: 60 };
    this.hls = new Hls({ ...common, ...keys, startPosition: at || -1 });
    this.hls.subtitleDisplay = false;
    this.hls.on(Hls.Events.MANIFEST_PARSED, () => this.tell("qualities"));
    this.hls.on(Hls.Events.LEVEL_SWITCHED, () => this.tell("quality"));
    this.hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, () => this.tell("captions"));
    this.hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => this.tell("sounds"));
    this.hls.on(Hls.Events.AUDIO_TRACK_SWITCHED, () => this.tell("sounds"));
    this.hls.on(Hls.Events.FRAG_BUFFERED, () => (this.recoveries = 0));
    this.hls.on(Hls.Events.ERROR, (_, problem) => this.#judge(problem));
    this.hls.loadSource(address);
    this.hls.attachMedia(this.video);
  }

  #judge({ fatal, type, details, response }) {
    if (details === this.Hls.ErrorDetails.KEY_SYSTEM_LICENSE_REQUEST_FAILED) return this.tell("refused");
    if (EXPIRED.has(response?.code)) return this.tell("expired");
    if (!fatal) return undefined;
    if (type === this.Hls.ErrorTypes.NETWORK_ERROR) return this.tell("trouble");
    if (type === this.Hls.ErrorTypes.MEDIA_ERROR && this.recoveries++ < 2) return this.hls.recoverMediaError();
    return this.tell("broken");
  }

  qualities() {
    return distinct(this.hls.levels.map((level, index) => ({ index, height: shortSide(level) })));
  }

  quality() {
    return this.hls.autoLevelEnabled ? -1 : this.hls.loadLevel;
  }

  // What is chosen is seen at once: the gentle switch (`nextLevel`) now and then leaves all that is loaded
  // already as it is, and then a film that is loaded to its end never changes.
  choose(index) {
    if (index >= 0 && index !== this.hls.currentLevel) this.hls.currentLevel = index;
    else this.hls.nextLevel = index;
  }

  shownHeight() {
    const level = this.hls.levels[this.hls.currentLevel];
    return level ? shortSide(level) : null;
  }

  captions() {
    return this.hls.subtitleTracks.map(({ name, lang, forced }, index) => ({ index, name, language: lang, forced }));
  }

  showCaptions(index) {
    this.hls.subtitleTrack = index;
  }

  sounds() {
    return this.hls.audioTracks.map(({ name, lang }, index) => ({ index, name, language: lang }));
  }

  sound() {
    return this.hls.audioTrack;
  }

  chooseSound(index) {
    this.hls.audioTrack = index;
  }

  stop() {
    this.hls?.destroy();
    this.hls = undefined;
  }
}

// Safari plays HLS by itself and chooses the quality by itself.
class NativeEngine extends Engine {
  load({ hls: address }, at) {
    this.video.src = address;
    this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = at || 0), { once: true });
    this.video.textTracks.onaddtrack = () => this.tell("captions");
    if (this.video.audioTracks) this.video.audioTracks.onaddtrack = () => this.tell("sounds");
    this.video.onerror = () => this.tell(this.video.error?.code === MediaError.MEDIA_ERR_NETWORK ? "trouble" : "expired");
    this.video.onresize = () => this.tell("quality");
  }

  qualities() {
    return [];
  }

  quality() {
    return -1;
  }

  choose() {}

  sounds() {
    return [...(this.video.audioTracks ?? [])].map(({ label, language }, index) => ({ index, name: label, language }));
  }

  sound() {
    return [...(this.video.audioTracks ?? [])].findIndex(({ enabled }) => enabled);
  }

  chooseSound(index) {
    for (const [at, track] of [...this.video.audioTracks].entries()) track.enabled = at === index;
  }

  shownHeight() {
    return this.video.videoHeight ? Math.min(this.video.videoHeight, this.video.videoWidth) : null;
  }

  stop() {
    this.video.onerror = null;
    this.video.removeAttribute("src");
    this.video.load();
  }
}

class DashEngine extends Engine {
  constructor(video, shaka) {
    super(video);
    this.shaka = shaka;
  }

  async load({ dash: address, licence }, at) {
    this.player ??= await this.#attach();
    if (licence) this.player.configure({ drm: { servers: { [CLEAR_KEY]: licence } } });
    try {
      await this.player.load(address, at || null);
    } catch (problem) {
      this.#judge(problem);
      return;
    }
    this.tell("qualities");
    this.tell("sounds");
    this.tell("captions");
  }

  async #attach() {
    const player = new this.shaka.Player();
    await player.attach(this.video);
    player.addEventListener("adaptation", () => this.tell("quality"));
    player.addEventListener("variantchanged", () => this.tell("quality"));
    for (const name of ["variantchanged", "audiotrackchanged"]) player.addEventListener(name, () => this.tell("sounds"));
    player.addEventListener("error", ({ detail }) => this.#judge(detail));
    return player;
  }

  #judge({ category, code, data, severity }) {
    const { Category, Code, Severity } = this.shaka.util.Error;
    if (code === Code.LICENSE_REQUEST_FAILED) this.tell("refused");
    else if (category === Category.NETWORK && EXPIRED.has(data[1])) this.tell("expired");
    else if (category === Category.NETWORK) this.tell("trouble");
    else if (severity === Severity.CRITICAL) this.tell("broken");
  }

  #pictures() {
    return this.player?.getVideoTracks() ?? [];
  }

  qualities() {
    return distinct(this.#pictures().map((track, index) => ({ index, height: shortSide(track) })));
  }

  quality() {
    if (this.player.getConfiguration().abr.enabled) return -1;
    return this.#pictures().findIndex(({ active }) => active);
  }

  choose(index) {
    this.player.configure({ abr: { enabled: index < 0 } });
    if (index >= 0) this.player.selectVideoTrack(this.#pictures()[index], true);
  }

  shownHeight() {
    const shown = this.#pictures().find(({ active }) => active);
    return shown ? shortSide(shown) : null;
  }

  // The same sound may be there in 5.1 as well, which a browser would mix down again.
  #stereo() {
    const tracks = this.player?.getAudioTracks() ?? [];
    const stereo = tracks.filter(({ channelsCount }) => (channelsCount ?? 2) <= 2);
    return stereo.length ? stereo : tracks;
  }

  sounds() {
    return this.#stereo().map(({ label, language }, index) => ({ index, name: label, language }));
  }

  sound() {
    return this.#stereo().findIndex(({ active }) => active);
  }

  chooseSound(index) {
    this.player.selectAudioTrack(this.#stereo()[index]);
  }

  captions() {
    const tracks = this.player?.getTextTracks() ?? [];
    return tracks.map(({ label, language, forced }, index) => ({ index, name: label, language, forced }));
  }

  showCaptions(index) {
    this.player.selectTextTrack(this.player.getTextTracks()[index] ?? null);
  }

  stop() {
    this.player?.unload();
  }
}

const loadScript = (address) =>
  new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: address, onload: resolve, onerror: reject });
    document.head.append(script);
  });

/** The engine for this browser: `wanted` is "dash" to play the DASH manifest, else "auto". */
export const chooseEngine = async (video, { wanted, hlsWorker }) => {
  if (wanted === "dash") {
    await loadScript(new URL("../vendor/shaka-player.js", import.meta.url));
    globalThis.shaka.polyfill.installAll();
    return new DashEngine(video, globalThis.shaka);
  }
  if (isApple() && video.canPlayType("application/vnd.apple.mpegurl")) return new NativeEngine(video);
  const { default: Hls } = await import("../vendor/hls.min.mjs");
  return Hls.isSupported() ? new HlsEngine(video, Hls, hlsWorker) : new NativeEngine(video);
};
