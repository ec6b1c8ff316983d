"""Decode once, encode every rung and every sound track in one process."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.captions import Captions, extract
from vitascope.transcoding.pipeline.contracts import (
    AudioTrack,
    IncompleteMedia,
    Plan,
    ProgramFailed,
    Progress,
    Rung,
    SetInvalid,
    StageTime,
    TextTrack,
    UnreadableMedia,
)
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.sound import end_with_picture
from vitascope.transcoding.pipeline.workbench import Workbench, built, fingerprint, first_error

_PRESET = "veryfast"
_SOUND_BITS = 128_000
_SOUND_HERTZ = 48_000
_RESULT = "encoded.json"
_MISSING_TOLERATED = 0.05  # of the promised duration
_MISSING_SECONDS = 2.0
_CPU_PER_SECOND = 120  # of film: 8K in HDR on a slow machine
_LEAST_SECONDS = 900


class EncodedVideo(Struct, frozen=True, kw_only=True):
    """An encoded rung, with the seconds at which its key frames stand."""

    rung: Rung
    file: Path
    frames: int
    duration: float
    key_frames: tuple[float, ...]


class EncodedAudio(Struct, frozen=True, kw_only=True):
    """An encoded sound track."""

    track: AudioTrack
    file: Path
    duration: float


class EncodedText(Struct, frozen=True, kw_only=True):
    """A subtitle track as WebVTT."""

    track: TextTrack
    file: Path


class Encoded(Struct, frozen=True, kw_only=True):
    """All tracks of a set, encoded and checked but not packaged; files are named within the folder."""

    folder: Path
    plan: Plan
    video: tuple[EncodedVideo, ...]
    audio: tuple[EncodedAudio, ...]
    text: tuple[EncodedText, ...]
    warnings: tuple[str, ...]

    @property
    def duration(self) -> float:
        """Seconds of picture."""
        return self.video[0].duration


def encode(source: Path, plan: Plan, *, work: Path, bench: Workbench) -> tuple[Encoded, StageTime]:
    """Encode a source after a plan, in a folder of `work` named after both; skips what is there.

    Raises UnreadableMedia, IncompleteMedia, OutOfSpace, TranscodeCancelled, DeadlineExceeded.
    """
    folder = work.resolve() / f"encoded-{fingerprint(source, plan)}"
    if (folder / _RESULT).is_file():
        return _load(folder), StageTime(wall=0.0, cpu=0.0)
    with built(folder) as partial:
        finished = bench.run(
            _command(source, plan, partial, bench=bench),
            bounds=_bounds(plan),
            on_output=ProgressReader(bench, plan.duration),
        )
        _require_success(finished)
        captions = extract(source, plan, folder=partial, bench=bench)
        encoded = _examine(plan, partial, captions, bench=bench)
        (partial / _RESULT).write_bytes(msgspec.json.encode(encoded, enc_hook=str))
    return _load(folder), StageTime(wall=finished.wall + captions.wall, cpu=finished.cpu + captions.cpu)


def _load(folder: Path) -> Encoded:
    encoded = msgspec.json.decode(
        (folder / _RESULT).read_bytes(), type=Encoded, dec_hook=lambda kind, text: kind(text)
    )
    return msgspec.structs.replace(encoded, folder=folder)


def _bounds(plan: Plan) -> Bounds:
    seconds = plan.duration or 3600.0
    ceiling = sum(rung.max_rate for rung in plan.rungs) / 8 * seconds * 2
    return Bounds(
        cpu=int(_LEAST_SECONDS + _CPU_PER_SECOND * seconds),
        wall=_LEAST_SECONDS + _CPU_PER_SECOND * seconds,
        file=int(ceiling) + (256 << 20),
    )


def _command(source: Path, plan: Plan, folder: Path, *, bench: Workbench) -> Command:
    return Command(
        program=bench.tools.ffmpeg,
        arguments=tuple(arguments(source, plan, folder, pixels=bench.limits.pixels)),
        readable=(source.resolve(),),
        writable=(folder,),
    )


def arguments(source: Path, plan: Plan, folder: Path, *, pixels: int) -> Iterator[str]:
    """The ffmpeg command line that makes all renditions of a plan in a folder."""
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-y")
    yield from input_options(CONTAINERS[plan.container], pixels=pixels)
    yield from ("-i", input_name(source), "-filter_complex", filter_graph(plan))
    yield from ("-map_metadata", "-1", "-map_chapters", "-1")
    for number, rung in enumerate(plan.rungs):
        yield from ("-map", f"[v{number}]", *_video_options(rung, gop=plan.gop))
        yield str(folder / _video_name(rung))
    for number, track in enumerate(plan.audio):
        yield from ("-map", f"0:{track.index}", *_audio_options())
        yield str(folder / _audio_name(number))


def filter_graph(plan: Plan) -> str:
    """One decode to all rungs: constant rate, the largest rung, and the others from that one."""
    largest, *others = plan.rungs
    inputs = "".join(f"[s{number}]" for number in range(len(plan.rungs)))
    graph = (
        f"[0:{plan.video.index}]{','.join(_source_filters(plan, largest))},split={len(plan.rungs)}{inputs}"
    )
    chains = ["[s0]null[v0]"]
    chains += [
        f"[s{number}]scale={rung.width}:{rung.height}:flags=bicubic,setsar=1[v{number}]"
        for number, rung in enumerate(others, start=1)
    ]
    return ";".join([graph, *chains])


def _source_filters(plan: Plan, largest: Rung) -> Iterator[str]:
    if plan.video.interlaced:
        yield "bwdif=mode=send_frame"
    yield f"fps={plan.frame_rate}:start_time=0"
    yield f"scale={largest.width}:{largest.height}:flags=bicubic:out_range=tv"
    if plan.video.high_dynamic_range:
        # Linear light in BT.709 primaries, mapped to what an ordinary screen shows.
        # Told in full first: files often name the transfer and forget the rest.
        told = f"color_primaries=bt2020:color_trc={plan.video.transfer}:colorspace=bt2020nc:range=tv"
        yield f"setparams={told},zscale=t=linear:npl=100,format=gbrpf32le"
        yield "zscale=p=bt709,tonemap=hable:desat=0"
        yield "zscale=t=bt709:m=bt709:r=tv"
    yield "format=yuv420p,setsar=1"


def _video_options(rung: Rung, *, gop: int) -> Iterator[str]:
    yield from ("-c:v", "libx264", "-preset", _PRESET, "-profile:v", rung.profile, "-crf", str(rung.crf))
    yield from ("-maxrate", str(rung.max_rate), "-bufsize", str(rung.buffer))
    yield from ("-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-flags", "+cgop")


def _audio_options() -> Iterator[str]:
    yield from ("-c:a", "aac", "-profile:a", "aac_low", "-b:a", str(_SOUND_BITS), "-ac", "2")
    yield from ("-ar", str(_SOUND_HERTZ), "-af", "aresample=async=1:first_pts=0")


def _video_name(rung: Rung) -> str:
    return f"video-{rung.name}.mp4"


def _audio_name(number: int) -> str:
    return f"audio-{number}.mp4"


class ProgressReader:
    """Reads what ffmpeg says with `-progress` and tells the listener."""

    def __init__(self, bench: Workbench, duration: float | None) -> None:
        self._bench, self._duration = bench, duration
        self._rest = b""
        self._values: dict[str, str] = {}

    def __call__(self, data: bytes) -> None:
        """Take the next bytes of output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            name, _, value = line.decode(errors="replace").partition("=")
            self._values[name] = value.strip()
            if name == "progress":
                self._tell()

    def _tell(self) -> None:
        done = _decimal(self._values.get("out_time_us", "")) / 1e6
        ended = self._values.get("progress") == "end"
        fraction = min(1.0, done / self._duration) if self._duration else 0.0
        self._bench.listen(
            Progress(
                stage="encode",
                fraction=1.0 if ended else max(0.0, fraction),
                frames_per_second=_decimal(self._values.get("fps", "")) or None,
            )
        )


def _decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _require_success(finished: Finished) -> None:
    if finished.code == 0:
        return
    if finished.ended_by:
        raise ProgramFailed(f"The encoder was stopped: {finished.ended_by}.")
    raise UnreadableMedia(
        f"The film could not be decoded: it is damaged. Export it again. ({first_error(finished.errors)})",
        field="file",
    )


def _examine(plan: Plan, folder: Path, captions: Captions, *, bench: Workbench) -> Encoded:
    """Read back what was encoded; raises UnreadableMedia, IncompleteMedia or SetInvalid."""
    video = tuple(_examine_video(rung, folder / _video_name(rung)) for rung in plan.rungs)
    sounds = [(track, _audio_name(number)) for number, track in enumerate(plan.audio)]
    audio = tuple(_examine_audio(track, folder / name) for track, name in sounds)
    heard = tuple(sound for sound in audio if sound.duration > 0)
    _require_aligned(video, gop=plan.gop)
    _require_complete(plan, video[0].duration, max((sound.duration for sound in heard), default=0.0))
    lost = [_lost(sound.track) for sound in audio if sound.duration == 0]
    cut = _end_sounds(heard, folder, seconds=video[0].duration, bench=bench)
    return Encoded(
        folder=Path(),
        plan=plan,
        video=video,
        audio=heard,
        text=tuple(EncodedText(track=track, file=Path(file)) for track, file in captions.files),
        warnings=(*lost, *cut, *captions.warnings),
    )


def _lost(track: AudioTrack) -> str:
    return f"The sound track {track.index} ({track.language}) could not be decoded; it is left out."


def _end_sounds(
    sounds: tuple[EncodedAudio, ...], folder: Path, *, seconds: float, bench: Workbench
) -> list[str]:
    excesses = [end_with_picture(folder / sound.file, seconds=seconds, bench=bench) for sound in sounds]
    return [
        f"The sound track {sound.track.index} ({sound.track.language}) goes on for {clock(excess)} "
        "after the picture; it ends with the picture."
        for sound, excess in zip(sounds, excesses, strict=True)
        if excess
    ]


def _examine_video(rung: Rung, file: Path) -> EncodedVideo:
    track = mp4.read_track(file) if file.is_file() and file.stat().st_size else None
    if track is None or not track.samples:
        raise UnreadableMedia("Not one picture of the film could be decoded: it is damaged.", field="file")
    tick = track.seconds / track.samples
    return EncodedVideo(
        rung=rung,
        file=Path(file.name),
        frames=track.samples,
        duration=track.seconds,
        key_frames=tuple(round(number * tick, 6) for number in track.sync),
    )


def _examine_audio(track: AudioTrack, file: Path) -> EncodedAudio:
    read = mp4.read_track(file) if file.is_file() and file.stat().st_size else None
    return EncodedAudio(track=track, file=Path(file.name), duration=read.seconds if read else 0.0)


def _require_aligned(video: tuple[EncodedVideo, ...], *, gop: int) -> None:
    expected = video[0]
    groups = -(-expected.frames // gop)
    for rendition in video:
        same = (rendition.frames, rendition.key_frames) == (expected.frames, expected.key_frames)
        if not same or len(rendition.key_frames) != groups:
            raise SetInvalid(f"The rung {rendition.rung.name} is not aligned with the others.")


def _require_complete(plan: Plan, pictures: float, sound: float) -> None:
    promised = plan.video.duration or plan.duration
    if promised is None:
        return
    # Where only the whole file's length is known, the sound may be what lasts that long.
    decoded = pictures if plan.video.duration else max(pictures, sound)
    if promised - decoded > max(_MISSING_SECONDS, promised * _MISSING_TOLERATED):
        raise IncompleteMedia(
            f"The film says it lasts {clock(promised)}, but only {clock(decoded)} of it can be decoded: "
            "it was cut off or is damaged. Upload the whole file again.",
            field="file",
        )


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
