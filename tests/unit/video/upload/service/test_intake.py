"""Cutting a body into parts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.video.upload.contracts import LongerThanDeclared
from vitascope.video.upload.service.checksum import Checksum
from vitascope.video.upload.service.intake import Body, BrokenOff, Ending, Intake
from vitascope.video.upload.service.settings import UploadSettings

SETTINGS = UploadSettings(part_bytes=4096, flush_seconds=0.05, idle_seconds=0.1)
PATIENT = UploadSettings(part_bytes=4096, flush_seconds=3600, idle_seconds=3600)


async def _chunks(sizes: Sequence[int], *, breaks: bool = False) -> AsyncIterator[bytes]:
    number = 0
    for size in sizes:
        yield bytes((number + at) % 251 for at in range(size))
        number += size
    if breaks:
        raise BrokenOff


def _all(size: int) -> bytes:
    return bytes(at % 251 for at in range(size))


async def _read(intake: Intake) -> list[bytes]:
    parts = []
    while await intake.more():
        parts.append(b"".join([block async for block in intake.part()]))
        assert intake.part_size == len(parts[-1])
    await intake.close()
    return parts


class TestIntake:
    @given(st.lists(st.integers(0, 9000), max_size=12), st.booleans())
    def test_nothing_is_lost(self, sizes: list[int], breaks: bool) -> None:
        """However the bytes arrive and end, the parts together are those bytes; only the last is short."""
        intake = Intake(Body(chunks=_chunks(sizes, breaks=breaks)), room=1 << 30, settings=PATIENT)

        parts = asyncio.run(_read(intake))

        assert b"".join(parts) == _all(sum(sizes))
        assert [len(part) for part in parts[:-1]] == [4096] * (len(parts) - 1)
        assert intake.ending is (Ending.BROKEN if breaks else Ending.WHOLE)

    async def test_slow_bytes_are_not_kept_waiting(self) -> None:
        """A part ends after a while even if it is small, so that slow bytes count."""

        async def slow() -> AsyncIterator[bytes]:
            yield b"a"
            await asyncio.sleep(0.08)
            yield b"b"

        patient = SETTINGS.model_copy(update={"idle_seconds": 60})
        parts = await _read(Intake(Body(chunks=slow()), room=10, settings=patient))

        assert parts == [b"a", b"b"]

    async def test_silence_ends(self) -> None:
        """A body that falls silent is given up."""

        async def silent() -> AsyncIterator[bytes]:
            yield b"a"
            await asyncio.sleep(30)

        intake = Intake(Body(chunks=silent()), room=10, settings=SETTINGS)

        assert await _read(intake) == [b"a"]
        assert intake.ending is Ending.SILENT

    async def test_room(self) -> None:
        """More bytes than there is room for end the part with an error."""
        with pytest.raises(LongerThanDeclared):
            await _read(Intake(Body(chunks=_chunks([5000, 5000])), room=9999, settings=SETTINGS))

    @pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
    async def test_checksum(self, algorithm: str) -> None:
        """The checksum is that of all bytes over all parts."""
        right = Checksum(algorithm=algorithm, digest=hashlib.new(algorithm, _all(10_000)).digest())
        wrong = Checksum(algorithm=algorithm, digest=b"")
        intake = Intake(Body(chunks=_chunks([10_000]), checksum=right), room=10_000, settings=SETTINGS)

        await _read(intake)

        assert intake.matches(right)
        assert not intake.matches(wrong)
