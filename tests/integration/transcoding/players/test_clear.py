import shutil
from pathlib import Path

import pytest
from playwright.async_api import Browser
from tests.integration.transcoding.players.conftest import SECONDS
from tests.integration.transcoding.players.screening import Screening

pytestmark = pytest.mark.needs("chromium")


class TestClear:
    @pytest.mark.parametrize(
        ("player", "manifest"),
        [
            ("hls.js", "master.m3u8"),
            ("shaka-player", "master.m3u8"),
            ("shaka-player", "manifest.mpd"),
            ("dash.js", "manifest.mpd"),
        ],
    )
    async def test_plays_to_the_end(
        self, clear_set: Path, browser: Browser, player: str, manifest: str
    ) -> None:
        """A player that is not ours shows the whole film, to its last second, and complains of nothing."""
        async with Screening(folder=clear_set).open() as screening:
            seen = await screening.show(browser, player=player, manifest=manifest)

        assert seen.error is None
        assert abs(seen.duration - SECONDS) < 0.1
        assert abs(seen.at - seen.duration) < 0.1
        assert seen.frames > 0
        assert seen.height in {360, 480}

    async def test_broken_set(self, clear_set: Path, browser: Browser, tmp_path: Path) -> None:
        """A set whose picture is not there is not taken for one that plays."""
        folder = Path(shutil.copytree(clear_set, tmp_path / "set"))
        shutil.rmtree(folder / "video")

        async with Screening(folder=folder).open() as screening:
            seen = await screening.show(browser, player="shaka-player", manifest="master.m3u8")

        assert seen.error is not None
