"""Streaming, declared."""

from vitascope.foundation.module import Module
from vitascope.transcoding.keys.contracts import Keys
from vitascope.video.catalog.contracts import Titles
from vitascope.video.streaming.contracts import Playbacks, Streaming
from vitascope.video.streaming.jobs import forget
from vitascope.video.streaming.models import schema
from vitascope.video.streaming.routes import hot_routes, router
from vitascope.video.streaming.service.delivery.library import Library
from vitascope.video.streaming.service.delivery.server import MediaServer
from vitascope.video.streaming.service.licences import LicenceService
from vitascope.video.streaming.service.playback import StreamingService
from vitascope.video.streaming.service.settings import StreamingSettings
from vitascope.video.streaming.service.tokens import Tokens

module = Module(
    name="video.streaming",
    package="vitascope.video.streaming",
    provides={Streaming: StreamingService, Playbacks: Tokens},
    also=(Library, MediaServer, LicenceService),
    needs=(Titles, Keys),
    routes=router,
    hot=hot_routes,
    beside=(MediaServer,),
    jobs=(forget,),
    schema=schema,
    settings=StreamingSettings,
)
