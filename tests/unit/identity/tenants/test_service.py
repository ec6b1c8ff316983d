import pytest

from vitascope.foundation.context import TenantId
from vitascope.foundation.ids import RandomIds
from vitascope.identity.tenants.contracts import Tenant
from vitascope.identity.tenants.service import _REMEMBERED, Remembered, bare_host

TENANT = Tenant(id=RandomIds().new(TenantId), slug="film", name="Film")


class TestBareHost:
    @pytest.mark.parametrize(
        ("host", "bare"),
        [
            ("Example.org", "example.org"),
            ("example.org:8000", "example.org"),
            ("example.org.", "example.org"),
            ("[::1]:8000", "::1"),
            ("", ""),
        ],
    )
    def test_name_alone(self, host: str, bare: str) -> None:
        """Port, final dot and capitals are no part of a host's name."""
        assert bare_host(host) == bare


class TestRemembered:
    def test_for_a_while(self) -> None:
        """What is remembered is forgotten when its time is over."""
        now = [0.0]
        kept = Remembered[str](10, now=lambda: now[0])
        kept.put("a", TENANT)
        early = kept.get("a")
        now[0] = 10

        assert (early, kept.get("a")) == (TENANT, None)

    def test_bounded(self) -> None:
        """Any number of made-up hosts takes a bounded number of places."""
        kept = Remembered[str](10)

        for number in range(2 * _REMEMBERED):
            kept.put(str(number), TENANT)

        assert len(kept._kept) <= _REMEMBERED
