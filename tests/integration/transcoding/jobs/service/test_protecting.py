"""Jobs whose sets are protected, with real encoders on a real database; and where their keys are not."""

import io
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path

import asyncpg
import pytest
import structlog
from sqlalchemy import text
from tests.integration.transcoding.jobs.conftest import Studio
from tests.integration.transcoding.pipeline.corpus import TOOLS

from vitascope.foundation.context import Context
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.telemetry.logs import LoggingSettings, configure_logging
from vitascope.runtime.testing import PlatformUnderTest
from vitascope.transcoding.jobs.contracts import Job, JobState
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.keys.contracts import Keys
from vitascope.transcoding.pipeline.protection import Protection, ProtectionProfile
from vitascope.transcoding.pipeline.verify import verify
from vitascope.transcoding.pipeline.workbench import Workbench

LABELS = ("AUDIO", "SD")


@pytest.fixture
def protected(studio: Studio, platform: PlatformUnderTest) -> Studio:
    """A platform that encrypts every film."""
    platform.container.put(JobsSettings, JobsSettings(watch_seconds=0.05, protect="cbcs"))
    return studio


@pytest.fixture
def log() -> Iterator[io.BytesIO]:
    """The log as the platform writes it, all of it."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    written = io.BytesIO()
    configure_logging(LoggingSettings(level="debug"), stream=written)
    yield written
    structlog.reset_defaults()
    root.setLevel(before[0])
    root.handlers[:] = before[1]


async def keys_of(platform: PlatformUnderTest, ctx: Context, job: Job) -> Protection:
    """The keys that the job has."""
    keys = platform.container.get(Keys)  # type: ignore[type-abstract]  # a port is asked for by its Protocol
    return await keys.for_set(ctx.as_platform(), name=str(job.id), profile=ProtectionProfile(), labels=LABELS)


async def everything(endpoint: Endpoint) -> bytes:
    """All rows of all tables of the database, of whichever schema, as text."""
    listed = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname !~ '^pg_'"
    connection = await asyncpg.connect(endpoint.dsn(Role.SYSTEM))
    try:
        found = []
        for table in await connection.fetch(listed):
            try:
                rows = await connection.fetch(f"SELECT t::text AS row FROM {table['name']} t")  # noqa: S608 - a name from the catalog
            except asyncpg.InsufficientPrivilegeError:
                continue
            found += [row["row"] for row in rows]
        return "\n".join(found).encode()
    finally:
        await connection.close()


def spellings(protection: Protection) -> Sequence[bytes]:
    """Each secret as it could stand somewhere."""
    secrets = [bytes.fromhex(part) for one in protection.keys for part in (one.key,)]
    return [
        form
        for secret in secrets
        for form in (
            secret,
            secret.hex().encode(),
            b64encode(secret).rstrip(b"="),
            urlsafe_b64encode(secret).rstrip(b"="),
        )
    ]


class TestJob:
    async def test_makes_a_protected_set(
        self, protected: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A job's set is encrypted with the job's keys, and plays with them."""
        job = await protected.transcode(ctx, film)

        assert job.state is JobState.COMPLETED
        assert isinstance(protected.objects, LocalObjects)
        folder = protected.objects._folder / job.output
        protection = await keys_of(platform, ctx, job)
        checked, decoded = verify(folder, bench=Workbench(tools=TOOLS), protection=protection)
        assert all(one.initialisation.sample.encrypted for one in (*checked.video, *checked.audio))
        assert decoded.cpu > 0

    async def test_leaves_its_keys_nowhere(
        self,
        protected: Studio,
        platform: PlatformUnderTest,
        ctx: Context,
        endpoint: Endpoint,
        film: Path,
        log: io.BytesIO,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Keys are in no log line, event, table, recorded step or file, while each of these is written to."""
        job = await protected.submit(ctx, film)
        run = protected.run(ctx, job)
        await protected.work(run)
        protection = await keys_of(platform, ctx, job)

        captured = capfd.readouterr()
        said = log.getvalue() + (captured.out + captured.err).encode()
        kept = await everything(endpoint)
        history = "".join(str(one) for one in run._records).encode()
        assert isinstance(protected.objects, LocalObjects)
        files = b"".join(path.read_bytes() for path in protected.data.rglob("*") if path.is_file())
        assert (job.id.encode() in kept, b"width" in history, len(files) > 0) == (True, True, True)
        for where in (said, kept, history, files):
            assert not any(form in where for form in spellings(protection))

    async def test_a_key_in_a_table_is_seen(
        self, protected: Studio, platform: PlatformUnderTest, ctx: Context, endpoint: Endpoint, film: Path
    ) -> None:
        """Planted: a key that is kept in the job's row is found there."""
        job = await protected.submit(ctx, film)
        protection = await keys_of(platform, ctx, job)
        async with platform.db.transaction(ctx) as tx:
            await tx.execute(
                text("UPDATE transcoding_jobs.jobs SET filename = :key"), {"key": protection.keys[0].key}
            )

        kept = await everything(endpoint)

        assert any(form in kept for form in spellings(protection))

    async def test_attempts_share_keys(
        self, protected: Studio, platform: PlatformUnderTest, ctx: Context, film: Path
    ) -> None:
        """A worker that dies after packaging leaves a set that another finishes with the same keys."""
        job = await protected.submit(ctx, film)
        run = protected.run(ctx, job, dies_in="package")
        await protected.work(run)
        before = await keys_of(platform, ctx, job)

        await protected.work(run.again())

        assert (await protected.jobs.get(ctx, job=job.id)).state is JobState.COMPLETED
        assert await keys_of(platform, ctx, job) == before

    async def test_is_clear_unless_wanted(self, studio: Studio, ctx: Context, film: Path) -> None:
        """Without the setting nothing is encrypted, and no key is made."""
        job = await studio.submit(ctx, film)
        await studio.work(studio.run(ctx, job))

        assert isinstance(studio.objects, LocalObjects)
        done = await studio.jobs.get(ctx, job=job.id)
        playlists = (studio.objects._folder / done.output).rglob("*.m3u8")
        assert not any("EXT-X-KEY" in one.read_text(encoding="utf-8") for one in playlists)
