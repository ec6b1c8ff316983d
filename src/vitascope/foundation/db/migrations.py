"""One history of migrations for each service's schema, run from code by Alembic.

A service keeps its scripts in `migrations/versions/NNNN_what.py`; the revision is the file's number.
"""

import importlib.resources
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alembic import op
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from vitascope.foundation.db.tables import IdType, Schema, tenant_policy

_LOCK = 0x76697461  # "vita": one migration at a time in a database
_TEMPLATE = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = {down}


def upgrade() -> None:
    {body}
'''
_NUMBERED = re.compile(r"(\d{4})_\w+\.py")


@dataclass(frozen=True)
class History:
    """A schema and the package whose `migrations/versions` folder holds its scripts."""

    schema: Schema
    package: str

    @property
    def folder(self) -> Path:
        """The folder `migrations`."""
        return Path(str(importlib.resources.files(self.package))) / "migrations"

    @property
    def head(self) -> str | None:
        """The newest revision, read off the file names."""
        found = [m[1] for p in (self.folder / "versions").glob("*.py") if (m := _NUMBERED.fullmatch(p.name))]
        return max(found, default=None)


def create_schema(name: str) -> None:
    """For a first migration: create the service's schema and let the serving roles use it."""
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
    op.execute(f"GRANT USAGE ON SCHEMA {name} TO vitascope_app, vitascope_system")


def protect(*tables: str) -> None:
    """For a migration: force row-level security on these tables (`schema.name`)."""
    for table in tables:
        for statement in tenant_policy(table):
            op.execute(statement)


def upgrade(dsn: str, histories: Sequence[History]) -> list[str]:
    """Bring every schema to its head, as the owner; returns the names of those that moved.

    `dsn` is a `postgresql+psycopg://` address of the owner. Safe to call from several processes.
    """
    engine = create_engine(dsn)
    try:
        with engine.connect() as connection:
            behind = _behind(connection, histories)
            if behind:
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
                connection.commit()
                for history in _behind(connection, histories):
                    _upgrade_one(connection, history)
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
            return [history.schema.name for history in behind]
    finally:
        engine.dispose()


def pending(dsn: str, histories: Sequence[History]) -> list[str]:
    """The names of the schemas that are not at their head."""
    engine = create_engine(dsn)
    try:
        with engine.connect() as connection:
            return [history.schema.name for history in _behind(connection, histories)]
    finally:
        engine.dispose()


def differences(connection: Connection, history: History) -> list[Any]:
    """What the models say and the migrated database does not, or the reverse."""
    context = MigrationContext.configure(connection, opts=_options(history))
    return list(compare_metadata(context, history.schema.metadata))


def revise(connection: Connection, history: History, message: str) -> Path:
    """Write the next script from what the models say and the migrated database does not.

    The script is a draft: its author adds `create_schema` and `protect` and reads it through.
    """
    context = MigrationContext.configure(connection, opts=_options(history))
    changes = produce_migrations(context, history.schema.metadata)
    if changes.upgrade_ops is None or changes.upgrade_ops.is_empty():
        raise ValueError(f"the models of {history.schema.name} are what the database holds")
    number = int(history.head or "0") + 1
    body = render_python_code(changes.upgrade_ops, render_item=_render, migration_context=context)
    down = repr(f"{number - 1:04}") if number > 1 else "None"
    script = _TEMPLATE.format(message=message, number=f"{number:04}", down=down, body=body)
    path = history.folder / "versions" / f"{number:04}_{re.sub(r'[^a-z0-9]+', '_', message.lower())}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script, encoding="utf-8")
    return path


def _behind(connection: Connection, histories: Iterable[History]) -> list[History]:
    """Those whose recorded revision is not the head: two statements for all schemas together."""
    known = set(
        connection.execute(
            text("SELECT schemaname FROM pg_tables WHERE tablename = 'alembic_version'")
        ).scalars()
    )
    at: dict[str, str] = {}
    if known:
        union = " UNION ALL ".join(
            f"SELECT '{name}' AS name, version_num FROM {name}.alembic_version"  # noqa: S608 - catalog names
            for name in sorted(known)
        )
        at = {row.name: row.version_num for row in connection.execute(text(union))}
    connection.rollback()
    return [history for history in histories if at.get(history.schema.name) != history.head]


def _upgrade_one(connection: Connection, history: History) -> None:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {history.schema.name}"))
    config, script = _script(history)

    def run(revision: Any, _context: MigrationContext) -> list[Any]:
        return script._upgrade_revs("head", revision)  # noqa: SLF001 - as Alembic's own command does

    with EnvironmentContext(config, script, fn=run) as environment:
        environment.configure(connection=connection, **_options(history))
        with environment.begin_transaction():
            environment.run_migrations()
    connection.commit()


def _script(history: History) -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(history.folder))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config, ScriptDirectory.from_config(config)


def _options(history: History) -> dict[str, Any]:
    name = history.schema.name
    return {
        "target_metadata": history.schema.metadata,
        "version_table_schema": name,
        "include_schemas": True,
        "include_name": lambda found, kind, _parents: found == name if kind == "schema" else True,
        "render_item": _render,
        "compare_server_default": False,
    }


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Scripts are frozen: they say `sa.Uuid()`, not today's class of a typed id."""
    return "sa.Uuid()" if kind == "type" and isinstance(item, IdType) else False
