"""The licence server: hands the keys of a protected film to a player that may play it.

It speaks Clear Key, the one system that every browser has without a vendor (W3C Encrypted Media
Extensions, 9.1). It keeps honest who has no right to a film; who plays it can read its keys, as Clear
Key has them in the open.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

from vitascope.foundation.context import PLATFORM, Context, Principal
from vitascope.foundation.db.database import Database
from vitascope.foundation.errors import Conflict, Invalid, NotFound
from vitascope.transcoding.keys.contracts import Keys
from vitascope.transcoding.pipeline.protection import TrackKey
from vitascope.video.catalog.contracts import Titles
from vitascope.video.streaming import repository
from vitascope.video.streaming.contracts import LicenceRefused, Watching
from vitascope.video.streaming.service.tokens import Tokens

MAX_REQUEST_BYTES = 4096
_KID_BYTES = 16
_TEMPORARY = "temporary"


class _Request(msgspec.Struct):
    """A licence request (9.1.3); members beyond these are for others."""

    kids: list[str]
    type: str = _TEMPORARY


class _Key(msgspec.Struct):
    kid: str
    k: str
    kty: str = "oct"


class _Licence(msgspec.Struct):
    """A JSON Web Key set (9.1.4)."""

    keys: list[_Key]
    type: str = _TEMPORARY


class LicenceService:
    """Gives keys to playbacks."""

    def __init__(self, *, db: Database, titles: Titles, keys: Keys, tokens: Tokens) -> None:
        self._db, self._titles, self._keys, self._tokens = db, titles, keys, tokens

    async def give(self, *, token: str, asked: bytes) -> bytes:
        """The licence for a request, both as JSON.

        Raises TokenRefused, TokenExpired, Invalid, and LicenceRefused for keys of another film, for a
        title that is not to be played any more, and for a playback that is over.
        """
        watching, name = self._tokens.of_token(token), self._tokens.keys_of(token)
        kids = _kids(asked)
        ctx = Context(tenant=watching.tenant, principal=PLATFORM)
        await self._require_entitled(ctx, watching)
        found = await self._keys.of_ids(ctx, name=name, kids=kids) if name else ()
        if not found:
            raise LicenceRefused
        return msgspec.json.encode(_Licence(keys=[_shown(one) for one in found]))

    async def _require_entitled(self, ctx: Context, watching: Watching) -> None:
        """A token outlives what it was given for: the title may be hidden or gone, the session ended."""
        async with self._db.read(ctx) as reader:
            session = await repository.account_of(reader, playback=watching.playback, title=watching.title)
        if session is None:
            raise LicenceRefused
        # Whoever was signed in keeps what was granted for as long as there is the title; a visitor has
        # no more right than any other has now.
        asking = ctx if session.account else Context(tenant=ctx.tenant, principal=Principal())
        try:
            await self._titles.require_playable(asking, title=watching.title)
        except (NotFound, Conflict) as gone:
            raise LicenceRefused from gone


def _kids(asked: bytes) -> Sequence[str]:
    """The ids that are asked for, in hexadecimal."""
    try:
        request = msgspec.json.decode(asked, type=_Request)
    except msgspec.DecodeError as failure:
        raise Invalid(f"This is no licence request: {failure}.", field="body") from failure
    if request.type != _TEMPORARY:
        raise Invalid("Only temporary licences are given here.", field="type")
    kids = list(dict.fromkeys(map(_kid, request.kids)))
    if not kids:
        raise Invalid("Name the keys that are asked for.", field="kids")
    return kids


def _kid(text: str) -> str:
    try:
        kid = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        kid = b""
    if len(kid) != _KID_BYTES:
        raise Invalid("A key's id is 16 bytes in base64url.", field="kids")
    return kid.hex()


def _shown(one: TrackKey) -> _Key:
    return _Key(kid=_encoded(one.kid), k=_encoded(one.key))


def _encoded(digits: str) -> str:
    return urlsafe_b64encode(bytes.fromhex(digits)).rstrip(b"=").decode()
