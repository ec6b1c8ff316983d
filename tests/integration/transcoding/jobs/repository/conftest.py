"""Jobs whose parts nobody encodes: what workers do is told to the database by the tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.transcoding.jobs.conftest import Studio

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import JobPriority
from vitascope.transcoding.jobs.repository import parts, turns
from vitascope.transcoding.jobs.repository.parts import Claimed, Part
from vitascope.transcoding.pipeline.contracts import Plan, Rate, VideoTrack

_VIDEO = VideoTrack(
    index=0,
    codec="h264",
    width=320,
    height=180,
    display_width=320,
    display_height=180,
    rotation=0,
    frame_rate=Rate(25),
    variable_rate=False,
    pixel_format="yuv420p",
    bit_depth=8,
    transfer=None,
    interlaced=False,
    duration=4.0,
)
PLAN = Plan(
    container="mov", video=_VIDEO, audio=(), text=(), duration=4.0, frame_rate=Rate(25), gop=50, rungs=()
)


@dataclass
class Workshop:
    """Hands parts out as coordinators do, and takes them as workers do."""

    db: Database
    studio: Studio
    film: Path

    async def offer(
        self, ctx: Context, *costs: float, priority: JobPriority = JobPriority.NORMAL
    ) -> Sequence[Part]:
        """A job of parts of these costs, all of which wait."""
        source = await self.studio.store(ctx, self.film)
        job = await self.studio.jobs.submit(ctx, source=source, filename="", key=source, priority=priority)
        found = [
            Part(
                job=job.id, attempt=1, number=number, first=number * 50, frames=50, rungs=["180p"], cost=cost
            )
            for number, cost in enumerate(costs)
        ]
        async with self.db.transaction(ctx) as tx:
            await parts.open_encoding(tx, job=job.id, attempt=1, source=source, plan=PLAN)
            await turns.join(tx)
            await parts.add(tx, found=found)
            await parts.close(tx, job=job.id, attempt=1, total=len(found))
        return found

    async def claim(self, worker: str = "w") -> Claimed | None:
        """Take the next part."""
        async with self.db.system() as connection:
            return await turns.claim(connection, worker=worker)


@pytest.fixture
def workshop(platform: PlatformUnderTest, studio: Studio, film: Path) -> Workshop:
    """On the platform's database."""
    return Workshop(db=platform.db, studio=studio, film=film)
