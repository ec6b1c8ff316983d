"""What accounts tell."""

from vitascope.foundation.context import AccountId
from vitascope.foundation.events.types import event
from vitascope.identity.users.contracts import Role


@event("identity.users.account_created", version=1)
class AccountCreated:
    """Somebody has an account now."""

    account: AccountId
    role: Role


@event("identity.users.role_changed", version=1)
class RoleChanged:
    """An account may do more or less than before."""

    account: AccountId
    role: Role
    by: AccountId | None
