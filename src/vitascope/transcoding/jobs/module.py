"""The service `transcoding.jobs` as the composition root sees it."""

from vitascope.foundation.module import Module
from vitascope.identity.tenants.contracts import Tenants
from vitascope.transcoding.jobs.adapters.scratch import Scratch
from vitascope.transcoding.jobs.contracts import Jobs
from vitascope.transcoding.jobs.handlers import give_up
from vitascope.transcoding.jobs.jobs import tidy, transcode
from vitascope.transcoding.jobs.models import schema
from vitascope.transcoding.jobs.routes import router
from vitascope.transcoding.jobs.service.feed import JobFeed
from vitascope.transcoding.jobs.service.janitor import Janitor
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.transcoding.jobs.service.protecting import Protecting
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.jobs.service.transcoder import Transcoder
from vitascope.transcoding.keys.contracts import Keys

module = Module(
    name="transcoding.jobs",
    package="vitascope.transcoding.jobs",
    provides={Jobs: JobService},
    also=(Transcoder, Janitor, JobFeed, Scratch, Protecting),
    needs=(Tenants, Keys),
    routes=router,
    handlers=(give_up,),
    jobs=(transcode, tidy),
    schema=schema,
    settings=JobsSettings,
)
