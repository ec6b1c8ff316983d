"""A set that plays at once: the picture of a source that plays as it is, copied and not encoded.

While the rungs are being encoded it is what people watch. Only pictures that every player can decode are
copied, whose key frames stand close enough together to begin and to seek at.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from vitascope.transcoding.pipeline import mp4
from vitascope.transcoding.pipeline.audio import place
from vitascope.transcoding.pipeline.contracts import (
    AudioTrack,
    Mix,
    Plan,
    Rung,
)
from vitascope.transcoding.pipeline.encoded import Encoded, EncodedAudio, EncodedVideo
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.probe import input_name, input_options
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.sniff import CONTAINERS
from vitascope.transcoding.pipeline.video import require_success
from vitascope.transcoding.pipeline.workbench import Workbench, built, fingerprint

_CONTAINER = "mov"  # Matroska tells milliseconds, in which no frame rate is exact
_LARGEST_RATE = 15_000_000  # bits per second that a home's connection may well have
_LONGEST_GROUP = 10.0  # seconds between key frames
_SEGMENT_SECONDS = 4.0  # at least: a source's groups are often shorter
_MISSING_SECONDS = 1.0
_COPIED_RATES = frozenset({44_100, 48_000})
_CHANNELS: dict[int, int] = {2: 2, 6: 6}
_VIDEO, _SOUND = "video.mp4", "sound.mp4"


def conforms(plan: Plan, *, size: int) -> bool:
    """Whether the source's picture may be copied, as far as its description tells; `size` in bytes."""
    video = plan.video
    square = (video.width, video.height) == (video.display_width, video.display_height)
    plain = square and not video.rotation and not video.interlaced and not video.variable_rate
    decodable = video.codec == "h264" and video.pixel_format == "yuv420p" and video.bit_depth == 8
    rate = size * 8 / plan.duration if plan.duration else _LARGEST_RATE + 1
    return plan.container == _CONTAINER and plain and decodable and rate <= _LARGEST_RATE


def copy(film: Film, *, work: Path, bench: Workbench) -> tuple[Encoded | None, StageTime]:
    """Copy the picture, and the default sound, into a folder of `work`.

    None if its key frames are too far apart, or if some of it is missing. Sound that no player may know
    is encoded. Raises UnreadableMedia, OutOfSpace, TranscodeCancelled.
    """
    folder = work.resolve() / f"encoded-first-{fingerprint(film.digest, film.plan.container)}"
    took = StageTime(wall=0.0, cpu=0.0)
    if not (folder / _VIDEO).is_file():
        with built(folder) as partial:
            took = _copy(film, partial, bench=bench)
            _end_sound(partial, bench=bench)
    picture = _examine(film.plan, folder / _VIDEO)
    if picture is None:
        return None, took
    groups = [later - earlier for earlier, later in pairwise((*picture.key_frames, picture.duration))]
    missing = (film.plan.video.duration or film.plan.duration or 0.0) - picture.duration
    if max(groups) > _LONGEST_GROUP or missing > _MISSING_SECONDS:
        return None, took
    plan = _plan(film.plan, picture.rung)
    sound = _sound(plan, folder)
    return Encoded(folder=folder, plan=plan, video=(picture,), audio=sound, text=(), warnings=()), took


def _copy(film: Film, folder: Path, *, bench: Workbench) -> StageTime:
    command = Command(
        program=bench.tools.ffmpeg,
        arguments=tuple(_arguments(film, folder, pixels=bench.limits.pixels)),
        readable=(film.file.resolve(),),
        writable=(folder.resolve(),),
    )
    finished = bench.run(command, bounds=Bounds(cpu=3600, wall=7200))
    require_success(finished)
    return StageTime(wall=finished.wall, cpu=finished.cpu)


def _arguments(film: Film, folder: Path, *, pixels: int) -> Iterator[str]:
    plan = film.plan
    yield from ("-nostdin", "-hide_banner", "-v", "error", "-nostats", "-y")
    yield from input_options(CONTAINERS[plan.container], pixels=pixels)
    yield from ("-i", input_name(film.file), "-map_metadata", "-1", "-map_chapters", "-1")
    yield from ("-map", f"0:{plan.video.index}", "-c", "copy", "-tag:v", "avc1", str(folder / _VIDEO))
    track = _default(plan)
    if track is not None:
        yield from ("-map", f"0:{track.index}", *_codec(track), str(folder / _SOUND))


def _codec(track: AudioTrack) -> Iterator[str]:
    if track.codec == "aac" and track.channels in _CHANNELS and track.sample_rate in _COPIED_RATES:
        yield from ("-c", "copy")
    else:
        yield from ("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000")


def _default(plan: Plan) -> AudioTrack | None:
    return next((track for track in plan.audio if track.default), next(iter(plan.audio), None))


def _end_sound(folder: Path, *, bench: Workbench) -> None:
    """Let the sound last no longer than the picture."""
    sound = folder / _SOUND
    if not sound.is_file():
        return
    whole = sound.rename(folder / "whole.mp4")
    place(whole, out=sound, seconds=mp4.read_track(folder / _VIDEO).seconds, bench=bench)
    whole.unlink()


def _examine(plan: Plan, file: Path) -> EncodedVideo | None:
    track = mp4.read_track(file)
    if not track.samples or not track.sync or track.sync[0]:
        return None
    tick = track.seconds / track.samples
    lines = min(plan.video.width, plan.video.height)
    rate = round(file.stat().st_size * 8 / track.seconds)
    rung = Rung(
        name=f"{lines}p-source",
        width=plan.video.width,
        height=plan.video.height,
        profile="high",
        crf=0,
        max_rate=rate,
        buffer=rate,
    )
    return EncodedVideo(
        rung=rung,
        file=Path(file.name),
        frames=track.samples,
        duration=track.seconds,
        key_frames=tuple(round(number * tick, 6) for number in track.sync),
    )


def _plan(plan: Plan, rung: Rung) -> Plan:
    """What the copied set is made of."""
    track = _default(plan)
    copied = next(_codec(track), "") == "-c" if track is not None else False
    channels = track.channels if track is not None and copied else 2
    mixes = (Mix(track=0, codec="aac", channels=6 if channels == 6 else 2, bits=128_000),)
    return msgspec.structs.replace(
        plan,
        audio=(track,) if track is not None else (),
        mixes=mixes if track is not None else (),
        text=(),
        chapters=(),
        rungs=(rung,),
        gop=max(1, round(_SEGMENT_SECONDS * plan.frame_rate.hertz)),
        loudness=None,
        warnings=(),
    )


def _sound(plan: Plan, folder: Path) -> tuple[EncodedAudio, ...]:
    file = folder / _SOUND
    if not file.is_file() or not plan.audio:
        return ()
    seconds = mp4.read_track(file).seconds
    return (EncodedAudio(track=plan.audio[0], mix=plan.mixes[0], file=Path(_SOUND), duration=seconds),)
