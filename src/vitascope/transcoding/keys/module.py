"""The service `transcoding.keys` as the composition root sees it."""

from vitascope.foundation.clock import Clock
from vitascope.foundation.module import Module
from vitascope.foundation.wiring import Container
from vitascope.transcoding.keys.adapters.key_server import KeyServer, ServerAddress
from vitascope.transcoding.keys.adapters.wrapping import ContentKeyWrap
from vitascope.transcoding.keys.contracts import Keys
from vitascope.transcoding.keys.models import schema
from vitascope.transcoding.keys.service.keys import KeyService
from vitascope.transcoding.keys.service.settings import KeysSettings
from vitascope.transcoding.keys.service.sources import KeySource, OwnKeys


def _source(container: Container) -> KeySource:
    settings = container.get(KeysSettings)
    if settings.server_url is None:
        return OwnKeys()
    address = ServerAddress(
        url=settings.server_url,
        authorization=settings.server_authorization,
        seconds=settings.server_seconds,
    )
    return KeyServer(address, clock=container.get(Clock))  # type: ignore[type-abstract]  # a port is asked for by its Protocol


module = Module(
    name="transcoding.keys",
    package="vitascope.transcoding.keys",
    provides={Keys: KeyService},
    also=(ContentKeyWrap,),
    factories={KeySource: _source},
    schema=schema,
    settings=KeysSettings,
)
