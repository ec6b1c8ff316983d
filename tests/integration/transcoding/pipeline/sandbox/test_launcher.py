import json
import os
import subprocess
import sys
from pathlib import Path

from vitascope.transcoding.pipeline.sandbox import launcher


class TestLauncher:
    def test_needs_nothing_of_ours(self) -> None:
        """The launcher runs isolated from every package, so that it starts in hundredths of a second."""
        code = f"import runpy, sys; runpy.run_path({launcher.__file__!r}); print(sorted(sys.modules))"

        finished = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True)

        assert b"vitascope" not in finished.stdout.replace(b"vitascope/transcoding", b"")

    def test_orphan(self, tmp_path: Path) -> None:
        """A launcher whose parent is already gone starts nothing."""
        specification = {
            "argv": ["/bin/touch", str(tmp_path / "made")],
            "parent": os.getpid() + 1,
            "readable": ["/"],
            "writable": ["/"],
            "limits": {},
        }
        reader, writer = os.pipe()
        command = [sys.executable, "-I", "-S", launcher.__file__, str(writer), json.dumps(specification)]

        finished = subprocess.run(command, pass_fds=(writer,), check=False)

        os.close(reader)
        os.close(writer)
        assert finished.returncode == 127
        assert not (tmp_path / "made").exists()
