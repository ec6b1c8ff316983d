import os
from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.binaries import describe, find, require_encoders
from vitascope.transcoding.pipeline.contracts import ProgramMissing


class TestFind:
    def test_wheels(self) -> None:
        """Without any setting every program is found in the packages that we depend on."""
        tools = find({"PATH": ""})

        assert all(path.is_file() for path in (tools.ffmpeg, tools.ffprobe, tools.packager))

    def test_setting(self, tmp_path: Path) -> None:
        """A setting comes first."""
        mine = tmp_path / "ffmpeg"
        mine.touch()

        tools = find({"VITASCOPE_FFMPEG": str(mine)})

        assert tools.ffmpeg == mine.resolve()

    def test_wrong_setting(self) -> None:
        """A setting that names nothing is told by its name."""
        with pytest.raises(ProgramMissing, match="VITASCOPE_PACKAGER") as caught:
            find({"VITASCOPE_PACKAGER": "/nowhere/packager"})

        assert caught.value.field == "VITASCOPE_PACKAGER"


class TestDescribe:
    def test_capabilities(self) -> None:
        """Each program is told with its version, and ffmpeg with what it can do of what we need."""
        ffmpeg, ffprobe, packager = describe(os.environ)

        assert {"libx264", "aac", "tonemap"} <= set(ffmpeg.can)
        assert "ffprobe version" in (ffprobe.version or "")
        assert "packager version" in (packager.version or "")

    def test_missing(self) -> None:
        """A missing program is described, not raised."""
        reports = describe({"VITASCOPE_FFPROBE": "/nowhere/ffprobe"})

        assert "/nowhere/ffprobe" in (reports[1].problem or "")


class TestRequireEncoders:
    def test_here(self) -> None:
        """The ffmpeg that we depend on encodes every codec."""
        require_encoders(find(os.environ).ffmpeg, {"h264", "hevc", "av1", "vp9"})

    def test_lacking(self) -> None:
        """A program that does not encode what is needed is told, with the names of the encoders."""
        poor = find(os.environ).packager

        with pytest.raises(ProgramMissing, match=r"no libsvtav1, libx264") as caught:
            require_encoders(poor, {"h264", "av1"})

        assert caught.value.field == "VITASCOPE_FFMPEG"
