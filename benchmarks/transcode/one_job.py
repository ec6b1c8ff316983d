"""The command `vitascope transcode` over the programs that it runs, on a minute of 1080p."""

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from benchmarks.figure import Figure, Target
from benchmarks.transcode.films import RUNS, SECONDS, TOOLS, WORKERS, Cost, cost_of, minute, planned, versions
from msgspec import Struct
from msgspec.structs import replace

from vitascope.transcoding.pipeline import package, video
from vitascope.transcoding.pipeline.contracts import WHOLE_FILM, Limits, Plan
from vitascope.transcoding.pipeline.encoded import Encoded, EncodedAudio, EncodedVideo
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.package import Packaged, PackagedSound

_SOUND = "audio-0.mp4"


class _Told(Struct):
    """What the command tells of itself."""

    stages: dict[str, StageTime]


class _Run(Struct, frozen=True):
    """The command, its stages, and the bare programs, measured one after the other."""

    command: Cost
    stages: dict[str, StageTime]
    encoder: Cost
    packager: Cost


def figures() -> Iterator[Figure]:
    """Wall and CPU of the command over those of bare programs."""
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        folder = Path(name)
        film = minute(folder)
        runs = [_run(film, folder) for _ in range(RUNS)]
    yield _figure(
        "transcode.overhead",
        [run.command.wall for run in runs],
        "the same ffmpeg command and Shaka Packager alone",
        [run.encoder.wall + run.packager.wall for run in runs],
        target=Target("ratio", "<=", 1.15),
    )
    bare = "one ffmpeg process with split and scale for the same rungs, not packaged"
    yield _figure(
        "transcode.parallel",
        [run.command.wall for run in runs],
        bare,
        [run.encoder.wall for run in runs],
        target=Target("ratio", "<=", 0.9),
    )
    yield _figure(
        "transcode.cpu",
        [run.command.cpu for run in runs],
        bare,
        [run.encoder.cpu for run in runs],
        target=Target("ratio", "<=", 1.03),
    )
    yield _figure(
        "transcode.packaging",
        [run.stages["package"].cpu + run.stages["pictures"].cpu for run in runs],
        "encoding",
        [run.stages["encode"].cpu for run in runs],
        target=Target("ratio", "<=", 0.03),
    )


def _figure(
    name: str, values: Sequence[float], against: str, others: Sequence[float], *, target: Target
) -> Figure:
    kind = "s" if name in {"transcode.overhead", "transcode.parallel"} else "s of CPU"
    return Figure(
        name=name,
        value=statistics.median(values),
        unit=f"{kind} for {SECONDS} s of 1080p30",
        against=against,
        against_value=statistics.median(others),
        target=target,
        versions=versions(),
    )


def _run(film: Path, folder: Path) -> _Run:
    command, stages = made_by_command(film, folder)
    encoder, packager = _bare(film, folder)
    return _Run(command, stages, encoder, packager)


def made_by_command(film: Path, folder: Path) -> tuple[Cost, dict[str, StageTime]]:
    """What one run of the command costs, and its stages."""
    out = folder / "set"
    command = [sys.executable, "-m", "vitascope", "transcode", str(film), "-o", str(out), "--json"]
    told: list[bytes] = []

    def run() -> None:
        finished = subprocess.run([*command, "--workers", str(WORKERS)], check=True, stdout=subprocess.PIPE)
        told.append(finished.stdout)

    cost = cost_of(run)
    shutil.rmtree(out)
    return cost, msgspec.json.decode(told[0], type=_Told).stages


def _bare(film: Path, folder: Path) -> tuple[Cost, Cost]:
    """The two command lines by themselves: no sandbox, chunks, pictures, checks or renames."""
    source, out = folder / "bare-encoded", folder / "bare-packaged"
    source.mkdir()
    whole = planned(film)
    encoding = [
        str(TOOLS.ffmpeg),
        *video.arguments(whole, WHOLE_FILM, whole.plan.rungs, out=source, pixels=Limits().pixels),
        *_plain_sound(whole.plan, source),
    ]
    encoded, packaged = _expected(whole.plan, source, out)
    packaging = [str(TOOLS.packager), *package.arguments(encoded, packaged, out.name)]
    encoder = cost_of(lambda: subprocess.run(encoding, check=True, stdout=subprocess.DEVNULL))
    packager = cost_of(lambda: subprocess.run(packaging, check=True, capture_output=True, cwd=folder))
    shutil.rmtree(source)
    shutil.rmtree(out)
    return encoder, packager


def _plain_sound(made: Plan, out: Path) -> Iterator[str]:
    """The sound of the film as it is: not measured, not corrected."""
    mix = made.mixes[0]
    yield from ("-map", f"0:{made.audio[mix.track].index}", "-c:a", "aac", "-b:a", str(mix.bits))
    yield from ("-ac", str(mix.channels), "-ar", "48000", str(out / _SOUND))


def _expected(made: Plan, source: Path, out: Path) -> tuple[Encoded, Packaged]:
    """What the packager's command line is made of, before anything is encoded."""
    rungs = tuple(
        EncodedVideo(rung=rung, file=Path(f"{rung.name}.mp4"), frames=0, duration=SECONDS, key_frames=())
        for rung in made.rungs
    )
    track, mix = replace(made.audio[0], language="und"), made.mixes[0]
    sound = PackagedSound(
        track=track,
        mix=mix,
        group="audio",
        loudness=None,
        gain=0.0,
        name="Sound",
        default=True,
        folder="audio/0",
        source=_SOUND,
    )
    encoded = Encoded(
        folder=source,
        plan=made,
        video=rungs,
        audio=(EncodedAudio(track=track, mix=mix, file=Path(_SOUND), duration=SECONDS),),
        text=(),
        warnings=(),
    )
    return encoded, Packaged(folder=out, audio=(sound,), text=())
