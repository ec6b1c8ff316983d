import pytest

from vitascope.foundation.context import PLATFORM, AccountId, Context, Principal, TenantId
from vitascope.foundation.errors import Forbidden, Unauthenticated
from vitascope.foundation.ids import RandomIds

IDS = RandomIds()


def context(principal: Principal) -> Context:
    """A context of a new tenant."""
    return Context(tenant=IDS.new(TenantId), principal=principal)


class TestRequire:
    def test_holder_passes(self) -> None:
        """Who holds the permission passes."""
        context(Principal(account=IDS.new(AccountId), permissions=frozenset({"edit"}))).require("edit")

    def test_platform_passes(self) -> None:
        """The platform itself may do everything."""
        context(PLATFORM).require("edit")

    def test_other_is_forbidden(self) -> None:
        """A signed-in account without the permission is told which it lacks."""
        with pytest.raises(Forbidden, match="'edit'"):
            context(Principal(account=IDS.new(AccountId))).require("edit")

    def test_visitor_is_asked_to_sign_in(self) -> None:
        """A visitor is asked to sign in first."""
        with pytest.raises(Unauthenticated):
            context(Principal()).require("edit")
