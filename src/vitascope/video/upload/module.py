"""The service `video.upload` as the composition root sees it."""

from vitascope.foundation.module import Module
from vitascope.identity.tenants.contracts import Tenants
from vitascope.video.upload.contracts import Uploads
from vitascope.video.upload.jobs import assemble, clear, tidy
from vitascope.video.upload.models import schema
from vitascope.video.upload.routes.uploads import router
from vitascope.video.upload.service.finishing import Finisher
from vitascope.video.upload.service.receiving import Receiver
from vitascope.video.upload.service.settings import UploadSettings
from vitascope.video.upload.service.uploads import UploadService

module = Module(
    name="video.upload",
    package="vitascope.video.upload",
    provides={Uploads: UploadService},
    also=(Receiver, Finisher),
    needs=(Tenants,),
    routes=router,
    jobs=(assemble, clear, tidy),
    schema=schema,
    settings=UploadSettings,
)
