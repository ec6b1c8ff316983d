"""How parts get what they need: by the types that they name, from one container per process."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from fastapi import Depends
from starlette.requests import HTTPConnection

T = TypeVar("T")


class Container:
    """What a process holds: one instance of each type, made when it is first asked for.

    A class registered with `provide` is made by giving each parameter of its `__init__` the
    instance of the parameter's type.
    """

    def __init__(self) -> None:
        self._made: dict[Any, Any] = {}
        self._makers: dict[Any, Callable[[], Any]] = {}

    def put(self, kind: Any, instance: Any) -> None:
        """Hold this instance for the type."""
        self._made[kind] = instance

    def provide(self, kind: Any, maker: type[Any] | Callable[[], Any]) -> None:
        """Make the type's instance from this class, or by this function, when it is needed."""
        self._makers[kind] = partial(self.make, maker) if isinstance(maker, type) else maker

    def get(self, kind: type[T]) -> T:
        """The type's instance; raises `NotProvided`."""
        if kind not in self._made:
            if kind not in self._makers:
                raise NotProvided(kind)
            self._made[kind] = self._makers[kind]()
        return cast("T", self._made[kind])

    def has(self, kind: Any) -> bool:
        """Whether this process provides the type."""
        return kind in self._made or kind in self._makers

    def make(self, maker: type[T]) -> T:
        """A new instance of the class, its parameters found by their types."""
        hints = get_type_hints(maker.__init__)
        hints.pop("return", None)
        optional = _with_default(maker.__init__)
        needed = {name: kind for name, kind in hints.items() if name not in optional or self.has(kind)}
        try:
            return maker(**{name: self.get(kind) for name, kind in needed.items()})
        except NotProvided as missing:
            missing.add_note(f"while making {maker.__module__}.{maker.__qualname__}")
            raise

    def arguments(self, function: Callable[..., Any]) -> Mapping[str, Any]:
        """The instances for all parameters of the function that are declared `Provided[…]`."""
        return {name: self.get(kind) for name, kind in provided_parameters(function).items()}


class NotProvided(LookupError):
    """No module of this process provides the type."""


class Provide:
    """The dependency behind `Provided[…]`: reads the instance off the app's container."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    async def __call__(self, connection: HTTPConnection) -> Any:
        """For FastAPI: the instance for this request. Not a plain function: those run in another thread."""
        container: Container = connection.app.state.container
        return container.get(self.kind)


if TYPE_CHECKING:
    Provided = Annotated[T, ...]
else:

    class Provided:
        """`Provided[ViewingService]`: a parameter filled with the process's instance of that type."""

        def __class_getitem__(cls, kind: Any) -> Any:
            """Annotate the type so that routes, handlers and jobs find it."""
            return Annotated[kind, Depends(Provide(kind))]


def provided_parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """The names and types of a function's `Provided[…]` parameters."""
    hints = get_type_hints(function, include_extras=True)
    return {name: kind for name, hint in hints.items() if (kind := _provided(hint)) is not None}


def _provided(hint: Any) -> Any:
    if get_origin(hint) is not Annotated:
        return None
    for mark in get_args(hint)[1:]:
        dependency = getattr(mark, "dependency", None)
        if isinstance(dependency, Provide):
            return dependency.kind
    return None


def _with_default(function: Callable[..., Any]) -> set[str]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.default is not inspect.Parameter.empty}
