import shutil
from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import OutOfSpace, ProgramFailed
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command
from vitascope.transcoding.pipeline.workbench import Workbench

FULL = Path("/dev/full")


class TestWorkbench:
    def test_full_disk(self, bench: Workbench) -> None:
        """A program that finds the disk full ends as such, not as a damaged film."""
        copy = Command(
            program=Path(shutil.which("dd") or "dd").resolve(),
            arguments=("if=/dev/zero", f"of={FULL}", "count=1"),
            readable=(Path("/dev/zero"),),
            writable=(FULL,),
        )

        with pytest.raises(OutOfSpace):
            bench.run(copy, bounds=Bounds(cpu=5, wall=10))

    def test_failure(self, bench: Workbench) -> None:
        """A program that must not fail but does is told by name, with its first complaint."""
        with pytest.raises(ProgramFailed, match=r"packager.*failed: .*nonsense"):
            bench.must(Command(program=bench.tools.packager, arguments=("--nonsense",)), bounds=Bounds())
