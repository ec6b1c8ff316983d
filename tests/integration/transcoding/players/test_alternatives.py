import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from playwright.async_api import Browser
from tests.integration.transcoding.pipeline.corpus import TOOLS, ffmpeg, picture, tone
from tests.integration.transcoding.players.screening import Screening, Seen

from vitascope.transcoding.pipeline.profile import Profile, RungProfile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

pytestmark = pytest.mark.needs("chromium")

SECONDS = 3
NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"


@pytest.fixture(scope="session")
def alternatives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of two sizes in four codecs, with sound."""
    folder = tmp_path_factory.mktemp("alternatives")
    codecs = ("-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    inputs = (*picture("320x180", rate="25", seconds=SECONDS), *tone(seconds=SECONDS))
    ffmpeg(*inputs, *codecs, str(folder / "film.mp4"))
    rungs = tuple(RungProfile(height=height, max_rate=400_000) for height in (180, 90))
    profile = Profile(video=VideoProfile(codecs=("hevc", "av1", "vp9"), rungs=rungs))
    Pipeline(Workbench(tools=TOOLS)).transcode(folder / "film.mp4", out=folder / "set", profile=profile)
    return folder / "set"


@pytest.fixture
def one_codec(alternatives: Path, tmp_path: Path, codec: str) -> Path:
    """The set without all other codecs in its manifests."""
    folder = Path(shutil.copytree(alternatives, tmp_path / "set"))
    master = folder / "master.m3u8"
    lines = master.read_text(encoding="utf-8").splitlines()
    master.write_text("\n".join(_lines_of(lines, codec)), encoding="utf-8")
    manifest = ET.parse(folder / "manifest.mpd")  # noqa: S314 - we made it
    for period in manifest.getroot().iter(f"{{{NAMESPACE}}}Period"):
        for adaptation in list(period):
            named = [one.get("codecs", "") for one in adaptation.iter(f"{{{NAMESPACE}}}Representation")]
            if adaptation.get("contentType") == "video" and not named[0].startswith(codec):
                period.remove(adaptation)
    manifest.write(folder / "manifest.mpd")
    return folder


def _lines_of(lines: list[str], codec: str) -> Iterator[str]:
    """A master playlist's lines without the variants of other codecs."""
    dropped = False
    for line in lines:
        variant = "STREAM-INF" in line
        other = variant and f'CODECS="{codec}' not in line
        if not other and not dropped:
            yield line
        dropped = other and "I-FRAME" not in line


def require_shown(seen: Seen) -> None:
    """It came to its end, with pictures and without complaint."""
    assert seen.error is None
    assert abs(seen.duration - SECONDS) < 0.1
    assert abs(seen.at - seen.duration) < 0.1
    assert seen.frames > 0
    assert seen.height in {90, 180}


class TestAlternatives:
    @pytest.mark.parametrize(
        ("player", "manifest"),
        [
            ("hls.js", "master.m3u8"),
            ("shaka-player", "master.m3u8"),
            ("shaka-player", "manifest.mpd"),
            ("dash.js", "manifest.mpd"),
        ],
    )
    async def test_together(self, alternatives: Path, browser: Browser, player: str, manifest: str) -> None:
        """Four codecs in one manifest disturb no player: it takes one that it can play, to the end."""
        async with Screening(folder=alternatives).open() as screening:
            seen = await screening.show(browser, player=player, manifest=manifest)

        require_shown(seen)

    @pytest.mark.parametrize("codec", ["av01", "vp09"])
    @pytest.mark.parametrize(("player", "manifest"), [("hls.js", "master.m3u8"), ("dash.js", "manifest.mpd")])
    async def test_alone(self, one_codec: Path, browser: Browser, player: str, manifest: str) -> None:
        """Where the manifest has nothing else, AV1 and VP9 are played to the end."""
        async with Screening(folder=one_codec).open() as screening:
            seen = await screening.show(browser, player=player, manifest=manifest)

        require_shown(seen)
