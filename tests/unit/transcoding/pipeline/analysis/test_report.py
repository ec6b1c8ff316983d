from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.transcoding.pipeline.analysis.made import film
from tests.unit.transcoding.pipeline.analysis.test_plot import analysis

from vitascope.transcoding.pipeline.analysis.report import ReportUnwritable, page, require_report, write
from vitascope.transcoding.pipeline.outcome import Quality, Rendition

FOUND = analysis(film(demand=4e6))
MADE = Rendition(
    name="1080p",
    width=1920,
    height=1080,
    codec="avc1",
    frame_rate=25.0,
    average_bandwidth=3_210_000,
    peak_bandwidth=4_000_000,
    frames=100,
    duration=4.0,
    playlist="video/1080p/index.m3u8",
    quality=Quality(mean=93.8, harmonic_mean=93.0, first_percentile=81.2, frames=30),
)


class TestPage:
    def test_measured(self) -> None:
        """The page has the plot, every rung, and what was measured of those that were made."""
        text = page(FOUND, renditions=[MADE])

        assert "<svg" in text
        assert all(f'<th scope="row">{rung.name}</th>' in text for rung in FOUND.rungs)
        assert all(f"<td>{part}</td>" in text for part in ("3.2 Mb/s", "93.8", "81.2"))

    def test_warning(self) -> None:
        """What was said about the analysis is on its page, as text."""
        assert "a &lt;b&gt;" in page(replace(FOUND, warnings=("a <b>",)))


class TestWrite:
    @pytest.mark.parametrize(("name", "start"), [("a.svg", "<svg"), ("a.HTML", "<!DOCTYPE html>")])
    def test_kinds(self, tmp_path: Path, name: str, start: str) -> None:
        """The file's ending says what is written."""
        write(tmp_path / name, FOUND)

        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)

    @pytest.mark.parametrize("name", ["report.pdf", "report", "missing/report.svg"])
    def test_refused(self, tmp_path: Path, name: str) -> None:
        """Another ending or a folder that is not there is refused beforehand, with the field's name."""
        with pytest.raises(ReportUnwritable) as refused:
            require_report(tmp_path / name)

        assert refused.value.field == "report"

    def test_folder(self, tmp_path: Path) -> None:
        """What cannot be written is said."""
        (tmp_path / "a.svg").mkdir()

        with pytest.raises(ReportUnwritable, match="directory"):
            write(tmp_path / "a.svg", FOUND)
