"""Make a virtual environment, or say in words what the machine lacks for it."""

import subprocess
import sys
from pathlib import Path

NEWEST_UNSUPPORTED = (3, 10)


def main(folder: Path) -> int:
    """Make the environment with the Python that runs this; returns the exit code."""
    if sys.version_info[:2] <= NEWEST_UNSUPPORTED:
        return _tell(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, check=False)
    if made.returncode != 0:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return _tell(f"Python's venv module is incomplete. On Debian: apt install python{version}-venv")
    return 0


def _tell(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
