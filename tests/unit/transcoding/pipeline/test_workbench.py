import errno
from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import OutOfSpace
from vitascope.transcoding.pipeline.workbench import built, first_error


class TestBuilt:
    def test_appears_whole(self, tmp_path: Path) -> None:
        """The folder is not there under its name until it is complete."""
        folder = tmp_path / "made"

        with built(folder) as partial:
            (partial / "file").write_text("x", encoding="ascii")
            seen = folder.exists()

        assert not seen
        assert [path.name for path in tmp_path.iterdir()] == ["made"]

    def test_failure(self, tmp_path: Path) -> None:
        """A builder that fails leaves nothing."""

        def build() -> None:
            with built(tmp_path / "made") as partial:
                (partial / "file").write_text("x", encoding="ascii")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            build()

        assert list(tmp_path.iterdir()) == []

    def test_two_builders(self, tmp_path: Path) -> None:
        """Of two builders of one folder the first to finish wins, and the other does not fail."""
        folder = tmp_path / "made"

        with built(folder) as late:
            (late / "late").touch()
            with built(folder) as early:
                (early / "early").touch()

        assert [path.name for path in folder.iterdir()] == ["early"]

    def test_full_disk(self, tmp_path: Path) -> None:
        """A full disk is told as such."""
        with pytest.raises(OutOfSpace), built(tmp_path / "made"):
            raise OSError(errno.ENOSPC, "No space left on device")


class TestFirstError:
    def test_safe(self) -> None:
        """What a program says is shown without addresses and control characters, and not at length."""
        said = first_error("\n[png @ 0x5579a1] bad \x1b[31mname\nmore\n" + "x" * 999)

        assert said == "[png] bad ?[31mname"

    def test_silence(self) -> None:
        """A program that says nothing is quoted as such."""
        assert first_error("\n") == "it did not say why"
