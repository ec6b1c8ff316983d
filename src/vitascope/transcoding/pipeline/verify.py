"""Does a set play? Its manifests are checked against its segments, and its segments are decoded.

All indexes are read, but of the pictures only the key frames are decoded, so that the check costs a
few hundredths of the encoding. The rules are those of `validation`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import SetInvalid, StageTime
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.package import MANIFESTS
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


def verify(folder: Path, *, bench: Workbench, encoded: Encoded | None = None) -> tuple[Checked, StageTime]:
    """Check a set; `encoded` is what it was made of, if known. Raises SetInvalid with what is wrong."""
    report, time = inspect(folder, bench=bench)
    problems = [f"{finding.file}: {finding.problem}" for finding in report.errors]
    problems += [f"{name} is missing." for name in _missing(report)]
    if encoded is not None and not problems:
        problems += _against_encoded(report, encoded)
    if problems:
        raise _invalid(problems, report.findings)
    return Checked(video=report.video, audio=report.audio, findings=report.findings), time


def inspect(folder: Path, *, bench: Workbench) -> tuple[Report, StageTime]:
    """Check any folder, also somebody else's; what can be decoded is decoded if nothing else is wrong."""
    report = validate.examine(folder)
    nothing = StageTime(wall=0.0, cpu=0.0)
    streams = (*report.video, *report.audio)
    if report.errors or not streams:
        return report, nothing
    reason = _not_decoded(streams)
    if reason:
        return _with(
            report, found("not-checked", "", f"{reason}: picture and sound were not decoded.")
        ), nothing
    problem, time = _decode(folder, report, bench=bench)
    return _with(report, found("decode", "", problem)) if problem else report, time


def _not_decoded(streams: Sequence[Stream]) -> str | None:
    if any(stream.initialisation.sample.encrypted for stream in streams):
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


def _decode(folder: Path, report: Report, *, bench: Workbench) -> tuple[str | None, StageTime]:
    """Decode every key frame and all sound in one process; answers the first error."""
    # Video first, so that output maps count on from zero; a playlist is read only as a playlist.
    streams = (*report.video, *report.audio)
    inputs = [part for stream in streams for part in _input(folder, stream, keys=stream in report.video)]
    maps = [part for number in range(len(streams)) for part in ("-map", str(number))]
    finished = bench.run(
        Command(
            program=bench.tools.ffmpeg,
            arguments=("-nostdin", "-hide_banner", "-v", "error", *inputs, *maps, *_SINK),
            readable=(folder.resolve(),),
        ),
        bounds=_bounds(report),
    )
    failed = finished.code != 0 or finished.errors.strip()
    problem = f"It does not decode: {first_error(finished.errors)}." if failed else None
    return problem, StageTime(wall=finished.wall, cpu=finished.cpu)


_SINK = ("-fps_mode", "passthrough", "-c", "rawvideo", "-c:a", "pcm_s16le", "-f", "null", "-")


def _input(folder: Path, stream: Stream, *, keys: bool) -> Iterator[str]:
    yield from ("-protocol_whitelist", "file", "-format_whitelist", "hls,mov,mp4,m4a,3gp,3g2,mj2")
    if keys:
        yield from ("-skip_frame", "nokey")
    yield from ("-f", "hls", "-i", f"file:{(folder / stream.playlist).resolve()}")


def _bounds(report: Report) -> Bounds:
    seconds = 300 + _CPU_PER_SECOND * sum(stream.duration for stream in (*report.video, *report.audio))
    return Bounds(cpu=int(seconds), wall=3 * seconds)
