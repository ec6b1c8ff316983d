"""Password hashes: argon2id (RFC 9106) with the OWASP profile of 19 MiB, in a few threads.

A hash takes about 30 ms of a core and its memory, so only a few are made at once; a short queue
waits, and what does not fit there is told to come back, instead of slowing everybody down.
"""

import asyncio
import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type
from pydantic import Field

from vitascope.foundation.config import Section
from vitascope.foundation.resilience.bulkhead import Bulkhead

_SALT_BYTES = 16
_HASH_BYTES = 32
_LANES = 1
_VERSION = 19

T = TypeVar("T")


class HashingSettings(Section):
    """What a password hash costs, and how many are made at once."""

    memory_kib: int = Field(default=19456, ge=7168, description="argon2id memory (OWASP: 19 MiB)")
    rounds: int = Field(default=2, ge=1, le=20, description="argon2id passes over that memory")
    threads: int = Field(default=2, ge=1, le=64, description="password hashes at once")
    queue: int = Field(default=64, ge=0, description="password hashes that wait; more are told 503")
    wait_seconds: float = Field(default=5, gt=0, le=60, description="how long they wait")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the password is right, and a better hash of it if the kept one is outdated."""

    right: bool
    better: str | None = None


class PasswordHashes:
    """Makes and checks hashes, a bounded number at once."""

    def __init__(self, *, settings: HashingSettings) -> None:
        self.settings = settings
        self._hasher = PasswordHasher(
            time_cost=settings.rounds,
            memory_cost=settings.memory_kib,
            parallelism=_LANES,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="argon2")
        self._places = Bulkhead(
            places=settings.threads, queue=settings.queue, wait_seconds=settings.wait_seconds
        )
        self._nobody = _impossible_hash(settings)
        self.calls = 0
        """How many hashes were made or checked: the same for a known address and an unknown one."""

    async def make(self, password: str) -> str:
        """A new hash; raises `Overloaded` if too many wait already."""
        return await self._run(lambda: self._hasher.hash(password))

    async def check(self, password: str, kept: str | None) -> Verdict:
        """Compare with a kept hash; with None it takes as long and is never right."""
        right = await self._run(lambda: self._matches(kept or self._nobody, password)) and kept is not None
        if right and kept is not None and self._hasher.check_needs_rehash(kept):
            return Verdict(right=True, better=await self.make(password))
        return Verdict(right=right)

    async def _run(self, work: Callable[[], T]) -> T:
        async with self._places.place():
            self.calls += 1
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def _impossible_hash(settings: HashingSettings) -> str:
    """A hash of the present cost that no known password has: to compare with when there is no account."""
    salt, digest = (
        base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (_SALT_BYTES, _HASH_BYTES)
    )
    cost = f"m={settings.memory_kib},t={settings.rounds},p={_LANES}"
    return f"$argon2id$v={_VERSION}${cost}${salt}${digest}"
