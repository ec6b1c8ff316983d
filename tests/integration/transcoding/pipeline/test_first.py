"""Sets that are copied from their source, with real programs."""

from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import ffmpeg, picture, tone

from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
_SOUND = ("-c:a", "aac", "-ac", "2")


def _film(folder: Path, *options: str, name: str = "film.mp4", seconds: float = 12) -> Path:
    file = folder / name
    ffmpeg(*picture("320x180", seconds=seconds), *tone(seconds=seconds), *options, str(file))
    return file


def _copied(bench: Workbench, file: Path, *, work: Path) -> Encoded | None:
    pipeline = Pipeline(bench)
    media, _ = pipeline.probe(file)
    return pipeline.first(Film.of(file, pipeline.plan(media)), work=work)[0]


class TestFirst:
    @pytest.mark.parametrize(
        "options",
        [
            (*_X264, "-g", "60", *_SOUND),
            (*_X264, "-g", "250", *_SOUND),
            (*_X264, "-g", "60", "-bf", "0", "-c:a", "libmp3lame"),
            (*_X264, "-g", "60", "-an"),
        ],
        ids=["mp4", "long-groups", "mp3", "silent"],
    )
    async def test_plays(self, bench: Workbench, tmp_path: Path, options: tuple[str, ...]) -> None:
        """A source in ordinary H.264 becomes a set that keeps every rule, with its own picture."""
        pipeline = Pipeline(bench)

        encoded = _copied(bench, _film(tmp_path, *options), work=tmp_path / "work")

        assert encoded is not None
        packaged, _ = pipeline.package(encoded, work=tmp_path / "work")
        checked, _ = pipeline.verify(packaged, encoded)
        assert [(one.frames, round(one.duration)) for one in checked.video] == [(360, 12)]
        assert len(checked.audio) == ("-an" not in options)

    @pytest.mark.parametrize(
        "options",
        [
            ("-c:v", "mpeg4", *_SOUND),
            ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", *_SOUND),
            (*_X264, "-g", "1000", "-sc_threshold", "0", *_SOUND),
        ],
        ids=["other-codec", "other-colours", "one-group"],
    )
    async def test_waits_for_its_rungs(
        self, bench: Workbench, tmp_path: Path, options: tuple[str, ...]
    ) -> None:
        """A source that not every player decodes, or that can hardly be entered, is not copied."""
        assert _copied(bench, _film(tmp_path, *options), work=tmp_path / "work") is None
