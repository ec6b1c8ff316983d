"""The theatre, as the composition root sees it."""

from vitascope.console.theatre.app import pages
from vitascope.console.theatre.live import Feed
from vitascope.foundation.module import Module
from vitascope.identity.auth.contracts import Sessions
from vitascope.identity.users.contracts import Accounts
from vitascope.transcoding.jobs.contracts import Jobs
from vitascope.video.catalog.contracts import Titles
from vitascope.video.streaming.contracts import Streaming
from vitascope.video.viewing.contracts import Views

module = Module(
    name="console.theatre",
    package=__package__,
    also=(Feed,),
    needs=(Accounts, Sessions, Titles, Streaming, Views, Jobs),
    pages=pages,
)
