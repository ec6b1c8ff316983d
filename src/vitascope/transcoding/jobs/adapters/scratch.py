"""Folders on this machine in which jobs keep what they have made so far."""

import asyncio
import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from vitascope.foundation.module import Platform
from vitascope.transcoding.jobs.contracts import JobId


class Scratch:
    """One folder for each job, shared by its attempts; another machine has others."""

    def __init__(self, *, platform: Platform) -> None:
        self._root = platform.data.resolve() / "scratch"

    def of(self, job: JobId) -> Path:
        """The job's folder, made when it is not there."""
        folder = self._root / job
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def jobs(self) -> Sequence[JobId]:
        """The jobs that have a folder here."""
        return await asyncio.to_thread(self._jobs)

    async def remove(self, job: JobId) -> None:
        """Remove the job's folder, if there is one."""
        await asyncio.to_thread(shutil.rmtree, self._root / job, ignore_errors=True)

    def _jobs(self) -> list[JobId]:
        found = []
        with contextlib.suppress(FileNotFoundError):
            for folder in self._root.iterdir():
                with contextlib.suppress(ValueError):  # whatever else somebody put there is not ours
                    found.append(JobId(folder.name))
        return found
