from xml.etree import ElementTree as ET

import pytest
from tests.unit.transcoding.pipeline.analysis.made import SIZES, film

from vitascope.transcoding.pipeline.analysis import choose
from vitascope.transcoding.pipeline.analysis.findings import Analysis, Point, Window
from vitascope.transcoding.pipeline.analysis.hull import upper_hull
from vitascope.transcoding.pipeline.analysis.plot import bits, svg

SVG = "{http://www.w3.org/2000/svg}"


def analysis(estimates: list[Point]) -> Analysis:
    """What is found of these estimates."""
    chosen = choose.points(estimates, SIZES)
    return Analysis(
        width=1920,
        height=1080,
        windows=(Window(0, 20), Window(400, 20)),
        trials=tuple(point for point in estimates if point.crf in {20, 28, 37}),
        estimates=tuple(estimates),
        hull=upper_hull(choose.within(estimates, SIZES)),
        chosen=chosen,
        rungs=choose.rungs(chosen, SIZES),
    )


def parsed(text: str) -> ET.Element:
    """The plot as a tree."""
    return ET.fromstring(text)  # noqa: S314 - we wrote it


class TestSvg:
    @pytest.mark.parametrize("demand", [2e5, 4e6, 2e7, 1e9])
    def test_well_formed(self, demand: float) -> None:
        """The plot is well-formed, says what it shows, and marks and names every chosen rung."""
        found = analysis(film(demand=demand))

        picture = parsed(svg(found))

        assert picture.get("role") == "img"
        description = picture.find(f"{SVG}desc")
        assert description is not None
        assert all(rung.name in (description.text or "") for rung in found.rungs)
        marked = [mark for mark in picture.iter(f"{SVG}circle") if mark.get("class") == "vl-rung"]
        named = [text for text in picture.iter(f"{SVG}text") if text.get("class") == "vl-name"]
        assert len(marked) == len(named) == len(found.chosen)

    @pytest.mark.parametrize("demand", [2e5, 4e6, 2e7])
    def test_inside(self, demand: float) -> None:
        """Everything lies within the picture."""
        picture = parsed(svg(analysis(film(demand=demand))))

        for circle in picture.iter(f"{SVG}circle"):
            assert 0 <= float(circle.get("cx", "-1")) <= 800
            assert 0 <= float(circle.get("cy", "-1")) <= 480

    def test_single_point(self) -> None:
        """A film of which every trial looks and costs the same has a plot as well."""
        alike = [Point(64, 36, crf, 1000, 97.0) for crf in (20, 28, 37)]
        found = Analysis(
            width=384,
            height=216,
            windows=(),
            trials=tuple(alike),
            estimates=tuple(alike),
            hull=(alike[0],),
            chosen=(),
            rungs=(),
        )

        assert "fixed ladder stays" in svg(found)


class TestBits:
    @pytest.mark.parametrize(("rate", "text"), [(149_600, "150 kb/s"), (4_322_000, "4.3 Mb/s")])
    def test_text(self, rate: int, text: str) -> None:
        """Rates are told as people say them."""
        assert bits(rate) == text
