"""A small film."""

from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import H264, ffmpeg, picture, tone


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of moving picture with a tone."""
    file = tmp_path_factory.mktemp("films") / "film.mp4"
    ffmpeg(*picture("320x180", seconds=2), *tone(seconds=2), *H264, "-c:a", "aac", str(file))
    return file


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of film, which takes some seconds to encode."""
    file = tmp_path_factory.mktemp("films") / "long.mp4"
    ffmpeg(*picture("640x360", seconds=30), *H264, str(file))
    return file


@pytest.fixture(scope="session")
def film_of_chunks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture that lasts long enough to be cut into a few chunks."""
    file = tmp_path_factory.mktemp("films") / "chunks.mp4"
    ffmpeg(*picture("160x90", seconds=100, rate="10"), *H264, str(file))
    return file
