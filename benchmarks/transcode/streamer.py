"""Against shaka-streamer: the same film, the same rungs, the same preset of the same encoder."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec
from benchmarks.figure import Figure, Target
from benchmarks.transcode.films import RUNS, SECONDS, TOOLS, cost_of, minute, planned, versions
from benchmarks.transcode.one_job import made_by_command

from vitascope.transcoding.pipeline.film import Film

_PRESET = "veryfast"
_SOUND = 128_000


def figures() -> Iterator[Figure]:
    """Wall of both, from a file to a packaged set.

    shaka-streamer encodes films with the preset `slow`, which nobody can choose; so that not the presets
    are compared, it is given an ffmpeg that takes ours instead, and the same programs.
    """
    with tempfile.TemporaryDirectory(prefix="vitascope-bench-") as name:
        folder = Path(name)
        film = minute(folder)
        configuration = _configure(planned(film), folder)
        ours, theirs = zip(
            *((made_by_command(film, folder)[0].wall, _streamed(configuration, folder)) for _ in range(RUNS)),
            strict=True,
        )
    yield Figure(
        name="transcode.shaka_streamer",
        value=statistics.median(ours),
        unit=f"s for {SECONDS} s of 1080p30",
        against=f"shaka-streamer, its preset slow replaced with {_PRESET}",
        against_value=statistics.median(theirs),
        target=Target("ratio", "<", 1),
        versions={**versions(), "shaka-streamer": version("shaka-streamer")},
    )


def _streamed(configuration: list[str], folder: Path) -> float:
    out = folder / "streamed"
    path = f"{folder / 'programs'}{os.pathsep}{os.environ['PATH']}"
    command = [str(Path(sys.executable).with_name("shaka-streamer")), *configuration, "-o", str(out)]
    cost = cost_of(
        lambda: subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": path})
    )
    assert (out / "hls.m3u8").is_file()
    shutil.rmtree(out)
    return cost.wall


def _configure(film: Film, folder: Path) -> list[str]:
    """Write what shaka-streamer is to do, and put the programs where it finds them."""
    rungs = film.plan.rungs
    files: dict[str, dict[str, object]] = {
        "-i": {
            "inputs": [
                {"name": str(film.file), "media_type": "video"},
                {"name": str(film.file), "media_type": "audio"},
            ]
        },
        "-p": {
            "streaming_mode": "vod",
            "resolutions": [rung.name for rung in rungs],
            "audio_codecs": ["aac"],
            "video_codecs": ["h264"],
            "manifest_format": ["hls", "dash"],
            "segment_size": film.plan.segment_seconds,
            "generate_iframe_playlist": True,
        },
        "-b": {
            "video_resolutions": {
                rung.name: {
                    "max_width": rung.width,
                    "max_height": rung.height,
                    "bitrates": {"h264": str(rung.max_rate)},
                }
                for rung in rungs
            },
            "audio_channel_layouts": {"stereo": {"max_channels": 2, "bitrates": {"aac": str(_SOUND)}}},
        },
    }
    _put_programs(folder / "programs")
    return ["--use-system-binaries", *(part for pair in _written(files, folder) for part in pair)]


def _written(files: dict[str, dict[str, object]], folder: Path) -> Iterator[tuple[str, str]]:
    for option, content in files.items():
        file = folder / f"streamer{option}.yaml"
        file.write_bytes(msgspec.json.encode(content))  # JSON is YAML
        yield option, str(file)


def _put_programs(folder: Path) -> None:
    folder.mkdir()
    for name, program in (("ffprobe", TOOLS.ffprobe), ("packager", TOOLS.packager)):
        (folder / name).symlink_to(program)
    script = folder / "ffmpeg"
    script.write_text(
        "#!/bin/bash\n"
        f'for word; do shift; [ "$word" = slow ] && word={_PRESET}; set -- "$@" "$word"; done\n'
        f'exec "{TOOLS.ffmpeg}" "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
