"""Good sets of every kind that the validator knows, made once; and the ways to spoil a copy of one."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.integration.transcoding.pipeline.corpus import H264, TOOLS, ffmpeg, picture, tone

from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

KEY_ID = "00112233445566778899aabbccddeeff"
KEY = "0123456789abcdef0123456789abcdef"
SECONDS = 4
_GROUP = ("-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-pix_fmt", "yuv420p")
_SUBTITLES = "1\n00:00:00,500 --> 00:00:02,000\nHello\n\n2\n00:00:02,500 --> 00:00:04,500\nBye\n"
_HEVC = "keyint=50:min-keyint=50:scenecut=0:log-level=none:open-gop="
_SMALL = picture("192x108", rate="25", seconds=SECONDS)
_PQ = ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc")

Spoil = Callable[[Path], None]

TRACKS: dict[str, tuple[str, ...]] = {
    "h264": (*_SMALL, *H264, *_GROUP),
    "uneven": (*_SMALL, *H264, *_GROUP, "-g", "75", "-keyint_min", "75"),
    "short": (*picture("192x108", rate="25", seconds=2), *H264, *_GROUP),
    "wide": (*_SMALL, "-vf", "setsar=4/3", *H264, *_GROUP),
    "pq": (*_SMALL, *_PQ, *H264, *_GROUP),
    "hevc": (*_SMALL, "-c:v", "libx265", "-preset", "ultrafast", *_GROUP, "-x265-params", f"{_HEVC}0"),
    "open": (*_SMALL, "-c:v", "libx265", "-preset", "medium", *_GROUP, "-x265-params", f"{_HEVC}1"),
    "av1": (*_SMALL, "-c:v", "libsvtav1", "-preset", "12", *_GROUP, "-svtav1-params", "keyint=50:scd=0"),
    "vp9": (*_SMALL, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", *_GROUP),
    "aac": (*tone(seconds=SECONDS), "-c:a", "aac"),
    "brief": (*tone(seconds=2), "-c:a", "aac"),
    "opus": (*tone(seconds=SECONDS), "-c:a", "libopus"),
}
SOUND = {"aac", "brief", "opus"}
_RAW_KEY = ("--enable_raw_key_encryption", f"--keys=label=:key_id={KEY_ID}:key={KEY}", "--clear_lead=0")
_FAIRPLAY = ("--protection_systems=Widevine,PlayReady,FairPlay", "--hls_key_uri=skd://film")
_COMMON = "--protection_systems=Widevine,PlayReady,CommonSystem"

PACKAGED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "codecs": (("h264", "hevc", "av1", "vp9", "aac", "opus"), ()),
    "cbcs": (("h264", "hevc", "aac"), (*_RAW_KEY, "--protection_scheme=cbcs", *_FAIRPLAY)),
    "cenc": (("h264", "av1", "vp9", "aac"), (*_RAW_KEY, "--protection_scheme=cenc", _COMMON)),
    "open": (("open", "aac"), ()),
    "uneven": (("h264", "uneven", "aac"), ()),
    "short": (("h264", "short", "aac"), ()),
    "brief": (("h264", "brief"), ()),
    "wide": (("wide", "aac"), ()),
    "pq": (("pq", "aac"), ()),
}


def make_film(folder: Path) -> Path:
    """A film of five seconds for two rungs, with sound in two languages and captions."""
    (folder / "captions.srt").write_text(_SUBTITLES, encoding="ascii")
    inputs = (*picture("854x480", rate="25", seconds=5), *tone(330, seconds=5), *tone(550, seconds=5))
    maps = (*("-i", str(folder / "captions.srt")), *("-map", "0", "-map", "1", "-map", "2", "-map", "3"))
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra")
    captions = ("-c:s", "srt", "-metadata:s:s:0", "language=eng")
    ffmpeg(*inputs, *maps, *languages, *captions, "-preset", "ultrafast", str(folder / "film.mkv"))
    return folder / "film.mkv"


class Sets:
    """Sets in a folder, made when they are asked for: `film` is ours, the others the packager's alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Path:
        """The folder of a good set, not to be changed."""
        out = self._folder / name
        if not out.exists():
            if name == "film":
                Pipeline(Workbench(tools=TOOLS)).transcode(make_film(self._folder), out=out)
            elif name == "single":
                self._package_single(out)
            else:
                self._package(out, *PACKAGED[name])
        return out

    def track(self, name: str) -> Path:
        """An encoded track as a plain MP4."""
        file = self._folder / f"{name}.mp4"
        if not file.exists():
            ffmpeg(*TRACKS[name], *(("-tag:v", "hvc1") if name in {"hevc", "open"} else ()), str(file))
        return file

    def _package(self, out: Path, tracks: tuple[str, ...], options: tuple[str, ...]) -> None:
        descriptors = [
            f"in={self.track(name)},{_kind(name)},init_segment={out}/{name}/init.mp4,"
            f"segment_template={out}/{name}/$Number%05d$.m4s,playlist_name={name}/index.m3u8"
            + ("" if name in SOUND else f",iframe_playlist_name={name}/iframes.m3u8")
            for name in tracks
        ]
        _run(out, *descriptors, *options, "--generate_static_live_mpd")

    def _package_single(self, out: Path) -> None:
        picture, sound = self.track("h264"), self.track("aac")
        named = "playlist_name=v.m3u8,iframe_playlist_name=i.m3u8"
        _run(
            out,
            f"in={picture},stream=video,output={out}/v.mp4,{named}",
            f"in={sound},{_kind('aac')},output={out}/a.mp4,playlist_name=a.m3u8",
        )


def _kind(name: str) -> str:
    group = f"stream=audio,hls_group_id={name},hls_name={name},language=en"
    return group if name in SOUND else "stream=video"


def _run(out: Path, *arguments: str) -> None:
    manifests = ("--mpd_output", f"{out}/manifest.mpd", "--hls_master_playlist_output", f"{out}/master.m3u8")
    command = [str(TOOLS.packager), *arguments, "--segment_duration=2", *manifests, "--quiet"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def replaced(path: str, old: str, new: str, *, count: int = 0) -> Spoil:
    """Replace what a regular expression finds in a manifest."""

    def spoil(folder: Path) -> None:
        text = (folder / path).read_text(encoding="utf-8")
        changed = re.sub(old, new, text, count=count)
        assert changed != text
        (folder / path).write_text(changed, encoding="utf-8")

    return spoil


def patched(path: str, old: bytes, new: bytes, *, last: bool = False) -> Spoil:
    """Replace bytes by as many others, the first or the last time that they are there."""

    def spoil(folder: Path) -> None:
        data = (folder / path).read_bytes()
        position = data.rfind(old) if last else data.find(old)
        assert position >= 0
        assert len(old) == len(new)
        (folder / path).write_bytes(data[:position] + new + data[position + len(old) :])

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(folder: Path) -> None:
        for one in spoils:
            one(folder)

    return spoil


def later(pattern: str, ticks: int) -> Spoil:
    """Let the fragments of these files say that they are decoded some ticks later."""

    def spoil(folder: Path) -> None:
        for path in _matching(folder, pattern):
            data = bytearray(path.read_bytes())
            start = data.find(b"tfdt") + 4
            end = start + (12 if data[start] else 8)
            time = int.from_bytes(data[start + 4 : end], "big") + ticks
            data[start + 4 : end] = time.to_bytes(end - start - 4, "big")
            path.write_bytes(data)

    return spoil


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    found = sorted(folder.glob(pattern))
    assert found
    yield from found


def removed(*paths: str) -> Spoil:
    """Take files away."""

    def spoil(folder: Path) -> None:
        for path in paths:
            (folder / path).unlink()

    return spoil


def cut(path: str, size: int) -> Spoil:
    """Take the last bytes of a file away."""

    def spoil(folder: Path) -> None:
        data = (folder / path).read_bytes()
        (folder / path).write_bytes(data[:-size])

    return spoil


def written(path: str, text: str) -> Spoil:
    """Write a file."""

    def spoil(folder: Path) -> None:
        (folder / path).write_text(text, encoding="utf-8")

    return spoil


def copied(path: str, to: str) -> Spoil:
    """Copy a file."""

    def spoil(folder: Path) -> None:
        shutil.copyfile(folder / path, folder / to)

    return spoil
