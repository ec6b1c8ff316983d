"""What an analysis found, as a picture and as a page for people."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from vitascope.foundation.errors import Invalid
from vitascope.transcoding.pipeline.analysis.findings import Analysis
from vitascope.transcoding.pipeline.analysis.plot import bits, svg
from vitascope.transcoding.pipeline.contracts import Rung
from vitascope.transcoding.pipeline.outcome import Rendition

_KINDS = (".svg", ".html")


class ReportUnwritable(Invalid):
    """The report cannot be written there; name another file."""


def require_report(file: Path) -> None:
    """Raise ReportUnwritable unless a report can have this name, before a film is worked on for hours."""
    if file.suffix.lower() not in _KINDS:
        raise ReportUnwritable(
            f"A report is a .svg or a .html file, not {file.suffix or 'one without an ending'}.",
            field="report",
        )
    if not file.absolute().parent.is_dir():
        raise ReportUnwritable(f"There is no folder {file.absolute().parent}.", field="report")


def write(file: Path, analysis: Analysis, *, renditions: Sequence[Rendition] = ()) -> None:
    """Write a report as the file's ending says; raises ReportUnwritable."""
    require_report(file)
    text = svg(analysis) if file.suffix.lower() == ".svg" else page(analysis, renditions=renditions)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise ReportUnwritable(
            f"The report cannot be written: {problem.strerror}.", field="report"
        ) from problem


def page(analysis: Analysis, *, renditions: Sequence[Rendition] = ()) -> str:
    """A page of its own: the plot, and the rungs as a table with what was measured of each."""
    warnings = "".join(f"<p>{escape(warning)}</p>" for warning in analysis.warnings)
    frames = sum(window.frames for window in analysis.windows)
    how = (
        f"{len(analysis.trials)} trials on {frames} frames of {len(analysis.windows)} places of the film, "
        f"all compared at {analysis.width}&times;{analysis.height}."
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>The ladder of this film</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>The ladder of this film</h1><p>{how}</p>{warnings}{svg(analysis)}"
        f"{_table(analysis, renditions)}</main></body></html>\n"
    )


def _table(analysis: Analysis, renditions: Sequence[Rendition]) -> str:
    made = {rendition.name: rendition for rendition in renditions}
    titles = ("Rung", "Size", "CRF", "Expected", "Expected VMAF", "Made", "VMAF", "99 % of frames above")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    expected = dict(zip((rung.name for rung in analysis.rungs), analysis.chosen, strict=False))
    rows = "".join(
        _row(
            rung,
            bits(expected[rung.name].rate) if rung.name in expected else "",
            f"{expected[rung.name].vmaf:.1f}" if rung.name in expected else "",
            made.get(rung.name),
        )
        for rung in analysis.rungs
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(rung: Rung, rate: str, vmaf: str, made: Rendition | None) -> str:
    quality = made.quality if made else None
    cells = (
        f"{rung.width}&times;{rung.height}",
        str(rung.crf),
        rate,
        vmaf,
        bits(made.average_bandwidth) if made else "",
        f"{quality.mean:.1f}" if quality else "",
        f"{quality.first_percentile:.1f}" if quality else "",
    )
    name = f'<th scope="row">{escape(rung.name)}</th>'
    return f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


_STYLE = (
    ":root{color-scheme:light dark}body{margin:0;font:16px/1.5 system-ui,sans-serif;"
    "background:light-dark(#fff,#14171c);color:light-dark(#1d232b,#e6e9ee)}"
    "main{max-width:56rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.5rem;margin:0}"
    "svg{width:100%;height:auto;margin:1rem 0}table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "th,td{padding:.4rem .6rem;text-align:right;border-bottom:1px solid light-dark(#dde2e8,#2b313a);"
    "font-variant-numeric:tabular-nums}th:first-child{text-align:left}"
)
