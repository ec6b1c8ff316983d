"""How a step's result is kept: as JSON, read back as the type that the step's function declares."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints

from vitascope.foundation.encoding import from_json, to_json


class UndeclaredResult(TypeError):
    """A step's function must declare its return type, by which its recorded result is read back."""


def result_type(function: Callable[..., Any]) -> Any:
    """The declared return type of a function, a method or a `partial` of one; raises `UndeclaredResult`."""
    while isinstance(function, partial):
        function = function.func
    hints = get_type_hints(function)
    if "return" not in hints:
        raise UndeclaredResult(f"{function.__qualname__} declares no return type; a step's function must")
    return hints["return"]


def record(result: Any) -> str:
    """The result as it is kept."""
    return to_json(result).decode()


def recall(recorded: str, kind: Any) -> Any:
    """The result as the step's caller gets it, the first time and every time after."""
    return from_json(recorded, kind)
