"""Durable work, as the composition root sees it."""

from vitascope.foundation.db.database import Database
from vitascope.foundation.db.server.endpoint import Endpoint, Role
from vitascope.foundation.module import Module, Platform
from vitascope.foundation.wiring import Container
from vitascope.foundation.workflows.engine import Workflows
from vitascope.foundation.workflows.handlers import start_requested
from vitascope.foundation.workflows.jobs import collect
from vitascope.foundation.workflows.models import schema


def _engine(container: Container) -> Workflows:
    dsn = container.get(Endpoint).dsn(Role.SYSTEM)
    executor = container.get(Platform).executor
    return Workflows(dsn=dsn, db=container.get(Database), executor=executor)


module = Module(
    name="foundation.workflows",
    package=__package__,
    factories={Workflows: _engine},
    handlers=(start_requested,),
    jobs=(collect,),
    schema=schema,
)
