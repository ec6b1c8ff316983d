"""Who asks, for whom, and until when: the first argument of every contract and service method."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from vitascope.foundation.errors import Forbidden, Unauthenticated
from vitascope.foundation.ids import Id


class TenantId(Id, prefix="ten"):
    """A tenant: a studio, a school, a label; nothing of one is seen by another."""


class AccountId(Id, prefix="acc"):
    """A person's or a program's account within a tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The one who asks: an account with its permissions, the platform itself, or nobody."""

    account: AccountId | None = None
    permissions: frozenset[str] = frozenset()
    platform: bool = False

    def may(self, permission: str) -> bool:
        """Whether this principal holds the permission."""
        return self.platform or permission in self.permissions


ANONYMOUS = Principal()
PLATFORM = Principal(platform=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What goes along with every call.

    `deadline` is an absolute instant after which nobody waits for the answer; `trace` is the W3C
    traceparent of the span that asks.
    """

    tenant: TenantId
    principal: Principal = field(default=ANONYMOUS)
    deadline: datetime | None = None
    trace: str | None = None

    @property
    def account(self) -> AccountId:
        """The signed-in account; raises Unauthenticated if nobody is."""
        if self.principal.account is None:
            raise Unauthenticated
        return self.principal.account

    def require(self, permission: str) -> None:
        """Raise Unauthenticated or Forbidden unless the principal holds the permission."""
        if self.principal.may(permission):
            return
        if self.principal.account is None:
            raise Unauthenticated
        raise Forbidden(f"This needs the permission {permission!r}, which your role does not give.")

    def as_platform(self) -> Self:
        """The same context, asked by the platform itself: for durable work and event handlers."""
        return replace(self, principal=PLATFORM)
