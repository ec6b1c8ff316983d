import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.conftest import Published
from tests.integration.transcoding.pipeline.corpus import Corpus

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.verify import inspect, verify
from vitascope.transcoding.pipeline.workbench import Workbench


@pytest.fixture
def copy(published: Published, tmp_path: Path) -> Path:
    """A good set to be spoiled."""
    _, folder = published("plain")
    return Path(shutil.copytree(folder, tmp_path / "set"))


def _drop_segment(folder: Path) -> None:
    (folder / "video/360p/00002.m4s").unlink()


def _noise(folder: Path) -> None:
    path = folder / "video/360p/00002.m4s"
    data = bytearray(path.read_bytes())
    start = data.find(b"mdat") + 4 + 4 + 700
    data[start : start + 4000] = bytes(range(250)) * 16
    path.write_bytes(data)


def _no_master(folder: Path) -> None:
    (folder / "master.m3u8").unlink()


def _one_rung_less(folder: Path) -> None:
    for name, pattern in (
        ("master.m3u8", r"#EXT-X-(I-FRAME-)?STREAM-INF:.*360.*\n(video/360p.*\n)?"),
        ("manifest.mpd", r'(?s)<Representation id="1".*?</Representation>'),
    ):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(re.sub(pattern, "", text), encoding="utf-8")
    shutil.rmtree(folder / "video/360p")


class TestVerify:
    def test_good(self, copy: Path, bench: Workbench) -> None:
        """A good set passes, and its streams are told as they were measured."""
        checked, _ = verify(copy, bench=bench)

        assert [stream.frames for stream in checked.video] == [125, 125]
        assert len(checked.audio) == 1

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (_drop_segment, "which is not there"),
            (_noise, "does not decode"),
            (_no_master, "master.m3u8 is missing"),
        ],
    )
    def test_spoiled(self, copy: Path, bench: Workbench, spoil: Callable[[Path], None], said: str) -> None:
        """Each way to spoil a set is found and told."""
        spoil(copy)

        with pytest.raises(SetInvalid, match=said):
            verify(copy, bench=bench)

    def test_not_what_was_encoded(self, copy: Path, bench: Workbench, corpus: Corpus, tmp_path: Path) -> None:
        """A set that is right in itself but has a rung less than was encoded is refused."""
        pipeline = Pipeline(bench)
        plan = pipeline.plan(pipeline.probe(corpus["plain"])[0])
        encoded, _ = pipeline.encode(corpus["plain"], plan, work=tmp_path / "work")
        _one_rung_less(copy)

        verify(copy, bench=bench)
        with pytest.raises(SetInvalid, match="every track that was encoded"):
            verify(copy, bench=bench, encoded=encoded)

    def test_no_set(self, tmp_path: Path, bench: Workbench) -> None:
        """A folder without a set is told as such."""
        with pytest.raises(SetInvalid, match="no master playlist"):
            verify(tmp_path, bench=bench)


class TestInspect:
    def test_noise(self, copy: Path, bench: Workbench) -> None:
        """Damage that indexes do not show is found by decoding."""
        _noise(copy)

        report, _ = inspect(copy, bench=bench)

        assert [finding.rule for finding in report.findings] == ["decode"]
