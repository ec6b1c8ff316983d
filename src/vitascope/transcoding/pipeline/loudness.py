"""Measure the loudness of sound by EBU R 128 (ITU-R BS.1770) and decide how to correct it.

The correction is one gain for the whole of a track, so that its dynamics stay as they were mixed; a
limiter holds only the peaks that would then exceed the greatest that is allowed.
"""

import re
from collections.abc import Iterator
from math import isfinite

from msgspec import Struct

from vitascope.transcoding.pipeline.contracts import Loudness

_SILENCE = -55.0  # LUFS: below it there is nothing but noise, which nobody wants to hear
_MOST_GAIN = 30.0  # dB
_MOST_LIMITED = 12.0  # dB by which peaks may be held down: beyond it one hears the limiter work
_OVERSAMPLED = 192_000  # hertz: peaks between samples show there (BS.1770, annex 2)
_HERTZ = 48_000
_SUMMARY = "Summary:"
_INTEGRATED = re.compile(r"^ *I: +(\S+) LUFS", re.MULTILINE)
_PEAK = re.compile(r"^ *Peak: +(\S+) dBFS", re.MULTILINE)


METER = "ebur128=peak=true:framelog=quiet"
"""The filter that measures, and reports in ffmpeg's log when all has been heard."""


class Measure(Struct, frozen=True, kw_only=True):
    """Integrated loudness in LUFS and true peak in dBTP; None for silence, and for less than 0.4 s."""

    loudness: float | None = None
    peak: float | None = None


class Correction(Struct, frozen=True, kw_only=True):
    """What brings a track to its loudness: a gain in decibels, and whether peaks must be held."""

    gain: float = 0.0
    limited: bool = False


def measured_by(log: str) -> Measure:
    """What the one meter of a program reported in its log; one that did not report has measured nothing."""
    _, _, summary = log.rpartition(_SUMMARY)
    loudness, peak = _value(_INTEGRATED, summary), _value(_PEAK, summary)
    if loudness is None or loudness < _SILENCE:
        return Measure()
    return Measure(loudness=loudness, peak=peak)


def _value(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    try:
        value = float(match[1]) if match else None
    except ValueError:
        return None
    return value if value is not None and isfinite(value) else None


def correction(measure: Measure, wanted: Loudness | None) -> Correction:
    """How to bring sound to the wanted loudness; silence is left alone."""
    if wanted is None or measure.loudness is None:
        return Correction()
    peak = 0.0 if measure.peak is None else measure.peak
    gain = min(wanted.target - measure.loudness, _MOST_GAIN, wanted.true_peak - peak + _MOST_LIMITED)
    return Correction(gain=round(gain, 2), limited=peak + gain > wanted.true_peak)


def filters(correction: Correction, wanted: Loudness | None) -> Iterator[str]:
    """The filters that correct."""
    if wanted is None:
        return
    if correction.gain:
        yield f"volume={correction.gain}dB:precision=float"
    if correction.limited:
        ceiling = 10 ** (wanted.true_peak / 20)
        yield f"aresample={_OVERSAMPLED}"
        yield f"alimiter=limit={ceiling:.6f}:attack=5:release=80:level=false:latency=true"
        yield f"aresample={_HERTZ}"
