"""The service `transcoding.jobs` as the composition root sees it."""

from vitascope.foundation.module import Module
from vitascope.identity.tenants.contracts import Tenants
from vitascope.transcoding.jobs.adapters.checkpoints import Checkpoints
from vitascope.transcoding.jobs.adapters.scratch import Scratch
from vitascope.transcoding.jobs.contracts import Jobs
from vitascope.transcoding.jobs.handlers import give_up
from vitascope.transcoding.jobs.jobs import tidy, transcode
from vitascope.transcoding.jobs.models import schema
from vitascope.transcoding.jobs.routes import router
from vitascope.transcoding.jobs.service.bells import Bells
from vitascope.transcoding.jobs.service.crew import Crew
from vitascope.transcoding.jobs.service.encoder import Encoder
from vitascope.transcoding.jobs.service.feed import JobFeed
from vitascope.transcoding.jobs.service.janitor import Janitor
from vitascope.transcoding.jobs.service.jobs import JobService
from vitascope.transcoding.jobs.service.metering import Metering
from vitascope.transcoding.jobs.service.protecting import Protecting
from vitascope.transcoding.jobs.service.settings import JobsSettings
from vitascope.transcoding.jobs.service.transcoder import Transcoder
from vitascope.transcoding.keys.contracts import Keys

module = Module(
    name="transcoding.jobs",
    package="vitascope.transcoding.jobs",
    provides={Jobs: JobService},
    also=(Transcoder, Janitor, Metering, JobFeed, Scratch, Checkpoints, Crew, Encoder, Bells, Protecting),
    needs=(Tenants, Keys),
    routes=router,
    handlers=(give_up,),
    jobs=(transcode, tidy),
    crews=(Crew,),
    schema=schema,
    settings=JobsSettings,
)
