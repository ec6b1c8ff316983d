"""`vitascope validate`: tell whether the adaptive set in a folder plays, and if not, why."""

import os
import sys
from pathlib import Path

import click
import msgspec

from vitascope.runtime.commands.key_file import KeyFile
from vitascope.runtime.commands.printing import problems_told, safe
from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline.validation.findings import Finding
from vitascope.transcoding.pipeline.validation.validate import Report
from vitascope.transcoding.pipeline.verify import inspect
from vitascope.transcoding.pipeline.workbench import Workbench


@click.command("validate")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the set.")
@click.option(
    "--keys", type=click.Path(path_type=Path, dir_okay=False), help="The file of an encrypted set's keys."
)
def command(folder: Path, *, as_json: bool, keys: Path | None) -> None:
    """Check that the adaptive set in FOLDER plays; exits with 1 and says what is wrong if not.

    Reads every index, compares HLS and DASH manifests with the segments, and decodes every key frame
    and all sound. FOLDER may be anybody's: what is not checked is said. Warnings leave the exit code 0.
    """
    with problems_told(as_json=as_json):
        protection = KeyFile(keys).read() if keys else None
        bench = Workbench(tools=binaries.find(os.environ))
        report, _ = inspect(folder, bench=bench, protection=protection)
    if as_json:
        click.echo(msgspec.json.encode(describe(report)))
    else:
        _tell(report)
    sys.exit(1 if report.errors else 0)


def _tell(report: Report) -> None:
    for finding in report.findings:
        click.echo(_lines(finding), err=True)
    for stream in (*report.video, *report.audio):
        name = safe(stream.playlist)
        verdict = "read" if report.errors else "plays"
        click.echo(f"{name}: {stream.duration:.3f} s in {len(stream.sizes)} segments, {verdict}")
    if report.findings:
        errors = len(report.errors)
        click.echo(f"Errors: {errors}, warnings: {len(report.findings) - errors}", err=True)


def _lines(finding: Finding) -> str:
    where = f"{safe(finding.file)}: " if finding.file else ""
    return f"{finding.severity} {finding.rule}: {where}{safe(finding.problem)}\n    {finding.remedy}"


def describe(report: Report) -> dict[str, object]:
    """The report as plain values: each rendition as it was measured, and each finding."""
    return {
        "manifests": list(report.manifests),
        "renditions": [
            {
                "playlist": stream.playlist,
                "codec": stream.initialisation.codec,
                "segments": len(stream.sizes),
                "duration": stream.duration,
                "average_bandwidth": stream.average_bandwidth,
                "peak_bandwidth": stream.peak_bandwidth,
            }
            for stream in (*report.video, *report.audio)
        ],
        "errors": len(report.errors),
        "warnings": len(report.findings) - len(report.errors),
        "findings": [msgspec.to_builtins(finding) for finding in report.findings],
    }
