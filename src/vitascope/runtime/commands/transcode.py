"""`vitascope transcode`: one film file becomes an adaptive set, without server or database."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypedDict, Unpack, get_args

import click
import msgspec
from msgspec.structs import replace

from vitascope.foundation.errors import Invalid
from vitascope.runtime.commands.key_file import KeyFile
from vitascope.runtime.commands.printing import problems_told, safe
from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline import profile as profiles
from vitascope.transcoding.pipeline.analysis import report as reporting
from vitascope.transcoding.pipeline.analysis.findings import Analysis
from vitascope.transcoding.pipeline.contracts import (
    Limits,
    Listener,
    Progress,
    unheard,
)
from vitascope.transcoding.pipeline.outcome import Outcome
from vitascope.transcoding.pipeline.profile import Hardware, Hdr, Ladder, Profile
from vitascope.transcoding.pipeline.protection import ProtectionProfile, Protector, Scheme, unprotected
from vitascope.transcoding.pipeline.run import STAGES, STAGES_OF_AUTO, Pipeline
from vitascope.transcoding.pipeline.side_files import SideFiles
from vitascope.transcoding.pipeline.subtitles import side_text
from vitascope.transcoding.pipeline.workbench import Workbench


class Choices(TypedDict):
    """What of the profile can be chosen by options."""

    ladder: Ladder | None
    codecs: str | None
    hdr: Hdr | None
    hardware: Hardware | None
    loudness: str | None
    opus: bool
    thumbnails_at: tuple[float, ...]
    poster_at: float | None


@click.command("transcode")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to make; new or empty.",
)
@click.option(
    "--profile",
    "profile_file",
    type=click.Path(path_type=Path),
    help="What to make, as TOML or JSON; the options below say otherwise.",
)
@click.option(
    "--ladder",
    type=click.Choice(get_args(Ladder)),
    help="The usual renditions, or those that suit this film, found by trials.  [default: fixed]",
)
@click.option("--codec", "codecs", help="Codecs beside H.264, with commas between: hevc, av1, vp9.")
@click.option(
    "--hdr", type=click.Choice(get_args(Hdr)), help="What HEVC and AV1 do with HDR.  [default: keep]"
)
@click.option(
    "--hardware",
    type=click.Choice(get_args(Hardware)),
    help="Whether to encode in hardware, where it works.  [default: auto]",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --ladder auto: draw what was found, as FILE.svg or FILE.html.",
)
@click.option(
    "--subtitle",
    "subtitles",
    multiple=True,
    metavar="FILE[:LANG[:forced|sdh]]",
    help="A subtitle file (SRT, WebVTT, TTML), its language, and if it is forced or for the hard of hearing.",
)
@click.option("--chapters", type=click.Path(path_type=Path), help="A file of chapters (WebVTT, or a list).")
@click.option("--thumbnail-at", "thumbnails_at", type=float, multiple=True, help="Draw the picture there.")
@click.option("--poster-at", type=float, help="The second whose picture is the poster.")
@click.option("--loudness", help="The loudness to bring the sound to in LUFS, or `keep`.  [default: -16]")
@click.option("--opus", is_flag=True, help="Offer the sound in Opus as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the result.")
@click.option("--max-hours", type=float, default=12.0, show_default=True, help="Refuse longer films.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    show_default="the number of cores",
    help="Encode this many parts of the film at once.",
)
@click.option("--protect", type=click.Choice([one.value for one in Scheme]), help="Encrypt (with --keys).")
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of its keys; made, for you alone, if it is not there.",
)
def command(  # noqa: PLR0913 - each is an option of the command line
    file: Path,
    out: Path,
    *,
    profile_file: Path | None,
    subtitles: tuple[str, ...],
    chapters: Path | None,
    report: Path | None,
    as_json: bool,
    max_hours: float,
    workers: int,
    protect: str | None,
    keys: Path | None,
    **chosen: Unpack[Choices],
) -> None:
    """Make an adaptive set of FILE: H.264 and AAC in 1080p, 720p, 480p and 360p, for HLS and DASH.

    No rendition is larger than the film. Exits with 1 and says why if the film cannot be transcoded;
    nothing is left behind then.
    """
    limits, found = Limits(duration=max_hours * 3600), list[Analysis]()
    with problems_told(as_json=as_json):
        profile = profile_of(profile_file, chosen)
        beside = SideFiles(texts=tuple(map(side_text, subtitles)), chapters=chapters)
        protector = _protector(profile.protection, protect, keys)
        if report is not None:
            _require_report(report, profile.video.ladder)
        with _cancelled_by_signals() as cancelled, _progress(profile.video.ladder) as listen:
            tools = binaries.find(os.environ)
            bench = Workbench(tools=tools, limits=limits, listen=listen, cancel=cancelled, workers=workers)
            outcome = Pipeline(bench).transcode(
                file,
                out=out,
                profile=profile,
                beside=beside,
                on_analysis=found.append,
                protect=protector,
            )
        if report is not None:
            reporting.write(report, found[0], renditions=outcome.renditions)
    if as_json:
        click.echo(as_object(outcome, file=file, out=out))
    else:
        _tell(outcome, out=out)


def _protector(wanted: ProtectionProfile | None, protect: str | None, keys: Path | None) -> Protector:
    """As the profile says, or the option, which overrules it."""
    if protect is not None:
        wanted = replace(wanted or ProtectionProfile(), scheme=Scheme(protect))
    if (wanted is None) != (keys is None):
        raise Invalid(
            "How a set is protected (--protect) and with which keys (--keys) go together.", field="keys"
        )
    return KeyFile(keys).protector(wanted) if wanted and keys else unprotected


def _require_report(report: Path, ladder: Ladder) -> None:
    if ladder != "auto":
        raise reporting.ReportUnwritable("Only --ladder auto gives a report.", field="report")
    reporting.require_report(report)


def profile_of(file: Path | None, chosen: Choices) -> Profile:
    """The profile in a file, or the usual one, with what was chosen by options instead."""
    members = msgspec.to_builtins(profiles.load(file) if file else profiles.DEFAULT)
    codecs = chosen["codecs"].lower().split(",") if chosen["codecs"] else None
    wishes: dict[str, dict[str, object]] = {
        "video": {name: chosen[name] for name in ("ladder", "hdr", "hardware")} | {"codecs": codecs},
        "audio": {"codecs": ["opus"] if chosen["opus"] else None},
        "pictures": {name: chosen[name] for name in ("thumbnails_at", "poster_at")},
    }
    for part, values in wishes.items():
        members[part] |= {name: value for name, value in values.items() if value not in (None, ())}
    if chosen["loudness"] is not None:
        members["audio"]["loudness"] = _loudness(chosen["loudness"])
    return profiles.of(members)


def _loudness(said: str) -> float | None:
    if said == "keep":
        return None
    try:
        return float(said)
    except ValueError as problem:
        raise Invalid(f"{said!r} is neither a number of LUFS nor `keep`.", field="loudness") from problem


def as_object(outcome: Outcome, *, file: Path, out: Path) -> bytes:
    """The result as one JSON object on one line."""
    times = outcome.stages.values()
    members = {
        "file": safe(file.name),
        "output": safe(str(out)),
        **msgspec.to_builtins(outcome),
        "seconds": {"wall": sum(time.wall for time in times), "cpu": sum(time.cpu for time in times)},
    }
    return msgspec.json.encode(members)


def _tell(outcome: Outcome, *, out: Path) -> None:
    for rendition in outcome.renditions:
        click.echo(
            f"{rendition.name:>6}  {rendition.width}x{rendition.height}  {rendition.codec}  "
            f"{rendition.average_bandwidth / 1e6:.2f} Mb/s, at most {rendition.peak_bandwidth / 1e6:.2f}"
            + (f"  VMAF {rendition.quality.mean:.1f}" if rendition.quality else "")
        )
    for warning in outcome.warnings:
        click.echo(f"Note: {safe(warning)}")
    for name, time in outcome.stages.items():
        click.echo(f"{name:>10}  {time.wall:6.1f} s  ({time.cpu:.1f} s of CPU)")
    for manifest in (outcome.manifests.hls, outcome.manifests.dash):
        click.echo(safe(str(out / manifest)))


@contextmanager
def _cancelled_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a polite kill set: every program is then stopped and its files removed."""
    cancelled = threading.Event()

    def cancel(_number: int, _frame: FrameType | None) -> None:
        cancelled.set()

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancelled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(ladder: Ladder) -> Iterator[Listener]:
    """A bar on the error output if that is a terminal, else silence."""
    if not sys.stderr.isatty():
        yield unheard
        return
    from rich.console import Console  # noqa: PLC0415 - costs a tenth of a second, and only people need it
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - the same
    from rich.progress import Progress as Bars  # noqa: PLC0415 - the same

    stages = STAGES_OF_AUTO if ladder == "auto" else STAGES
    columns = (TextColumn("{task.description:<22}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Bars(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0) for stage in stages}

        def listen(progress: Progress) -> None:
            rate = f" ({progress.frames_per_second:.0f} fps)" if progress.frames_per_second else ""
            bars.update(tasks[progress.stage], completed=progress.fraction, description=progress.stage + rate)

        yield listen
