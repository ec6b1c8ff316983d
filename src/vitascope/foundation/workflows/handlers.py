"""Durable work that a transaction asked for starts once it has committed."""

from vitascope.foundation.db.database import Transaction
from vitascope.foundation.events.handlers import on
from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import WorkflowRequested
from vitascope.foundation.workflows.engine import Workflows


@on(WorkflowRequested)
async def start_requested(tx: Transaction, event: WorkflowRequested, workflows: Provided[Workflows]) -> None:
    """Put the work in its queue.

    The engine writes on its own connection to the same database; that it may do so twice when this
    transaction is tried again does not matter, because an id starts once.
    """
    await workflows.start_requested(tx.ctx, event)
