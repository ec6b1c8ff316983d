import os
from pathlib import Path

from tests.integration.transcoding.pipeline.corpus import TOOLS

from vitascope.transcoding.pipeline.contracts import Limits
from vitascope.transcoding.pipeline.leader import Leader, render
from vitascope.transcoding.pipeline.probe import probe


class TestRender:
    def test_film(self, tmp_path: Path) -> None:
        """A leader is a film with picture and sound of the length that was asked for."""
        render(Leader(seconds=2, width=320, height=180), file=tmp_path / "leader.mp4", tools=TOOLS)

        media, _ = probe(tmp_path / "leader.mp4", ffprobe=TOOLS.ffprobe, limits=Limits())
        assert (media.video.width, media.video.height, media.duration) == (320, 180, 2.0)
        assert [track.language for track in media.audio] == ["en"]
        assert os.listdir(tmp_path) == ["leader.mp4"]  # noqa: PTH208 - a list of names is what is compared


class TestLeader:
    def test_countdown(self) -> None:
        """The countdown is a third of the film, and ten seconds at most."""
        assert [Leader(seconds=seconds).countdown for seconds in (1, 2, 6, 30, 300)] == [1, 1, 2, 10, 10]
