import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import TranscodeCancelled
from vitascope.transcoding.pipeline.sandbox.program import NEVER
from vitascope.transcoding.pipeline.turns import turn


class TestTurn:
    def test_one_at_a_time(self, tmp_path: Path) -> None:
        """Of many who come at once each has its turn, and nobody is in it beside another."""
        inside, seen, start = [0], [0], threading.Barrier(20)

        def come() -> None:
            start.wait()
            with turn(tmp_path / "made", cancel=NEVER):
                inside[0] += 1
                seen[0] = max(seen[0], inside[0])
                inside[0] -= 1

        with ThreadPoolExecutor(20) as pool:
            for one in [pool.submit(come) for _ in range(20)]:
                one.result()

        assert (inside, seen) == ([0], [1])

    def test_two_things(self, tmp_path: Path) -> None:
        """Who makes something else does not wait."""
        with turn(tmp_path / "one", cancel=NEVER), turn(tmp_path / "other", cancel=NEVER):
            pass

        assert {file.name for file in tmp_path.iterdir()} == {".one.turn", ".other.turn"}

    def test_cancelled(self, tmp_path: Path) -> None:
        """Who is cancelled waits no longer."""
        cancel = threading.Event()
        cancel.set()

        with (
            turn(tmp_path / "made", cancel=NEVER),
            pytest.raises(TranscodeCancelled),
            turn(tmp_path / "made", cancel=cancel),
        ):
            pass
