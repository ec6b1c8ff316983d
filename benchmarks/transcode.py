"""What `vitascope transcode` costs over the programs that it runs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, Target, medians, seconds
from msgspec.structs import replace

from vitascope.transcoding.pipeline import audio, binaries, package, probe, video
from vitascope.transcoding.pipeline.contracts import WHOLE_FILM, Limits, Plan
from vitascope.transcoding.pipeline.encoded import Encoded, EncodedAudio, EncodedVideo
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.ladder import plan
from vitascope.transcoding.pipeline.package import Packaged, PackagedSound

_SECONDS = int(os.environ.get("VITASCOPE_BENCH_SECONDS", "60"))


def figures() -> Iterator[Figure]:
    """The wall time of the command over that of the bare programs, on a minute of 1080p."""
    tools = binaries.find(os.environ)
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        folder = Path(name)
        film = _film(folder, tools)
        made, bare = medians(lambda: _command(film, folder), lambda: _bare(film, folder, tools))
    yield Figure(
        name="transcode.overhead",
        value=made,
        unit=f"s for {_SECONDS} s of 1080p30",
        against="the same ffmpeg command and Shaka Packager alone",
        against_value=bare,
        target=Target("ratio", "<=", 1.15),
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    reports = binaries.describe(os.environ)
    return {report.name: (report.version or "").partition(" Copyright")[0] for report in reports}


def _film(folder: Path, tools: binaries.Tools) -> Path:
    """A minute of moving test picture with grain and a tone."""
    film = folder / "film.mp4"
    picture = f"testsrc2=s=1920x1080:r=30:d={_SECONDS},noise=c0s=6:c0f=t,format=yuv420p"
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=440:d={_SECONDS}")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-c:a", "aac")
    subprocess.run([tools.ffmpeg, "-nostdin", "-v", "error", *inputs, *codecs, film], check=True)
    return film


def _command(film: Path, folder: Path) -> float:
    out = folder / "set"
    command = [sys.executable, "-m", "vitascope", "transcode", str(film), "-o", str(out), "--json"]
    taken = seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    shutil.rmtree(out)
    return taken


def _bare(film: Path, folder: Path, tools: binaries.Tools) -> float:
    """The two command lines by themselves: no sandbox, pictures, checks or renames."""
    media, _ = probe.probe(film, ffprobe=tools.ffprobe, limits=Limits())
    made = plan(media)
    source, out = folder / "bare-encoded", folder / "bare-packaged"
    source.mkdir()
    whole, pixels = Film.of(film, made), Limits().pixels
    encoding = [
        str(tools.ffmpeg),
        *video.arguments(whole, WHOLE_FILM, made.rungs, out=source, pixels=pixels),
        *audio.outputs(whole, out=source),
    ]
    encoded, packaged = _expected(made, source, out)
    packaging = [str(tools.packager), *package.arguments(encoded, packaged, out.name)]
    taken = seconds(lambda: subprocess.run(encoding, check=True, stdout=subprocess.DEVNULL))
    taken += seconds(lambda: subprocess.run(packaging, check=True, capture_output=True, cwd=folder))
    shutil.rmtree(source)
    shutil.rmtree(out)
    return taken


def _expected(made: Plan, source: Path, out: Path) -> tuple[Encoded, Packaged]:
    """What the packager's command line is made of, before anything is encoded."""
    rungs = tuple(
        EncodedVideo(rung=rung, file=Path(f"{rung.name}.mp4"), frames=0, duration=_SECONDS, key_frames=())
        for rung in made.rungs
    )
    track = replace(made.audio[0], language="und")
    sound = PackagedSound(track=track, name="Sound", default=True, folder="audio/0", source="audio-0.mp4")
    encoded = Encoded(
        folder=source,
        plan=made,
        video=rungs,
        audio=(EncodedAudio(track=track, file=Path("audio-0.mp4"), duration=_SECONDS),),
        text=(),
        warnings=(),
    )
    return encoded, Packaged(folder=out, audio=(sound,), text=())
