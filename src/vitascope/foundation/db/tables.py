"""How a service declares its tables: one schema each, a tenant in every row and key."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Dialect, MetaData, Table, text
from sqlalchemy import Uuid as _Uuid
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

from vitascope.foundation.context import TenantId
from vitascope.foundation.ids import Id

TENANT_SETTING = "vitascope.tenant"
_TENANT = f"nullif(current_setting('{TENANT_SETTING}', true), '')::uuid"

Instant = DateTime(timezone=True)
"""A point in time, in UTC."""


class IdType(TypeDecorator[Id]):
    """A typed id, kept as a bare UUID."""

    impl = _Uuid
    cache_ok = True

    def __init__(self, kind: type[Id]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Id | None, _dialect: Dialect) -> UUID | None:
        """Keep the 128 bits."""
        return None if value is None else value.uuid

    def process_result_value(self, value: UUID | None, _dialect: Dialect) -> Id | None:
        """Give back the typed id."""
        return None if value is None else self.kind.of(value)


class Schema:
    """The tables of one service, in the PostgreSQL schema of the same name (`video_upload`)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.metadata = MetaData(
            schema=name,
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            },
        )

    def tenant_table(self, name: str, *items: SchemaItem) -> Table:
        """A table whose rows belong to tenants.

        `tenant_id` leads the primary key, is filled from the transaction's context, and a forced
        row-level policy (see `migrations.protect`) hides every other tenant's rows.
        """
        tenant: Column[Any] = Column(
            "tenant_id", IdType(TenantId), primary_key=True, server_default=text(_TENANT)
        )
        return Table(name, self.metadata, tenant, *items, info={"tenant": True})

    def table(self, name: str, *items: SchemaItem) -> Table:
        """A table of the platform itself, without tenants: rare, and said why where it is used."""
        return Table(name, self.metadata, *items)


def tenant_policy(table: str) -> tuple[str, ...]:
    """The statements that force row-level security on a table (`schema.name`)."""
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING (tenant_id = {_TENANT}) WITH CHECK (tenant_id = {_TENANT})",
        f"CREATE POLICY system ON {table} TO vitascope_system USING (true) WITH CHECK (true)",
    )
