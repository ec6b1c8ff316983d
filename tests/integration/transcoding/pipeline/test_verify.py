import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.conftest import Published

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.verify import examine, verify
from vitascope.transcoding.pipeline.workbench import Workbench


@pytest.fixture
def copy(published: Published, tmp_path: Path) -> Path:
    """A good set to be spoiled."""
    _, folder = published("plain")
    return Path(shutil.copytree(folder, tmp_path / "set"))


def _replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")

    return spoil


def _swap_segments(folder: Path) -> None:
    one, two = (folder / "video/480p" / name for name in ("00001.m4s", "00002.m4s"))
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)


def _drop_segment(folder: Path) -> None:
    (folder / "video/360p/00002.m4s").unlink()


def _noise(folder: Path) -> None:
    path = folder / "video/360p/00002.m4s"
    data = bytearray(path.read_bytes())
    start = data.find(b"mdat") + 4 + 4 + 700
    data[start : start + 4000] = bytes(range(250)) * 16
    path.write_bytes(data)


def _no_key_frame(folder: Path) -> None:
    path = folder / "video/480p/00003.m4s"
    data = bytearray(path.read_bytes())
    unit = data.find(b"\x65", data.find(b"mdat"))
    data[unit] = 0x41
    path.write_bytes(data)


class TestVerify:
    def test_good(self, copy: Path, bench: Workbench) -> None:
        """A good set passes, and its streams are told as they were measured."""
        checked, _ = verify(copy, bench=bench)

        assert [stream.frames for stream in checked.video] == [125, 125]
        assert len(checked.audio) == 1

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (_swap_segments, "times jump"),
            (_drop_segment, "cannot be read"),
            (_noise, "does not decode"),
            (_no_key_frame, "does not start with an IDR"),
            (_replace("manifest.mpd", 'type="static"', 'type="dynamic"'), "live"),
            (_replace("master.m3u8", "avc1.4d401e", "avc1.640028"), "CODECS"),
            (_replace("master.m3u8", "854x480", "852x480"), "RESOLUTION"),
            (_replace("master.m3u8", "FRAME-RATE=25.000", "FRAME-RATE=30.000"), "FRAME-RATE"),
            (_replace("master.m3u8", ":BANDWIDTH=", ":BANDWIDTH=9"), "BANDWIDTH"),
            (_replace("master.m3u8", "#EXT-X-INDEPENDENT-SEGMENTS", ""), "independent"),
            (_replace("master.m3u8", "video/360p/index", "../../etc/index"), "outside"),
            (_replace("video/480p/index.m3u8", "EXTINF:2.000", "EXTINF:9.000"), "longer than the target"),
            (_replace("video/480p/index.m3u8", "#EXT-X-ENDLIST", ""), "no end"),
            (_replace("video/480p/iframes.m3u8", "@", "@1"), "no fragment"),
        ],
    )
    def test_spoiled(self, copy: Path, bench: Workbench, spoil: Callable[[Path], None], said: str) -> None:
        """Each way to spoil a set is found and told."""
        spoil(copy)

        with pytest.raises(SetInvalid, match=said):
            verify(copy, bench=bench)

    def test_misaligned_rungs(self, copy: Path, published: Published) -> None:
        """Rungs whose segments do not start together are found."""
        _, other = published("anamorphic")
        shutil.rmtree(copy / "video/360p")
        shutil.copytree(other / "video/360p", copy / "video/360p")

        checked = examine(copy)

        assert any("same segments" in problem for problem in checked.problems)

    def test_no_set(self, tmp_path: Path) -> None:
        """A folder without a set is told as such."""
        with pytest.raises(SetInvalid, match="cannot be read"):
            examine(tmp_path)
