"""The letter that answers a sign-up: a link that makes the account, or that there is one already."""

import base64
import hashlib
import hmac
import re

from vitascope.foundation.context import Context
from vitascope.foundation.db.database import Database
from vitascope.foundation.mail.mailer import Mailer
from vitascope.foundation.mail.message import Message
from vitascope.foundation.module import Platform
from vitascope.foundation.secrets import Secrets
from vitascope.identity.tenants.contracts import Setting, Tenant, Tenants
from vitascope.identity.users import repository
from vitascope.identity.users.models import SignUpId
from vitascope.identity.users.repository import SignUp
from vitascope.identity.users.service.settings import UsersSettings

_TOKEN_BYTES = 16  # beyond guessing in a day, and short enough that mail does not break the link
_LINKABLE = re.compile(r"//|\w{2,}\.\w{2,}|@")
_WELCOME = """Hello {name},

welcome to {tenant}. Please confirm that this is your address:

{link}

The link works once, within {hours} hours. If you did not sign up, do nothing:
without the link there is no account.

{tenant}
"""
_KNOWN = """Hello,

somebody, probably you, wanted to sign up at {tenant} with this address. You have an
account already: sign in at

{link}

If it was not you, do nothing: nobody was told that you have an account, and nothing
has changed.

{tenant}
"""


class SignUpTokens:
    """The secret of each sign-up's link: derived, so that it is kept nowhere but in the mail itself."""

    def __init__(self, *, secrets: Secrets) -> None:
        self._key = secrets.derive("identity.users sign-up links")

    def token(self, ctx: Context, *, sign_up: SignUpId) -> str:
        """The token of this sign-up, always the same."""
        mac = hmac.digest(self._key, f"{ctx.tenant} {sign_up}".encode(), "sha256")[:_TOKEN_BYTES]
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


class Letters:
    """Writes to those who signed up."""

    def __init__(
        self,
        *,
        db: Database,
        mailer: Mailer,
        tenants: Tenants,
        tokens: SignUpTokens,
        platform: Platform,
        settings: UsersSettings,
    ) -> None:
        self._db, self._mailer, self._tenants, self._tokens = db, mailer, tenants, tokens
        self._platform, self._settings = platform, settings

    async def send(self, ctx: Context, sign_up: SignUpId) -> None:
        """Mail the letter of a sign-up; one that is gone needs none."""
        tenant = await self._tenants.get(ctx)
        async with self._db.read(ctx) as reader:
            found = await repository.sign_up_to_answer(reader, sign_up=sign_up)
        if found is None:
            return
        who, known = found
        await self._mailer.send(self._known(tenant, who) if known else self._welcome(ctx, tenant, who))

    def _welcome(self, ctx: Context, tenant: Tenant, who: SignUp) -> Message:
        link = f"{self._base(tenant)}/verify?token={self._tokens.token(ctx, sign_up=who.id)}"
        # a mail program makes a link of whatever looks like one, and anybody may type any name
        name = "there" if _LINKABLE.search(who.name) else who.name
        text = _WELCOME.format(name=name, tenant=tenant.name, link=link, hours=self._settings.sign_up_hours)
        return Message(to=who.email, subject=f"Your account at {tenant.name}", text=text)

    def _known(self, tenant: Tenant, who: SignUp) -> Message:
        text = _KNOWN.format(tenant=tenant.name, link=f"{self._base(tenant)}/login")
        return Message(to=who.email, subject=f"Your account at {tenant.name}", text=text)

    def _base(self, tenant: Tenant) -> str:
        return tenant.settings.get(Setting.PUBLIC_URL) or self._platform.public_url
