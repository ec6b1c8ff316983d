"""A process's share of the platform: which services it hosts, and which it asks in other processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from vitascope.foundation.config import ConfigurationError
from vitascope.foundation.errors import NotFound
from vitascope.foundation.module import Module
from vitascope.runtime.settings import Settings

_GROUND = "foundation."  # what every process needs itself

S = TypeVar("S", bound=Settings)


class NoSuchService(NotFound):
    """There is no such service."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """The services that a process knows (`modules`), and those of them that it serves and works for.

    What is neither hosted here nor remote is still at hand for the hosted services, as an object of
    this process on the same database. With `answers_calls` other processes may call the hosted
    services' contracts.
    """

    modules: tuple[Module, ...]
    hosted: tuple[Module, ...]
    answers_calls: bool = False

    @classmethod
    def all_but_remote(cls, modules: tuple[Module, ...], *, settings: Settings) -> Self:
        """Everything that the settings do not place elsewhere."""
        return cls(modules=modules, hosted=without_remotes(modules, settings=settings))

    @classmethod
    def of(cls, names: Sequence[str], *, modules: tuple[Module, ...]) -> Self:
        """These services, called by others; raises `NoSuchService`."""
        _require_services(names, modules)
        hosted = tuple(one for one in modules if one.name in names or one.name.startswith(_GROUND))
        return cls(modules=modules, hosted=hosted, answers_calls=True)


def without_remotes(modules: tuple[Module, ...], *, settings: Settings) -> tuple[Module, ...]:
    """The services that the settings do not place elsewhere; raises `ConfigurationError`."""
    try:
        _require_services(list(settings.rpc.remotes), modules)
    except NoSuchService as wrong:
        raise ConfigurationError(f"VITASCOPE_RPC_REMOTES: {wrong.detail}") from None
    return tuple(one for one in modules if one.name not in settings.rpc.remotes)


def hosting(settings: S, names: Sequence[str]) -> S:
    """The common settings, but these services are not remote: for the process that hosts them."""
    remotes = {name: url for name, url in settings.rpc.remotes.items() if name not in names}
    return settings.model_copy(update={"rpc": settings.rpc.model_copy(update={"remotes": remotes})})


def _require_services(names: Sequence[str], modules: tuple[Module, ...]) -> None:
    known = [one.name for one in modules if not one.name.startswith(_GROUND)]
    for name in names:
        if name not in known:
            raise NoSuchService(f"There is no service {name!r}; there are {', '.join(sorted(known))}.")
