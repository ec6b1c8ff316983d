import pytest

from vitascope.foundation.config import ConfigurationError
from vitascope.foundation.module import Module
from vitascope.runtime.settings import RpcSettings, Settings
from vitascope.runtime.share import NoSuchService, Share, hosting, without_remotes

MODULES = tuple(
    Module(name=name, package="") for name in ("foundation.workflows", "shop.orders", "shop.catalog")
)


def _settings(**remotes: str) -> Settings:
    return Settings(rpc=RpcSettings(remotes={name.replace("_", "."): url for name, url in remotes.items()}))


def _names(modules: tuple[Module, ...]) -> list[str]:
    return [one.name for one in modules]


class TestShare:
    def test_platform_hosts_all_but_remote_services(self) -> None:
        """What the settings place elsewhere is known here, and not hosted."""
        share = Share.all_but_remote(MODULES, settings=_settings(shop_orders="http://there"))

        assert _names(share.hosted) == ["foundation.workflows", "shop.catalog"]
        assert (share.modules, share.answers_calls) == (MODULES, False)

    def test_named_services_stand_on_the_foundation(self) -> None:
        """A process for one service hosts it and the foundation's own work, and answers calls."""
        share = Share.of(["shop.orders"], modules=MODULES)

        assert _names(share.hosted) == ["foundation.workflows", "shop.orders"]
        assert (share.modules, share.answers_calls) == (MODULES, True)

    @pytest.mark.parametrize("name", ["shop.order", "foundation.workflows", ""])
    def test_unknown_service_is_named(self, name: str) -> None:
        """A name that no service has is refused with those that there are."""
        with pytest.raises(NoSuchService, match=f"'{name}'; there are shop.catalog, shop.orders"):
            Share.of([name], modules=MODULES)

    def test_unknown_remote_names_the_variable(self) -> None:
        """A wrong name in the settings stops the start and names the variable."""
        with pytest.raises(ConfigurationError, match=r"VITASCOPE_RPC_REMOTES: .*'shop.order'"):
            without_remotes(MODULES, settings=_settings(shop_order="http://there"))


class TestHosting:
    def test_hosted_service_is_not_remote_to_itself(self) -> None:
        """All processes can share one configuration: who hosts a service does not call it from afar."""
        settings = _settings(shop_orders="http://there", shop_catalog="http://elsewhere")

        assert hosting(settings, ["shop.orders"]).rpc.remotes == {"shop.catalog": "http://elsewhere"}


class TestRemotes:
    @pytest.mark.parametrize("url", ["there:80", "ftp://there", "http://"])
    def test_address_is_checked_at_the_start(self, url: str) -> None:
        """An address that cannot be called is refused before anything starts."""
        with pytest.raises(ValueError, match="URL"):
            RpcSettings(remotes={"shop.orders": url})
