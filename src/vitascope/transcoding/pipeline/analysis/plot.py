"""The plot of an analysis: quality over the logarithm of the rate, as SVG by hand.

It stands alone or inside a page, and follows the reader's light or dark scheme.
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

from vitascope.transcoding.pipeline.analysis.findings import Analysis, Point
from vitascope.transcoding.pipeline.analysis.sizes import lines_of

_WIDTH, _HEIGHT = 800, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 28, 52
# Told apart by people with any kind of colour vision (Okabe and Ito, 2008); dark ones on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#8c6bb1")
_MOST_TICKS = 9  # names of rates that stand side by side
_LABEL = 130  # pixels that the name of a rung takes
_STYLE = (
    ".vl{font:13px system-ui,sans-serif;--ink:#1d232b;--soft:#697483;--line:#e3e7ec;--paper:#fff}"
    "@media(prefers-color-scheme:dark){.vl{--ink:#e6e9ee;--soft:#9aa5b4;--line:#2b313a;--paper:#14171c}}"
    ".vl text{fill:var(--soft)}.vl .vl-name{fill:var(--ink);font-weight:600;"
    "paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}"
    ".vl-grid{stroke:var(--line)}.vl-hull{fill:none;stroke:var(--ink);stroke-width:1.5;"
    "stroke-dasharray:2 4;stroke-linecap:round}.vl-curve{fill:none;stroke-width:2}"
    ".vl-rung{fill:var(--paper);stroke:var(--ink);stroke-width:2.5}.vl-paper{fill:var(--paper)}"
)


class _Scale:
    """Where a point stands on the picture."""

    def __init__(self, points: Sequence[Point]) -> None:
        rates = [log10(point.rate) for point in points]
        self.left, self.right = min(rates) - 0.08, max(rates) + 0.08
        self.low = floor(min(point.vmaf for point in points) / 20) * 20
        self.high = max(self.low + 20, ceil(max(point.vmaf for point in points) / 20) * 20)

    def x(self, rate: float) -> float:
        part = (log10(rate) - self.left) / (self.right - self.left)
        return round(_LEFT + part * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, vmaf: float) -> float:
        part = (vmaf - self.low) / (self.high - self.low)
        return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM), 1)


def svg(analysis: Analysis) -> str:
    """The plot: curves of the sizes with their trials, the hull, and the chosen rungs by name."""
    scale = _Scale(analysis.estimates)
    parts = (
        f"<style>{_STYLE}</style>",
        '<title id="vl-title">The ladder of this film</title>',
        f'<desc id="vl-desc">{_described(analysis)}</desc>',
        f'<rect class="vl-paper" width="{_WIDTH}" height="{_HEIGHT}"/>',
        *_grid(scale),
        *_curves(analysis, scale),
        f'<polyline class="vl-hull" points="{_line(analysis.hull, scale)}"/>',
        *_rungs(analysis, scale),
        *_legend(analysis),
    )
    return (
        f'<svg class="vl" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="vl-title vl-desc">{"".join(parts)}</svg>\n'
    )


def bits(rate: float) -> str:
    """Bits per second for people."""
    return f"{rate / 1e6:.1f} Mb/s" if rate >= 1e6 else f"{rate / 1e3:.0f} kb/s"


def _described(analysis: Analysis) -> str:
    rungs = "; ".join(
        f"{rung.name} at {bits(point.rate)} with VMAF {point.vmaf:.0f}"
        for rung, point in zip(analysis.rungs, analysis.chosen, strict=False)
    )
    return f"VMAF over bits per second for each size. Chosen: {rungs or 'none, the fixed ladder stays'}."


def _grid(scale: _Scale) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for vmaf in range(scale.low, scale.high + 1, 20):
        y = scale.y(vmaf)
        yield f'<path class="vl-grid" d="M{_LEFT} {y}H{right}"/>'
        yield f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{vmaf}</text>'
    for rate in _ticks(scale):
        x = scale.x(rate)
        yield f'<path class="vl-grid" d="M{x} {_TOP}V{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 20}" text-anchor="middle">{bits(rate)}</text>'
    yield f'<text x="{_LEFT - 10}" y="{_TOP - 12}" text-anchor="end">VMAF</text>'
    yield f'<text x="{right}" y="{_HEIGHT - 10}" text-anchor="end">bits per second, logarithmic</text>'


def _ticks(scale: _Scale) -> list[int]:
    """One, two and five of each power of ten; fewer where there are many."""
    powers = range(floor(scale.left), ceil(scale.right) + 1)
    ticks = [step * 10**power for power in powers for step in (1, 2, 5)]
    shown = [tick for tick in ticks if scale.left <= log10(tick) <= scale.right]
    return shown if len(shown) <= _MOST_TICKS else [tick for tick in shown if str(tick)[0] == "1"]


def _sizes(analysis: Analysis) -> list[tuple[int, int]]:
    return sorted({point.size for point in analysis.trials}, reverse=True)


def _curves(analysis: Analysis, scale: _Scale) -> Iterator[str]:
    for size, colour in zip(_sizes(analysis), _COLOURS, strict=False):
        curve = [point for point in analysis.estimates if point.size == size]
        yield f'<polyline class="vl-curve" stroke="{colour}" points="{_line(curve, scale)}"/>'
        for point in (point for point in analysis.trials if point.size == size):
            yield f'<circle cx="{scale.x(point.rate)}" cy="{scale.y(point.vmaf)}" r="3" fill="{colour}"/>'


def _line(points: Sequence[Point], scale: _Scale) -> str:
    return " ".join(f"{scale.x(point.rate)},{scale.y(point.vmaf)}" for point in points)


def _rungs(analysis: Analysis, scale: _Scale) -> Iterator[str]:
    for rung, point in zip(analysis.rungs, analysis.chosen, strict=False):
        x, y = scale.x(point.rate), scale.y(point.vmaf)
        # Above the hull there is nothing, so that names stand there if there is room.
        if x - _LABEL > _LEFT:
            place = f'x="{x - 11}" y="{y - 6}" text-anchor="end"'
        else:
            place = f'x="{x + 11}" y="{y + 16}"'
        yield f'<circle class="vl-rung" cx="{x}" cy="{y}" r="6"/>'
        yield f'<text class="vl-name" {place}>{rung.name.partition("-")[0]} · {bits(point.rate)}</text>'


def _legend(analysis: Analysis) -> Iterator[str]:
    sizes = _sizes(analysis)
    y = _HEIGHT - _BOTTOM - 20 * len(sizes) - 10
    x = _WIDTH - _RIGHT - 70
    yield f'<path class="vl-hull" d="M{x - 26} {y - 4}h18"/><text x="{x}" y="{y}">hull</text>'
    for number, (size, colour) in enumerate(zip(sizes, _COLOURS, strict=False), start=1):
        line = y + 20 * number - 6
        yield f'<path class="vl-curve" stroke="{colour}" d="M{x - 26} {line}h18"/>'
        yield f'<text x="{x}" y="{line + 4}">{lines_of(*size)}p</text>'
