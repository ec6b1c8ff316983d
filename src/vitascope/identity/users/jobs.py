"""Durable work of accounts."""

from datetime import datetime

from vitascope.foundation.wiring import Provided
from vitascope.foundation.workflows.declaration import Run, durable, scheduled
from vitascope.identity.users.service.accounts import SignUpJanitor
from vitascope.identity.users.service.letters import Letters
from vitascope.identity.users.service.work import SEND_LETTER, Letter


@durable(SEND_LETTER.name)
async def send_letter(run: Run, argument: Letter, letters: Provided[Letters]) -> None:
    """Mail the link that makes the account; the log of events never sees it."""
    await run.step("send", letters.send, run.ctx, argument.sign_up)


@scheduled("identity.users.forget_sign_ups", cron="17 * * * *")
async def forget_sign_ups(run: Run, fired_at: datetime, janitor: Provided[SignUpJanitor]) -> None:
    """Drop sign-ups whose link was not followed in time."""
    await run.step("forget", janitor.forget_expired, fired_at)
