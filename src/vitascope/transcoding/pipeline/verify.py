"""Does a set play? Its manifests are checked against its segments, and its segments are decoded.

All indexes are read, but of the pictures only the key frames are decoded, so that the check costs a
few hundredths of the encoding. The rules are those of `validation`.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.outcome import StageTime
from vitascope.transcoding.pipeline.package import MANIFESTS
from vitascope.transcoding.pipeline.protection import Protection
from vitascope.transcoding.pipeline.reveal import reveal
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.validation import validate
from vitascope.transcoding.pipeline.validation.findings import Finding, found
from vitascope.transcoding.pipeline.validation.streams import Stream
from vitascope.transcoding.pipeline.validation.validate import Report
from vitascope.transcoding.pipeline.workbench import Workbench, first_error

_PLAYLIST = ".m3u8"
_SHOWN_PROBLEMS = 5
_CPU_PER_SECOND = 4


class Checked(Struct, frozen=True, kw_only=True):
    """A set that was read: its streams in the manifest's order, and everything that was found."""

    video: tuple[Stream, ...]
    audio: tuple[Stream, ...]
    findings: tuple[Finding, ...]


def verify(
    folder: Path,
    *,
    bench: Workbench,
    encoded: Encoded | None = None,
    protection: Protection | None = None,
) -> tuple[Checked, StageTime]:
    """Check a set; `encoded` is what it was made of, if known. Raises SetInvalid with what is wrong.

    An encrypted set is decoded with its keys, and without them as far as that goes.
    """
    report, time = inspect(folder, bench=bench, protection=protection)
    problems = [f"{finding.file}: {finding.problem}" for finding in report.errors]
    problems += [f"{name} is missing." for name in _missing(report)]
    if encoded is not None and not problems:
        problems += _against_encoded(report, encoded)
    if problems:
        raise _invalid(problems, report.findings)
    return Checked(video=report.video, audio=report.audio, findings=report.findings), time


def inspect(
    folder: Path, *, bench: Workbench, protection: Protection | None = None
) -> tuple[Report, StageTime]:
    """Check any folder, also somebody else's; what can be decoded is decoded if nothing else is wrong."""
    report = validate.examine(folder)
    nothing = StageTime(wall=0.0, cpu=0.0)
    streams = (*report.video, *report.audio)
    if report.errors or not streams:
        return report, nothing
    reason = _not_decoded(streams, protection)
    if reason:
        return _with(
            report, found("not-checked", "", f"{reason}: picture and sound were not decoded.")
        ), nothing
    if protection is None:
        problem, time = _decode_all(folder, report, bench=bench)
    else:
        problem, time = _decode_revealed(folder, report, protection, bench=bench)
    return _with(report, found("decode", "", problem)) if problem else report, time


def _not_decoded(streams: Sequence[Stream], protection: Protection | None) -> str | None:
    if any(stream.initialisation.sample.encrypted for stream in streams) and protection is None:
        return "It is encrypted"
    if not all(stream.playlist.endswith(_PLAYLIST) for stream in streams):
        return "It has no HLS playlists"
    return None


def _with(report: Report, finding: Finding) -> Report:
    return Report(
        manifests=report.manifests,
        video=report.video,
        audio=report.audio,
        findings=(*report.findings, finding),
    )


def _missing(report: Report) -> Iterator[str]:
    yield from (name for name in (MANIFESTS.hls, MANIFESTS.dash) if name not in report.manifests)


def _invalid(problems: Sequence[str], findings: Sequence[Finding]) -> SetInvalid:
    more = f" (and {len(problems) - _SHOWN_PROBLEMS} more)" if len(problems) > _SHOWN_PROBLEMS else ""
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    return SetInvalid(
        "The set is not playable: " + " ".join(problems[:_SHOWN_PROBLEMS]) + more,
        extra={"problems": list(problems), "rules": rules},
    )


def _against_encoded(report: Report, encoded: Encoded) -> Iterator[str]:
    for stream, rendition in zip(report.video, encoded.video, strict=False):
        if stream.frames != rendition.frames:
            yield f"{stream.playlist} has {stream.frames} frames of {rendition.frames}."
    if (len(report.video), len(report.audio)) != (len(encoded.video), len(encoded.audio)):
        yield "The manifests do not name every track that was encoded."


def _decode_all(folder: Path, report: Report, *, bench: Workbench) -> tuple[str | None, StageTime]:
    """Decode every key frame and all sound in one process; answers the first error."""
    # Video first, so that output maps count on from zero; a playlist is read only as a playlist.
    streams = (*report.video, *report.audio)
    inputs = [
        _input((folder / stream.playlist).resolve(), "hls", keys=stream in report.video) for stream in streams
    ]
    return _decode(inputs, folder.resolve(), bench=bench, bounds=_bounds(report))


def _decode_revealed(
    folder: Path, report: Report, protection: Protection, *, bench: Workbench
) -> tuple[str | None, StageTime]:
    """The same with keys, one track after the other: only one is ever kept in the clear."""
    wall = cpu = 0.0
    for stream in (*report.video, *report.audio):
        video = stream in report.video
        with tempfile.TemporaryDirectory(prefix=".clear-", dir=_beside(folder)) as made:
            clear, took = reveal(
                folder / stream.playlist, video=video, protection=protection, bench=bench, into=Path(made)
            )
            inputs = [_input(clear.resolve(), "mov", keys=video)]
            readable = clear.parent.resolve()
            problem, decoded = _decode(inputs, readable, bench=bench, bounds=_bounds(report))
        wall, cpu = wall + took.wall + decoded.wall, cpu + took.cpu + decoded.cpu
        if problem:
            return f"{stream.playlist}: {problem}", StageTime(wall=wall, cpu=cpu)
    return None, StageTime(wall=wall, cpu=cpu)


def _beside(folder: Path) -> Path | None:
    """The disk of the set, where there is room for a track; another if nothing may be written there."""
    return folder.parent if os.access(folder.parent, os.W_OK) else None


def _decode(
    inputs: Sequence[Iterable[str]], readable: Path, *, bench: Workbench, bounds: Bounds
) -> tuple[str | None, StageTime]:
    maps = [part for number in range(len(inputs)) for part in ("-map", str(number))]
    given = [part for one in inputs for part in one]
    finished = bench.run(
        Command(
            program=bench.tools.ffmpeg,
            arguments=("-nostdin", "-hide_banner", "-v", "error", *given, *maps, *_SINK),
            readable=(readable,),
        ),
        bounds=bounds,
    )
    failed = finished.code != 0 or finished.errors.strip()
    problem = f"It does not decode: {first_error(finished.errors)}." if failed else None
    return problem, StageTime(wall=finished.wall, cpu=finished.cpu)


_SINK = ("-fps_mode", "passthrough", "-c", "rawvideo", "-c:a", "pcm_s16le", "-f", "null", "-")


def _input(file: Path, form: str, *, keys: bool) -> Iterator[str]:
    yield from ("-protocol_whitelist", "file", "-format_whitelist", "hls,mov,mp4,m4a,3gp,3g2,mj2")
    if keys:
        yield from ("-skip_frame", "nokey")
    yield from ("-f", form, "-i", f"file:{file}")


def _bounds(report: Report) -> Bounds:
    seconds = 300 + _CPU_PER_SECOND * sum(stream.duration for stream in (*report.video, *report.audio))
    return Bounds(cpu=int(seconds), wall=3 * seconds)
