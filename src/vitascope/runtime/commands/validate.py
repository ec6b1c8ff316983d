"""`vitascope validate`: tell whether the adaptive set in a folder plays."""

import os
from pathlib import Path

import click
import msgspec

from vitascope.runtime.commands.printing import problems_told, safe
from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline.verify import Checked, verify
from vitascope.transcoding.pipeline.workbench import Workbench


@click.command("validate")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the set.")
def command(folder: Path, *, as_json: bool) -> None:
    """Check that the adaptive set in FOLDER plays; exits with 1 and says what is wrong if not.

    Reads every index, compares manifests with segments, and decodes every key frame and all sound.
    """
    with problems_told(as_json=as_json):
        checked, _ = verify(folder, bench=Workbench(tools=binaries.find(os.environ)))
    if as_json:
        click.echo(msgspec.json.encode(describe(checked)))
        return
    for rendition in (*checked.video, *checked.audio):
        name = safe(rendition.playlist)
        click.echo(f"{name}: {rendition.duration:.3f} s in {len(rendition.sizes)} segments, plays")


def describe(checked: Checked) -> dict[str, list[dict[str, object]]]:
    """Each rendition with its codec, length and measured bandwidths."""
    return {
        "renditions": [
            {
                "playlist": stream.playlist,
                "codec": stream.initialisation.codec,
                "segments": len(stream.sizes),
                "duration": stream.duration,
                "average_bandwidth": stream.average_bandwidth,
                "peak_bandwidth": stream.peak_bandwidth,
            }
            for stream in (*checked.video, *checked.audio)
        ]
    }
