"""What jobs do when something happened elsewhere."""

from vitascope.foundation.db.database import Transaction
from vitascope.foundation.events.handlers import on
from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import WorkflowFailed
from vitascope.transcoding.jobs.service.transcoder import Transcoder
from vitascope.transcoding.jobs.service.work import TRANSCODE, Attempt


@on(WorkflowFailed)
async def give_up(tx: Transaction, event: WorkflowFailed, transcoder: Provided[Transcoder]) -> None:
    """A job whose worker died too often has failed, and says so."""
    if event.name == TRANSCODE.name:
        await transcoder.give_up(tx, attempt=Attempt.of_workflow(event.id))
