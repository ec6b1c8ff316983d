"""How commands print: text safe for a terminal, one object for machines, errors for both."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from vitascope.foundation.errors import VitascopeError


def safe(text: str) -> str:
    """Text of strangers as a terminal may show it: nothing in it can move a cursor or change a colour."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


@contextmanager
def problems_told(*, as_json: bool) -> Iterator[None]:
    """Print an error as a person or a program needs it, and exit with 1."""
    try:
        yield
    except VitascopeError as problem:
        if as_json:
            click.echo(json.dumps(problem.problem()))
        else:
            click.echo(f"{problem.title}: {safe(problem.detail)}", err=True)
        sys.exit(1)
