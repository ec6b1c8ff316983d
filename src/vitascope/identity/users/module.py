"""Accounts, as the composition root sees them."""

from vitascope.foundation.module import Module
from vitascope.foundation.wiring import Container
from vitascope.identity.tenants.contracts import Audit, Tenants
from vitascope.identity.users.adapters.argon2 import PasswordHashes
from vitascope.identity.users.contracts import Accounts
from vitascope.identity.users.jobs import forget_sign_ups, send_letter
from vitascope.identity.users.models import schema
from vitascope.identity.users.routes import router
from vitascope.identity.users.service.accounts import AccountService, Around, SignUpJanitor
from vitascope.identity.users.service.letters import Letters, SignUpTokens
from vitascope.identity.users.service.settings import UsersSettings


def _hashes(container: Container) -> PasswordHashes:
    return PasswordHashes(settings=container.get(UsersSettings).hashing)


module = Module(
    name="identity.users",
    package=__package__,
    provides={Accounts: AccountService},
    also=(Around, Letters, SignUpJanitor, SignUpTokens),
    factories={PasswordHashes: _hashes},
    needs=(Tenants, Audit),
    routes=router,
    jobs=(send_letter, forget_sign_ups),
    schema=schema,
    settings=UsersSettings,
)
