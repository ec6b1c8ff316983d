"""What is done with content keys."""

from collections.abc import Sequence
from uuid import UUID

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context, TenantId
from vitascope.foundation.db.database import Database, retried
from vitascope.foundation.errors import Forbidden, Invalid
from vitascope.transcoding.keys import repository
from vitascope.transcoding.keys.adapters.wrapping import ContentKeyWrap
from vitascope.transcoding.keys.repository import KeptKey
from vitascope.transcoding.keys.service.sources import KeySource
from vitascope.transcoding.pipeline.protection import Protection, ProtectionProfile, TrackKey

_MOST_IDS = 64


class KeyService:
    """Implements `contracts.Keys`."""

    def __init__(self, *, db: Database, clock: Clock, wrap: ContentKeyWrap, source: KeySource) -> None:
        self._db, self._clock, self._wrap, self._source = db, clock, wrap, source

    async def for_set(
        self, ctx: Context, *, name: str, profile: ProtectionProfile, labels: Sequence[str]
    ) -> Protection:
        """The keys of a set, made when they are first asked for; raises Forbidden and Invalid."""
        _require_platform(ctx)
        if not labels or not name:
            raise Invalid("Name the set and its classes of tracks.", field="labels")
        kept = await self._of_set(ctx, name)
        missing = [label for label in labels if label not in {one.label for one in kept}]
        if missing:
            made = await self._source.keys(ctx, name=name, profile=profile, labels=missing)
            kept = await self._keep(ctx, name=name, keys=made)
        opened = {one.label: self._open(ctx.tenant, name, one) for one in kept}
        return Protection(profile=profile, keys=tuple(opened[label] for label in labels))

    async def of_ids(self, ctx: Context, *, name: str, kids: Sequence[str]) -> Sequence[TrackKey]:
        """Those of a set's keys that have these ids; raises Forbidden and Invalid."""
        _require_platform(ctx)
        if len(kids) > _MOST_IDS:
            raise Invalid(f"Ask for at most {_MOST_IDS} keys at once.", field="kids")
        async with self._db.read(ctx) as reader:
            kept = await repository.of_ids(reader, name=name, kids=[_id(kid) for kid in kids])
        return [self._open(ctx.tenant, name, one) for one in kept]

    async def forget(self, ctx: Context, *, name: str) -> None:
        """Destroy the keys of a set; raises Forbidden."""
        _require_platform(ctx)
        async with self._db.transaction(ctx) as tx:
            await repository.remove(tx, name=name)

    async def _of_set(self, ctx: Context, name: str) -> Sequence[KeptKey]:
        async with self._db.read(ctx) as reader:
            return await repository.of_set(reader, name=name)

    @retried
    async def _keep(self, ctx: Context, *, name: str, keys: Sequence[TrackKey]) -> Sequence[KeptKey]:
        """Keep new keys; answers all of the set. Of two who make the same at once, the first one's stay."""
        sealed = [
            KeptKey(
                label=one.label,
                kid=UUID(one.kid),
                wrapped=self._wrap.wrap(one, tenant=ctx.tenant, name=name),
            )
            for one in keys
        ]
        async with self._db.transaction(ctx) as tx:
            await repository.add(tx, name=name, keys=sealed, at=self._clock.now())
            return await repository.of_set(tx, name=name)

    def _open(self, tenant: TenantId, name: str, one: KeptKey) -> TrackKey:
        return self._wrap.unwrap(one.wrapped, tenant=tenant, name=name, label=one.label, kid=one.kid.hex)


def _require_platform(ctx: Context) -> None:
    if not ctx.principal.platform:
        raise Forbidden("Content keys are given to the platform only; a player asks for a licence.")


def _id(kid: str) -> UUID:
    try:
        return UUID(hex=kid)
    except ValueError:
        raise Invalid("A key's id is 32 hexadecimal digits.", field="kids") from None
