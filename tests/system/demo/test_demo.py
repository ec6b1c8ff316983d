import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitascope.foundation.testing.postgres import open_folder
from vitascope.transcoding.pipeline import binaries
from vitascope.transcoding.pipeline.leader import Leader, render

_SOURCE = Path(__file__).resolve().parents[3] / "src"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that root's PostgreSQL may enter."""
    with open_folder() as made:
        yield made


def demo(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """`vitascope demo` on a free port."""
    return subprocess.run(
        [sys.executable, "-m", "vitascope", "demo", "--data", str(data), "--port", "0", *arguments],
        env={**os.environ, "PYTHONPATH": str(_SOURCE), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


class TestDemo:
    def test_plays_every_rendition(self, folder: Path) -> None:
        """A film goes from a file to a session whose every rendition plays to its end; all is stopped."""
        film = folder / "A film.mp4"
        render(Leader(seconds=3, width=640, height=360), file=film, tools=binaries.find(os.environ))

        ended = demo("--video", str(film), "--once", data=folder / "data")

        assert ended.returncode == 0, ended.stderr[-2000:]
        assert "640x360" in ended.stdout
        assert "/titles/ttl_" in ended.stdout
        assert not (folder / "data/postgresql/cluster/postmaster.pid").exists()

    def test_says_why_a_file_is_no_film(self, folder: Path) -> None:
        """A file that is no film ends the demo with 1 and a sentence that says what it is."""
        page = folder / "film.mp4"
        page.write_text("<!doctype html><title>Not a film</title>", encoding="utf-8")

        ended = demo("--video", str(page), "--once", data=folder / "data")

        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr + ended.stdout
        assert "film" in (ended.stderr + ended.stdout).lower()

    def test_missing_file(self, folder: Path) -> None:
        """A file that is not there is told at once, before anything is started."""
        ended = demo("--video", str(folder / "nowhere.mp4"), data=folder / "data")

        assert ended.returncode == 1
        assert "nowhere.mp4" in ended.stderr
        assert not (folder / "data").exists()
