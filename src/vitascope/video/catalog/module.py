"""The catalog, declared."""

from vitascope.foundation.module import Module
from vitascope.transcoding.jobs.contracts import Jobs
from vitascope.transcoding.keys.contracts import Keys
from vitascope.video.catalog import handlers, jobs
from vitascope.video.catalog.contracts import Titles
from vitascope.video.catalog.models import schema
from vitascope.video.catalog.routes import router
from vitascope.video.catalog.service.films import FilmService
from vitascope.video.catalog.service.titles import TitleService

module = Module(
    name="video.catalog",
    package=__package__,
    provides={Titles: TitleService},
    also=(FilmService,),
    needs=(Jobs, Keys),
    routes=router,
    handlers=(
        handlers.draft,
        handlers.start,
        handlers.show,
        handlers.complete,
        handlers.fail,
        handlers.cancel,
    ),
    jobs=(jobs.ingest, jobs.erase),
    schema=schema,
)
