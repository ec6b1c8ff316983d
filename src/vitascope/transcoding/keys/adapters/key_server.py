"""An outside key server on the other end of the line."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from pydantic import SecretStr

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.resilience.breaker import Breaker
from vitascope.foundation.resilience.deadline import Deadline
from vitascope.foundation.resilience.retry import Retrier
from vitascope.transcoding.keys.adapters import cpix
from vitascope.transcoding.keys.contracts import KeyServerDown, KeyServerRefused
from vitascope.transcoding.pipeline.protection import ProtectionProfile, TrackKey

_MOST_BYTES = 1 << 20
_HEADERS = {"content-type": "application/xml", "accept": "application/xml", "x-speke-version": "2.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where the server is, what it wants to be told, and how many seconds it may take."""

    url: str
    authorization: SecretStr | None
    seconds: float


class KeyServer:
    """Asks the server: within the deadline, again if it stumbles, and not at all while it is down."""

    def __init__(self, address: ServerAddress, *, clock: Clock) -> None:
        self._address, self._clock = address, clock
        self._breaker = Breaker("The key server", clock=clock)
        self._retrier = Retrier(clock=clock)

    async def keys(
        self, ctx: Context, *, name: str, profile: ProtectionProfile, labels: Sequence[str]
    ) -> Sequence[TrackKey]:
        """The keys that the server makes; raises KeyServerDown and KeyServerRefused."""
        # The same ids in each try: it may happen twice without harm.
        keys = cpix.wanted(labels)
        document = cpix.request(name, profile=profile, keys=keys)
        deadline = Deadline.after(self._address.seconds, clock=self._clock)
        if ctx.deadline is not None:
            deadline = min(deadline, Deadline(ctx.deadline), key=lambda one: one.at)

        async def ask() -> bytes:
            async with self._breaker.guard():
                return await self._post(document)

        return cpix.answered(await self._retrier.run(ask, deadline=deadline), keys=keys)

    async def _post(self, document: bytes) -> bytes:
        import aiohttp  # noqa: PLC0415 - a quarter of a second and 11 MB that only users of such a server need

        headers = dict(_HEADERS)
        if self._address.authorization is not None:
            headers["authorization"] = self._address.authorization.get_secret_value()
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    self._address.url, data=document, headers=headers, allow_redirects=False
                ) as response,
            ):
                _require_success(response.status)
                return await _body(response.content.iter_any())
        except aiohttp.ClientError as failure:
            # The address may hold a secret: only the kind of the failure is told.
            raise KeyServerDown(f"The key server does not answer ({type(failure).__name__}).") from None


def _require_success(status: int) -> None:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise KeyServerDown(f"The key server answered with the status {status}; try again soon.")
    if status != HTTPStatus.OK:
        raise KeyServerRefused(f"The key server answered with the status {status}, not with keys.")


async def _body(pieces: AsyncIterable[bytes]) -> bytes:
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > _MOST_BYTES:
            raise KeyServerRefused("The key server answered more than is sensible.")
    return bytes(body)
