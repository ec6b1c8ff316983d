"""Viewing, declared."""

from vitascope.foundation.module import Module
from vitascope.video.catalog.contracts import Titles
from vitascope.video.streaming.contracts import Playbacks
from vitascope.video.viewing import handlers
from vitascope.video.viewing.contracts import Views
from vitascope.video.viewing.jobs import forget
from vitascope.video.viewing.models import schema
from vitascope.video.viewing.routes import beacon_routes, router
from vitascope.video.viewing.service.beacons import BeaconService
from vitascope.video.viewing.service.counting import ViewService
from vitascope.video.viewing.service.live import LiveViews

module = Module(
    name="video.viewing",
    package="vitascope.video.viewing",
    provides={Views: ViewService},
    also=(BeaconService, LiveViews),
    needs=(Playbacks, Titles),
    routes=router,
    hot=beacon_routes,
    handlers=(handlers.start, handlers.go_on, handlers.end),
    jobs=(forget,),
    schema=schema,
)
