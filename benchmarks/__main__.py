"""`python -m benchmarks [NAME]`: all figures, a group of them, or one; a JSON object each.

A group is a module or package of this folder that has `figures()`; its figures are named `group.what`.
One whose figures take long has `PARTS` instead: functions, each with the names of what it measures.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figure import Figure

_OUR_OWN = {"bdrate", "figure", "__main__"}


def groups() -> list[str]:
    """The names of all groups."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in found if name not in _OUR_OWN)


def measured(wanted: str | None) -> Iterator[Figure]:
    """The figures of a name, as they are measured; all of them without a name."""
    for group in groups():
        if wanted in {None, group} or (wanted or "").startswith(f"{group}."):
            for measure in _parts(group, wanted):
                yield from (figure for figure in measure() if wanted in {None, group, figure.name})


def _parts(group: str, wanted: str | None) -> Iterator[Callable[[], Iterator[Figure]]]:
    """The functions of a group that measure what is wanted, and perhaps other figures with it."""
    module = importlib.import_module(f"benchmarks.{group}")
    if not hasattr(module, "PARTS"):
        yield module.figures
        return
    for measure, names in module.PARTS.items():
        if wanted in {None, group, *names}:
            yield measure


def main() -> int:
    """Print the figures; exits with 2 if there is none of that name."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else None
    found = False
    for figure in measured(wanted):
        found = True
        print(figure.line(), flush=True)
    if not found:
        print(f"There is no figure {wanted!r}; the groups are: {', '.join(groups())}.", file=sys.stderr)
    return 0 if found else 2


if __name__ == "__main__":
    sys.exit(main())
