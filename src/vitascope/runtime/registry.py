"""Which services there are: the one flat list that everything else is made of."""

from vitascope.foundation.db.migrations import History
from vitascope.foundation.events import models as events
from vitascope.foundation.module import Module
from vitascope.foundation.workflows import models as workflows
from vitascope.video.upload.module import module as upload

MODULES: tuple[Module, ...] = (upload,)

FOUNDATION_HISTORIES = (
    History(schema=events.schema, package="vitascope.foundation.events"),
    History(schema=workflows.schema, package="vitascope.foundation.workflows"),
)


def histories(modules: tuple[Module, ...] = MODULES) -> list[History]:
    """The histories of all schemas: the foundation's own, then one for each service that has tables."""
    own = [History(schema=one.schema, package=one.package) for one in modules if one.schema is not None]
    return [*FOUNDATION_HISTORIES, *own]
