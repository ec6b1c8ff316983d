"""Opening a playback: the one place that decides who may watch."""

from datetime import datetime, timedelta

from vitascope.foundation.clock import Clock
from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.ids import Ids
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.video.catalog.contracts import TitleId, TitleNotReady, Titles
from vitascope.video.streaming import repository
from vitascope.video.streaming.contracts import Playback, PlaybackId
from vitascope.video.streaming.events import PlaybackAuthorised
from vitascope.video.streaming.service.settings import StreamingSettings
from vitascope.video.streaming.service.tokens import Tokens

MEDIA, BEACONS, LICENCES = "/media", "/beacons", "/licences"
_KEPT = timedelta(days=1)


class StreamingService:
    """Implements `contracts.Streaming`."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        ids: Ids,
        titles: Titles,
        tokens: Tokens,
        settings: StreamingSettings,
    ) -> None:
        self._db, self._clock, self._ids = db, clock, ids
        self._titles, self._tokens, self._settings = titles, tokens, settings

    async def open(self, ctx: Context, *, title: TitleId) -> Playback:
        """Check the entitlement and open a session; raises NoSuchTitle or TitleNotReady."""
        found = await self._titles.require_playable(ctx, title=title)
        if found.output is None:
            raise TitleNotReady
        playback, now = self._ids.new(PlaybackId), self._clock.now()
        until = now + timedelta(hours=self._settings.session_hours)
        account = ctx.principal.account
        async with self._db.transaction(ctx) as tx:
            await repository.add(tx, playback=playback, title=title, account=account, at=now, until=until)
            tx.emit(PlaybackAuthorised(playback=playback, title=title, account=account), subject=playback)
        token = self._tokens.sign(
            playback=playback,
            title=title,
            prefix=ObjectPrefix(found.output),
            until=until,
            keys=found.job,
        )
        return self._playback(playback, title, token, until=until)

    async def forget(self) -> int:
        """Delete the sessions of all tenants that ended a day ago."""
        async with self._db.system() as connection:
            return await repository.forget(connection, expired_before=self._clock.now() - _KEPT)

    def _playback(self, playback: PlaybackId, title: TitleId, token: str, *, until: datetime) -> Playback:
        media = f"{self._media_url()}{MEDIA}/{token}"
        return Playback(
            id=playback,
            title=title,
            hls=f"{media}/master.m3u8",
            dash=f"{media}/manifest.mpd",
            poster=f"{media}/pictures/poster.jpg",
            thumbnails=f"{media}/pictures/thumbnails.vtt",
            chapters=f"{media}/chapters/chapters.vtt",
            beacon=f"{BEACONS}/{token}",
            licence=f"{LICENCES}/{token}",
            expires_at=until,
        )

    def _media_url(self) -> str:
        """Where media is: a path of the answering origin, unless it has an origin of its own."""
        if self._settings.media_url is not None:
            return self._settings.media_url.rstrip("/")
        if self._settings.delivery_port:
            return f"http://{self._settings.delivery_host}:{self._settings.delivery_port}"
        return ""
