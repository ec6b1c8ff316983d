"""Settings: one typed, frozen tree from `VITASCOPE_*` variables and a TOML file.

A section is declared next to what it configures, as a `Section`; the composition root puts the
sections into one tree and calls `load` once. The variable of a setting is its path in capitals:
`mail.url` is `VITASCOPE_MAIL_URL`. A variable overrules the file; an empty variable counts as unset.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from vitascope.foundation.errors import VitascopeError

PREFIX = "VITASCOPE_"
FILE_VARIABLE = "VITASCOPE_CONFIG"
DEFAULT_FILE = "vitascope.toml"

_LISTS = (list, tuple, set, frozenset)
_SECRETS = (SecretStr, SecretBytes)

Path_ = tuple[str, ...]


class Section(BaseModel):
    """Base of every section of the settings: frozen, and it knows no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


S = TypeVar("S", bound=Section)


class ConfigurationError(VitascopeError):
    """The settings are wrong; nothing was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One setting: where it stands in the tree, and how it is set and explained."""

    name: str
    path: Path_
    annotation: Any
    default: Any
    required: bool
    secret: bool
    description: str

    @property
    def dotted(self) -> str:
        """The setting as the TOML file names it."""
        return ".".join(self.path)


def load(settings: type[S], *, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> S:
    """Read the settings; raises ConfigurationError naming every variable that is wrong.

    The file is the one that `VITASCOPE_CONFIG` names, else `vitascope.toml` in the folder (the
    working folder if none is given), else none.
    """
    environ = os.environ if environ is None else environ
    known = {variable.name: variable for variable in variables(settings)}
    wrong = [_unknown(name, known) for name in sorted(environ) if _is_unknown(name, known)]
    tree = _read_file(environ, folder or Path())
    set_here = {name: variable for name, variable in known.items() if environ.get(name)}
    for name, variable in set_here.items():
        try:
            _put(tree, variable.path, _decoded(environ[name], variable.annotation))
        except ValueError as error:
            wrong.append(f"{name} is not valid JSON: {error}.")
    try:
        answer = settings.model_validate(tree)
    except ValidationError as error:
        wrong += [_explained(detail, known, environ) for detail in error.errors(include_url=False)]
    else:
        if not wrong:
            return answer
    raise ConfigurationError("\n".join(["The settings are wrong; nothing was started.", *wrong]))


def variables(settings: type[Section]) -> list[Variable]:
    """Every setting of the tree, in order: what `vitascope doctor` and the documentation list."""
    found = list(_walk(settings, ()))
    names = [variable.name for variable in found]
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise ConfigurationError(f"Two settings share the variable {', '.join(sorted(double))}; rename one.")
    return found


def _walk(section: type[Section], path: Path_) -> Iterator[Variable]:
    for name, info in section.model_fields.items():
        inner = _section_in(info.annotation)
        if inner is not None:
            yield from _walk(inner, (*path, name))
        else:
            yield _variable((*path, name), info)


def _variable(path: Path_, info: FieldInfo) -> Variable:
    return Variable(
        name=PREFIX + "_".join(path).upper(),
        path=path,
        annotation=info.annotation,
        default=None if info.is_required() else info.get_default(call_default_factory=False),
        required=info.is_required(),
        secret=any(kind in _SECRETS for kind in _alternatives(info.annotation)),
        description=info.description or "",
    )


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union but None, or the annotation itself."""
    if get_origin(annotation) in {Union, UnionType}:
        return tuple(kind for kind in get_args(annotation) if kind is not NoneType)
    return (annotation,)


def _section_in(annotation: Any) -> type[Section] | None:
    for kind in _alternatives(annotation):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def _read_file(environ: Mapping[str, str], folder: Path) -> dict[str, Any]:
    named = environ.get(FILE_VARIABLE)
    path = Path(named) if named else folder / DEFAULT_FILE
    if not named and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{FILE_VARIABLE} names {path}, which cannot be read: {error.strerror}."
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from error


def _put(tree: dict[str, Any], path: Path_, value: Any) -> None:
    for step in path[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return  # the file has something else here, which the validation names
        tree = inner
    tree[path[-1]] = value


def _decoded(text: str, annotation: Any) -> Any:
    """A list may be written with commas or as JSON, a mapping as JSON; all else is one value."""
    origins = {get_origin(kind) or kind for kind in _alternatives(annotation)}
    if dict in origins or (origins & set(_LISTS) and text.lstrip().startswith("[")):
        return json.loads(text)
    if origins & set(_LISTS):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _is_unknown(name: str, known: Mapping[str, Variable]) -> bool:
    return name.startswith(PREFIX) and name != FILE_VARIABLE and name not in known


def _unknown(name: str, known: Mapping[str, Variable]) -> str:
    return f"{name} is not a setting{_nearest(name, known)}."


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; the nearest is {near[0]}" if near else "; remove it"


def _explained(detail: ErrorDetails, known: Mapping[str, Variable], environ: Mapping[str, str]) -> str:
    """One line: the variable or the key that is wrong, why, and what it is for."""
    path = tuple(str(step) for step in detail["loc"])
    variable = _variable_at(path, known)
    if variable is None:
        dotted = {candidate.dotted: candidate for candidate in known.values()}
        if detail["type"] == "extra_forbidden":
            return f"{'.'.join(path)} in the file is not a setting{_nearest('.'.join(path), dotted)}."
        return f"{'.'.join(path) or 'The settings'}: {detail['msg']}."
    what = f" ({variable.description})" if variable.description else ""
    if detail["type"] == "missing":
        return f"{variable.name} is missing: set it, or {variable.dotted} in the file{what}."
    from_variable = bool(environ.get(variable.name))
    where = variable.name if from_variable else f"{variable.dotted} in the file (variable {variable.name})"
    shown = f"={environ[variable.name]!r}" if from_variable and not variable.secret else ""
    return f"{where}{shown} is wrong: {detail['msg']}{what}."


def _variable_at(path: Path_, known: Mapping[str, Variable]) -> Variable | None:
    """The setting at this place, or the one that contains it (an item of a list)."""
    for variable in known.values():
        if path[: len(variable.path)] == variable.path:
            return variable
    return None
