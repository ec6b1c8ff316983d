"""The durable work that accounts ask for."""

from dataclasses import dataclass

from vitascope.foundation.workflows.declaration import Work
from vitascope.identity.users.models import SignUpId


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The answer to a sign-up."""

    sign_up: SignUpId


SEND_LETTER: Work[Letter] = Work("identity.users.send_letter")
