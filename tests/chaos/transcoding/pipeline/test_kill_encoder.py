"""kill -9 of a process that encodes a film."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.transcoding.pipeline import mortal
from tests.integration.transcoding.pipeline.corpus import H264, ffmpeg, picture, tone

_SOURCE = str(Path(__file__).resolve().parents[4] / "src")
_FATAL = 4  # two at once: when the fourth is begun, two at least are done
_NEVER = 0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of a small picture, with a tone: about ten chunks."""
    file = tmp_path_factory.mktemp("film") / "film.mp4"
    ffmpeg(*picture("160x90", rate="25", seconds=20), *tone(seconds=20), *H264, "-g", "50", str(file))
    return file


def encode(film: Path, work: Path, *, fatal: int) -> int:
    """Encode in a process of its own; how it ended."""
    command = [sys.executable, mortal.__file__, str(film), str(work), str(fatal)]
    return subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": _SOURCE}).returncode


def checkpoints(work: Path) -> dict[str, tuple[int, int]]:
    """The finished chunks, and which file each is, made when."""
    return {
        file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in (work / "chunks").glob("*.mp4")
    }


def tracks(work: Path) -> dict[str, bytes]:
    """All encoded tracks."""
    (folder,) = work.glob("encoded-*")
    return {file.name: file.read_bytes() for file in folder.glob("*.mp4")}


class TestKilledEncoder:
    def test_goes_on(self, film: Path, tmp_path: Path) -> None:
        """After each kill the finished chunks stay as they are, and the outcome is the same to the byte."""
        work, kept = tmp_path / "disturbed", dict[str, tuple[int, int]]()

        for _ in range(3):
            assert encode(film, work, fatal=_FATAL) == -signal.SIGKILL
            before, kept = kept, checkpoints(work)
            assert len(kept) >= len(before) + 2
            assert before.items() <= kept.items()
        ended = [encode(film, where, fatal=_NEVER) for where in (work, tmp_path / "undisturbed")]

        assert ended == [0, 0]
        assert kept.items() <= checkpoints(work).items()
        assert tracks(work) == tracks(tmp_path / "undisturbed")

    def test_planted_mistake(self, film: Path, tmp_path: Path) -> None:
        """If a chunk got its name before it was written to its end, the film would not be finished."""
        encode(film, tmp_path, fatal=_FATAL)
        early = next((tmp_path / "chunks").glob("*.mp4"))
        early.write_bytes(early.read_bytes()[: early.stat().st_size // 2])

        ended = encode(film, tmp_path, fatal=_NEVER)

        assert ended > 0
        assert not list(tmp_path.glob("encoded-*"))
