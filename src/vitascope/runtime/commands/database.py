"""`vitascope db`: the database's schemas."""

from pathlib import Path

import click

from vitascope.foundation.db.migrations import pending, upgrade
from vitascope.foundation.db.server.endpoint import Role
from vitascope.runtime.commands.printing import problems_told
from vitascope.runtime.registry import MODULES, histories
from vitascope.runtime.settings import overruled, read_settings
from vitascope.runtime.startup import database


@click.group("db")
def command() -> None:
    """Look after the database."""


@command.command("upgrade")
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds everything.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a schema is behind.")
def upgrade_command(data: Path | None, *, check: bool) -> None:
    """Bring every schema to its newest revision."""
    with problems_told(as_json=False):
        settings = overruled(read_settings(MODULES), data=data, host=None, port=None)
        with database(settings) as endpoint:
            dsn = endpoint.dsn(Role.OWNER, driver="+psycopg")
            moved = pending(dsn, histories()) if check else upgrade(dsn, histories())
    click.echo("\n".join(moved) or "every schema is at its newest revision")
    if check and moved:
        raise SystemExit(1)
