import pytest

from vitascope.transcoding.pipeline.contracts import Loudness
from vitascope.transcoding.pipeline.loudness import Correction, Measure, correction, filters, measured_by

WANTED = Loudness(target=-16.0, true_peak=-1.0)
LOG = """Stream mapping: Summary: nothing
[Parsed_ebur128_0 @ 0x7fd1] Summary:

  Integrated loudness:
    I:         -21.8 LUFS
    Threshold: -31.8 LUFS

  Loudness range:
    LRA:         0.0 LU

  True peak:
    Peak:       -9.5 dBFS
[out#0/null @ 0x55] video:0KiB"""


class TestMeasuredBy:
    def test_log(self) -> None:
        """The report of the meter is read from the log; what did not report is no measure."""
        assert measured_by(LOG) == Measure(loudness=-21.8, peak=-9.5)
        assert measured_by("Conversion failed!") == Measure()

    @pytest.mark.parametrize("value", ["nan", "-inf", "inf", "-70.0", "x"])
    def test_nonsense(self, value: str) -> None:
        """A loudness that is no number is no measure, and silence is none."""
        assert measured_by(LOG.replace("-21.8", value)) == Measure()


class TestCorrection:
    @pytest.mark.parametrize(
        ("loudness", "peak", "expected"),
        [
            (-23.0, -12.0, Correction(gain=7.0)),
            (-10.0, 0.5, Correction(gain=-6.0)),
            (-16.0, -3.0, Correction(gain=0.0)),
            (-23.0, -3.0, Correction(gain=7.0, limited=True)),
            (-31.0, -2.0, Correction(gain=13.0, limited=True)),
            (-50.0, -45.0, Correction(gain=30.0)),
            (None, None, Correction()),
        ],
    )
    def test_gain(self, loudness: float | None, peak: float | None, expected: Correction) -> None:
        """One gain brings a track to the target; peaks are held, but by no more than 12 dB."""
        assert correction(Measure(loudness=loudness, peak=peak), WANTED) == expected

    def test_not_wanted(self) -> None:
        """Without a target nothing is changed."""
        assert correction(Measure(loudness=-30.0, peak=-9.0), None) == Correction()


class TestFilters:
    def test_linear(self) -> None:
        """Where no peak is in the way the only change is a gain."""
        assert list(filters(Correction(gain=7.0), WANTED)) == ["volume=7.0dB:precision=float"]

    def test_limited(self) -> None:
        """Peaks are held where they are seen: between samples too."""
        volume, up, limiter, down = filters(Correction(gain=7.0, limited=True), WANTED)

        assert (volume, up, down) == ("volume=7.0dB:precision=float", "aresample=192000", "aresample=48000")
        assert limiter.startswith("alimiter=limit=0.891251:")
        assert ":level=false:" in limiter
