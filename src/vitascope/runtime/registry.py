"""Which services there are: the one flat list that everything else is made of."""

from vitascope.console.theatre.module import module as theatre
from vitascope.foundation.db.migrations import History
from vitascope.foundation.events import models as events
from vitascope.foundation.http.module import module as http
from vitascope.foundation.locks.module import module as locks
from vitascope.foundation.module import Module
from vitascope.foundation.workflows.module import module as workflows
from vitascope.identity.auth.module import module as auth
from vitascope.identity.tenants.module import module as tenants
from vitascope.identity.users.module import module as users
from vitascope.transcoding.jobs.module import module as jobs
from vitascope.transcoding.keys.module import module as keys
from vitascope.video.catalog.module import module as catalog
from vitascope.video.streaming.module import module as streaming
from vitascope.video.upload.module import module as upload
from vitascope.video.viewing.module import module as viewing

MODULES: tuple[Module, ...] = (
    workflows,
    http,
    locks,
    tenants,
    users,
    auth,
    keys,
    jobs,
    upload,
    catalog,
    streaming,
    viewing,
    theatre,
)

FOUNDATION_HISTORIES = (History(schema=events.schema, package="vitascope.foundation.events"),)


def histories(modules: tuple[Module, ...] = MODULES) -> list[History]:
    """The histories of all schemas: the foundation's own, then one for each service that has tables."""
    own = [History(schema=one.schema, package=one.package) for one in modules if one.schema is not None]
    return [*FOUNDATION_HISTORIES, *own]
