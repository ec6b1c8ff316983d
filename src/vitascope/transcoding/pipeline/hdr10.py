"""What a film in PQ says of the screen that it was graded on, read from its first picture.

SMPTE ST 2086 (mastering display) and CTA-861.3 (MaxCLL and MaxFALL). It is given to the encoders in their
own words, not left to travel with the pictures: so every chunk and rung has it, whatever it is made from.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vitascope.transcoding.pipeline.contracts import Hdr10, MasteringDisplay
from vitascope.transcoding.pipeline.sandbox.program import NEVER, Bounds, Cancellation, Command, run

_BOUNDS = Bounds(cpu=60, wall=120)
_CHROMATICITY, _LUMINANCE = 50_000, 10_000  # units to one, as the bitstreams have them

Side = Mapping[str, Any]
_T = TypeVar("_T")


def read(
    source: Path, options: tuple[str, ...], *, track: int, ffprobe: Path, cancel: Cancellation = NEVER
) -> tuple[Hdr10 | None, float]:
    """The metadata of a file's track, None if it has none, and the CPU seconds that it took.

    `options` are those that stand before the input.
    """
    command = Command(
        program=ffprobe,
        arguments=(
            *("-v", "quiet", *options, "-select_streams", str(track), "-read_intervals", "%+#1"),
            *("-show_streams", "-show_frames", "-of", "json", f"file:{source.resolve()}"),
        ),
        readable=(source.resolve(),),
    )
    finished = run(command, bounds=_BOUNDS, cancel=cancel)
    report = msgspec.json.decode(finished.output) if finished.output.strip() else {}
    return understand(report), finished.cpu


def understand(report: Mapping[str, Any]) -> Hdr10 | None:
    """What ffprobe's report of a stream and its first picture tells."""
    holders = (*report.get("streams", ()), *report.get("frames", ()))
    sides = [side for holder in holders for side in holder.get("side_data_list", ())]
    display, light = _first(map(_display, sides)), _first(map(_light, sides))
    return Hdr10(display=display, light=light) if display or light else None


def _first(found: Iterable[_T | None]) -> _T | None:
    return next((one for one in found if one is not None), None)


def _display(side: Side) -> MasteringDisplay | None:
    try:
        return MasteringDisplay(
            red=_point(side, "red"),
            green=_point(side, "green"),
            blue=_point(side, "blue"),
            white=_point(side, "white_point"),
            luminance=(_units(side["max_luminance"], _LUMINANCE), _units(side["min_luminance"], _LUMINANCE)),
        )
    except (KeyError, ValueError, ZeroDivisionError):
        return None


def _point(side: Side, name: str) -> tuple[int, int]:
    return _units(side[f"{name}_x"], _CHROMATICITY), _units(side[f"{name}_y"], _CHROMATICITY)


def _units(ratio: str, to_one: int) -> int:
    return round(Fraction(ratio) * to_one)


def _light(side: Side) -> tuple[int, int] | None:
    if "max_content" not in side:
        return None
    return int(side["max_content"]), int(side.get("max_average", 0))


def x265_parameters(hdr10: Hdr10) -> Iterator[str]:
    """The metadata as libx265 takes it."""
    if hdr10.display:
        yield f"master-display={_spelled(hdr10.display, str, str)}"
    if hdr10.light:
        yield f"max-cll={hdr10.light[0]},{hdr10.light[1]}"


def svt_parameters(hdr10: Hdr10) -> Iterator[str]:
    """The metadata as SVT-AV1 takes it."""
    if hdr10.display:
        spelled = _spelled(
            hdr10.display,
            lambda units: f"{units / _CHROMATICITY:.5f}",
            lambda units: f"{units / _LUMINANCE:.4f}",
        )
        yield f"mastering-display={spelled}"
    if hdr10.light:
        yield f"content-light={hdr10.light[0]},{hdr10.light[1]}"


def _spelled(shown: MasteringDisplay, colour: Callable[[int], str], light: Callable[[int], str]) -> str:
    points = (("G", shown.green), ("B", shown.blue), ("R", shown.red), ("WP", shown.white))
    colours = "".join(f"{name}({colour(x)},{colour(y)})" for name, (x, y) in points)
    return f"{colours}L({light(shown.luminance[0])},{light(shown.luminance[1])})"
